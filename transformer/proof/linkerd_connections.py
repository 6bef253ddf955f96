"""Where a meshed client's connection that is not HTTP goes: TLSRoutes and TCPRoutes of a Service.

Follows the policy controller and the proxy of the 2.20 line (linkerd2 `policy-controller/grpc/src/outbound.rs`,
linkerd2-proxy `linkerd/tls/route`): opaque ports obey the first TCPRoute, ports without appProtocol the highest kind of
route that they have, of which TLSRoutes go by server name. Routes are read as v1alpha2 only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .behaviour import FAILS, Target, target_of
from .gateway_listeners import hostname_matches, specificity
from .linkerd_outbound import Outbound
from .objects import GATEWAY, Obj, Objects, items, meta, name_of, namespace_of, service_port, spec
from .routes import accepted_routes, service_parents

Shares = Mapping[Target, float]
_VERSION = f"{GATEWAY}/v1alpha2"


class Linkerd:
    """Routes of connections in a set of objects; unlisted objects do not exist."""

    def __init__(self, objects: Iterable[Obj]) -> None:
        self.objects = objects if isinstance(objects, Objects) else Objects(objects)
        self._outbound = Outbound(self.objects)
        taken = {(parent, route.grpc) for route in accepted_routes(self.objects) for parent in route.parents}
        self._requests = {(parent.namespace, parent.name, parent.port): grpc for parent, grpc in taken}

    def connect(self, service: str, port: int, server_name: str | None, source: str = "shop") -> Shares:
        """Shares of a connection by target; nothing where it is refused. `server_name` None: it is not TLS."""
        namespace, _, name = service.partition("/")
        found = self.objects.service(namespace, name)
        entry = service_port(found, port) if found is not None else None
        if found is None or entry is None:
            return {}
        own = {target_of(self.objects, service, port): 1.0}
        tcp = self._routes("TCPRoute", namespace, name, port, source)
        protocol = str(entry.get("appProtocol") or "").lower()
        if protocol in ("http", "kubernetes.io/h2c"):
            return {FAILS: 1.0}
        if protocol or self._outbound.is_opaque(found, namespace, port):
            return self._shares(tcp[0], namespace) if tcp else own
        grpc = [self._requests.get((namespace, name, number)) for number in (port, None)]
        if True in grpc or False in grpc:
            return {FAILS: 1.0} if True in grpc else own
        tls = self._routes("TLSRoute", namespace, name, port, source)
        if tls:
            chosen = _by_name(tls, server_name) if server_name is not None else None
            return {} if chosen is None else self._shares(chosen, namespace)
        return self._shares(tcp[0], namespace) if tcp else own

    def _routes(self, kind: str, namespace: str, name: str, port: int, source: str) -> list[Obj]:
        """Routes of the Service's namespace and of the client's, older first, then by name."""
        found = []
        for route in self.objects.of(GATEWAY, kind):
            if route.get("apiVersion") != _VERSION or namespace_of(route) not in (namespace, source):
                continue
            if len(items(spec(route), "rules")) != 1:
                continue
            for parent in service_parents(route, GATEWAY):
                if (parent.namespace, parent.name) == (namespace, name) and parent.port in (None, port):
                    found.append(route)
                    break
        return sorted(found, key=_age)

    def _shares(self, route: Obj, parent_namespace: str) -> Shares:
        refs = items(items(spec(route), "rules")[0], "backendRefs")
        weights = [float(1 if ref.get("weight") is None else ref["weight"]) for ref in refs]
        weights = [1.0] if len(refs) == 1 else weights
        found: dict[Target, float] = {}
        for ref, weight in zip(refs, weights, strict=True):
            # A missing namespace is the parent Service's, also in a consumer route.
            where = f"{ref.get('namespace') or parent_namespace}/{ref.get('name')}"
            target = target_of(self.objects, where, ref.get("port"))
            if weight:
                found[target] = found.get(target, 0.0) + weight / sum(weights)
        return found


def _by_name(routes: list[Obj], name: str) -> Obj | None:
    """The first of the routes with the most specific hostname; one without hostnames takes every name."""
    best: tuple[tuple[int, int], Obj] | None = None
    for route in routes:
        hostnames = [str(host).lower() for host in spec(route).get("hostnames") or [""]]
        ranks = [specificity(host) for host in hostnames if hostname_matches(host, name)]
        if ranks and (best is None or max(ranks) > best[0]):
            best = (max(ranks), route)
    return None if best is None else best[1]


def _age(route: Obj) -> tuple[bool, str, str]:
    created = meta(route).get("creationTimestamp")
    return (created is None, str(created or ""), name_of(route))
