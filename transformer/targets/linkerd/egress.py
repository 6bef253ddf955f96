"""EgressNetwork and the routes that permit hosts under it (from 2.17).

Linkerd takes one kind of route per port of a network, and sends what no route names to `trafficPolicy`. TLSRoute and
TCPRoute are read as v1alpha2 only, which Gateway API's experimental channel serves (observed L21).
https://linkerd.io/2/reference/egress-network/ ; linkerd2 `policy-controller/grpc/src/outbound.rs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from transformer.targets.versions import Target

NAME = "registry-only"
GROUP = "policy.linkerd.io"
#: Protocols of Istio's ports by the kind of route that sees what they state: a Host header, a server name, nothing.
HTTP, TLS, TCP = "HTTPRoute", "TLSRoute", "TCPRoute"
_GATEWAY = "gateway.networking.k8s.io"
_MOST_HOSTNAMES = 16


class Permission(NamedTuple):
    """Hosts that may be called on a port, by a kind of route; TCP has no hosts."""

    kind: str
    hosts: tuple[str, ...]
    port: int


def network(metadata: dict[str, Any]) -> dict[str, Any]:
    """The network of everything outside clusterNetworks, of which nothing passes that no route permits."""
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "EgressNetwork",
        "metadata": metadata,
        "spec": {"trafficPolicy": "Deny"},
    }


def has_route(kind: str, target: Target) -> bool:
    """Whether the target serves the kind of route in a version that Linkerd reads."""
    return kind == HTTP or target.channel == "experimental"


def routes(permission: Permission, metadata: dict[str, Any], target: Target) -> Iterator[dict[str, Any]]:
    """The route objects of a permission: several where one does not take all hostnames."""
    hosts = permission.hosts
    pieces = [hosts[at : at + _MOST_HOSTNAMES] for at in range(0, len(hosts), _MOST_HOSTNAMES)] or [()]
    for number, piece in enumerate(pieces):
        named = metadata if not number else {**metadata, "name": f"{metadata['name']}-{number + 1}"}
        yield _route(permission, piece, named, target)


def _route(
    permission: Permission, hosts: Sequence[str], metadata: dict[str, Any], target: Target
) -> dict[str, Any]:
    to = {"group": GROUP, "kind": "EgressNetwork", "name": NAME}
    if permission.kind == HTTP:
        version = f"{_GATEWAY}/v1" if target.reads_gateway_api else f"{GROUP}/v1beta3"
        # No backend: the request goes on to the address that was dialled.
        rule: dict[str, Any] = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}
    else:
        version = f"{_GATEWAY}/v1alpha2"
        rule = {"backendRefs": [dict(to)]}
    return {
        "apiVersion": version,
        "kind": permission.kind,
        "metadata": metadata,
        "spec": {
            # Admission refuses an EgressNetwork as parent without a port, and the standard channel two ports of one parent.
            "parentRefs": [{**to, "port": permission.port}],
            **({"hostnames": list(hosts)} if hosts else {}),
            "rules": [rule],
        },
    }
