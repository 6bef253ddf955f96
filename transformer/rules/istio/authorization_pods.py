"""What a policy needs to know of the pods it reaches: whether they move, their ports, how Istio reads these, probes.

Port protocols: istio-surface of Services (`transformer.service_protocol`); probes as Linkerd's policy controller finds
them (policy-controller/k8s/index/src/inbound/workload.rs).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from transformer.objects import Obj, View
from transformer.rules import ingress
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.istio.authorization_table import HTTP, SNIFFED, TCP
from transformer.rules.workload import injection_settings as settings
from transformer.run import Run
from transformer.service_protocol import is_opaque, istio_protocol, protocol_of, takes_http_routes

#: A pod's way: it joins Linkerd in this run or is there, it is in no mesh, or this run does not know or change it.
MOVES, OUTSIDE, UNKNOWN = "moves", "outside", "unknown"
OPAQUE_PORTS = "config.linkerd.io/opaque-ports"
#: What the kubelet calls for a gRPC probe (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
#: Linkerd looks for the path as it is written; the kubelet sends it with a slash in front.
RELATIVE = "relative httpGet"


class Probe(NamedTuple):
    """One call of the kubelet: its kind, container port, path without query, and whether it names a host.

    Kinds of probes are httpGet, HTTPS, grpc and RELATIVE; those of hooks postStart and preStop.
    """

    kind: str
    port: int
    path: str
    at: View
    host: bool = False

    @property
    def title(self) -> str:
        """What to call it in a finding."""
        what = "hook" if self.kind in _HOOKS else "probe"
        return f"the kubelet's {self.kind} {what} of port {self.port}"

    @property
    def remedy(self) -> str:
        """What to do where it would be refused."""
        if self.kind in _HOOKS:
            return "Use an exec hook."
        if self.kind == RELATIVE:
            return "Write the path with a slash in front."
        return ""


class Pods(NamedTuple):
    """A workload's pods.

    `arrived`: they are in Linkerd already, so that no policy of Istio is in force for them. `hooks` are the HTTP
    requests among the hooks of their containers.
    """

    obj: Obj
    pod: settings.Pod
    labels: dict[str, str]
    way: str
    ports: tuple[int, ...]
    probes: tuple[Probe, ...]
    arrived: bool = False
    hooks: tuple[Probe, ...] = ()


def of(run: Run, obj: Obj, namespaces: dict[str, settings.NamespaceSetting]) -> Pods:
    """The pods of a workload."""
    pod = settings.pod_of(obj)
    labels = pod.labels.texts()
    kept = ingress.keeps(run) and ingress.is_gateway(obj)  # its policies are Istio's
    namespace = namespaces.get(obj.namespace, settings.NamespaceSetting(None))
    way = OUTSIDE if kept else _way(pod, namespace, obj, alone=run.scope.picks(obj))
    containers = list(_containers(pod))
    ports = {number for container in containers for _, number in _tcp_ports(container)}
    probes = tuple(probe for container in containers for probe in _probes(container))
    ports |= {probe.port for probe in probes}
    for service, port in _services(run, obj, labels):
        number = _target(service, port, containers)
        ports |= {number} if number else set()
    ports |= {_entry_target(port) for port in _entry_ports(run, obj, labels)}
    hooks = tuple(hook for container in containers for hook in _hooks(container))
    arrived = _has_arrived(pod, namespace)
    return Pods(obj, pod, labels, way, tuple(sorted(ports)), probes, arrived, hooks)


def unreadable(obj: Obj, namespaces: dict[str, settings.NamespaceSetting]) -> Pods:
    """A workload whose ports or probes cannot be told."""
    pod = settings.pod_of(obj)
    arrived = _has_arrived(pod, namespaces.get(obj.namespace, settings.NamespaceSetting(None)))
    return Pods(obj, pod, pod.labels.texts(), UNKNOWN, (), (), arrived)


def _way(pod: settings.Pod, namespace: settings.NamespaceSetting, obj: Obj, *, alone: bool) -> str:
    injection = settings.of_pod(pod, namespace)
    if injection.state != settings.OUT and _is_special(pod, namespace):
        return UNKNOWN
    if obj.context:
        return OUTSIDE if injection.state == settings.OUT and not _in_linkerd(pod, namespace) else UNKNOWN
    if injection.state == settings.IN:
        flips = namespace.obj is not None and not namespace.obj.context and namespace.meshes
        joins = (flips or injection.own or alone) and not settings.unreachable(pod, namespace.obj)
        return MOVES if joins else UNKNOWN
    if _in_linkerd(pod, namespace):
        return MOVES
    return OUTSIDE if injection.state == settings.OUT else UNKNOWN


def _is_special(pod: settings.Pod, namespace: settings.NamespaceSetting) -> bool:
    """A gateway, or pods that Istio's node proxy captures: policies mean something else there."""
    ambient = pod.label(settings.DATAPLANE) == "ambient" or (
        namespace.ambient and namespace.sidecar != settings.IN
    )
    gateway = "gateway" in pod.annotation("inject.istio.io/templates")
    return ambient or gateway or any(one.get("name").text() == "istio-proxy" for one in _containers(pod))


