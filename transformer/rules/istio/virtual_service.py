"""A VirtualService on `mesh` becomes routes that have its hosts' Services as parents.

The routes stand in the Service's namespace, where they apply to all clients; a VirtualService exported to its own
namespace only becomes a consumer route there. Istio's first match becomes an equivalent list for Linkerd's most specific
one, or the object is held with a request that would go elsewhere.
https://istio.io/latest/docs/reference/config/networking/virtual-service/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformer.ir.routes import Parent, Route
from transformer.ledger import TRANSLATED, Fate, Mark
from transformer.objects import Obj
from transformer.rules.istio import (
    connections,
    delegates,
    destinations,
    gateway_connections,
    ingress_routes,
    kept_ingress,
    mesh_connections,
    mesh_hosts,
    mesh_routes,
    owners,
)
from transformer.rules.istio.check import check_fields
from transformer.rules.istio.held import Held
from transformer.rules.istio.mesh_routes import Planned
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.stream.patterns import pattern
from transformer.targets import metadata
from transformer.targets.gateway_api import http_route

_LABEL = pattern(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")


@rule(
    id="virtual-service",
    kinds=[(destinations.ISTIO, "VirtualService")],
    order=40,
    summary="rules for meshed clients become routes on the Service; order, weights, subsets, timeouts and retries kept",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate every VirtualService of the stream, or hold it with its unit."""
    claims = mesh_hosts.claims(run)
    delegates.prepare(run, objs)
    for obj in objs:
        metadata.account(run, obj)
        if kept_ingress.virtual_service(run, obj):
            continue
        run.client_config[obj.uid] = obj
        run.drop(obj)
        mesh_hosts.bind_unit(run, obj)
        try:
            _translate(run, obj, claims)
        except Held:
            continue
    delegates.finish(run)


def _translate(run: Run, obj: Obj, claims: dict[tuple[str, str], list[Obj]]) -> None:
    if delegates.is_delegate(obj):
        owners.refuse_owned(run, obj)
        return
    check_fields(run, obj, "VirtualService")
    owners.refuse_owned(run, obj)
    _refuse_unready(run, obj)
    reached: set[int] = set()
    gateways = [name.text() for name in obj.spec.get("gateways").each()]
    others = [name.text() for name in kept_ingress.moving_gateways(run, obj)]
    http = bool(list(obj.spec.get("http").each()))
    on_mesh = not gateways or mesh_hosts.MESH in gateways
    if obj.spec.get("tcp") or obj.spec.get("tls"):
        _plan_connections(run, obj, claims, mesh=on_mesh)
    if http and others:
        ingress_routes.plan(run, obj, reached)
    if http and on_mesh:
        _plan_mesh(run, obj, claims, reached)
    delegates.account(run, obj, reached, stays=kept_ingress.serves(run, obj))
    for name in ("hosts", "gateways", "exportTo"):
        if obj.spec.get(name).present:
            run.mark(obj.spec.get(name), Fate(TRANSLATED, "parentRefs"))


def _plan_connections(run: Run, obj: Obj, claims: dict[tuple[str, str], list[Obj]], *, mesh: bool) -> None:
    """Routes for the tcp and tls rules, at gateways and for clients of the mesh."""
    used = connections.Used.nothing()
    gateway_connections.plan(run, obj, used)
    if mesh:
        mesh_connections.plan(run, obj, claims, used)
    connections.account(run, obj, used, mesh=mesh, stays=kept_ingress.serves(run, obj))


def _plan_mesh(run: Run, obj: Obj, claims: dict[tuple[str, str], list[Obj]], reached: set[int]) -> None:
    """Routes for clients of the mesh."""
    bound = [mesh_hosts.bind_host(run, host, claims) for host in obj.spec.get("hosts").each()]
    consumer = mesh_hosts.consumer_namespace(run, obj, bound)
    planned: list[Planned] = []
    for service in dict.fromkeys(bound):
        for port in service.ports:
            planned.append(mesh_routes.plan_port(run, obj, service.service, port, reached))
    mesh_routes.tell_normalization(run, obj, planned)
    _emit(run, obj, planned, consumer)


