"""Istio's own ingress gateway: which pods it is, and whether it stays (`gateway-class: keep-istio`).

A Gateway selects pods by label in every namespace; Istio's charts label theirs in two ways and start the proxy as a
router. https://istio.io/latest/docs/setup/additional-setup/gateway/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from transformer.context.index import WORKLOAD_KINDS
from transformer.rules import reach

if TYPE_CHECKING:
    from transformer.objects import Obj, View
    from transformer.run import Run

KEEP = "keep-istio"
PROXY = "istio-proxy"
GATEWAY = ("networking.istio.io", "Gateway")
#: What Istio's charts label the pods of their ingress with.
_BY_CONVENTION = ({"istio": "ingressgateway"}, {"app": "istio-ingressgateway"})


def keeps(run: Run) -> bool:
    """Whether Istio's ingress gateway stays and is meshed by Linkerd."""
    return bool(run.options["gateway-class"] == KEEP)


def gateway_map(run: Run) -> dict[str, str]:
    """Istio Gateways `ns/name` that existing Gateways `ns/name` or `ns/name#section` stand in for."""
    pairs = (entry.partition("=") for entry in run.options["gateway-map"])
    return {source.strip().lstrip("/"): target.strip() for source, _, target in pairs}


def mapped(run: Run, namespace: str, name: str) -> str | None:
    """What stands in for an Istio Gateway, or None."""
    return gateway_map(run).get(f"{namespace}/{name}".lstrip("/"))


def full_name(name: str, namespace: str) -> tuple[str, str]:
    """Namespace and name of the Gateway that an object of `namespace` names.

    Names are `name`, `namespace/name`, `./name`, or the dotted form of old releases.
    """
    space, _, short = name.rpartition("/")
    if not space and "." in short:
        short, space = short.split(".")[:2]
    return (namespace if space in ("", ".") else space), short


def keeps_gateway(run: Run, name: str, namespace: str) -> bool:
    """Whether the Gateway that an object of `namespace` names stays: no other one is mapped in its place.

    All of them stay with keep-istio, and with `only` those of namespaces that do not move.
    """
    space, short = full_name(name, namespace)
    return (keeps(run) or run.scope.keeps_gateway(space)) and mapped(run, space, short) is None


def selectors(run: Run) -> Iterator[dict[str, str]]:
    """Labels that pick pods of ingress gateways: those of the Gateways that nothing is mapped for, and Istio's own."""
    for gateway in run.context.objects(*GATEWAY):
        wanted = gateway.spec.get("selector").texts()
        if wanted and mapped(run, gateway.namespace, gateway.name) is None:
            yield wanted
    yield from _BY_CONVENTION


def is_gateway(workload: Obj) -> bool:
    """Whether a workload's pods are a gateway: an injected one, or one that starts Istio's proxy as a router."""
    template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
    templates = template.get("metadata", "annotations", "inject.istio.io/templates").text()
    if "gateway" in [entry.strip() for entry in templates.split(",")]:
        return True
    containers = list(template.get("spec", "containers").each())
    if len(containers) == 1 and containers[0].get("name").text() == PROXY:
        return True
    return any(is_router(container) for container in containers)


def is_router(container: View) -> bool:
    """Whether a container starts Istio's proxy as a gateway, whatever it is called."""
    words = [word.text() for name in ("command", "args") for word in container.get(name).each()]
    return "proxy" in words and "router" in words


def workloads(run: Run) -> list[Obj]:
    """The gateways of stream and context."""
    found: list[Obj] | None = run.memo.get("gateway-workloads")
    if found is None:
        wanted = list(selectors(run))
        found = run.memo["gateway-workloads"] = [
            workload
            for workload in run.context.workloads()
            if is_gateway(workload)
            or any(labels.items() <= reach.pod_labels(workload).items() for labels in wanted)
        ]
    return found


def joins(workload: Obj) -> bool:
    """Whether a gateway is in Linkerd already, or is in the stream, where it is told what keeps it out."""
    template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
    inject = template.get("metadata", "annotations", "linkerd.io/inject").text()
    return not workload.context or inject in ("enabled", "ingress")
