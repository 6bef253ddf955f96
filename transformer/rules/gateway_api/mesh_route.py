"""Gateway API routes of Services, which Istio honours today and Linkerd after the move: they stay as they are.

A route that Linkerd reads differently, or drops, is an error on the route: its clients must not move unnoticed.
https://gateway-api.sigs.k8s.io/mesh/ , https://linkerd.io/2/reference/httproute/ ; observed L4 to L14, L20, L24.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.objects import Obj
from transformer.order.precedence import LINKERD, LINKERD_EITHER
from transformer.order.predicates import Request
from transformer.rules.gateway_api import parent_services, references, route_order, route_rules
from transformer.rules.gateway_api.problems import Problem
from transformer.rules.parents import GATEWAY_API
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets.metadata import MARKER

_READ = ("HTTPRoute", "GRPCRoute")
_NEVER_READ = "UDPRoute"
_GLOBAL_KINDS = ("ServiceEntry", "Hostname")
#: Findings after which Linkerd obeys nothing of the route.
_WHOLE = frozenset({"MS720", "MS721", "MS726"})
_STEERING = frozenset({"VirtualService", "DestinationRule", "TrafficSplit"})
_Key = tuple[str, str]


@rule(
    id="mesh-route",
    kinds=[(GATEWAY_API, kind) for kind in references.ROUTE_KINDS if kind != _NEVER_READ],
    order=65,
    unnamed=True,
    summary="routes of Services stay where Linkerd reads them as Istio does, and are errors where it does not",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Compare every route of a Service in the stream, once something of the stream moves."""
    routes = [obj for obj in objs if MARKER not in obj.annotations and any(_of_mesh(obj))]
    moving = [obj for obj in routes if _has_clients(run, obj)]
    by_service = _by_service(run) if moving else {}
    for obj in moving:
        run.objects[obj.uid] = obj
        if obj.ref.kind == "GRPCRoute":
            run.say("MS735", obj, "Linkerd answers 404 to what is not gRPC; Istio routes it by its path")
        for problem in list(_problems(run, obj, by_service)):
            if _report(run, obj, problem) and problem.code in _WHOLE:
                run.client_config[obj.uid] = obj
    _compare_orders(run, moving, by_service)


def _of_mesh(obj: Obj) -> Iterator[references.Reference]:
    """Parents of a route by which it is for clients in the mesh."""
    for parent in references.parents(obj):
        if parent.is_service or (parent.group == references.ISTIO and parent.kind in _GLOBAL_KINDS):
            yield parent


def _has_clients(run: Run, obj: Obj) -> bool:
    """Whether clients of the route may move: all, or those of its namespace for routes that lie beside their clients."""
    if not run.clients:
        return any(_steers_clients(config) for config in run.client_config.values())
    return any(parent.namespace == obj.namespace for parent in _of_mesh(obj)) or _moves_in(run, obj.namespace)


def _steers_clients(obj: Obj) -> bool:
    """Whether an object that is translated tells clients where to send: they are about to move."""
    gateways = [name.text() for name in obj.spec.get("gateways").each()]
    return obj.ref.kind in _STEERING and (not gateways or "mesh" in gateways)


def _moves_in(run: Run, namespace: str) -> bool:
    """Whether something moves that is, or may be, in the namespace."""
    places = {
        client.name if client.ref.kind == "Namespace" else client.namespace for client in run.clients.values()
    }
    return not namespace or not places.isdisjoint({namespace, ""}) or not places


def _report(run: Run, obj: Obj, problem: Problem) -> bool:
    at = problem.at if problem.at.present else obj
    return run.hold(problem.code, at, problem.message, remedy=problem.remedy)


def _by_service(run: Run) -> dict[_Key, list[Obj]]:
    """Routes of stream and context that were not made here, by the Service that they are for."""
    found: dict[_Key, list[Obj]] = {}
    for route in references.routes(run):
        if MARKER not in route.annotations and route.ref.kind != _NEVER_READ:
            for parent in _of_mesh(route):
                known = found.setdefault((parent.namespace, parent.name), [])
                if route not in known:
                    known.append(route)
    return found


def _problems(run: Run, obj: Obj, by_service: dict[_Key, list[Obj]]) -> Iterator[Problem]:
    version = f"{run.target.linkerd[0]}.{run.target.linkerd[1]}"
    if obj.ref.kind not in _READ:
        yield Problem("MS721", obj.view, f"whether the meshes read a {obj.ref.kind} depends on how they are installed, "
                      "and they read it differently")  # fmt: skip
        return
    if not run.target.reads_gateway_api:
        yield Problem("MS721", obj.view, f"Linkerd {version} does not read routes of the installed Gateway API",
                      "Write it as policy.linkerd.io HTTPRoute, or move to Linkerd 2.18.")  # fmt: skip
        return
    if obj.spec.get("hostnames"):
        why = "Istio ignores hostnames of a Service's route; Linkerd answers 404 to every other one"
        yield Problem("MS722", obj.spec.get("hostnames"), why, "Remove hostnames.")
    for parent in _of_mesh(obj):
        yield from _parent(run, obj, parent, by_service)
    yield from route_rules.annotation_problems(obj)
    for rule_ in obj.spec.get("rules").each():
        yield from route_rules.problems(run, rule_, obj.ref.kind)


