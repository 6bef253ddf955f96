"""Who sends or takes traffic through a waypoint: labels of Namespaces, Services, pods and hosts.

https://istio.io/latest/docs/reference/config/labels/ (istio.io/use-waypoint)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from transformer.objects import Obj
from transformer.rules import reach
from transformer.run import Run

USE = "istio.io/use-waypoint"
USE_NAMESPACE = "istio.io/use-waypoint-namespace"
_KINDS = (
    ("", "Namespace"), ("", "Service"), ("networking.istio.io", "ServiceEntry"), ("networking.istio.io", "WorkloadEntry"),
)  # fmt: skip


def named(labels: Mapping[str, str], namespace: str) -> tuple[str, str] | None:
    """The waypoint (namespace, name) that labels of something in a namespace name; None for none."""
    name = labels.get(USE, "")
    if not name or name.lower() == "none":
        return None
    return labels.get(USE_NAMESPACE) or namespace, name


def by_waypoint(run: Run) -> dict[tuple[str, str], list[Obj]]:
    """Objects of stream and context that name a waypoint, by namespace and name of it."""
    found: dict[tuple[str, str], list[Obj]] = {}
    for obj, labels in _labelled(run):
        waypoint = named(labels, namespace_of(obj))
        if waypoint is not None:
            found.setdefault(waypoint, []).append(obj)
    return found


def namespace_of(obj: Obj) -> str:
    """The namespace that an object is about; of a Namespace itself."""
    return obj.name if obj.ref.kind == "Namespace" else obj.namespace


def _labelled(run: Run) -> Iterator[tuple[Obj, Mapping[str, str]]]:
    for group, kind in _KINDS:
        for obj in run.context.objects(group, kind):
            yield obj, obj.labels
    for workload in run.context.workloads():
        yield workload, reach.pod_labels(workload)


def has_waypoint(run: Run, service: Obj) -> bool | None:
    """Whether a Service has a waypoint, by its own labels or its Namespace's; None where the Namespace is not known."""
    if USE in service.labels:
        return named(service.labels, service.namespace) is not None
    space = run.context.namespace(service.namespace).obj
    return None if space is None else named(space.labels, service.namespace) is not None
