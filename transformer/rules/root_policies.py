"""Policies of Istio's root namespace that stay in force for what stays, and are combined for what moves.

Istio adds up the policies of the root namespace and of the pods' own. A run that moves a part (`only`), or that has them as
context only, never touches those of the root namespace: it says them again, for the pods that leave Istio.
https://istio.io/latest/docs/concepts/security/#authorization-policies
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from transformer import final_findings
from transformer.findings import Finding
from transformer.objects import Obj
from transformer.run import Run

_POLICY = ("security.istio.io", "AuthorizationPolicy")


def stands(run: Run, obj: Obj) -> bool:
    """Whether the object is a policy of the root namespace that stays, whatever the run moves."""
    return (
        (obj.ref.group, obj.ref.kind) == _POLICY
        and obj.namespace == run.options["mesh.root-namespace"]
        and (obj.context or run.stage.partial)
    )


def standing(run: Run) -> list[Obj]:
    """Those policies of stream and context, by name; none where policies are held and not translated."""
    if run.options["authorization"] != "translate":
        return []
    return sorted(
        (obj for obj in run.context.objects(*_POLICY) if stands(run, obj)), key=lambda obj: obj.name
    )


def settle(run: Run, policy: Obj, objs: Iterable[Obj]) -> None:
    """Note that a standing policy needs no more for these workloads and Namespaces: it is said, or held, or not in force."""
    settled: dict[int, set[int]] = run.memo.setdefault("root-policies", {})
    settled.setdefault(policy.uid, set()).update(obj.uid for obj in objs)


def combine(run: Run, policy: Obj, objs: Iterable[Obj]) -> None:
    """Note that a policy is part of what is written for workloads, or for the default of a Namespace."""
    objs = list(objs)
    settle(run, policy, objs)
    if stands(run, policy):
        combined: dict[int, tuple[Obj, list[Obj]]] = run.memo.setdefault("combined-policies", {})
        combined.setdefault(policy.uid, (policy, []))[1].extend(objs)


def findings(run: Run, held: Container[int]) -> Iterator[Finding]:
    """One finding for every standing policy that is said for something that moves."""
    for policy, objs in run.memo.get("combined-policies", {}).values():
        spaces = {obj.namespace or obj.name for obj in objs if obj.uid not in held}
        if spaces and policy.uid not in held:
            message = f"stays, and is said in Linkerd for what moves of {', '.join(sorted(spaces))}"
            yield final_findings.about(policy, "MS440", message)


def is_settled(run: Run, policy: Obj, obj: Obj) -> bool:
    """Whether that was noted of a workload or Namespace; whatever else moves away from the policy is held."""
    return obj.uid in run.memo.get("root-policies", {}).get(policy.uid, ())
