"""Which protocol a Service port has for Istio, and what Linkerd makes of it (istio-surface §7.6; observed L9, I24)."""

from __future__ import annotations

from transformer.objects import Obj, View

_HTTP = frozenset({"http", "http2", "grpc", "grpc-web"})
_OTHER = frozenset({"https", "tcp", "tls", "mongo", "redis", "mysql", "udp"})
_KUBERNETES = {"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https"}
_TCP_WHEN_UNNAMED = frozenset({25, 53, 3306, 27017})

#: `appProtocol` values that Linkerd would take for opaque TCP (any it does not know) and the one that keeps Istio's reading.
APP_PROTOCOLS = {
    "grpc": "kubernetes.io/h2c",
    "grpc-web": "http",
    "http2": "kubernetes.io/h2c",
    "kubernetes.io/ws": "http",
    "tcp": "linkerd.io/opaque",
    "mongo": "linkerd.io/opaque",
    "redis": "linkerd.io/opaque",
    "mysql": "linkerd.io/opaque",
}
KNOWN_TO_LINKERD = frozenset({"http", "kubernetes.io/h2c", "linkerd.io/opaque", "linkerd.io/tcp"})


def istio_protocol(port: View) -> str:
    """Istio's reading of a Service port: http, http2, grpc, grpc-web, https, tls, tcp, mongo, redis, mysql, udp or auto."""
    if port.get("protocol").text().upper() in ("UDP", "SCTP"):
        return "udp"
    return protocol_of(port.get("appProtocol").text(), port.get("name").text(), port.get("port").value())


def protocol_of(declared: str, name: str, number: object) -> str:
    """Istio's reading of a TCP port with this `appProtocol`, name and number."""
    for text in (declared, name):
        if text in _KUBERNETES:
            return _KUBERNETES[text]
        lowered = text.lower()
        if lowered.startswith("grpc-web"):
            return "grpc-web"
        prefix = lowered.split("-", 1)[0]
        if prefix in _HTTP or prefix in _OTHER:
            return prefix
        if text and text == declared:
            break  # an unknown appProtocol hides the name, but not the well-known numbers
    return "tcp" if number in _TCP_WHEN_UNNAMED else "auto"


def takes_http_routes(protocol: str) -> bool:
    """Whether Istio applies `http` rules of a VirtualService to a port of this protocol."""
    return protocol in _HTTP or protocol == "auto"


def opaque_ports(service: Obj, default: str) -> list[tuple[int, int]]:
    """Port ranges that Linkerd treats as opaque for clients of the Service: its annotation, else the install's default."""
    return port_ranges(service.annotations.get("config.linkerd.io/opaque-ports", default))


def port_ranges(text: str) -> list[tuple[int, int]]:
    """Ports and ranges of ports of a list such as `25,4000-4010`; what is neither is left out."""
    ranges = []
    for piece in text.split(","):
        low, _, high = piece.strip().partition("-")
        if low.isdigit():
            ranges.append((int(low), int(high) if high.isdigit() else int(low)))
    return ranges


def is_opaque(number: int, ranges: list[tuple[int, int]]) -> bool:
    """Whether a port number lies in one of the ranges."""
    return any(low <= number <= high for low, high in ranges)
