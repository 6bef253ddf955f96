"""Who may call a pod of Open Service Mesh: its TrafficTargets over plain objects, as its sidecars enforce them.

Follows the last release (osm `pkg/catalog`, `pkg/envoy/generator/lds` and `rds`), or by `reading="spec"` the SMI
specification, by which targets add up. Ingresses, egress, Host headers and trust domains are not modelled. The order in
which OSM learns of targets is not known: where it decides, the answer is `depends`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .objects import (
    Obj,
    Objects,
    container_port,
    flattened,
    items,
    meta,
    name_of,
    namespace_of,
    pod_template,
    spec,
)

ACCESS, SPECS = "access.smi-spec.io", "specs.smi-spec.io"
_PROTOCOLS = {"http": "http", "grpc": "http", "tcp": "tcp", "tcp-server-first": "tcp"}


class Question(NamedTuple):
    """One call: the workload as `namespace/name`, its container port, the caller's (namespace, ServiceAccount)."""

    workload: str
    port: int
    client: tuple[str, str] | None
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = {}


class OsmAuthorization:
    """TrafficTargets of a set of objects; what is not listed does not exist."""

    def __init__(self, objects: Iterable[Obj], *, permissive: bool = False, reading: str = "osm") -> None:
        self._objects = Objects(flattened(objects))
        self._permissive = permissive
        self._spec = reading == "spec"

    def protocol(self, workload: str, port: int) -> str:
        """`http`, `tcp`, or nothing where no Service of the workload has the port."""
        found = {protocol for number, protocol in self._ports(workload) if number == port}
        if len(found) > 1:
            raise ValueError(f"port {port} of {workload} is read in two ways")
        return found.pop() if found else ""

    def ask(self, question: Question) -> str:
        """`allow`, `deny`, or `depends` on the order of targets."""
        protocol = self.protocol(question.workload, question.port)
        if question.client is None or not protocol:
            return "deny"
        if self._permissive:
            return "allow"
        targets = list(self._targets(question.workload))
        if self._spec:
            return _verdict({any(self._adds(target, question, protocol) for target in targets)})
        connected = any(self._connects(target, question) for target in targets)
        if protocol == "tcp" or not connected:
            return _verdict({connected})
        return _verdict({self._routed(order, question) for order in itertools.permutations(targets)})

    def _ports(self, workload: str) -> Iterator[tuple[int, str]]:
        namespace, obj = self._workload(workload)
        labels = meta(pod_template(obj)).get("labels") or {}
        for service in self._objects.of("", "Service"):
            selector = spec(service).get("selector") or {}
            if namespace_of(service) != namespace or not selector or not selector.items() <= labels.items():
                continue
            for port in items(service, "ports") or items(spec(service), "ports"):
                number = container_port(obj, port.get("targetPort", port["port"]))
                if number is not None and port.get("protocol", "TCP") == "TCP":
                    yield number, _protocol(port)

    def _workload(self, name: str) -> tuple[str, Obj]:
        namespace, _, workload = name.partition("/")
        return namespace, next(o for o in self._objects.workloads(namespace) if name_of(o) == workload)

    def _targets(self, workload: str) -> Iterator[Obj]:
        """Targets that count for the workload's ServiceAccount."""
        namespace, obj = self._workload(workload)
        account = spec(pod_template(obj)).get("serviceAccountName") or "default"
        for target in self._objects.of(ACCESS, "TrafficTarget"):
            destination = spec(target)["destination"]
            space = destination.get("namespace", "" if not self._spec else namespace_of(target))
            rules = items(spec(target), "rules")
            sound = rules and all(rule["kind"] in ("HTTPRouteGroup", "TCPRoute") for rule in rules)
            if destination["name"] == account and space == namespace == namespace_of(target) and sound:
                yield target

    def _connects(self, target: Obj, question: Question) -> bool:
        """The filter of connections: the source, and any port or one that a TCPRoute names."""
        ports: list[int] = []
        for rule in items(spec(target), "rules"):
            if rule["kind"] == "TCPRoute":
                route = self._objects.get(SPECS, "TCPRoute", namespace_of(target), rule["name"])
                if route is None:
                    return False
                ports += _tcp_ports(route)
        return self._is_source(target, question) and (not ports or question.port in ports)

    def _is_source(self, target: Obj, question: Question) -> bool:
        return any(
            (source.get("namespace", ""), source["name"]) == question.client
            for source in items(spec(target), "sources")
        )

    def _routed(self, order: Iterable[Obj], question: Question) -> bool:
        """The filter of requests: who is a source of the first route that matches, equal ones taken together."""
        routes: list[tuple[Any, bool]] = []
        for target in order:
            for match in self._matches(target):
                same = next((i for i, (other, _) in enumerate(routes) if other == match), None)
                listed = self._is_source(target, question)
                if same is None:
                    routes.append((match, listed))
                else:
                    routes[same] = (match, routes[same][1] or listed)
        return next((listed for match, listed in routes if _takes(match, question, whole=True)), False)

    def _matches(self, target: Obj) -> Iterator[Any]:
        for rule in items(spec(target), "rules"):
            group = self._objects.get(SPECS, "HTTPRouteGroup", namespace_of(target), rule["name"])
            if rule["kind"] != "HTTPRouteGroup" or group is None:
                continue
            found = {match["name"]: match for match in items(spec(group), "matches")}
            for name in rule.get("matches") or (list(found) if self._spec else ()):
                if name in found:
                    match = found[name]
                    yield (
                        match.get("pathRegex") or ".*",
                        match.get("methods") or ["*"],
                        {key: value for entry in match.get("headers") or () for key, value in entry.items()},
                    )

    def _adds(self, target: Obj, question: Question, protocol: str) -> bool:
        """Whether one target alone lets the call in, by the specification."""
        kinds = {rule["kind"] for rule in items(spec(target), "rules")}
        if not self._connects(target, question):
            return False
        if "HTTPRouteGroup" not in kinds:
            return True
        return protocol == "http" and any(
            _takes(match, question, whole=False) for match in self._matches(target)
        )


def _verdict(found: set[bool]) -> str:
    return "depends" if len(found) > 1 else "allow" if found == {True} else "deny"


def _tcp_ports(route: Obj) -> list[int]:
    matches = spec(route).get("matches") or {}
    return [int(port) for port in matches.get("ports") or ()]


def _protocol(port: Mapping[str, Any]) -> str:
    declared = str(port.get("appProtocol") or "").lower()
    if declared:
        return _PROTOCOLS.get(declared, "")
    name = str(port.get("name") or "")
    prefixes = ("tcp-server-first", "http", "tcp", "grpc")
    return _PROTOCOLS[next((prefix for prefix in prefixes if name.startswith(f"{prefix}-")), "http")]


def _takes(match: Any, question: Question, *, whole: bool) -> bool:
    path, methods, headers = match
    found = re.fullmatch(path, question.path) if whole else re.match(path, question.path)
    if found is None or not ("*" in methods or question.method in methods):
        return False
    given = {key.lower(): value for key, value in question.headers.items()}
    return all(
        key.lower() in given and re.fullmatch(pattern, given[key.lower()]) for key, pattern in headers.items()
    )
