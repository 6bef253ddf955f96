"""Policies of the root namespace where no other policy is in the stream: what moves leaves their sidecars all the same.

With other policies there the rule `authorization-policy` combines both.
https://istio.io/latest/docs/concepts/security/#authorization-policies
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules import root_policies
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="root-policies",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=31,
    summary="AuthorizationPolicies of Istio's root namespace that stay are said in Linkerd for what moves",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Combine the policies of the root namespace, unless that is done."""
    if "root-policies" in run.memo or not root_policies.standing(run):
        return
    # Loads Istio's rules, which a stream without policies does not need.
    from transformer.rules.istio import authorization_policy

    authorization_policy.combine(run, ())
