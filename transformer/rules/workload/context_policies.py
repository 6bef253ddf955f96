"""Policies of context files hold what they reach: a workload that leaves Istio or OSM is no longer under them.

A PeerAuthentication of a whole namespace needs no hold, because the default inbound policy says the same (`posture`).
https://istio.io/latest/docs/reference/config/security/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules import egress, osm_mode, reach, root_policies
from transformer.rules.registry import rule
from transformer.rules.workload import revisions
from transformer.run import Run


@rule(
    id="context-policies",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=50,
    summary="security policies of context files hold the workloads and Namespaces that they reach",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold what would move away from a policy that stays, after the injection rules have said what moves."""
    for policy in _policies(run) if run.clients else ():
        reached = [
            obj
            for obj in reach.of(run, policy)
            if obj.uid in run.clients and not root_policies.is_settled(run, policy, obj)
        ]
        if not reached:
            continue
        run.objects[policy.uid] = policy
        run.hold(
            "MS402", policy, f"{policy.ref.kind} of the context is enforced by the old mesh's sidecar only, and "
            f"{_named(reached)} would leave it", remedy=_remedy(run, policy, reached),
        )  # fmt: skip
        for obj in reached:
            run.units.link(policy.uid, obj.uid)


def _remedy(run: Run, policy: Obj, reached: Sequence[Obj]) -> str:
    """A policy of the root namespace is combined for pods that are seen, and holds where others may be."""
    if policy not in root_policies.standing(run):
        return ""
    spaces = " and ".join(obj.name for obj in reached if obj.ref.kind == "Namespace")
    if spaces:
        return f"Name {spaces} under complete once stream and context hold all of its workloads."
    return (
        "Leave these workloads out of the run (policies are not said for gateways and pods of an ambient mesh), or "
        "accept that they leave the policy."
    )


def _named(reached: Sequence[Obj]) -> str:
    others = len(reached) - 1
    return f"{reached[0].ref}" + (f" and {others} other{'s' if others > 1 else ''}" if others else "")


def _policies(run: Run) -> Iterator[Obj]:
    for group, kind in (*reach.ISTIO_KINDS, *reach.SMI_KINDS, *reach.OSM_KINDS):
        for obj in run.context.objects(group, kind):
            if obj.context and not _told_by_posture(run, obj) and not osm_mode.is_inert(run, obj):
                yield obj
    for obj in run.context.objects(*egress.SIDECAR):
        if obj.context and any(egress.refusals(run, obj)):
            yield obj


def _told_by_posture(run: Run, obj: Obj) -> bool:
    """Whether the object is a PeerAuthentication that the default inbound policy replaces, or that does nothing (I13)."""
    if obj.ref.kind != "PeerAuthentication" or revisions.unread(run, obj):
        return False
    whole = not reach.selector(obj) and not obj.spec.get("portLevelMtls")
    return whole or obj.namespace == run.options["mesh.root-namespace"]