def _has_arrived(pod: settings.Pod, namespace: settings.NamespaceSetting) -> bool:
    return settings.of_pod(pod, namespace).state != settings.IN and _in_linkerd(pod, namespace)


def _in_linkerd(pod: settings.Pod, namespace: settings.NamespaceSetting) -> bool:
    wide = namespace.obj.annotations.get(settings.INJECT, "") if namespace.obj else ""
    own = pod.annotation(settings.INJECT)
    asks = own in ("enabled", "ingress") or (wide in ("enabled", "ingress") and own != "disabled")
    return asks and not settings.unreachable(pod, namespace.obj)


def _containers(pod: settings.Pod) -> Iterator[View]:
    yield from pod.spec.get("containers").each()
    yield from pod.spec.get("initContainers").each()


def _tcp_ports(container: View) -> Iterator[tuple[str, int]]:
    for port in container.get("ports").each():
        number = port.get("containerPort").value()
        if (port.get("protocol").text() or "TCP").upper() == "TCP" and type(number) is int:
            yield port.get("name").text(), number


def _probes(container: View) -> Iterator[Probe]:
    for key in _PROBES:
        http, grpc = container.get(key, "httpGet"), container.get(key, "grpc")
        at = http if http else grpc
        if not at:
            continue
        number = _number(container, at)
        if number is None:
            raise Unsayable("MS407", at, "the probe's port is none of the container's")
        secure = http.get("scheme").text().upper() == "HTTPS"
        path = _path(http)
        plain = "httpGet" if path.startswith("/") else RELATIVE
        kind = "grpc" if not http else "HTTPS" if secure else plain
        headers = [header.get("name").text().lower() for header in http.get("httpHeaders").each()]
        path = HEALTH_CHECK if kind == "grpc" else path
        yield Probe(kind, number, path, at, "host" in headers)


def _hooks(container: View) -> Iterator[Probe]:
    """HTTP requests to the pod at the begin and end of a container; one whose port has no number fails today."""
    for key in _HOOKS:
        http = container.get("lifecycle", key, "httpGet")
        number = _number(container, http)
        if number is not None and not http.get("host").text():
            yield Probe(key, number, _path(http), http)


def _number(container: View, at: View) -> int | None:
    number = at.get("port").value()
    return number if type(number) is int else dict(_tcp_ports(container)).get(str(number))


def _path(http: View) -> str:
    return (http.get("path").text() or "/").partition("?")[0].partition("#")[0]


def _services(run: Run, obj: Obj, labels: dict[str, str]) -> Iterator[tuple[Obj, View]]:
    """Ports of the Services that select the pods."""
    for service in run.context.objects("", "Service"):
        wanted = service.spec.get("selector").texts()
        if service.spec.get("type").text() == "ExternalName":
            continue
        if service.namespace == obj.namespace and wanted and wanted.items() <= labels.items():
            for port in service.spec.get("ports").each():
                yield service, port