def _parent(
    run: Run, obj: Obj, parent: references.Reference, by_service: dict[_Key, list[Obj]]
) -> Iterator[Problem]:
    if not parent.is_service:
        yield Problem("MS721", parent.at, f"Linkerd attaches no route to a {parent.kind}")
        return
    if parent.group == "core":
        why = "Istio does not take the group `core` for that of Services; Linkerd does"
        yield Problem("MS729", parent.at.get("group"), why, 'Write group: "".')
        return
    if parent.at.get("sectionName"):
        why = "no mesh is known to take it for one port of the Service"
        yield Problem("MS722", parent.at.get("sectionName"), why, "Write the port.")
    yield from parent_services.problems(run, obj, parent)
    for other in by_service.get((parent.namespace, parent.name), ()):
        if other.uid != obj.uid:
            yield from _rival(run, obj, parent, other)


def _rival(run: Run, obj: Obj, parent: references.Reference, other: Obj) -> Iterator[Problem]:
    """Routes that Istio and Linkerd combine in different ways."""
    theirs = [ref for ref in _of_mesh(other) if (ref.namespace, ref.name) == (parent.namespace, parent.name)]
    ports = {ref.at.get("port").text() for ref in theirs}
    port = parent.at.get("port").text()
    if not (port in ports or "" in ports or not port):
        return
    if obj.ref.kind == other.ref.kind and other.namespace == obj.namespace and ports != {port}:
        yield Problem("MS725", parent.at, f"{other.ref} names another set of ports of {parent.name}: in Istio one of the two "
                      "replaces the other, in Linkerd both count")  # fmt: skip
    elif other.namespace != obj.namespace and parent.namespace in (obj.namespace, other.namespace):
        if not _moves_in(run, other.namespace if parent.namespace == obj.namespace else obj.namespace):
            return
        yield Problem("MS725", parent.at, f"{other.ref} is for {parent.name} too: for clients of the namespace that is not the "
                      "Service's, Istio takes only theirs, Linkerd both")  # fmt: skip
    elif obj.ref.kind != other.ref.kind and other.namespace == obj.namespace:
        yield Problem("MS725", parent.at, f"{other.ref} is for {parent.name} too: Linkerd takes one kind of route for a port, "
                      "Istio both")  # fmt: skip


def _compare_orders(run: Run, moving: Sequence[Obj], by_service: dict[_Key, list[Obj]]) -> None:
    """Compare which rule the meshes take, for all HTTPRoutes of one namespace on one Service."""
    told: set[tuple[int, ...]] = set()
    for obj in moving:
        for parent in _of_mesh(obj) if obj.ref.kind == "HTTPRoute" else ():
            port = parent.at.get("port").text()
            group = [
                other for other in by_service.get((parent.namespace, parent.name), ())
                if other.ref.kind == "HTTPRoute" and other.namespace == obj.namespace and _shares(other, parent, port)
            ]  # fmt: skip
            key = tuple(sorted(other.uid for other in group))
            if key in told:
                continue
            told.add(key)
            _compare_order(run, obj, group)


def _shares(other: Obj, parent: references.Reference, port: str) -> bool:
    return any(
        (ref.namespace, ref.name, ref.at.get("port").text()) == (parent.namespace, parent.name, port)
        for ref in _of_mesh(other)
    )


def _compare_order(run: Run, obj: Obj, group: Sequence[Obj]) -> None:
    found = route_order.difference(group, LINKERD_EITHER if run.options["linkerd"] == "edge" else LINKERD)
    if found is None:
        return
    others = ", ".join(str(other.ref) for other in group if other.uid != obj.uid)
    beside = f" of this route and {others}" if others else ""
    request = found.witness
    what = (
        f"`{_text(request)}` takes different rules{beside} in Istio and Linkerd"
        if request is not None
        else f"it cannot be shown that both meshes take the same rule{beside} for every request"
    )
    for other in group:
        if not other.context and run.hold("MS724", other.spec.get("rules"), what):
            run.objects[other.uid] = other


def _text(request: Request) -> str:
    query = "&".join(f"{name}={value}" for name, value in request.query)
    headers = "".join(f", {name}: {value}" for name, value in request.headers)
    return f"{request.method} {request.path}{'?' if query else ''}{query}{headers}".strip()
