"""How Open Service Mesh reads the port of a pod: by the Services in front of it, as HTTP unless they say otherwise.

pkg/compute/kube/client.go `serviceToMeshServices`, pkg/envoy/generator/lds/inmesh.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer import service_protocol
from transformer.objects import Obj, View
from transformer.rules.istio.authorization_pods import Pods
from transformer.run import Run

HTTP, TCP, CLOSED = "http", "tcp", ""
_PREFIXES = ("tcp-server-first", "http", "tcp", "grpc")
_READ_AS = {"http": HTTP, "grpc": HTTP, "tcp": TCP, "tcp-server-first": TCP}


def protocol(port: View) -> str:
    """HTTP or TCP for a Service port; CLOSED where OSM builds no listener for it."""
    declared = port.get("appProtocol").text().lower()
    if declared:
        return _READ_AS.get(declared, CLOSED)
    if port.get("protocol").text().upper() not in ("", "TCP"):
        return CLOSED
    name = port.get("name").text()
    return _READ_AS[next((prefix for prefix in _PREFIXES if name.startswith(f"{prefix}-")), "http")]


def of_ports(run: Run, pods: Pods) -> dict[int, set[str]]:
    """How the Services that select the pods read their container ports; a port without a Service is missing."""
    found: dict[int, set[str]] = {}
    for port in _service_ports(run, pods):
        number = _target(port, pods)
        if number:
            found.setdefault(number, set()).add(protocol(port))
    return found


def misread(run: Run, pods: Pods) -> View | None:
    """A Service port that is HTTP for OSM, by default, and TCP for callers in Linkerd, by its name or number."""
    for service in services(run, pods):
        ranges = service_protocol.opaque_ports(service, run.options["linkerd-install.opaque-ports"])
        for port in service.spec.get("ports").each():
            number = port.get("port").value()
            opaque = type(number) is int and service_protocol.is_opaque(number, ranges)
            named = service_protocol.takes_http_routes(service_protocol.istio_protocol(port))
            if protocol(port) == HTTP and not port.get("appProtocol") and (opaque or not named):
                return port
    return None


def _service_ports(run: Run, pods: Pods) -> Iterator[View]:
    for service in services(run, pods):
        yield from service.spec.get("ports").each()


def services(run: Run, pods: Pods) -> Iterator[Obj]:
    """Services of stream and context that select the pods."""
    for service in run.context.objects("", "Service"):
        wanted = service.spec.get("selector").texts()
        if service.namespace == pods.obj.namespace and wanted and wanted.items() <= pods.labels.items():
            yield service


def _target(port: View, pods: Pods) -> int:
    target = port.get("targetPort").value() or port.get("port").value()
    if type(target) is int:
        return target
    for container in pods.pod.spec.get("containers").each():
        for declared in container.get("ports").each():
            number = declared.get("containerPort").value()
            if declared.get("name").text() == target and type(number) is int:
                return number
    return int(target) if str(target).isdigit() else 0
