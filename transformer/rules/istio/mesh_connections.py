"""`tcp` and `tls` rules of a VirtualService on `mesh`, as TCPRoutes and TLSRoutes that have a Service as parent.

Sidecars use the tcp rules for ports that speak TCP, the tls rules for ports that speak TLS; a port of unknown protocol
takes both tcp and http rules, which Linkerd cannot. A connection that no rule takes goes on to the Service; where a tls
rule is in effect, an unknown server name still does under ALLOW_ANY, as it passes through.
https://istio.io/latest/docs/reference/config/networking/virtual-service/#TCPRoute
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from transformer import service_protocol
from transformer.ir.routes import Backend, Forward, Parent, Route, RouteRule
from transformer.ledger import Mark
from transformer.objects import Obj, View
from transformer.rules import fields
from transformer.rules.istio import connections, mesh_hosts
from transformer.rules.istio import virtual_service_action as shared
from transformer.rules.istio.connections import Used
from transformer.rules.istio.held import Held
from transformer.rules.istio.mesh_hosts import MESH
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api import connection_route

_TCP = frozenset({"tcp", "mongo", "redis", "mysql"})
_TLS = frozenset({"tls", "https"})
_BY_CLIENT = {
    "destinationSubnets": "the address that the client dials",
    "sourceLabels": "labels of the calling pods",
    "sourceNamespace": "the namespace of the calling pods",
}


class _Planned(NamedTuple):
    """One route of a Service port: server names (empty: all) and backends, with what it accounts for and stands on."""

    kind: str
    parent: Parent
    hostnames: tuple[str, ...]
    backends: tuple[Backend, ...]
    rule: View | None = None
    marks: tuple[Mark, ...] = ()
    owners: tuple[Obj, ...] = ()

    @property
    def moves_nothing(self) -> bool:
        """Whether connections go where they would go without it."""
        own = Backend(self.parent.namespace, self.parent.name, self.parent.port)
        return self.backends == (own,)


def plan(run: Run, obj: Obj, claims: dict[tuple[str, str], list[Obj]], used: Used) -> None:
    """Plan the routes for clients of the mesh. Raises `Held` with the finding made."""
    bound = [(host, mesh_hosts.find_service(run, host, claims)) for host in obj.spec.get("hosts").each()]
    services = {service.uid: (host, service) for host, service in bound}
    elsewhere = set(used.rules)
    planned: list[_Planned] = []
    for host, service in services.values():
        mesh_hosts.refuse_address(run, host, service)
        mesh_hosts.refuse_others(run, host, service)
        for port in service.spec.get("ports").each():
            planned += _plan_port(run, obj, host, service, port, used)
    if not used.rules and not obj.spec.get("http"):
        where = ", ".join(f"{service.namespace}/{service.name}".lstrip("/") for _, service in bound)
        run.hold(
            "MS207",
            obj,
            f"no port of Service {where} speaks what the rules are for, so they have no effect today",
        )
        raise Held
    moved = {one.parent for one in planned if _decides(run, one)}
    # Where a server name goes elsewhere, the others need a route that says where they go.
    routes = [one for one in planned if one.parent in moved]
    decided = elsewhere | {one.rule.path for one in routes if one.rule is not None}
    for one in planned:
        if one.rule is not None and one.rule.path not in decided:
            run.no_op(one.rule, "sends connections to the Service that they are for, as no rule does")
    if routes:
        _emit(run, obj, routes, [service for _, service in bound])


def _decides(run: Run, one: _Planned) -> bool:
    """Whether connections would go elsewhere without the route, or be closed: an unknown server name is, where hosts are."""
    closes = one.kind == "TLSRoute" and run.options["mesh.outbound-policy"] != "allow-any"
    return closes or not one.moves_nothing


def _plan_port(run: Run, obj: Obj, host: View, service: Obj, port: View, used: Used) -> Iterator[_Planned]:
    """Routes for clients that dial one port of the Service."""
    number, protocol = port.get("port").value(), service_protocol.istio_protocol(port)
    parent = Parent(service.namespace, service.name, number)
    if protocol in _TLS:
        found = list(_by_server_name(run, obj, parent, used))
        if any(_decides(run, one) for one in found):
            _refuse_unread(run, host, service, port)
            found += _rest(run, parent, found)
        yield from found
    elif protocol in _TCP or protocol == "auto":
        one = _all_connections(run, obj, parent, used)
        if one is not None and protocol == "auto" and not one.moves_nothing:
            run.hold("MS605", obj.spec.get("tcp"), f"port {number} of {service.ref} names no protocol: Istio sends HTTP by the "
                     "http rules and all else by the tcp rules, which no route of Linkerd tells apart")  # fmt: skip
            raise Held
        if one is not None:
            yield one


def _all_connections(run: Run, obj: Obj, parent: Parent, used: Used) -> _Planned | None:
    """The tcp rule that takes the connections to a port; None where none does."""
    found = connections.first(obj, parent.port, lambda name: name == MESH)
    if found is None:
        return None
    rule, matches = found
    for match in matches:
        _refuse_by_client(run, match)
    connections.use(used, rule, matches)
    backends, marks, owners = _backends(run, rule, parent.port)
    return _Planned("TCPRoute", parent, (), backends, rule, marks, owners)


def _by_server_name(run: Run, obj: Obj, parent: Parent, used: Used) -> Iterator[_Planned]:
    """Routes by server name; a match that repeats an earlier one is passed over, as Istio does."""
    seen: list[tuple[str, ...]] = []
    for rule in obj.spec.get("tls").each():
        names: list[str] = []
        for match in rule.get("match").each():
            own = connections.server_names(match)
            if not connections.applies(match, parent.port, lambda name: name == MESH):
                continue
            _refuse_by_client(run, match)
            if own in seen:
                continue
            if any(set(own) & set(other) for other in seen):
                message = f"the server names of two matches for port {parent.port} overlap, but differ, which Envoy refuses"
                run.hold("MS607", match.get("sniHosts"), message)
                raise Held
            seen.append(own)
            names += own
            connections.use(used, rule, [match])
        if names:
            backends, marks, owners = _backends(run, rule, parent.port)
            yield _Planned("TLSRoute", parent, tuple(names), backends, rule, marks, owners)


def _refuse_by_client(run: Run, match: View) -> None:
    for name, field in fields.effective(run, match):
        if name in _BY_CLIENT and field:
            run.hold(
                "MS210",
                field,
                f"the match depends on {_BY_CLIENT[name]}, which no route of a Service can tell",
            )
            raise Held


def _backends(
    run: Run, rule: View, port: int
) -> tuple[tuple[Backend, ...], tuple[Mark, ...], tuple[Obj, ...]]:
    marks: list[Mark] = []
    owners: list[Obj] = []
    backends = shared.lower_backends(run, rule, port, marks, owners)
    return backends, tuple(marks), tuple(dict.fromkeys(owners))


def _refuse_unread(run: Run, host: View, service: Obj, port: View) -> None:
    """Linkerd looks for server names on ports alone that are neither opaque nor of an appProtocol."""
    mesh_hosts.refuse_opaque(run, host, service, [port.get("port").value()])
    declared = port.get("appProtocol").text()
    if declared:
        message = f"Linkerd takes appProtocol {declared} of a port of {service.ref} for opaque TCP and ignores TLSRoutes there"
        run.hold("MS227", host, message, remedy="Drop the appProtocol and name the port tls.")
        raise Held


def _rest(run: Run, parent: Parent, found: list[_Planned]) -> list[_Planned]:
    """Other server names pass through to the Service that was dialled, unless unknown hosts are refused."""
    if run.options["mesh.outbound-policy"] != "allow-any" or any("*" in one.hostnames for one in found):
        return []
    return [_Planned("TLSRoute", parent, (), (Backend(parent.namespace, parent.name, parent.port),))]


def _emit(run: Run, obj: Obj, routes: list[_Planned], services: list[Obj]) -> None:
    kinds = " and ".join(sorted({one.kind for one in routes}))
    version = run.target.mesh_connection_routes
    if not version:
        at = obj.spec.get("tcp" if "TCPRoute" in kinds else "tls")
        message = f"needs a {kinds} of version v1alpha2, as Linkerd 2.18 and newer read it from the experimental channel"
        run.hold("MS600", at, message)
        raise Held
    message = f"needs a {kinds}; while clients stay in Istio the route must be a policy.linkerd.io one, which has no such kind"
    run.gateway_only.append((obj.view, message))
    targets = [mesh_hosts.Bound(service, ()) for service in services]
    consumer = mesh_hosts.consumer_namespace(run, obj, targets)
    for one, name in zip(routes, _names(obj, routes), strict=True):
        namespace = consumer if consumer is not None else one.parent.namespace
        meta = metadata.metadata(obj, name, namespace=namespace)
        route = Route((one.parent,), (RouteRule((), Forward(one.backends)),), hostnames=one.hostnames)
        value: dict[str, Any] = connection_route.build(route, meta, one.kind, version, obj.namespace)
        run.derive(value, [obj, *one.owners], one.marks)
    run.units.bind([obj.uid, *(owner.uid for one in routes for owner in one.owners)])


def _names(obj: Obj, routes: list[_Planned]) -> Iterator[str]:
    """Names of the routes: the VirtualService's, with Service, port and number where there are several."""
    for one in routes:
        alike = [other for other in routes if other.kind == one.kind]
        here = [other for other in alike if other.parent == one.parent]
        parts = [obj.name]
        parts += [one.parent.name] if len({other.parent.name for other in alike}) > 1 else []
        parts += [str(one.parent.port)] if len({other.parent.port for other in alike}) > 1 else []
        if len(here) > 1:
            parts.append(str(here.index(one) + 1) if one.hostnames else "rest")
        yield "-".join(dict.fromkeys(parts))
