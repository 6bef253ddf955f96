"""Run-time checks of Linkerd's policy objects: its webhook's rules, and what it accepts but does not mean (observed L16, L17).

https://linkerd.io/2/reference/authorization-policy/ ; linkerd2 `policy-controller/runtime/src/admission.rs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from transformer.stream.patterns import pattern
from transformer.targets.versions import Target

_GROUP = "policy.linkerd.io"
_PROTOCOLS = frozenset({"unknown", "HTTP/1", "HTTP/2", "gRPC", "opaque", "TLS"})
_ACCESS = frozenset(
    {
        "all-unauthenticated",
        "all-authenticated",
        "cluster-unauthenticated",
        "cluster-authenticated",
        "deny",
        "audit",
    }
)
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_IDENTITY = pattern(rf"(?:\*|{_LABEL})(?:\.{_LABEL})*\Z")


def _server(value: dict[str, Any], target: Target) -> Iterator[str]:
    spec = value["spec"]
    if not isinstance(spec.get("port"), (int, str)) or (
        isinstance(spec["port"], int) and not 1 <= spec["port"] <= 65535
    ):
        yield f"port {spec.get('port')!r} is no port"
    if not isinstance(spec.get("podSelector"), dict):
        yield "a Server without a podSelector"
    if spec.get("proxyProtocol", "unknown") not in _PROTOCOLS:
        yield f"proxyProtocol {spec['proxyProtocol']!r} is not known"
    if spec.get("accessPolicy", "deny") not in _ACCESS:
        yield f"accessPolicy {spec['accessPolicy']!r} is not known"
    if "accessPolicy" in spec and not value["apiVersion"].endswith("/v1beta3"):
        yield "accessPolicy exists in v1beta3 only"


def _authorization_policy(value: dict[str, Any], target: Target) -> Iterator[str]:
    spec = value["spec"]
    aimed = (spec["targetRef"].get("group", ""), spec["targetRef"].get("kind"))
    if aimed not in ((_GROUP, "Server"), (_GROUP, "HTTPRoute"), ("", "Namespace"), ("core", "Namespace")):
        yield f"targetRef {aimed} has no effect"
    refs = [(ref.get("group", ""), ref.get("kind")) for ref in spec.get("requiredAuthenticationRefs", [])]
    if not refs:
        yield "no required authentication, which lets everyone in"
    mesh = refs.count((_GROUP, "MeshTLSAuthentication")) + refs.count(("", "ServiceAccount"))
    networks = refs.count((_GROUP, "NetworkAuthentication"))
    if mesh > 1 or networks > 1:
        yield "more than one authentication of a kind"
    if mesh + networks != len(refs):
        yield "a required authentication of an unknown kind"


def _mesh_tls(value: dict[str, Any], target: Target) -> Iterator[str]:
    spec = value["spec"]
    if ("identities" in spec) == ("identityRefs" in spec):
        yield "exactly one of identities and identityRefs is needed"
    if not spec.get("identities") and not spec.get("identityRefs"):
        yield "no identity"
    for identity in spec.get("identities", []):
        if not identity.startswith("spiffe://") and not _IDENTITY.match(identity):
            yield f"identity {identity!r} is not valid"
    for ref in spec.get("identityRefs", []):
        if ref.get("kind") not in ("ServiceAccount", "Namespace") or not ref.get("name"):
            yield f"identityRef {ref} is not valid"
        if ref.get("kind") == "Namespace" and "namespace" in ref:
            yield "a Namespace reference with a namespace"


def _network(value: dict[str, Any], target: Target) -> Iterator[str]:
    import ipaddress

    listed = value["spec"].get("networks", [])
    if not listed:
        yield "no network"
    for entry in listed:
        try:
            outer = ipaddress.ip_network(entry["cidr"])
            inner = [ipaddress.ip_network(text) for text in entry.get("except", [])]
        except ValueError as error:
            yield str(error)
            continue
        for block in inner:
            if block.version != outer.version or block == outer or not block.subnet_of(outer):  # type: ignore[arg-type]
                yield f"except {block} does not lie inside {outer}"


def _rate_limit(value: dict[str, Any], target: Target) -> Iterator[str]:
    spec = value["spec"]
    if (spec["targetRef"].get("group"), spec["targetRef"].get("kind")) != (_GROUP, "Server"):
        yield "a rate limit is for a Server"
    for part in (spec.get("total", {}), spec.get("identity", {}), *spec.get("overrides", [])):
        rate = part.get("requestsPerSecond", 1)
        if not isinstance(rate, int) or rate < 1:
            yield f"{rate!r} requests in a second"


CHECKS: dict[str, Callable[[dict[str, Any], Target], Iterator[str]]] = {
    "Server": _server,
    "AuthorizationPolicy": _authorization_policy,
    "MeshTLSAuthentication": _mesh_tls,
    "NetworkAuthentication": _network,
    "HTTPLocalRateLimitPolicy": _rate_limit,
}
