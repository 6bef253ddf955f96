"""An SMI TrafficSplit becomes an HTTPRoute on its root Service (smi-osm-surface §1.2, traps T9-T11).

Weights keep their exact proportion; with `matches` the requests that match go to the backends and the rest to the root.
https://github.com/servicemeshinterface/smi-spec/tree/main/apis/traffic-split
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from transformer import service_protocol
from transformer.ir.routes import Action, Backend, Forward, Parent, Route, RouteRule
from transformer.ledger import NO_OP, Fate, Mark
from transformer.objects import Obj, View
from transformer.order import compile as order
from transformer.order.predicates import Match
from transformer.rules import parents
from transformer.rules.istio import mesh_hosts, mesh_routes
from transformer.rules.registry import rule
from transformer.rules.smi import left_profile, route_group, weights
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api import connection_route, http_route

_SPLIT, _SPECS = "split.smi-spec.io", "specs.smi-spec.io"


class Port(NamedTuple):
    """A port of the root Service, and whether connections and not requests are split there."""

    number: int
    tcp: bool


class Held(Exception):
    """The split cannot be expressed; the finding has been made."""


@rule(
    id="traffic-split",
    kinds=[(_SPLIT, "TrafficSplit")],
    order=40,
    summary="weighted backends of the root Service become one HTTPRoute rule per match",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate every TrafficSplit of the stream, or hold it."""
    for obj in objs:
        metadata.account(run, obj)
        run.client_config[obj.uid] = obj
        run.drop(obj)
        _register_groups(run, obj)
        try:
            _translate(run, obj)
        except Held:
            continue
        except route_group.Unsupported as unsupported:
            run.hold("MS503", obj.spec.get("matches"), str(unsupported))


def _translate(run: Run, obj: Obj) -> None:
    _refuse_owned(run, obj)
    for name, field in obj.spec.items():
        if name not in ("service", "backends", "matches"):
            run.say("MS005", field, "is not a field of this kind; it has no effect")
            run.mark(field, Fate(NO_OP, "MS005"))
    root_field = obj.spec.get("service")
    if not root_field.text():
        _refuse(
            run,
            "MS004",
            root_field if root_field.present else obj,
            "a TrafficSplit needs a root Service as text",
        )
    root = _service(run, root_field)
    _refuse_rivals(run, obj, root)
    ports = _ports(run, root_field, root)
    backends = obj.spec.get("backends")
    shares = _shares(run, backends)
    matches = obj.spec.get("matches")
    _refuse_other_version(run, obj, matches, backends)
    if matches and not matches.is_sequence:
        _refuse(run, "MS004", matches, "must be a list of route groups")
    groups = list(_groups(run, obj))
    for port in ports:
        name = obj.name if len(ports) == 1 else f"{obj.name}-{port.number}"
        found = tuple(_backends(run, backends, shares, port.number))
        marks = run.translated(root_field, backends, obj.spec.get("matches"))
        if port.tcp:
            _plan_tcp(run, obj, Parent(root.namespace, root.name, port.number), found, name, marks)
            continue
        route = _route(run, obj, root, port.number, Forward(found), groups)
        _plan(run, obj, route, name, marks, groups)


def _refuse(run: Run, code: str, at: View | Obj, message: str, remedy: str = "") -> None:
    run.hold(code, at, message, remedy=remedy)
    raise Held


def _refuse_owned(run: Run, obj: Obj) -> None:
    if any(key.startswith("failover.linkerd.io/") for key in (*obj.annotations, *obj.labels)):
        _refuse(run, "MS504", obj, "linkerd-failover edits this split; the extension still needs it")
    for group, kind in (("argoproj.io", "Rollout"), ("flagger.app", "Canary")):
        for owner in run.context.objects(group, kind):
            names = {
                owner.name,
                owner.spec.get("strategy", "canary", "trafficRouting", "smi", "trafficSplitName").text(),
                owner.spec.get("targetRef", "name").text(),
            }
            smi = kind == "Canary" or owner.spec.get("strategy", "canary", "trafficRouting", "smi").present
            if smi and owner.namespace == obj.namespace and obj.name in names:
                _refuse(
                    run, "MS200", obj, f"{owner.ref} edits this object while it runs; migrate that one first"
                )


