"""What RequestAuthentication and `extensionProviders` make of a request before policies are asked: the claims
that a workload's sidecar accepts, and the external authorizers it knows.

Source: Istio's `pilot/pkg/security/authn/policy_applier.go` and `pilot/pkg/security/authz/builder/extauthz.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformer.stream.nodes import decode, parse, to_value

from .istio_authorization_rules import strings
from .objects import Obj, Objects, items, name_of, namespace_of, spec

NETWORKING = "networking.istio.io"

_SPLIT_CLAIMS = frozenset({"scope", "permission"})


class RefusedToken(Exception):
    """The token is of an issuer that the workload does not know: 401."""


def accepted_claims(claims: Mapping[str, Any], rules: list[Obj]) -> Mapping[str, Any] | None:
    """The claims that policies see of a valid token; None where nothing looks for tokens.

    Raises RefusedToken. Claims that are lists in disguise (`scope`) come split at their spaces.
    """
    if not rules:
        return None
    rule = next((rule for rule in rules if rule.get("issuer") == claims.get("iss")), None)
    if rule is None:
        raise RefusedToken
    split = _SPLIT_CLAIMS | set(strings(rule, "spaceDelimitedClaims"))
    return {
        name: value.split(" ") if name in split and isinstance(value, str) else value
        for name, value in claims.items()
    }


def is_preflight(request: Mapping[str, Any]) -> bool:
    """Whether it is a browser's preflight, which passes the token filter unread."""
    names = {str(name).lower() for name in request.get("headers") or {}}
    return request.get("method") == "OPTIONS" and {"origin", "access-control-request-method"} <= names


def jwt_rules(
    objects: list[Obj], namespace: str, labels: Mapping[str, Any], root_namespace: str
) -> list[Obj]:
    """The `jwtRules` that bind a workload's sidecar: of its namespace and of the root namespace, all together."""
    found: list[Obj] = []
    for obj in objects:
        body = spec(obj)
        selector = (body.get("selector") or {}).get("matchLabels") or {}
        if body.get("targetRef") or body.get("targetRefs"):
            continue
        here = namespace_of(obj) in (namespace, root_namespace)
        if here and all(labels.get(key) == value for key, value in selector.items()):
            found += items(body, "jwtRules")
    return found


def authorizers(
    objects: Objects, root_namespace: str, cluster_domain: str = "cluster.local"
) -> dict[str, str]:
    """The usable external authorizers by name, each with the protocol it speaks, `http` or `grpc`.

    One whose Service the mesh does not know is as good as none.
    """
    config = objects.get("", "ConfigMap", root_namespace, "istio")
    written = ((config or {}).get("data") or {}).get("mesh")
    if not written:
        return {}
    root = parse(decode(str(written).encode())[0]).root
    mesh = to_value(root) if root is not None else None
    hosts = _hosts(objects, cluster_domain)
    found: dict[str, str] = {}
    for provider in items(mesh if isinstance(mesh, Mapping) else {}, "extensionProviders"):
        for field, speaks in (("envoyExtAuthzHttp", "http"), ("envoyExtAuthzGrpc", "grpc")):
            body = provider.get(field)
            if isinstance(body, Mapping) and _known(str(body.get("service") or ""), hosts):
                found[str(provider.get("name"))] = speaks
    return found


def _hosts(objects: Objects, cluster_domain: str) -> set[tuple[str, str]]:
    found = {
        (namespace_of(service), f"{name_of(service)}.{namespace_of(service)}.svc.{cluster_domain}")
        for service in objects.of("", "Service")
    }
    for entry in objects.of(NETWORKING, "ServiceEntry"):
        found |= {(namespace_of(entry), host) for host in strings(spec(entry), "hosts")}
    return found


def _known(service: str, hosts: set[tuple[str, str]]) -> bool:
    namespace, slash, host = service.rpartition("/")
    return any(name == host and (not slash or owner == namespace) for owner, name in hosts)
