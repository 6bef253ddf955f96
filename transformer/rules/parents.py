"""What already stands on a Service that is to become the parent of a route (observed L6, L14, L20)."""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import MARKER, Obj
from transformer.run import Run

GATEWAY_API = "gateway.networking.k8s.io"
_ROUTES = (
    *((GATEWAY_API, kind) for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")),
    ("policy.linkerd.io", "HTTPRoute"),
)


def foreign_route(run: Run, service: Obj) -> Obj | None:
    """A route of the Service that was not made here, if stream or context have one: rules of both would mix."""
    return foreign_route_to(run, service.namespace, service.name)


def foreign_route_to(run: Run, namespace: str, name: str) -> Obj | None:
    """The same for a Service that need not be there."""
    index: dict[tuple[str, str], Obj] | None = run.memo.get("routes-by-parent")
    if index is None:
        index = run.memo["routes-by-parent"] = {}
        for group, kind in _ROUTES:
            for route in run.context.objects(group, kind):
                for parent in () if MARKER in route.annotations else _services(route):
                    index.setdefault(parent, route)
    return index.get((namespace, name))


def _services(route: Obj) -> Iterator[tuple[str, str]]:
    for ref in route.spec.get("parentRefs").each():
        if ref.get("kind").text() == "Service":
            yield ref.get("namespace").text() or route.namespace, ref.get("name").text()


def profile(run: Run, service: Obj) -> Obj | None:
    """The ServiceProfile that makes Linkerd ignore all routes of the Service, if stream or context have one."""
    return profile_of(run, service.namespace, service.name)


def profile_of(run: Run, namespace: str, name: str) -> Obj | None:
    """The same for a Service that need not be there."""
    index: dict[str, Obj] | None = run.memo.get("profiles-by-name")
    if index is None:
        index = run.memo["profiles-by-name"] = {}
        for found in run.context.objects("linkerd.io", "ServiceProfile"):
            if found.spec.get("routes") or found.spec.get("dstOverrides"):
                index.setdefault(found.name, found)
    return index.get(f"{name}.{namespace}.svc.{run.options['mesh.cluster-domain']}")
