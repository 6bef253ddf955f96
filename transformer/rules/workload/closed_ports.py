"""Pods whose ports close to callers without a mesh identity: nothing may reach these ports past the proxy, or be lost there.

Workloads that policies reach have Servers of their own and are looked at with these (`authorization_plans`).
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules.registry import rule
from transformer.rules.workload import injection_settings as settings
from transformer.run import Run


@rule(
    id="closed-ports",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=61,
    summary="mandatory mTLS holds pods with ports that Linkerd's proxy does not see, or probes that it would refuse",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Look at every workload that the injection rules close, once all of their edits are planned."""
    planned = run.memo.get("access", {})
    closed: list[settings.Pod] = [
        pod
        for pod in run.memo.get("strict-pods", ())
        if pod.obj.ref not in planned and not run.units.asked(pod.obj.uid)
    ]
    if closed:
        from transformer.rules.istio import closed_pods  # much to load, and most streams close nothing

        closed_pods.refuse(run, closed)
