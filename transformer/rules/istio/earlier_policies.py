"""Servers that an earlier run made of policies which are gone since: nobody can tell what was combined with them.

Linkerd's policies add up, so what they let in would stay let in, whatever the policies of this run say.
https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

from transformer.objects import MARKER
from transformer.rules.istio import security
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.istio.authorization_scope import Group
from transformer.run import Run
from transformer.targets import metadata


def refuse(run: Run, namespace: str, group: Group) -> None:
    """Raise `Unsayable` where such a Server is for pods that policies of this run reach."""
    for obj in run.context.objects("policy.linkerd.io", "Server"):
        mark = obj.annotations.get(MARKER, "")
        wanted = obj.spec.get("podSelector", "matchLabels").texts().items()
        picked = (pods for pods in group.pods if wanted <= pods.labels.items())
        pods = next(picked, None) if obj.namespace == namespace else None
        if pods is not None and mark.startswith(_KINDS) and mark not in _sources(run):
            raise Unsayable(
                "MS408", group.at, f"{obj.ref}, for pods of {pods.obj.ref} too, was made of {mark}, which is not here",
                "Delete the Server with its routes and policies if that policy is gone; else add the policy as --context.",
            )  # fmt: skip


_KINDS = tuple(f"{kind}/" for _, kind in security.TRANSLATED_KINDS)


def _sources(run: Run) -> set[str]:
    known: set[str] | None = run.memo.get("policy-marks")
    if known is None:
        policies = (obj for kind in security.TRANSLATED_KINDS for obj in run.context.objects(*kind))
        known = run.memo["policy-marks"] = {metadata.marker(obj) for obj in policies}
    return known
