"""Policies that stand under one name and differ: the cluster has the one that is applied last, and only Istio knows it."""

from __future__ import annotations

from transformer.objects import Obj
from transformer.rules.istio import security
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.run import Run


def refuse(run: Run, obj: Obj) -> None:
    """Raise `Unsayable` for a policy of which nobody can tell what it says: read together, two let in more than each."""
    twins: set[int] | None = run.memo.get("written-twice")
    if twins is None:
        twins = run.memo["written-twice"] = _twins(run)
    if obj.uid in twins:
        raise Unsayable(
            "MS006", obj, f"{obj.ref} is written twice, and not alike", "Leave the one that is meant."
        )


def _twins(run: Run) -> set[int]:
    found: dict[tuple[str, str, str], list[Obj]] = {}
    for kind in security.TRANSLATED_KINDS:
        for obj in run.context.objects(*kind):
            found.setdefault((obj.ref.kind, obj.namespace, obj.name), []).append(obj)
    return {
        obj.uid
        for same in found.values()
        if any(other.view.value() != same[0].view.value() for other in same[1:])
        for obj in same
    }