def _target(service: Obj, port: View, containers: list[View]) -> int:
    """The container port behind a Service port; 0 where it is no TCP port or its name is unknown."""
    if (port.get("protocol").text() or "TCP").upper() != "TCP":
        return 0
    target = port.get("targetPort").value() or port.get("port").value()
    if type(target) is int:
        return target
    return next(
        (number for container in containers for name, number in _tcp_ports(container) if name == target), 0
    )


def _entry_ports(run: Run, obj: Obj, labels: dict[str, str]) -> Iterator[View]:
    """Ports of the ServiceEntries of the namespace that select the pods: for their sidecars these are Services too.

    Istio: GetProxyServiceTargets in pilot/pkg/serviceregistry/serviceentry.
    """
    for entry in run.context.objects("networking.istio.io", "ServiceEntry"):
        selector = entry.spec.get("workloadSelector")
        selects = selector.present and selector.get("labels").texts().items() <= labels.items()
        if selects and entry.namespace == obj.namespace:
            yield from (port for port in entry.spec.get("ports").each() if _entry_target(port))


def _entry_target(port: View) -> int:
    number = port.get("targetPort").value() or port.get("number").value()
    return number if type(number) is int and port.get("protocol").text().upper() != "UDP" else 0


def _entry_kind(port: View) -> str:
    """How a ServiceEntry says that its port is read; empty where its selector has no labels and nobody knows whom it picks."""
    if not port.obj.spec.get("workloadSelector", "labels").texts():
        return ""
    return _kind(protocol_of(port.get("protocol").text(), "", 0))


def reading(run: Run, pods: Pods, port: int) -> str:
    """How Istio reads a port: HTTP, TCP or SNIFFED; empty where its Services are not known or disagree."""
    containers = list(_containers(pods.pod))
    found = {
        _kind(istio_protocol(view))
        for service, view in _services(run, pods.obj, pods.labels)
        if _target(service, view, containers) == port
    }
    found |= {
        _entry_kind(view) for view in _entry_ports(run, pods.obj, pods.labels) if _entry_target(view) == port
    }
    if not found:
        return SNIFFED if run.context.is_complete(pods.obj.namespace) else ""
    return found.pop() if len(found) == 1 else ""


def _kind(protocol: str) -> str:
    if protocol == "auto":
        return SNIFFED
    return HTTP if takes_http_routes(protocol) else TCP


def is_opaque_port(run: Run, pods: Pods, namespace: Obj | None, port: int) -> bool:
    """Whether Linkerd takes a port for opaque without a Server: annotation of the pods, their Namespace, or the default."""
    wide = namespace.annotations.get(OPAQUE_PORTS) if namespace is not None else None
    own = pods.pod.annotations.get(OPAQUE_PORTS)
    text = (
        own.text()
        if own.present
        else wide
        if wide is not None
        else run.options["linkerd-install.opaque-ports"]
    )
    ranges = [piece.strip().partition("-") for piece in str(text).split(",")]
    return is_opaque(
        port, [(int(a), int(b or a)) for a, _, b in ranges if a.isdigit() and (b or a).isdigit()]
    )


def selector_of(pods: Pods) -> dict[str, str]:
    """Labels that pick these pods: the workload's own selector, else all labels that stay on the pods."""
    own = pods.obj.spec.get("selector", "matchLabels") if pods.pod.path else View(pods.obj, None, ())
    labels = own.texts()
    if not labels or pods.obj.spec.get("selector", "matchExpressions").present:
        labels = pods.labels
    return {key: value for key, value in labels.items() if not is_mesh_label(key)}


def is_mesh_label(key: str) -> bool:
    """Whether a pod label may go with the sidecar."""
    return key in settings.POD_LABELS or key.startswith("openservicemesh.io/")
