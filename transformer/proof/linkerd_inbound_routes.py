"""HTTPRoutes and GRPCRoutes with a Server as parent, as Linkerd's policy controller reads them.

Admission, status (the Server must exist, a GRPCRoute turns HTTPRoutes of the same Server off) and index are
all taken into account (linkerd2, `policy-controller/k8s/status/src/index.rs` and
`policy-controller/k8s/index/src/inbound`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .linkerd_admission_shapes import targets
from .linkerd_inbound_clients import Authorization, Clients
from .linkerd_inbound_networks import Network
from .objects import GATEWAY, POLICY, Obj, Objects, items, meta, name_of, namespace_of, spec
from .routes import convertible, rules_of

_KINDS = ((GATEWAY, "GRPCRoute"), (GATEWAY, "HTTPRoute"), (POLICY, "HTTPRoute"))


class ServerRoute(NamedTuple):
    """A route of a Server; `identity` is `group/kind/namespace/name`, None for the proxy's own routes.

    `authorizations` come on top of the Server's.
    """

    identity: str | None
    hostnames: tuple[str, ...]
    rules: tuple[Obj, ...]
    authorizations: tuple[Authorization, ...] = ()


DEFAULT = ServerRoute(None, (), ({},))
"""The route of a Server without routes: everything."""

DEFAULT_GRPC = ServerRoute(None, (), ({"matches": [{"method": {}}]},))
"""The same for gRPC: what is a call at all, a POST to `/service/method`."""


def probe_route(paths: Iterable[str], probes: tuple[Network, ...]) -> ServerRoute | None:
    """The route that lets probes in; None where there are no probes or no networks for them."""
    matches = [{"method": "GET", "path": {"type": "Exact", "value": path}} for path in sorted(paths)]
    if not matches or not probes:
        return None
    return ServerRoute(None, (), ({"matches": matches},), (Authorization(probes),))


class ServerRoutes:
    """The routes of every Server in a set of objects that admission let in."""

    def __init__(self, objects: Objects, clients: Clients) -> None:
        self._clients = clients
        self._routes = [
            (obj, group, kind, _server_parents(obj, group))
            for group, kind in _KINDS
            for obj in objects.of(group, kind)
        ]
        # A GRPCRoute counts for this even where its own reference to the Server has no effect.
        self._grpc = {
            parent for _, _, kind, parents in self._routes if kind == "GRPCRoute" for parent in parents
        }

    def of(self, server: Obj, *, grpc: bool) -> list[ServerRoute]:
        """Accepted routes of the kind that the Server's protocol uses, in the order in which equals win."""
        parent = (namespace_of(server), name_of(server))
        if not grpc and parent in self._grpc:
            return []
        found = sorted(
            (_age(obj, group, kind), obj)
            for obj, group, kind, parents in self._routes
            if (kind == "GRPCRoute") == grpc
            and namespace_of(obj) == parent[0]
            and parent in parents
            and _is_indexed(obj, group, kind)
        )
        return [self._route(obj, group, kind) for (*_, group, kind), obj in found]

    def _route(self, obj: Obj, group: str, kind: str) -> ServerRoute:
        identity = f"{group}/{kind}/{namespace_of(obj)}/{name_of(obj)}"
        clients = self._clients.of_route(obj, group, kind)
        return ServerRoute(identity, _hostnames(obj), tuple(rules_of(obj)), clients)


def _server_refs(route: Obj, group: str) -> list[Obj]:
    """References to Servers; a missing group or kind takes the default of the route's CRD, a Gateway."""
    return [
        ref
        for ref in items(spec(route), "parentRefs")
        if ref.get("name") and targets({"group": group, **ref}, POLICY, "Server")
    ]


def _server_parents(route: Obj, group: str) -> frozenset[tuple[str, str]]:
    """Namespace and name of each Server named."""
    return frozenset(
        (str(ref.get("namespace") or namespace_of(route)), str(ref["name"]))
        for ref in _server_refs(route, group)
    )


def _is_indexed(route: Obj, group: str, kind: str) -> bool:
    """Whether the index takes the route: one Server reference that it cannot use drops the route whole."""
    return convertible(route, group, kind) and not any(
        ref.get("port") is not None
        or ref.get("sectionName") is not None
        or ref.get("namespace") not in (None, namespace_of(route))
        for ref in _server_refs(route, group)
    )


def _hostnames(route: Obj) -> tuple[str, ...]:
    found = spec(route).get("hostnames")
    return tuple(str(name) for name in found) if isinstance(found, list) else ()


def _age(route: Obj, group: str, kind: str) -> tuple[bool, str, str, str, str]:
    """Routes with a creation time first, older first, then by name, group and kind."""
    created = meta(route).get("creationTimestamp")
    return (created is None, str(created or ""), name_of(route), group, kind)
