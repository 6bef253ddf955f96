"""Run-time checks of everything emitted: required fields, limits and patterns of the CRDs, and Linkerd's admission rules.

The full CRD schemas and their CEL rules judge the same objects in the test suite; here the checks are those whose
violation is possible by construction of a source object (limits, names, ports, durations, regular expressions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from transformer.stream.patterns import pattern
from transformer.targets.linkerd import policy_validation
from transformer.targets.versions import Target

_DNS_LABEL = pattern(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_DNS_NAME = pattern(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")
_HOSTNAME = pattern(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_HEADER = pattern(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}\Z")
_GATEWAY_DURATION = pattern(r"([0-9]{1,5}(h|m|s|ms)){1,4}\Z")
_LINKERD_DURATION = pattern(r"[0-9]+(ms|s|m|h|d)\Z")
_PATH = pattern(r"[A-Za-z0-9/\-._~!$&'()*+,;=:@%]*\Z")


def problems(value: dict[str, Any], target: Target) -> list[str]:
    """Why the API server or Linkerd would refuse the object; empty where neither would."""
    name = value.get("metadata", {}).get("name", "")
    found = []
    limit, pattern = (63, _DNS_LABEL) if value.get("kind") == "Service" else (253, _DNS_NAME)
    if len(name) > limit or not pattern.match(name):
        found.append(f"metadata.name {name!r} is not a valid name")
    check = _CHECKS.get(str(value.get("kind")))
    if check is not None:
        found += check(value, target)
    return found


def _route(value: dict[str, Any], target: Target) -> Iterator[str]:
    spec = value["spec"]
    rules = spec.get("rules", [])
    if not 1 <= len(rules) <= 16:
        yield f"{len(rules)} rules, of which a route takes 1 to 16"
    if sum(len(rule.get("matches", [{}])) for rule in rules) > 128:
        yield "more than 128 matches in one route"
    yield from _limit(spec.get("parentRefs", []), 32, "parentRefs")
    yield from _limit(spec.get("hostnames", []), 16, "hostnames")
    for hostname in spec.get("hostnames", []):
        if len(hostname) > 253 or not _HOSTNAME.match(hostname):
            yield f"hostname {hostname!r} is not valid"
    policy = value["apiVersion"].startswith("policy.linkerd.io")
    for rule in rules:
        yield from _limit(rule.get("matches", []), 8 if policy else 64, "matches of one rule")
        yield from _limit(rule.get("backendRefs", []), 16, "backendRefs of one rule")
        for match in rule.get("matches", []):
            yield from _match(match)
        yield from _filters(rule.get("filters", []), policy, target)
        for backend in rule.get("backendRefs", []):
            if not 1 <= int(backend.get("port", 0)) <= 65535:
                yield f"backendRef {backend.get('name')} without a port"
            if not 0 <= int(backend.get("weight", 1)) <= 1_000_000:
                yield f"weight {backend['weight']} is outside 0 to 1000000"
            yield from _filters(backend.get("filters", []), policy, target)
        timeout = rule.get("timeouts", {}).get("request")
        if timeout is not None and not (
            _GATEWAY_DURATION.match(timeout) and _LINKERD_DURATION.match(timeout)
        ):
            yield f"timeout {timeout!r} is not one integer with one unit"
    for key, text in value["metadata"].get("annotations", {}).items():
        if key.startswith("timeout.linkerd.io/") and not _LINKERD_DURATION.match(text):
            yield f"{key}: {text!r} is not one integer with one unit"


def _match(match: dict[str, Any]) -> Iterator[str]:
    path = match.get("path")
    if path is not None:
        text, kind = path["value"], path["type"]
        if len(text) > 1024:
            yield "a path longer than 1024 characters"
        if kind != "RegularExpression":
            if not text.startswith("/") or not _PATH.match(text):
                yield f"path {text!r} is not valid"
            if any(part in text for part in ("//", "/./", "/../", "%2f", "%2F", "#")) or text.endswith(
                ("/..", "/.")
            ):
                yield f"path {text!r} must be normalized"
    for field in ("headers", "queryParams"):
        entries = match.get(field, [])
        yield from _limit(entries, 16, field)
        for entry in entries:
            if not _HEADER.match(entry["name"]):
                yield f"{field} name {entry['name']!r} is not valid"
            if not 1 <= len(entry["value"]) <= (4096 if field == "headers" else 1024):
                yield f"{field} value of {entry['name']} has an invalid length"


def _filters(filters: list[dict[str, Any]], policy: bool, target: Target) -> Iterator[str]:
    yield from _limit(filters, 16, "filters")
    for entry in filters:
        kind = entry["type"]
        if kind in ("RequestHeaderModifier", "ResponseHeaderModifier"):
            change = entry[kind[0].lower() + kind[1:]]
            for field in ("set", "add", "remove"):
                yield from _limit(change.get(field, []), 16, f"{kind}.{field}")
            for header in [*change.get("set", []), *change.get("add", [])]:
                if not _HEADER.match(header["name"]) or not 1 <= len(header["value"]) <= 4096:
                    yield f"header {header['name']!r} has an invalid name or value"
        elif kind == "RequestRedirect":
            codes = {301, 302} if policy else target.redirect_codes
            if entry["requestRedirect"].get("statusCode") not in codes:
                yield f"redirect code {entry['requestRedirect'].get('statusCode')} is not one of {sorted(codes)}"


def _service(value: dict[str, Any], target: Target) -> Iterator[str]:
    ports = value["spec"].get("ports", [])
    if not ports:
        yield "a Service without ports"
    names = [port.get("name") for port in ports]
    if len(ports) > 1 and (None in names or len(set(names)) < len(names)):
        yield "several Service ports without distinct names"
    for label in value["spec"].get("selector", {}).items():
        if not all(isinstance(text, str) for text in label):
            yield f"selector {label[0]} is not text"


def _gateway(value: dict[str, Any], target: Target) -> Iterator[str]:
    listeners = value["spec"]["listeners"]
    if not 1 <= len(listeners) <= 64:
        yield f"{len(listeners)} listeners, of which a Gateway takes 1 to 64"
    for listener in listeners:
        hostname = listener.get("hostname")
        if hostname is not None and (len(hostname) > 253 or not _HOSTNAME.match(hostname)):
            yield f"hostname {hostname!r} is not valid"
        if not 1 <= int(listener["port"]) <= 65535:
            yield f"port {listener['port']} is not valid"
        for reference in listener.get("tls", {}).get("certificateRefs", []):
            if not _DNS_NAME.match(reference["name"]):
                yield f"certificate name {reference['name']!r} is not valid"
    if not 1 <= len(value["spec"]["gatewayClassName"]) <= 253:
        yield "gatewayClassName has an invalid length"


def _connection_route(value: dict[str, Any], target: Target) -> Iterator[str]:
    version = value["apiVersion"].rpartition("/")[2]
    hostnames = value["spec"].get("hostnames", [])
    if value["kind"] == "TLSRoute" and not hostnames and version == "v1":
        yield "a TLSRoute needs hostnames"
    yield from _limit(hostnames, 16, "hostnames")
    yield from _limit(value["spec"]["parentRefs"], 32, "parentRefs")
    yield from _limit(value["spec"]["rules"][0]["backendRefs"], 16, "backendRefs of one rule")
    for hostname in hostnames:
        if len(hostname) > 253 or not _HOSTNAME.match(hostname):
            yield f"hostname {hostname!r} is not valid"


def _reference_grant(value: dict[str, Any], target: Target) -> Iterator[str]:
    if not all(entry["namespace"] for entry in value["spec"]["from"]):
        yield "a ReferenceGrant for a namespace that is not known; name it with the option `namespace`"
    yield from _limit(value["spec"]["to"], 16, "references")


def _limit(entries: list[Any], limit: int, what: str) -> Iterator[str]:
    if len(entries) > limit:
        yield f"{len(entries)} {what}, of which {limit} are allowed"


def _grpc_route(value: dict[str, Any], target: Target) -> Iterator[str]:
    yield from _route(value, target)
    for rule in value["spec"]["rules"]:
        yield from _limit(rule["matches"], 8 if target.gateway_api < (1, 3) else 64, "matches of one rule")


_CHECKS: dict[str, Callable[[dict[str, Any], Target], Iterator[str]]] = {
    "Gateway": _gateway,
    "GRPCRoute": _grpc_route,
    "HTTPRoute": _route,
    "Service": _service,
    "TCPRoute": _connection_route,
    "TLSRoute": _connection_route,
    "ReferenceGrant": _reference_grant,
    **policy_validation.CHECKS,
}
