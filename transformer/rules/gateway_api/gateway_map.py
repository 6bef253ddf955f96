"""Routes of a Gateway that `gateway-map` names get the Gateway that stands in for it as their parent, in place.

The Gateway itself stays until nothing names it: routes of other streams may. A route is moved only where it says by
itself which hosts it is for, because listeners of the two Gateways need not be alike.
https://gateway-api.sigs.k8s.io/reference/spec/ (ParentReference)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from transformer.objects import Obj
from transformer.order.predicates import host_subsumes
from transformer.rules.gateway_api import classes, protection, references
from transformer.rules.parents import GATEWAY_API
from transformer.rules.registry import rule
from transformer.run import Run


class StandIn(NamedTuple):
    """The Gateway that takes another's place, and the one listener of it where one is named."""

    namespace: str
    name: str
    section: str


def stand_ins(run: Run) -> dict[tuple[str, str], StandIn]:
    """Gateways (namespace, name) that others stand in for, as `gateway-map` says it."""
    found = {}
    for entry in run.options["gateway-map"]:
        source, _, target = entry.partition("=")
        space, _, name = source.strip().rpartition("/")
        place, _, section = target.strip().partition("#")
        target_space, _, target_name = place.rpartition("/")
        found[space, name] = StandIn(target_space or space, target_name, section)
    return found


@rule(
    id="gateway-map",
    kinds=[(GATEWAY_API, kind) for kind in references.ROUTE_KINDS],
    order=64,
    unnamed=True,
    summary="routes of a Gateway that gateway-map names are attached to the one that stands in for it",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Change the parents of every route of the stream that is attached to a mapped Gateway, or hold it."""
    mapped = stand_ins(run)
    for obj in objs if mapped else ():
        known = list(references.parents(obj))
        for index, parent in enumerate(known):
            target = mapped.get((parent.namespace, parent.name)) if parent.kind == "Gateway" else None
            if target is not None and _is_meant(run, parent):
                _move(run, obj, index, known, target)


def _is_meant(run: Run, parent: references.Reference) -> bool:
    """Whether the map can be about the parent: an Istio Gateway, or one of another class, may have the same name."""
    gateway = run.context.find(GATEWAY_API, "Gateway", parent.namespace, parent.name).obj
    if gateway is not None:
        return classes.role(run, gateway) == classes.INGRESS
    return run.context.find(references.ISTIO, "Gateway", parent.namespace, parent.name).obj is None


def _move(run: Run, obj: Obj, index: int, parents: Sequence[references.Reference], target: StandIn) -> None:
    parent = parents[index]
    gateway = run.context.find(GATEWAY_API, "Gateway", parent.namespace, parent.name).obj
    run.objects[obj.uid] = obj
    why = _obstacle(run, obj, parent, target, gateway)
    if not why and any((one.namespace, one.name) == (target.namespace, target.name) for one in parents):
        why = f"it has {target.namespace}/{target.name} as a parent already"
    if why:
        run.hold("MS714", parent.at, why)
        return
    write = {"name": target.name}
    remove = []
    if target.namespace != obj.namespace:
        write["namespace"] = target.namespace
    elif parent.at.get("namespace").present:
        remove.append("namespace")
    if target.section:
        write["sectionName"] = target.section
    if gateway is not None:
        run.memo.setdefault("gateways-that-change", {})[gateway.namespace, gateway.name] = gateway
        run.units.link(gateway.uid, obj.uid)
        # A Gateway of the stream is held itself.
        policy = next(protection.policies(run, gateway), None) if gateway.context else None
        if policy is not None and run.hold("MS706", parent.at, f"{policy.ref} applies to {gateway.ref}"):
            return
    run.edit(obj, parent.at.path, write=write, remove=remove)


def _obstacle(run: Run, obj: Obj, parent: references.Reference, target: StandIn, gateway: Obj | None) -> str:
    """Why the route cannot be attached to the other Gateway as it is; empty where it can."""
    section = parent.at.get("sectionName").text()
    if gateway is None:
        return "its Gateway is not in the stream or its context, so its class and its listeners are unknown"
    if parent.at.get("port"):
        return "it is for one port of the Gateway, and the other Gateway's listeners may differ"
    if section and (target.section or section not in _listeners(run, target)):
        return (
            f"it is for the listener {section}, which {target.namespace}/{target.name} is not known to have"
        )
    hosts = [host.text() for host in obj.spec.get("hostnames").each()]
    if not hosts:
        return "it names no hosts, so it would take requests for all hosts of the other Gateway"
    allowed = [
        listener.get("hostname").text() or None
        for listener in gateway.spec.get("listeners").each()
        if section in ("", listener.get("name").text())
    ]
    for host in hosts:
        if not any(host_subsumes(one, host) for one in allowed):
            return f"no listener of the Gateway is for all of {host}; the other Gateway would serve more"
    return ""


def _listeners(run: Run, target: StandIn) -> set[str]:
    found = run.context.find(GATEWAY_API, "Gateway", target.namespace, target.name).obj
    return set() if found is None else {one.get("name").text() for one in found.spec.get("listeners").each()}
