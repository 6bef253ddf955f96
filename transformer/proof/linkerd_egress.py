"""What Linkerd lets a meshed client call outside the cluster: EgressNetworks and the routes on them.

Services come before networks; a namespace with a network of its own does not look at the global ones; the most specific
network counts; one kind of route per port; what no route names falls to trafficPolicy (linkerd2
`policy-controller/k8s/index/src/outbound/index/egress_network.rs`, `policy-controller/grpc/src/outbound.rs`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .matching import host_rank
from .objects import (
    GATEWAY,
    POLICY,
    Obj,
    Objects,
    annotations_of,
    group_of,
    items,
    name_of,
    namespace_of,
    spec,
)

GLOBAL = "linkerd-egress"
OPAQUE = "25,587,3306,4444,5432,6379,9300,11211"
_RANKED = ("GRPCRoute", "HTTPRoute", "TLSRoute", "TCPRoute")
#: Versions that the controller reads; a TLSRoute or TCPRoute of another version does not exist for it.
_READ = {
    "HTTPRoute": {f"{GATEWAY}/v1", f"{GATEWAY}/v1beta1", f"{POLICY}/v1beta3", f"{POLICY}/v1beta2"},
    "GRPCRoute": {f"{GATEWAY}/v1", f"{GATEWAY}/v1alpha2"},
    "TLSRoute": {f"{GATEWAY}/v1alpha2"},
    "TCPRoute": {f"{GATEWAY}/v1alpha2"},
}


class Call(NamedTuple):
    """A connection of a client: what it speaks (`http`, `tls`, `tcp`), the name that it states, where it dials."""

    namespace: str
    speaks: str
    name: str
    address: str
    port: int


class Egress:
    """Answers about calls to addresses that belong to no Service."""

    def __init__(self, objects: Iterable[Obj], cluster_networks: str, opaque_ports: str = OPAQUE) -> None:
        self._objects = Objects(objects)
        self._cluster = [ipaddress.ip_network(text.strip()) for text in cluster_networks.split(",")]
        self._opaque = opaque_ports

    def passes(self, call: Call) -> bool:
        """Whether the client's proxy lets the call pass."""
        network = self._network(call)
        if network is None:
            return True
        open_by_default = spec(network).get("trafficPolicy") == "Allow"
        routes = self._routes(network, call.port)
        kind = next((kind for kind in _RANKED if any(route["kind"] == kind for route in routes)), None)
        attached = [route for route in routes if route["kind"] == kind]
        if _is_opaque(annotations_of(network).get("config.linkerd.io/opaque-ports", self._opaque), call.port):
            return open_by_default or any(route["kind"] == "TCPRoute" for route in routes)
        if kind == "TCPRoute":
            return True
        if kind == "TLSRoute":
            return call.speaks == "tls" and (
                open_by_default or any(_names(route, call) for route in attached)
            )
        named = call.speaks == "http" and any(_names(route, call) for route in attached)
        return open_by_default or named

    def _network(self, call: Call) -> Obj | None:
        networks = self._objects.of(POLICY, "EgressNetwork")
        own = [found for found in networks if namespace_of(found) == call.namespace]
        consulted = own or [found for found in networks if namespace_of(found) == GLOBAL]
        sized = [
            (size, name_of(found), found) for found in consulted if (size := self._size(found, call.address))
        ]
        return min(sized, key=lambda found: found[:2])[2] if sized else None

    def _size(self, network: Obj, address: str) -> int:
        """Number of addresses of the network's smallest block with the address, 0 for none."""
        asked = ipaddress.ip_address(address)
        if spec(network).get("networks") is None:
            inside = any(asked in block for block in self._cluster)
            return (
                0
                if inside
                else ipaddress.ip_network("0.0.0.0/0" if asked.version == 4 else "::/0").num_addresses
            )
        found = []
        for entry in items(spec(network), "networks"):
            block = ipaddress.ip_network(str(entry["cidr"]), strict=False)
            out = any(
                asked in ipaddress.ip_network(str(one), strict=False) for one in entry.get("except") or []
            )
            if asked in block and not out:
                found.append(block.num_addresses)
        return min(found, default=0)

    def _routes(self, network: Obj, port: int) -> list[Obj]:
        found = []
        for route in self._objects:
            if str(route.get("apiVersion")) not in _READ.get(str(route.get("kind")), set()):
                continue
            if any(
                _is_parent(ref, network, port, namespace_of(route))
                for ref in items(spec(route), "parentRefs")
            ):
                found.append(route)
        return found


def _is_parent(ref: Mapping[str, object], network: Obj, port: int, namespace: str) -> bool:
    # Without a port admission refuses the route; another group or kind is another parent.
    return (
        (ref.get("group"), ref.get("kind")) == (group_of(network), "EgressNetwork")
        and ref.get("name") == name_of(network)
        and (ref.get("namespace") or namespace) == namespace_of(network)
        and ref.get("port") == port
    )


def _names(route: Obj, call: Call) -> bool:
    hostnames = [str(name) for name in spec(route).get("hostnames") or []]
    return not hostnames or host_rank(hostnames, call.name) is not None


def _is_opaque(ports: str, port: int) -> bool:
    for piece in ports.split(","):
        low, _, high = piece.strip().partition("-")
        if low.isdigit() and int(low) <= port <= int(high or low):
            return True
    return False