def _refuse_unready(run: Run, obj: Obj) -> None:
    """Objects that say nothing."""
    if not any(list(obj.spec.get(kind).each()) for kind in ("http", "tls", "tcp")):
        run.hold("MS204", obj, "has no rules; the API server refuses it")
        raise Held
    if not list(obj.spec.get("hosts").each()):
        run.hold("MS204", obj, "has no hosts, and its rules are no http rules; the API server refuses it")
        raise Held


def _emit(run: Run, obj: Obj, planned: Sequence[Planned], consumer: str | None) -> None:
    merged = _merge_parents(planned)
    several = len(merged) > 1
    for routes, parents, marks, stands_on in merged:
        labels = [route.label for route in routes]
        speak = len(set(labels)) == len(labels) and all(_LABEL.match(label) for label in labels)
        for number, route in enumerate(routes):
            parts = [obj.name]
            if several:
                parts += [parents[0].name] if len({p.parent.name for p in planned}) > 1 else []
                parts += [str(parents[0].port)] if len({p.parent.port for p in planned}) > 1 else []
            if len(routes) > 1:
                parts.append(labels[number] if speak else str(number + 1))
            name = "-".join(dict.fromkeys(parts))
            meta = metadata.metadata(
                obj, name, namespace=consumer if consumer is not None else parents[0].namespace
            )
            _plan_route(run, obj, route._replace(parents=tuple(parents)), meta, marks, stands_on)
    run.units.bind([obj.uid, *(owner.uid for plan in planned for owner in plan.owners)])


def _merge_parents(
    planned: Sequence[Planned],
) -> list[tuple[tuple[Route, ...], list[Parent], tuple[Mark, ...], tuple[Obj, ...]]]:
    """Services whose routes are alike share route objects, as long as they lie in one namespace.

    Two ports of one Service do not: the standard channel refuses parentRefs that differ in nothing but the port.
    """
    merged: dict[Any, tuple[tuple[Route, ...], list[Parent], tuple[Mark, ...], tuple[Obj, ...]]] = {}
    for plan in planned:
        bare = tuple(route._replace(parents=()) for route in plan.routes)
        key: Any = (bare, plan.parent.namespace)
        if key in merged and any(parent.name == plan.parent.name for parent in merged[key][1]):
            key = plan.parent
        if key in merged:
            routes, parents, marks, stands_on = merged[key]
            merged[key] = (
                routes,
                [*parents, plan.parent],
                marks + plan.marks,
                tuple(dict.fromkeys(stands_on + plan.owners)),
            )
        else:
            merged[key] = (plan.routes, [plan.parent], plan.marks, plan.owners)
    return list(merged.values())


def _plan_route(
    run: Run,
    obj: Obj,
    route: Route,
    meta: dict[str, Any],
    marks: tuple[Mark, ...],
    stands_on: tuple[Obj, ...],
) -> None:
    reason = http_route.needs_gateway_group(route)
    if reason and not run.target.reads_gateway_api:
        run.hold(
            "MS260",
            obj,
            f"needs {reason}, which policy.linkerd.io routes cannot say (Linkerd before 2.18 reads no other)",
        )
        raise Held
    if reason:
        run.gateway_only.append((obj.view, f"needs {reason}; while clients stay in Istio the route must be a "
        f"policy.linkerd.io one, "
                                 "which cannot say that"))  # fmt: skip

    def value(hidden: bool) -> dict[str, Any]:
        if route.grpc and not hidden:
            return http_route.build_grpc(route, meta, obj.namespace)
        return http_route.build(route, meta, run.target, hidden=hidden, release_namespace=obj.namespace)

    run.derive(value, [obj, *stands_on], marks)
