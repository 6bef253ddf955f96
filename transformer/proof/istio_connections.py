"""Where Istio sends a connection that is not HTTP: tcp and tls rules of VirtualServices, by sidecars and by gateways.

Follows istiod's listeners (istio/istio `pilot/pkg/networking/core/tls.go`, `gateway.go`): for a sidecar the protocol of
the port decides which list counts, a gateway goes by its server. The answer is a share for every target; nothing at all
means that the connection is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .behaviour import FAILS, Target
from .objects import (
    Obj,
    Objects,
    container_port,
    items,
    meta,
    name_of,
    namespace_of,
    pod_template,
    service_port,
    spec,
)

GROUP = "networking.istio.io"
Shares = Mapping[Target, float]
_PLAIN = frozenset({"tcp", "mongo", "redis", "mysql"})
_OTHERS = frozenset({"http", "http2", "grpc", "https", "tls", "udp"})
_SERVER_FIRST = frozenset({25, 53, 3306, 27017})


class _Chain(NamedTuple):
    """A filter chain: the server name that it takes (empty: every connection) and where it sends them."""

    name: str
    shares: Shares


class Istio:
    """The tcp and tls rules in a set of objects; clients have no labels that a rule could ask for."""

    def __init__(
        self, objects: Iterable[Obj], *, allow_any: bool = True, cluster_domain: str = "cluster.local"
    ) -> None:
        self.objects = objects if isinstance(objects, Objects) else Objects(objects)
        self._allow_any = allow_any
        self._domain = cluster_domain
        self._rules = sorted(self.objects.of(GROUP, "VirtualService"), key=_age)

    def from_sidecar(self, service: str, port: int, server_name: str | None, source: str = "shop") -> Shares:
        """A connection of a meshed client of namespace `source`; `server_name` None is one that is not TLS.

        Of ports that speak HTTP nothing is said here.
        """
        namespace, _, name = service.partition("/")
        found = self.objects.service(namespace, name)
        entry = service_port(found, port) if found is not None else None
        if found is None or entry is None:
            return {}
        own = self._only(self._pods(namespace, name, port, {}))
        rules = [rule for rule in self._rules if self._is_for(rule, namespace, name)]
        protocol = _protocol(entry)
        if protocol in ("tls", "https"):
            chains = list(self._by_name(rules, port, source))
            if not chains:
                return own
            shares = _choose(chains, server_name)
            return shares if shares is not None else own if self._allow_any else {}
        for rule in rules:
            for route in items(spec(rule), "tcp"):
                if _fits(items(route, "match"), port, "mesh", source):
                    return self._shares(route, rule, port)
        return own

    def at_gateway(self, gateway: str, port: int, server_name: str | None) -> Shares:
        """A connection to a port of a gateway; `server_name` None is one that is not TLS."""
        namespace, _, name = gateway.partition("/")
        found = self.objects.get(GROUP, "Gateway", namespace, name)
        chains: list[_Chain] = []
        for server in items(spec(found) if found is not None else {}, "servers"):
            if _block(server, "port").get("number") == port:
                chains += self._of_server(server, gateway, {chain.name for chain in chains})
        return _choose(chains, server_name) or {}

    def _of_server(self, server: Obj, gateway: str, taken: set[str]) -> Iterator[_Chain]:
        tls = _block(server, "tls")
        port = int(_block(server, "port")["number"])
        bound = [rule for rule in self._rules if _binds(rule, server, gateway)]
        if tls and tls.get("mode", "PASSTHROUGH") == "PASSTHROUGH":
            for rule in bound:
                for route in items(spec(rule), "tls"):
                    for match in items(route, "match"):
                        names = {str(host).lower() for host in match.get("sniHosts") or []}
                        if _fits([match], port, gateway, "", gateways=True) and not names & taken:
                            taken |= names
                            shares = self._shares(route, rule, port, gateway=True)
                            yield from (_Chain("" if one == "*" else one, shares) for one in sorted(names))
            return
        for rule in bound:
            for route in items(spec(rule), "tcp"):
                if _fits(items(route, "match"), port, gateway, "", gateways=True):
                    shares = self._shares(route, rule, port, gateway=True)
                    hosts = [str(host).rpartition("/")[2].lower() for host in server.get("hosts") or []]
                    yield from (_Chain("" if not tls or one == "*" else one, shares) for one in hosts)
                    return

    def _by_name(self, rules: list[Obj], port: int, source: str) -> Iterator[_Chain]:
        seen: list[object] = []
        for rule in rules:
            for route in items(spec(rule), "tls"):
                for match in items(route, "match"):
                    key = match.get("sniHosts"), match.get("destinationSubnets")
                    if _fits([match], port, "mesh", source) and key not in seen:
                        seen.append(key)
                        shares = self._shares(route, rule, port)
                        for name in match.get("sniHosts") or []:
                            yield _Chain("" if name == "*" else str(name).lower(), shares)

    def _is_for(self, rule: Obj, namespace: str, name: str) -> bool:
        if "mesh" not in (spec(rule).get("gateways") or ["mesh"]):
            return False
        return any(
            self._service(str(host), rule) == (namespace, name) for host in spec(rule).get("hosts") or []
        )

    def _service(self, host: str, owner: Obj) -> tuple[str, str] | None:
        if "." not in host:
            return namespace_of(owner), host
        name, _, rest = host.partition(".")
        namespace, _, suffix = rest.partition(".")
        return (namespace, name) if suffix == f"svc.{self._domain}" else None

    def _shares(self, route: Obj, owner: Obj, port: int, *, gateway: bool = False) -> Shares:
        entries = items(route, "route")
        weights = [float(entry.get("weight") or 0) for entry in entries]
        weights = [1.0] if len(entries) == 1 else weights
        found: dict[Target, float] = {}
        for entry, weight in zip(entries, weights, strict=True):
            if weight:
                target = self._destination(_block(entry, "destination"), owner, port, gateway)
                found[target] = found.get(target, 0.0) + weight / sum(weights)
        return found

    def _destination(self, destination: Obj, owner: Obj, port: int, gateway: bool) -> Target:
        where = self._service(str(destination.get("host")), owner)
        service = self.objects.service(*where) if where is not None else None
        if where is None or service is None:
            return FAILS
        ports = [entry.get("port") for entry in items(spec(service), "ports")]
        implied = ports[0] if gateway and len(ports) == 1 else port
        number = _block(destination, "port").get("number") or implied
        subset = destination.get("subset")
        labels = self._labels(where, str(subset)) if subset else {}
        return FAILS if labels is None else self._pods(*where, int(str(number)), labels)

    def _labels(self, where: tuple[str, str], subset: str) -> Mapping[str, str] | None:
        for rule in self.objects.of(GROUP, "DestinationRule"):
            if self._service(str(spec(rule).get("host")), rule) == where:
                for entry in items(spec(rule), "subsets"):
                    if entry.get("name") == subset:
                        return {str(key): str(value) for key, value in (entry.get("labels") or {}).items()}
        return None

    def _pods(self, namespace: str, name: str, port: int, labels: Mapping[str, str]) -> Target:
        service = self.objects.service(namespace, name)
        entry = service_port(service, port) if service is not None else None
        if service is None or entry is None:
            return FAILS
        wanted = {**(spec(service).get("selector") or {}), **labels}
        found = set()
        for workload in self.objects.workloads(namespace):
            have = meta(pod_template(workload)).get("labels") or {}
            target = container_port(workload, entry.get("targetPort", port))
            if wanted.items() <= have.items() and target is not None:
                found.add(f"{namespace}/{name_of(workload)}:{target}")
        return frozenset(found) or FAILS

    @staticmethod
    def _only(target: Target) -> Shares:
        return {target: 1.0}


def _choose(chains: list[_Chain], name: str | None) -> Shares | None:
    """The chain of the most specific server name; without one only a chain that takes every connection."""
    fitting = [
        chain for chain in chains if not chain.name or (name is not None and _covers(chain.name, name))
    ]
    rank = {"": 0, "*": 1}
    best = max(fitting, key=lambda one: (rank.get(one.name[:1], 2), len(one.name)), default=None)
    return None if best is None else best.shares


def _covers(pattern: str, name: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def _fits(matches: list[Obj], port: int, place: str, source: str, *, gateways: bool = False) -> bool:
    """Whether any of the matches is for the port and the place; sidecars also look at who dials what."""
    return not matches or any(
        match.get("port") in (None, 0, port)
        and (
            not match.get("gateways")
            or place in match["gateways"]
            or place.rpartition("/")[2] in match["gateways"]
        )
        and (
            gateways or (not match.get("sourceLabels") and match.get("sourceNamespace") in (None, "", source))
        )
        for match in matches
    )


def _binds(rule: Obj, server: Obj, gateway: str) -> bool:
    """Whether a VirtualService of the gateway shares a host with the server, seen from its namespace."""
    namespace, _, name = gateway.partition("/")
    own = {gateway} | ({name} if namespace_of(rule) == namespace else set())
    if not own & set(spec(rule).get("gateways") or []):
        return False
    for host in server.get("hosts") or []:
        scope, _, text = str(host).rpartition("/")
        scope = namespace if scope == "." else scope
        mine = [str(one).lower() for one in spec(rule).get("hosts") or []]
        if scope in ("", "*", namespace_of(rule)) and any(_meet(text.lower(), one) for one in mine):
            return True
    return False


def _meet(one: str, other: str) -> bool:
    if "*" in (one, other) or one == other:
        return True
    return (one.startswith("*.") and other.removeprefix("*").endswith(one[1:])) or (
        other.startswith("*.") and one.removeprefix("*").endswith(other[1:])
    )


def _protocol(entry: Obj) -> str:
    """`tcp` and the like, `tls`, `https`, those of HTTP, or `auto` where the connection itself is looked at."""
    for text in (entry.get("appProtocol"), entry.get("name")):
        first = str(text or "").lower().partition("-")[0]
        if first in _PLAIN or first in _OTHERS:
            return first
        if text and text == entry.get("appProtocol"):
            return "auto"
    return "tcp" if entry.get("port") in _SERVER_FIRST else "auto"


def _block(owner: Obj, key: str) -> Obj:
    found = owner.get(key)
    return found if isinstance(found, Mapping) else {}


def _age(rule: Obj) -> tuple[str, str, str]:
    return str(meta(rule).get("creationTimestamp") or ""), name_of(rule), namespace_of(rule)
