"""Policies that an earlier run made of a source and that this run no longer makes of it: they would go on letting callers in.

Linkerd's policies add up, so one that is left over opens what the source no longer opens. They go with this run.
https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from transformer import final_findings
from transformer.findings import Finding
from transformer.objects import MARKER, Obj
from transformer.run import Run
from transformer.targets import metadata

if TYPE_CHECKING:
    from transformer.settle import Settlement

_GROUP = "policy.linkerd.io"
_AUTHENTICATIONS = ("MeshTLSAuthentication", "NetworkAuthentication")
_KINDS = ("Server", "HTTPRoute", "GRPCRoute", "AuthorizationPolicy", *_AUTHENTICATIONS)

#: Kind, namespace and name.
_Key = tuple[str, str, str]


def find(run: Run, held: Collection[int]) -> list[Obj]:
    """What is left over in the stream. Holds the source of what is left over in a context file, which cannot be changed."""
    made_before = list(_made_before(run))
    if not made_before:
        return []
    root = run.options["mesh.root-namespace"]
    sources = {
        metadata.marker(obj): obj
        for uid, obj in run.dropped.items()
        # What is said of the root namespace for pods that moved in an earlier run is not said again.
        if uid not in held and obj.namespace != root
    }
    planned = _planned(run, held)
    found = []
    for obj in made_before:
        mark = obj.annotations[MARKER]
        if (obj.ref.kind, obj.namespace, obj.name) in planned:
            continue
        if mark not in sources and not _opens_planned(obj, made_before, planned):
            continue
        if not obj.context:
            found.append(obj)
        elif mark in sources and obj.ref.kind not in _AUTHENTICATIONS:
            run.hold(
                "MS408", sources[mark], f"{obj.ref} in {obj.file} was made of it before, and is no longer made of it",
                remedy="Delete it there and in the cluster: it would still be in force.",
            )  # fmt: skip
    return found


def _opens_planned(obj: Obj, made_before: Collection[Obj], planned: dict[_Key, str]) -> bool:
    """Whether the object is for a Server that this run makes of the same source, directly or through a route."""
    target = obj.spec.get("targetRef")
    if target and target.get("kind").text() != "Server":
        key = (target.get("kind").text(), obj.namespace, target.get("name").text())
        if key in planned:
            return planned[key] == obj.annotations[MARKER]
        routes = (one for one in made_before if (one.ref.kind, one.namespace, one.name) == key)
        return any(_opens_planned(route, (), planned) for route in routes)
    named = [target] if target else list(obj.spec.get("parentRefs").each())
    return any(
        planned.get(("Server", obj.namespace, one.get("name").text())) == obj.annotations[MARKER]
        for one in named
    )


def _made_before(run: Run) -> Iterator[Obj]:
    """Policies of earlier runs, for pods that are called: routes of Services are for callers, which share them."""
    for kind in _KINDS if run.derived or run.dropped else ():
        for obj in run.context.objects(_GROUP, kind):
            parents = [ref.get("kind").text() for ref in obj.spec.get("parentRefs").each()]
            inbound = not kind.endswith("Route") or "Server" in parents
            # Other namespaces may have got theirs of the same source, in a run of their own.
            if MARKER in obj.annotations and inbound and run.scope.moves(obj):
                yield obj


def _planned(run: Run, held: Collection[int]) -> dict[_Key, str]:
    """What the rules plan, with its mark; no mark where it stays a plan."""
    found: dict[_Key, str] = {}
    for plan in run.derived:
        value = plan.value(True) if callable(plan.value) else plan.value
        if not value["apiVersion"].startswith(f"{_GROUP}/"):
            continue
        meta = value["metadata"]
        key = (value["kind"], meta.get("namespace", plan.owners[0].namespace), meta["name"])
        moves = not any(owner.uid in held for owner in plan.owners)
        found[key] = meta["annotations"][MARKER] if moves else found.get(key, "")
    return found


def findings(settlement: Settlement) -> Iterator[Finding]:
    """One finding for every object that goes."""
    for obj in settlement.left_over:
        yield final_findings.about(obj, "MS443", f"goes: {obj.annotations[MARKER]} no longer gives it")


def untold(settlement: Settlement, findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those about objects that go."""
    gone = {obj.ref for obj in settlement.left_over}
    return [finding for finding in findings if finding.object not in gone]
