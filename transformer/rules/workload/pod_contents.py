"""What a pod template contains of the old mesh: sidecars, rewritten probes, gateways, calls of the agent.

Names and ports are those of Istio's injection templates and of OSM's injector; Linkerd's injector skips pods that
already have such containers. https://istio.io/latest/docs/ops/deployment/application-requirements/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from transformer.objects import View
from transformer.rules.workload.injection_settings import OUT, Pod
from transformer.stream.patterns import pattern

PROXY = "istio-proxy"
_SET_UP = frozenset({"istio-init", "istio-validation", "osm-init"})
_STATUS_PORTS = frozenset({15020, 15021, 15901, 15902, 15903})
_REWRITTEN = pattern(r"^/(?:app-health/|app-lifecycle/|osm-(?:liveness|readiness|startup)-probe)")
_CALLS_AGENT = pattern(
    r"quitquitquit|pilot-agent|:15021/healthz|(?:localhost|127\.0\.0\.1|\[?::1\]?|0\.0\.0\.0):150(?:00|20|21)\b"
)
#: Cheap test on a document's bytes before its containers are looked at.
MAY_CALL_AGENT = pattern(rb"quitquitquit|pilot-agent|150(?:00|20|21)")


class Obstacle(NamedTuple):
    """Why pods cannot change meshes: finding code, place, message, a remedy where the code's does not fit."""

    code: str
    at: View
    message: str
    remedy: str = ""


def containers(pod: Pod) -> Iterator[View]:
    """Every container, init containers first."""
    for group in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.spec.get(group).each()


def obstacles(pod: Pod, state: str) -> Iterator[Obstacle]:
    """What keeps the pods in the old mesh; `state` is whether they are in it today."""
    status = pod.annotations.get("sidecar.istio.io/status")
    if status:
        yield Obstacle(
            "MS120", status, "the template was injected by hand: it carries the injector's status annotation"
        )
    if pod.labels.get("osm-proxy-uuid"):
        yield Obstacle(
            "MS120",
            pod.labels.get("osm-proxy-uuid"),
            "the template was taken from a pod that OSM had injected",
        )
    for container in containers(pod):
        name = container.get("name").text()
        if name in _SET_UP:
            yield Obstacle("MS120", container.get("name"), f"container {name} is what the injector adds")
        elif name == PROXY and state != OUT:
            yield _proxy_container(pod, container)
        elif name != PROXY:
            for probe in _rewritten_probes(container):
                yield Obstacle(
                    "MS120",
                    probe,
                    "the probe was rewritten to the sidecar; the original is not in the manifest",
                )
    if state != OUT and "gateway" in _templates(pod):
        yield Obstacle(
            "MS121",
            pod.annotations.get("inject.istio.io/templates"),
            "Istio's injector makes these pods a gateway",
        )


def _templates(pod: Pod) -> list[str]:
    return [
        entry.strip() for entry in pod.annotation("inject.istio.io/templates").split(",") if entry.strip()
    ]


def _proxy_container(pod: Pod, container: View) -> Obstacle:
    image = container.get("image").text()
    if image not in ("", "auto"):
        return Obstacle(
            "MS120", container.get("name"), f"container {PROXY} with image {image} is a sidecar or a gateway",
            "Remove an injected sidecar; rename the container of a gateway, which is a workload then."
        )  # fmt: skip
    if len(list(pod.spec.get("containers").each())) == 1:
        return Obstacle(
            "MS121", container.get("name"), "the only container is filled in by Istio's injector: a gateway"
        )
    return Obstacle(
        "MS122", container.get("name"), f"container {PROXY} only changes the sidecar that Istio injects"
    )


def _rewritten_probes(container: View) -> Iterator[View]:
    hooks = [container.get("lifecycle", hook) for hook in ("postStart", "preStop")]
    probes = [container.get(probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
    for probe in probes + hooks:
        request = probe.get("httpGet")
        if _REWRITTEN.match(request.get("path").text()):
            yield request.get("path")
        elif request.get("port").value() in _STATUS_PORTS:
            yield request.get("port")


def calls_to_agent(pod: Pod) -> Iterator[View]:
    """Commands, hooks and variables of the application's containers that use the sidecar's ports or program."""
    for container in containers(pod):
        if container.get("name").text() == PROXY:
            continue
        places = [container.get("command"), container.get("args")]
        places += [container.get("lifecycle", hook, "exec", "command") for hook in ("postStart", "preStop")]
        for place in places:
            if any(_CALLS_AGENT.search(word.text()) for word in place.each()):
                yield place
        for variable in container.get("env").each():
            if _CALLS_AGENT.search(variable.get("value").text()):
                yield variable.get("value")
