"""The pods of Istio's ingress gateway join Linkerd and stay a gateway (`gateway-class: keep-istio`).

Linkerd's injector skips pods with a container called istio-proxy (linkerd2 pkg/healthcheck/sidecar.go), so it gets
another name; Istio's injector merges on that name, so pods that it completes must be written out first. Ports of the
gateway pass by Linkerd's proxy: the addresses of clients stay visible, and nothing is refused that is served today.
https://linkerd.io/2/tasks/using-ingress/
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.findings import FieldPath
from transformer.ledger import NO_OP, Fate
from transformer.objects import View
from transformer.rules import ingress
from transformer.rules.ingress import PROXY, is_router
from transformer.rules.workload import injection_settings as settings
from transformer.rules.workload import port_lists
from transformer.rules.workload.injection_settings import Pod
from transformer.rules.workload.pod_annotations import SKIP_INBOUND
from transformer.run import Run

NAME = "istio-gateway"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
#: Images by which Linkerd's injector knows a sidecar, whatever the container is called.
_KNOWN_IMAGES = ("gcr.io/istio-release/proxyv2:", "gcr.io/istio-release/proxy_init:")
_KNOWN_INIT = frozenset({PROXY, "istio-init", "linkerd-init", "linkerd-proxy"})
_WRITE_OUT = (
    'Write the container out with an image of its own (docker.io/istio/proxyv2:…), its arguments ("proxy", "router", …), '
    'environment and volumes, and label the pods sidecar.istio.io/inject: "false": Istio\'s injector then leaves them alone.'
)


def translate(run: Run, pod: Pod, namespace: settings.NamespaceSetting, fields: list[View]) -> None:
    """Mesh the gateway's pods, or hold them. `fields` are the old mesh's settings on the template; they stay."""
    for view in fields:
        run.mark(view, Fate(NO_OP, "Istio's agent in the gateway reads it"))
    container = _container(pod)
    if container is None or _refuse(run, pod, namespace, container):
        return
    ports = _ports(run, pod)
    skipped = pod.annotations.get(SKIP_INBOUND)
    if not ports:
        run.hold("MS294", pod.obj, "no port of the gateway is known",
                 remedy="Declare its containerPorts, or add its Services as --context.")  # fmt: skip
        return
    if skipped.present and not all(port_lists.contains(skipped.text(), port) for port in ports):
        run.hold("MS294", skipped, f"is {skipped.text()!r}, and the gateway serves {port_lists.join(ports)}",
                 remedy="Let the annotation list every port that the gateway serves.")  # fmt: skip
        return
    write = {} if skipped.present else {SKIP_INBOUND: port_lists.join(ports)}
    if not pod.annotations.get(settings.INJECT).present:
        write = {settings.INJECT: "enabled"} | write
    if container.get("name").text() == PROXY:
        _rename(run, pod, container, write)
    if write:
        run.edit(pod.obj, pod.annotations_path, write=write)


def _container(pod: Pod) -> View | None:
    """The gateway's container, before or after it was renamed."""
    found = list(pod.spec.get("containers").each())
    named = [container for container in found if container.get("name").text() == PROXY]
    return next(iter([*named, *filter(is_router, found)]), None)


