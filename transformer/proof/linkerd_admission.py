"""What Linkerd's policy webhook lets in: its own rules for policy objects, and the dispatch to those for routes.

Follows the webhook of the 2.20 line (linkerd2, `policy-controller/runtime/src/admission.rs`). Structural
schemas and CEL rules of the CRDs are the API server's part and not judged here, apart from the versions of
`policy.linkerd.io` that are served and from fields that the webhook itself cannot do without. ServiceProfiles
have a webhook of their own, which is not modelled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from transformer.stream.patterns import pattern

from .durations import InvalidDuration
from .linkerd_admission_routes import grpc_route, http_route, one_rule
from .linkerd_admission_shapes import (
    Refused,
    access_policy,
    block_list,
    flag,
    mapping,
    mappings,
    named,
    reference,
    selector,
    served,
    targets,
    text,
    texts,
    unsigned,
)
from .objects import GATEWAY, POLICY, Obj, group_of, namespace_of, spec
from .policy_annotations import InvalidAnnotation
from .rust_regex import InvalidRegex

MODES = frozenset(
    {
        "all-authenticated",
        "all-unauthenticated",
        "cluster-authenticated",
        "cluster-unauthenticated",
        "deny",
        "audit",
    }
)
"""Values of `accessPolicy` and of the default inbound policy."""

PROTOCOLS = frozenset({"unknown", "HTTP/1", "HTTP/2", "gRPC", "opaque", "TLS"})

VERSIONS = {
    "Server": frozenset({"v1alpha1", "v1beta1", "v1beta2", "v1beta3"}),
    "ServerAuthorization": frozenset({"v1alpha1", "v1beta1"}),
    "HTTPRoute": frozenset({"v1alpha1", "v1beta1", "v1beta2", "v1beta3"}),
    "AuthorizationPolicy": frozenset({"v1alpha1"}),
    "MeshTLSAuthentication": frozenset({"v1alpha1"}),
    "NetworkAuthentication": frozenset({"v1alpha1"}),
    "HTTPLocalRateLimitPolicy": frozenset({"v1alpha1"}),
    "EgressNetwork": frozenset({"v1alpha1"}),
}
"""Versions of `policy.linkerd.io` that Linkerd 2.16 and later serve."""

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_DNS_IDENTITY = pattern(rf"(?:\*|{_LABEL})(?:\.{_LABEL})*", re.ASCII)
_TRUST_DOMAIN = pattern(r"[-a-z0-9._]+", re.ASCII)
_SEGMENT = pattern(r"[-A-Za-z0-9._]+", re.ASCII)


def refusal(obj: Obj) -> str | None:
    """Why the object is not let in; None where it is, and for kinds that the webhook never sees.

    Raises `UnsupportedRegex` for a pattern about which this package cannot say whether Rust accepts it.
    """
    if not served(obj, VERSIONS, POLICY):
        return f"{obj.get('apiVersion')} has no {obj.get('kind')}"
    check = _CHECKS.get((group_of(obj), str(obj.get("kind"))))
    if check is None:
        return None
    try:
        mapping(obj, "spec")
        check(obj)
    except (Refused, InvalidRegex, InvalidAnnotation, InvalidDuration) as error:
        return str(error) or type(error).__name__
    return None


def _authorization_policy(obj: Obj) -> None:
    target = reference(mapping(spec(obj), "targetRef"))
    refs = [reference(ref) for ref in mappings(spec(obj), "requiredAuthenticationRefs", required=True)]
    if targets(target, "", "Namespace") and target["name"] != namespace_of(obj):
        raise Refused(f"another Namespace as the target: {target['name']}")
    if not any(
        targets(target, group, kind)
        for group, kind in (
            (POLICY, "Server"),
            ("", "Namespace"),
            (POLICY, "HTTPRoute"),
            (GATEWAY, "HTTPRoute"),
            (GATEWAY, "GRPCRoute"),
        )
    ):
        raise Refused(f"target of an unsupported kind: {named(target)}")
    mesh = sum(targets(ref, POLICY, "MeshTLSAuthentication") for ref in refs)
    accounts = sum(targets(ref, "", "ServiceAccount") for ref in refs)
    networks = sum(targets(ref, POLICY, "NetworkAuthentication") for ref in refs)
    if mesh + accounts > 1:
        raise Refused("more than one of MeshTLSAuthentication and ServiceAccount")
    if networks > 1:
        raise Refused("more than one NetworkAuthentication")
    if mesh + accounts + networks < len(refs):
        raise Refused("authentication of an unsupported kind")


def _mesh_tls(obj: Obj) -> None:
    for identity in texts(spec(obj), "identities"):
        _identity(identity)
    for ref in mappings(spec(obj), "identityRefs"):
        reference(ref)
        if targets(ref, "", "Namespace"):
            if ref.get("namespace") is not None:
                raise Refused("a Namespace reference has no namespace")
        elif not targets(ref, "", "ServiceAccount"):
            raise Refused(f"identity of an unsupported kind: {named(ref)}")


def _identity(identity: str) -> None:
    """A DNS-like name whose first label may be `*`, or a SPIFFE id without one."""
    if not identity.startswith("spiffe://"):
        if _DNS_IDENTITY.fullmatch(identity) is None:
            raise Refused(f"identity {identity!r} is neither a DNS name nor a SPIFFE id")
        return
    domain, *segments = identity.removeprefix("spiffe://").split("/")
    if _TRUST_DOMAIN.fullmatch(domain) is None:
        raise Refused(f"identity {identity!r} has an invalid trust domain")
    if any(_SEGMENT.fullmatch(segment) is None or segment in (".", "..") for segment in segments):
        raise Refused(f"identity {identity!r} has an invalid path segment")


def _network_authentication(obj: Obj) -> None:
    entries = mappings(spec(obj), "networks", required=True)
    if not entries:
        raise Refused("no network")
    block_list(entries)


def _egress_network(obj: Obj) -> None:
    if spec(obj).get("trafficPolicy") not in ("Allow", "Deny"):
        raise Refused("trafficPolicy: Allow or Deny")
    if spec(obj).get("networks") is not None:
        _network_authentication(obj)


def _server(obj: Obj) -> None:
    found = spec(obj)
    if "podSelector" in found:
        selector(found["podSelector"])
    elif "externalWorkloadSelector" in found:
        selector(found["externalWorkloadSelector"])
    else:
        raise Refused("no selector")
    port = found.get("port")
    if not isinstance(port, str) and not (type(port) is int and 0 < port < 2**16):
        raise Refused(f"port {port!r}")
    if found.get("proxyProtocol") is not None and found["proxyProtocol"] not in PROTOCOLS:
        raise Refused(f"proxyProtocol {found['proxyProtocol']!r}")
    policy = access_policy(obj)
    if policy is not None and policy not in MODES:
        raise Refused(f"accessPolicy {policy!r}")


def _server_authorization(obj: Obj) -> None:
    server, client = mapping(spec(obj), "server"), mapping(spec(obj), "client")
    if server.get("name") is not None:
        text(server, "name")
    if server.get("selector") is not None:
        selector(server["selector"])
    anyone = flag(client, "unauthenticated")
    if client.get("meshTLS") is not None:
        mesh = mapping(client, "meshTLS")
        accounts = mappings(mesh, "serviceAccounts")
        for account in accounts:
            text(account, "name")
        if anyone:
            raise Refused("unauthenticated beside meshTLS")
        if flag(mesh, "unauthenticatedTLS") and (texts(mesh, "identities") or accounts):
            raise Refused("unauthenticatedTLS beside identities")
    block_list(mappings(client, "networks"))


def _rate_limit(obj: Obj) -> None:
    found = spec(obj)
    if not targets(reference(mapping(found, "targetRef")), POLICY, "Server"):
        raise Refused(f"target of an unsupported kind: {named(found['targetRef'])}")
    total, own = (
        unsigned(mapping(found, field), "requestsPerSecond") if found.get(field) is not None else None
        for field in ("total", "identity")
    )
    overrides = mappings(found, "overrides")
    limits = [unsigned(entry, "requestsPerSecond") for entry in overrides]
    parts = limits + ([] if own is None else [own])
    if 0 in parts or total == 0:
        raise Refused("requestsPerSecond must be more than 0")
    if total is not None and any(part > total for part in parts):
        raise Refused("requestsPerSecond above that of total")
    for entry in overrides:
        for ref in mappings(entry, "clientRefs", required=True):
            if not targets(reference(ref), "", "ServiceAccount"):
                raise Refused("clientRefs name ServiceAccounts only")


_CHECKS: Mapping[tuple[str, str], Callable[[Obj], None]] = {
    (POLICY, "AuthorizationPolicy"): _authorization_policy,
    (POLICY, "MeshTLSAuthentication"): _mesh_tls,
    (POLICY, "NetworkAuthentication"): _network_authentication,
    (POLICY, "EgressNetwork"): _egress_network,
    (POLICY, "Server"): _server,
    (POLICY, "ServerAuthorization"): _server_authorization,
    (POLICY, "HTTPLocalRateLimitPolicy"): _rate_limit,
    (POLICY, "HTTPRoute"): http_route,
    (GATEWAY, "HTTPRoute"): http_route,
    (GATEWAY, "GRPCRoute"): grpc_route,
    (GATEWAY, "TLSRoute"): one_rule,
    (GATEWAY, "TCPRoute"): one_rule,
}