def _service(run: Run, field: View) -> Obj:
    """The Service that a name means: short, `name.namespace` or full; always one of the split's own namespace."""
    name, _, rest = field.text().partition(".")
    namespace = rest.partition(".")[0]
    if namespace and field.obj.namespace and namespace != field.obj.namespace:
        _refuse(
            run,
            "MS501",
            field,
            f"`{field.text()}` lies in another namespace than the split, which no implementation follows",
        )
    found = run.context.service(field.obj.namespace, name).obj
    where = f"{field.obj.namespace}/{name}".lstrip("/")
    if found is None:
        _refuse(run, "MS202", field, f"Service {where} is not in the stream or its context, so its ports are unknown",
                "Render the Service in the same stream, or name its manifest with `context`.")  # fmt: skip
    assert found is not None
    if found.spec.get("clusterIP").text() == "None" or found.spec.get("type").text() == "ExternalName":
        _refuse(run, "MS225", field, f"Service {where} has no cluster IP; Linkerd routes need one")
    return found


def _refuse_rivals(run: Run, obj: Obj, root: Obj) -> None:
    for virtual in mesh_hosts.claims(run).get((root.namespace, root.name), []):
        run.units.bind([obj.uid, virtual.uid])
        _refuse(
            run, "MS206", obj, f"{virtual.ref} routes {root.ref} too; which of the two meshes wins is open"
        )
    for other in run.context.objects(_SPLIT, "TrafficSplit"):
        name = other.spec.get("service").text().partition(".")[0]
        if other.uid != obj.uid and other.namespace == obj.namespace and name == root.name:
            run.units.bind([obj.uid, other.uid])
            _refuse(
                run,
                "MS206",
                obj,
                f"{other.ref} splits {root.ref} too; which one is in effect depends on the implementation",
            )
    other_words = left_profile.settle(run, obj, root)
    if other_words:
        _refuse(
            run, "MS209", obj, other_words, "Delete the ServiceProfile that the SMI extension left behind."
        )
    route = parents.foreign_route(run, root)
    if route is not None:
        _refuse(
            run,
            "MS215",
            obj,
            f"{route.ref} ({route.ref.group}) already routes {root.ref}; Linkerd obeys both",
        )


def _ports(run: Run, at: View, root: Obj) -> list[Port]:
    ports = []
    ranges = service_protocol.opaque_ports(root, run.options["linkerd-install.opaque-ports"])
    for port in root.spec.get("ports").each():
        protocol, number = service_protocol.istio_protocol(port), port.get("port").value()
        if protocol == "udp":
            continue
        tcp = not service_protocol.takes_http_routes(protocol) or service_protocol.is_opaque(number, ranges)
        if tcp and (at.obj.spec.get("matches") or not run.target.mesh_connection_routes):
            _refuse(
                run,
                "MS502",
                at,
                f"port {number} of {root.ref} is not HTTP; splitting it needs a TCPRoute, which the standard channel lacks",
            )
        ports.append(Port(number, tcp))
    if not ports:
        _refuse(run, "MS207", at, f"{root.ref} has no ports")
    return ports


def _shares(run: Run, backends: View) -> list[int]:
    found = []
    for backend in backends.each():
        value = weights.quantity(backend.get("weight").value())
        if value is None or not backend.get("service").text():
            _refuse(
                run,
                "MS004",
                backend,
                "a backend needs a service as text and a weight that is a number or a quantity",
            )
        assert value is not None
        found.append(value)
    if not found:
        _refuse(run, "MS004", backends if backends.present else backends.obj, "a TrafficSplit needs backends")
    if not any(found):
        _refuse(run, "MS236", backends, "all weights are zero, which no implementation defines")
    return weights.proportional(found)


def _backends(run: Run, backends: View, shares: list[int], port: int) -> Iterator[Backend]:
    for backend, share in zip(backends.each(), shares, strict=True):
        service = _service(run, backend.get("service"))
        numbers = {entry.get("port").value() for entry in service.spec.get("ports").each()}
        if port not in numbers:
            _refuse(
                run,
                "MS224",
                backend.get("service"),
                f"{service.ref} has no port {port}, which the root Service has",
            )
        yield Backend(service.namespace, service.name, port, share if len(shares) > 1 else None)


