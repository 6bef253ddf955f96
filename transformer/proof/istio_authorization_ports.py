"""How a workload's sidecar takes a connection in: whether it does at all, by which mutual TLS mode, and as
which protocol.

Source: Istio's `pilot/pkg/security/authn/policy_applier.go` (modes), `pkg/config/kube/conversion.go`
(protocols), `pilot/pkg/networking/core/listener_inbound.go` (ports) and its injector's defaults.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .istio_authorization_request import NotModelled
from .istio_authorization_rules import age
from .objects import (
    Obj,
    Objects,
    annotations_of,
    container_port,
    is_external_name,
    items,
    meta,
    name_of,
    namespace_of,
    pod_template,
    spec,
)

SECURITY = "security.istio.io"

STRICT, PERMISSIVE, DISABLE = "STRICT", "PERMISSIVE", "DISABLE"
MODES = (STRICT, PERMISSIVE, DISABLE)

HTTP, TCP, DETECTED = "http", "tcp", "detected"

_PROTOCOLS = {
    **dict.fromkeys(("http", "http2", "http_proxy", "grpc"), HTTP),
    # https and tls are opaque to the sidecar: it filters them by TCP rules. `udp` on a TCP port is TCP.
    **dict.fromkeys(("tcp", "udp", "tls", "https", "mongo", "redis", "mysql"), TCP),
}
_APP_PROTOCOLS = {"kubernetes.io/h2c": HTTP, "kubernetes.io/ws": HTTP, "kubernetes.io/wss": TCP}

# The server speaks first there, so that waiting for a client's bytes would hang the connection.
_NEVER_DETECTED = frozenset({25, 53, 3306, 27017})

# The sidecar's own ports, which the injector leaves out of the capture.
_OWN_PORTS = frozenset({15020, 15021, 15090})


class Inbound(NamedTuple):
    """A captured port: its mode (`MODES`) and protocol (`HTTP`, `TCP` or `DETECTED`)."""

    mode: str
    protocol: str


def labels_of(workload: Obj) -> dict[str, Any]:
    """The labels of a workload's pods."""
    found = meta(pod_template(workload)).get("labels")
    return dict(found) if isinstance(found, dict) else {}


def port_protocol(entry: Obj) -> str:
    """The protocol of a Service's port, by `appProtocol`, else by name, else by number."""
    written = entry.get("appProtocol")
    if written is None:
        written = entry.get("name") or ""
    elif written in _APP_PROTOCOLS:
        return _APP_PROTOCOLS[written]
    lowered = str(written).lower()
    head = lowered.partition("-")[0]
    # `grpc-web…` is looked for first; its head alone says HTTP just as well.
    if head in _PROTOCOLS:
        return _PROTOCOLS[head]
    return TCP if entry.get("port") in _NEVER_DETECTED else DETECTED


class Ports:
    """The inbound side of every workload of a world."""

    def __init__(self, objects: Objects, peers: Iterable[Obj], mesh_mode: str, root_namespace: str) -> None:
        self._objects = objects
        self._root = root_namespace
        self._mesh_mode = mesh_mode
        self._peers = sorted(peers, key=age)

    def workload(self, namespace: str, name: str) -> Obj:
        """The workload of that name. Raises ValueError where there is none."""
        for found in self._objects.workloads(namespace):
            if name_of(found) == name:
                return found
        raise ValueError(f"no workload {namespace}/{name}")

    def inbound(self, workload: Obj, port: int) -> Inbound | None:
        """How the port takes connections; None where no sidecar sees them.

        Raises NotModelled for a gateway: its listeners come from Gateways, not from Services.
        """
        if "gateway" in annotations_of(pod_template(workload)).get("inject.istio.io/templates", ""):
            raise NotModelled(f"{name_of(workload)} is a gateway")
        if not self._injected(workload) or not self._captured(workload, port):
            return None
        return Inbound(self._mode(workload, port), self._protocol(workload, port))

    def _injected(self, workload: Obj) -> bool:
        pod = pod_template(workload)
        if spec(pod).get("hostNetwork") is True:
            return False
        owner = self._objects.namespace(namespace_of(workload))
        if owner is not None and (meta(owner).get("labels") or {}).get("istio-injection") == "disabled":
            return False
        key = "sidecar.istio.io/inject"
        written = labels_of(workload).get(key, annotations_of(pod).get(key))
        return str(written).lower() != "false"

    def _captured(self, workload: Obj, port: int) -> bool:
        notes = annotations_of(pod_template(workload))
        included = notes.get("traffic.sidecar.istio.io/includeInboundPorts", "*")
        excluded = notes.get("traffic.sidecar.istio.io/excludeInboundPorts", "")
        if port in _OWN_PORTS or str(port) in _listed(excluded):
            return False
        return included == "*" or str(port) in _listed(included)

    def _mode(self, workload: Obj, port: int) -> str:
        namespace, labels = namespace_of(workload), labels_of(workload)
        levels: dict[str, Obj] = {}
        for peer in self._peers:  # of one level the first one counts alone
            level = self._level(peer, namespace, labels)
            if level:
                levels.setdefault(level, spec(peer))
        mode = self._mesh_mode
        for level in ("mesh", "namespace", "workload"):
            mode = _mode_in(levels.get(level, {}).get("mtls"), mode)
        ports = levels.get("workload", {}).get("portLevelMtls") or {}
        return next((_mode_in(found, mode) for key, found in ports.items() if int(key) == port), mode)

    def _level(self, peer: Obj, namespace: str, labels: dict[str, Any]) -> str:
        own = namespace_of(peer)
        selector = (spec(peer).get("selector") or {}).get("matchLabels") or {}
        if not selector:
            return "mesh" if own == self._root else "namespace" if own == namespace else ""
        # Unlike an AuthorizationPolicy, one of the root namespace with a selector does nothing.
        if own != namespace or own == self._root:
            return ""
        return "workload" if all(labels.get(key) == value for key, value in selector.items()) else ""

    def _protocol(self, workload: Obj, port: int) -> str:
        namespace, labels = namespace_of(workload), labels_of(workload)
        services = [
            service
            for service in self._objects.of("", "Service")
            if namespace_of(service) == namespace and _selects(service, labels)
        ]
        # Of several Services on one container port the oldest tells; the name's dot is part of the order.
        for service in sorted(services, key=lambda s: (age(s)[0], name_of(s) + ".")):
            for entry in items(spec(service), "ports"):
                if str(entry.get("protocol") or "TCP") != "TCP":
                    continue
                if container_port(workload, entry.get("targetPort", entry.get("port"))) == port:
                    return port_protocol(entry)
        return DETECTED


def _selects(service: Obj, labels: dict[str, Any]) -> bool:
    selector = spec(service).get("selector")
    if not isinstance(selector, dict) or not selector or is_external_name(service):
        return False
    return all(labels.get(key) == value for key, value in selector.items())


def _mode_in(mtls: Any, inherited: str) -> str:
    """The mode of an `mtls` block; UNSET and missing take what is above. Raises ValueError for another."""
    mode = str((mtls or {}).get("mode") or "UNSET")
    if mode == "UNSET":
        return inherited
    if mode not in MODES:
        raise ValueError(f"unknown mutual TLS mode {mode}")
    return mode


def _listed(ports: str) -> set[str]:
    return {port.strip() for port in ports.split(",")}