def _refuse(run: Run, pod: Pod, namespace: settings.NamespaceSetting, container: View) -> bool:
    """Hold pods that Istio's injector completes, or that Linkerd's would skip."""
    image = container.get("image")
    injection = settings.of_pod(pod, namespace)
    inject = pod.annotations.get(settings.INJECT)
    if image.text() in ("", "auto"):
        return run.hold("MS121", container.get("name"), "Istio's injector fills in the gateway's container, which it finds "
                        "by its name", remedy=_WRITE_OUT)  # fmt: skip
    if injection.state != settings.OUT:
        return run.hold("MS121", container.get("name"), "nothing keeps Istio's injector from completing these pods",
                        remedy=_WRITE_OUT)  # fmt: skip
    if pod.host_network:
        return run.hold("MS294", pod.spec.get("hostNetwork"), "no injector touches pods on the host network",
                        remedy="Give the pods a network of their own.")  # fmt: skip
    sign = next(_signs(pod), None)
    if sign is not None:
        return run.hold("MS294", sign, f"{sign.text()}: Linkerd's injector takes such pods for injected ones")
    if inject.present and inject.text() not in ("enabled", "ingress"):
        return run.hold(
            "MS101", inject, f"linkerd.io/inject: {inject.text()!r}, but the gateway has to join Linkerd"
        )
    taken = any(one.get("name").text() == NAME for one in pod.spec.get("containers").each())
    if taken and container.get("name").text() == PROXY:
        return run.hold("MS294", container.get("name"), f"another container is called {NAME} already")
    return False


def _signs(pod: Pod) -> Iterator[View]:
    """Images and names by which Linkerd's injector takes pods for injected ones, beside the gateway's own name."""
    for container in (*pod.spec.get("initContainers").each(), *pod.spec.get("containers").each()):
        if container.get("image").text().startswith(_KNOWN_IMAGES):
            yield container.get("image")
    for container in pod.spec.get("initContainers").each():
        if container.get("name").text() in _KNOWN_INIT:
            yield container.get("name")


def _rename(run: Run, pod: Pod, container: View, write: dict[str, str]) -> None:
    """Give the container another name, and what refers to it in the template."""
    for key, view in pod.annotations.items():
        if key.endswith(f"/{PROXY}"):
            run.hold(
                "MS294", view, f"the annotation is about container {PROXY}, which has to get another name"
            )
            return
    obj = pod.obj
    run.edit(obj, container.path, write={"name": NAME})
    for place in _references((*pod.path, "spec"), pod.spec):
        run.edit(obj, place, write={"containerName": NAME})
    if pod.annotation(_DEFAULT_CONTAINER) == PROXY:
        write[_DEFAULT_CONTAINER] = NAME
    run.say("MS295", container.get("name"), f"becomes {NAME}")


def _references(path: FieldPath, view: View) -> Iterator[FieldPath]:
    """Paths of the maps under `view` that name the container (resources in volumes and variables)."""
    for key, child in view.items():
        if key == "containerName" and child.text() == PROXY:
            yield path
        yield from _references((*path, key), child)
    for index, child in enumerate(view.each()):
        yield from _references((*path, index), child)


def _ports(run: Run, pod: Pod) -> list[int]:
    """TCP ports that the pods serve: those of the containers and those behind Services."""
    named: dict[str, int] = {}
    found: set[int] = set()
    for container in pod.spec.get("containers").each():
        for port in container.get("ports").each():
            number = port.get("containerPort").value()
            if type(number) is int and port.get("protocol").text() in ("", "TCP"):
                found.add(number)
                named[port.get("name").text()] = number
    labels = pod.labels.texts()
    served = set(_server_ports(run, labels))
    for service in run.context.objects("", "Service"):
        wanted = service.spec.get("selector").texts()
        if service.namespace != pod.obj.namespace or not wanted or not wanted.items() <= labels.items():
            continue
        for port in service.spec.get("ports").each():
            target = port.get("targetPort").value() or port.get("port").value()
            served.discard(port.get("port").value())
            number = target if type(target) is int else named.get(str(target))
            if number is not None and port.get("protocol").text() in ("", "TCP"):
                found.add(number)
    # What no Service maps is bound as it is.
    return sorted(found | served)


def _server_ports(run: Run, labels: dict[str, str]) -> Iterator[int]:
    """Ports of the servers of every Gateway that selects the pods."""
    for gateway in run.context.objects(*ingress.GATEWAY):
        wanted = gateway.spec.get("selector").texts()
        if wanted and wanted.items() <= labels.items():
            for server in gateway.spec.get("servers").each():
                number = server.get("port", "number").value()
                if type(number) is int:
                    yield number
