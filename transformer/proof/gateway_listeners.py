"""Gateway API Gateways: which listener takes a connection, and which routes it serves.

A request belongs to the most specific listener of its port and hostname; a route serves it where its
parentRef, the listener's `allowedRoutes` and the two sets of hostnames agree (Gateway API v1, `Listener`,
`ParentReference`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .objects import Obj, Objects, group_of, items, meta, name_of, namespace_of, spec

GATEWAY_GROUP = "gateway.networking.k8s.io"
_KINDS = {
    "HTTP": {"HTTPRoute", "GRPCRoute"},
    "HTTPS": {"HTTPRoute", "GRPCRoute"},
    "TLS": {"TLSRoute", "TCPRoute"},
    "TCP": {"TCPRoute"},
}


class Listener(NamedTuple):
    """A listener and the Gateway that has it."""

    gateway: Obj
    entry: Obj

    @property
    def protocol(self) -> str:
        """`HTTP`, `HTTPS`, `TLS`, `TCP` …"""
        return str(self.entry.get("protocol") or "")

    @property
    def hostname(self) -> str:
        """The hostname, empty for every host."""
        return str(self.entry.get("hostname") or "").lower()

    @property
    def port(self) -> int:
        """The port."""
        return int(self.entry.get("port") or 0)

    @property
    def passthrough(self) -> bool:
        """Whether TLS is passed through."""
        tls = self.entry.get("tls")
        return isinstance(tls, Mapping) and tls.get("mode") == "Passthrough"


def hostname_matches(hostname: str, host: str) -> bool:
    """Whether a hostname (empty: any) covers a host; a wildcard stands for one or more labels."""
    if not hostname:
        return True
    if hostname.startswith("*."):
        return host.endswith(hostname[1:]) and len(host) > len(hostname) - 1
    return hostname == host


def specificity(hostname: str) -> tuple[int, int]:
    """Rank of a hostname that matches: exact before wildcard before none, longer first."""
    if not hostname:
        return (0, 0)
    return (1, len(hostname)) if hostname.startswith("*.") else (2, len(hostname))


def intersection(listener: str, route: str) -> str | None:
    """The more specific of two hostnames where they overlap, None where they do not."""
    if not listener or not route:
        return listener or route
    if listener == route:
        return route
    if listener.startswith("*.") and hostname_matches(listener, route.removeprefix("*.")):
        return route
    if listener.startswith("*.") and route.startswith("*.") and route.endswith(listener[1:]):
        return route
    if route.startswith("*.") and hostname_matches(route, listener.removeprefix("*.")):
        return listener
    return None


def effective_hostnames(listener: Listener, route: Obj) -> list[str]:
    """Hostnames for which a route serves on a listener; empty where there are none in common."""
    named = spec(route).get("hostnames")
    names = [str(name).lower() for name in named] if isinstance(named, list) and named else [""]
    found = [intersection(listener.hostname, name) for name in names]
    return [name for name in found if name is not None]


class Gateways:
    """Gateways that share one address: their listeners are one set."""

    def __init__(self, objects: Objects, names: Iterable[str]) -> None:
        self._objects = objects
        self.listeners: list[Listener] = []
        for name in names:
            gateway = objects.get(GATEWAY_GROUP, "Gateway", *name.split("/", 1))
            if gateway is not None:
                self.listeners += [Listener(gateway, entry) for entry in items(spec(gateway), "listeners")]

    def choose(self, port: int, host: str, *, tls: bool) -> Listener | None:
        """The listener of a connection: by server name for TLS, by Host header for plain HTTP; None refuses
        it.
        """
        wanted = {"HTTPS", "TLS"} if tls else {"HTTP"}
        fitting = [
            listener
            for listener in self.listeners
            if listener.port == port
            and listener.protocol in wanted
            and hostname_matches(listener.hostname, host)
        ]
        return max(fitting, key=lambda listener: specificity(listener.hostname), default=None)

    def has_port(self, port: int, *, tls: bool) -> bool:
        """Whether any listener of the port speaks TLS, or plain HTTP."""
        wanted = {"HTTPS", "TLS"} if tls else {"HTTP"}
        return any(listener.port == port and listener.protocol in wanted for listener in self.listeners)

    def routes(self, listener: Listener, kind: str) -> list[Obj]:
        """The routes of a kind that the listener accepts, hostnames aside."""
        if kind not in self._kinds(listener):
            return []
        return [
            route
            for route in self._objects.of(GATEWAY_GROUP, kind)
            if self._namespace_allowed(listener, namespace_of(route)) and _attached(route, listener)
        ]

    def _kinds(self, listener: Listener) -> set[str]:
        own = _KINDS.get(listener.protocol, set())
        allowed = items(_allowed(listener), "kinds")
        return own & {str(entry.get("kind")) for entry in allowed} if allowed else own

    def _namespace_allowed(self, listener: Listener, namespace: str) -> bool:
        block = _allowed(listener).get("namespaces")
        rule: Obj = block if isinstance(block, Mapping) else {}
        scope = rule.get("from") or "Same"
        if scope == "All":
            return True
        if scope == "Same":
            return namespace == namespace_of(listener.gateway)
        if scope != "Selector":
            return False
        owner = self._objects.namespace(namespace)
        labels = dict(meta(owner).get("labels") or {}) if owner is not None else {}
        # The API server gives every Namespace a label with its name.
        labels["kubernetes.io/metadata.name"] = namespace
        selector = rule.get("selector")
        return isinstance(selector, Mapping) and selects(selector, labels)


def _allowed(listener: Listener) -> Obj:
    found = listener.entry.get("allowedRoutes")
    return found if isinstance(found, Mapping) else {}


def selects(selector: Obj, labels: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector selects the labels."""
    wanted = selector.get("matchLabels")
    if isinstance(wanted, Mapping) and any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for expression in items(selector, "matchExpressions"):
        key, operator = str(expression.get("key")), expression.get("operator")
        values = expression.get("values") or []
        held = {
            "In": labels.get(key) in values if key in labels else False,
            "NotIn": key not in labels or labels[key] not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not held.get(str(operator), False):
            return False
    return True


def _attached(route: Obj, listener: Listener) -> bool:
    for ref in items(spec(route), "parentRefs"):
        group = str(ref.get("group") if ref.get("group") is not None else GATEWAY_GROUP)
        if group != GATEWAY_GROUP or str(ref.get("kind") or "Gateway") != "Gateway":
            continue
        owner = str(ref.get("namespace") or namespace_of(route)), str(ref.get("name"))
        if owner != (namespace_of(listener.gateway), name_of(listener.gateway)):
            continue
        section, port = ref.get("sectionName"), ref.get("port")
        if section not in (None, "", listener.entry.get("name")) or port not in (None, listener.port):
            continue
        return True
    return False


def granted(objects: Objects, route: Obj, namespace: str, name: str) -> bool:
    """Whether a route may refer to a Service of that namespace: its own, or one with a ReferenceGrant."""
    if namespace_of(route) == namespace:
        return True
    for grant in objects.of(GATEWAY_GROUP, "ReferenceGrant"):
        if namespace_of(grant) != namespace:
            continue
        from_here = any(
            (entry.get("group"), entry.get("kind"), entry.get("namespace"))
            == (group_of(route), route.get("kind"), namespace_of(route))
            for entry in items(spec(grant), "from")
        )
        to_there = any(
            entry.get("group") in (None, "")
            and entry.get("kind") == "Service"
            and entry.get("name") in (None, "", name)
            for entry in items(spec(grant), "to")
        )
        if from_here and to_there:
            return True
    return False
