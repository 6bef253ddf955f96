"""Where a connection that is not HTTP goes at a Gateway API Gateway, in any controller that conforms.

A TCP listener gives every connection to its TCPRoute; a TLS listener is chosen by server name, passes on to the TLSRoute
of the most specific hostname, or terminates for a TCPRoute or, as an extended feature, a TLSRoute (Gateway API, TLSRoute
and `ListenerTLSConfig`). Of several that fit the oldest counts, then the first by namespace and name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .behaviour import FAILS, Target, target_of
from .gateway_listeners import Gateways, Listener, effective_hostnames, hostname_matches, specificity
from .gateway_routes import Ingress
from .objects import Obj, Objects, items, meta, name_of, namespace_of, spec

Shares = Mapping[Target, float]


class Edge:
    """The Gateways of one address over a set of objects."""

    def __init__(self, objects: Iterable[Obj], gateways: Iterable[str]) -> None:
        self.objects = objects if isinstance(objects, Objects) else Objects(objects)
        names = list(gateways)
        self._gateways = Gateways(self.objects, names)
        self._ingress = Ingress(self.objects, names)

    def connect(self, port: int, server_name: str | None) -> Shares:
        """Shares of a connection by target; nothing where it is refused. `server_name` None: it is not TLS."""
        listener = self._listener(port, server_name)
        if listener is None or listener.protocol in ("HTTP", "HTTPS"):
            return {}
        route = self._route(listener, server_name or "")
        if route is None:
            return {}
        rules = items(spec(route), "rules")
        found: dict[Target, float] = {}
        for entry in self._ingress.destinations(items(rules[0], "backendRefs") if rules else [], route):
            failing = entry.get("fails")
            target = FAILS if failing else target_of(self.objects, entry["service"], entry["port"])
            if entry["share"]:
                found[target] = found.get(target, 0.0) + float(entry["share"])
        return found

    def _listener(self, port: int, server_name: str | None) -> Listener | None:
        plain = [one for one in self._gateways.listeners if one.port == port and one.protocol == "TCP"]
        if plain or server_name is None:
            return plain[0] if plain else None
        return self._gateways.choose(port, server_name, tls=True)

    def _route(self, listener: Listener, server_name: str) -> Obj | None:
        connections = sorted(self._gateways.routes(listener, "TCPRoute"), key=_age)
        if connections and not listener.passthrough:
            return connections[0]
        best: tuple[tuple[int, int], Obj] | None = None
        for route in sorted(self._gateways.routes(listener, "TLSRoute"), key=_age):
            names = effective_hostnames(listener, route)
            ranks = [specificity(name) for name in names if hostname_matches(name, server_name)]
            if ranks and (best is None or max(ranks) > best[0]):
                best = (max(ranks), route)
        return None if best is None else best[1]


def _age(route: Obj) -> tuple[bool, str, str, str]:
    created = meta(route).get("creationTimestamp")
    return (created is None, str(created or ""), namespace_of(route), name_of(route))
