"""A waypoint of the ambient mesh goes with the Namespaces, Services and pods that name it; what depends on it holds it.

Only a waypoint enforces policies that target it, a Service or its class, and applies routes for ambient clients.
https://istio.io/latest/docs/ambient/usage/waypoint/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer.ledger import NO_OP, Fate
from transformer.objects import Obj
from transformer.rules.gateway_api import classes, references, waypoint_users
from transformer.rules.parents import GATEWAY_API
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata

#: Rules that a waypoint applies for ambient clients of its namespaces.
_FOR_CLIENTS = ((references.ISTIO, "VirtualService"), (references.ISTIO, "DestinationRule"))


class _Waypoint(NamedTuple):
    """A waypoint, what names it, and the namespaces that these lie in."""

    obj: Obj
    users: list[Obj]
    namespaces: frozenset[str]


@rule(
    id="waypoint",
    kinds=[(GATEWAY_API, "Gateway")],
    order=70,
    unnamed=True,
    summary="waypoints go with what names them, unless a policy, a route or something that stays depends on them",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Remove every waypoint of the stream, or hold it with what uses it."""
    found = [obj for obj in objs if classes.role(run, obj) == classes.WAYPOINT]
    named = waypoint_users.by_waypoint(run) if found else {}
    for obj in found:
        users = named.get((obj.namespace, obj.name), [])
        spaces = frozenset({obj.namespace, *(waypoint_users.namespace_of(user) for user in users)})
        _translate(run, _Waypoint(obj, users, spaces))


def _translate(run: Run, waypoint: _Waypoint) -> None:
    obj = waypoint.obj
    metadata.account(run, obj)
    run.drop(obj)
    run.mark(obj.spec, Fate(NO_OP, "MS712"))
    _tie(run, waypoint)
    needed = next(_dependents(run, waypoint), "")
    if needed:
        run.hold("MS710", obj, needed)
    elif not waypoint.users and not run.context.is_complete(obj.namespace):
        run.hold("MS711", obj, "nothing in stream or context names it with istio.io/use-waypoint")
    else:
        run.say(
            "MS712",
            obj,
            f"{_named(waypoint.users)} no longer {'need' if len(waypoint.users) > 1 else 'needs'} it",
        )


def _named(users: Sequence[Obj]) -> str:
    if not users:
        return "the namespace, which is complete,"
    others = len(users) - 1
    return f"{users[0].ref}" + (f" and {others} other{'s' if others > 1 else ''}" if others else "")


def _dependents(run: Run, waypoint: _Waypoint) -> Iterator[str]:
    """What would not be in effect without the waypoint, in words."""
    obj = waypoint.obj
    for policy, target in references.attached(run):
        if _reaches(run, waypoint, policy, target):
            yield f"{policy.ref} targets {target.kind} {target.name}, and only the waypoint enforces it"
    for route in references.routes(run):
        for parent in references.parents(route):
            if (parent.kind, parent.namespace, parent.name) == ("Gateway", obj.namespace, obj.name):
                yield f"{route.ref} is attached to it"
    edited = {edit.target.uid for edit in run.edits} | set(run.dropped)
    for user in waypoint.users:
        if user.context:
            yield f"{user.ref} of the context names it"
        elif user.uid not in edited:
            yield f"{user.ref} names it and does not move"


def _reaches(run: Run, waypoint: _Waypoint, policy: Obj, target: references.Reference) -> bool:
    obj = waypoint.obj
    if target.kind == "Gateway":
        return (target.namespace, target.name) == (obj.namespace, obj.name)
    if target.kind == "GatewayClass":
        named = target.name == obj.spec.get("gatewayClassName").text()
        return named and policy.namespace in (run.options["mesh.root-namespace"], "")
    return target.namespace in waypoint.namespaces or not target.namespace


def _tie(run: Run, waypoint: _Waypoint) -> None:
    """The waypoint goes with all its users or not at all, and stays for rules of its namespaces that stay."""
    obj = waypoint.obj
    for user in waypoint.users:
        if not user.context:
            run.units.bind([obj.uid, user.uid])
    for space in run.context.objects("", "Namespace"):
        if space.name in waypoint.namespaces and not space.context:
            run.units.link(space.uid, obj.uid)
    for kind in _FOR_CLIENTS:
        for found in run.context.objects(*kind):
            if found.namespace in waypoint.namespaces and not found.context:
                run.units.link(found.uid, obj.uid)
    for route in references.routes(run):
        for parent in references.parents(route):
            if parent.is_service and parent.namespace in waypoint.namespaces and not route.context:
                run.units.link(route.uid, obj.uid)