def _refuse_other_version(run: Run, obj: Obj, matches: View, backends: View) -> None:
    """Fields of a later version are dropped by the API server; quantities of the first one are refused by later ones."""
    if matches and obj.ref.version in ("v1alpha1", "v1alpha2"):
        said = (
            f"{obj.ref.version} has no matches: the API server drops them, and the split is for every request"
        )
        _refuse(run, "MS548", matches, said)
    quantities = [b.get("weight") for b in backends.each() if isinstance(b.get("weight").value(), str)]
    if quantities and obj.ref.version != "v1alpha1":
        run.say("MS549", quantities[0], f"{obj.ref.version} has whole numbers as weights; read as a quantity")


def _register_groups(run: Run, obj: Obj) -> None:
    """Tell the rule of route groups who uses them: they stay or go with their splits."""
    for entry in obj.spec.get("matches").each():
        found = run.context.find(
            _SPECS, entry.get("kind").text(), obj.namespace, entry.get("name").text()
        ).obj
        if found is not None and not found.context:
            run.memo.setdefault("route-group-users", {}).setdefault(found.uid, []).append(obj)


def _groups(run: Run, obj: Obj) -> Iterator[Obj]:
    for entry in obj.spec.get("matches").each():
        found = run.context.find(_SPECS, "HTTPRouteGroup", obj.namespace, entry.get("name").text()).obj
        if entry.get("kind").text() != "HTTPRouteGroup" or found is None:
            _refuse(
                run,
                "MS505",
                entry,
                f"{entry.get('kind').text()} {entry.get('name').text()} is not in the stream or its context",
            )
        assert found is not None
        yield found


def _route(run: Run, obj: Obj, root: Obj, port: int, forward: Forward, groups: Sequence[Obj]) -> Route:
    parent = Parent(root.namespace, root.name, port)
    if not groups:
        return Route((parent,), (RouteRule((), forward),))
    rest = Forward((Backend(root.namespace, root.name, port),))
    entries = []
    for group in groups:
        for view in route_group.entries(group):
            entries += [
                order.Entry(match, forward)
                for match in route_group.lower(view, run.options["smi-implementation"])
            ]
    entries.append(order.Entry(Match(), rest, rule=1))
    result = order.compile(
        entries,
        mesh_routes.precedence(run),
        order.Limits(matches_per_rule=64 if run.target.reads_gateway_api else 8),
    )
    if isinstance(result, order.Refusal):
        _refuse(
            run,
            "MS219",
            obj.spec.get("matches"),
            f"the matches cannot be written as one route: {result.reason}",
        )
        raise Held
    return Route(
        (parent,), tuple(RouteRule(found.matches, cast(Action, found.action)) for found in result.rules)
    )


def _plan(
    run: Run, obj: Obj, route: Route, name: str, marks: tuple[Mark, ...], groups: Sequence[Obj]
) -> None:
    meta = metadata.metadata(obj, name)

    def value(hidden: bool) -> dict[str, Any]:
        return http_route.build(route, meta, run.target, hidden=hidden, release_namespace=obj.namespace)

    run.derive(value, [obj, *(group for group in groups if not group.context)], marks)


def _refuse_other_tcp_routes(run: Run, obj: Obj, parent: Parent) -> None:
    for other in run.context.objects("gateway.networking.k8s.io", "TCPRoute"):
        for ref in other.spec.get("parentRefs").each():
            named = (ref.get("namespace").text() or other.namespace, ref.get("name").text())
            if named == (parent.namespace, parent.name) and metadata.MARKER not in other.annotations:
                _refuse(
                    run, "MS215", obj, f"{other.ref} already routes Service {parent.name}; Linkerd obeys both"
                )


def _plan_tcp(
    run: Run, obj: Obj, parent: Parent, backends: tuple[Backend, ...], name: str, marks: tuple[Mark, ...]
) -> None:
    _refuse_other_tcp_routes(run, obj, parent)
    meta = metadata.metadata(obj, name)
    route = Route((parent,), (RouteRule((), Forward(backends)),))
    version = run.target.mesh_connection_routes
    run.derive(connection_route.build(route, meta, "TCPRoute", version, obj.namespace), [obj], marks)
