"""Plain Kubernetes objects by kind and name, and the little of Services, DNS and selectors that requests
depend on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Obj = Mapping[str, Any]

GATEWAY = "gateway.networking.k8s.io"
POLICY = "policy.linkerd.io"

WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod"}
)


def group_of(obj: Obj) -> str:
    """API group of an object, `""` for the core group."""
    version = str(obj.get("apiVersion") or "")
    return version.partition("/")[0] if "/" in version else ""


def meta(obj: Obj) -> Obj:
    """`metadata`, an empty mapping where it is missing."""
    found = obj.get("metadata")
    return found if isinstance(found, Mapping) else {}


def spec(obj: Obj) -> Obj:
    """`spec`, an empty mapping where it is missing."""
    found = obj.get("spec")
    return found if isinstance(found, Mapping) else {}


def items(owner: Obj, key: str) -> list[Obj]:
    """The mappings of a list field; null and missing are the empty list."""
    found = owner.get(key)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def name_of(obj: Obj) -> str:
    """`metadata.name`."""
    return str(meta(obj).get("name") or "")


def namespace_of(obj: Obj) -> str:
    """`metadata.namespace`; an object without one is in `default`."""
    return str(meta(obj).get("namespace") or "default")


def annotations_of(obj: Obj) -> Mapping[str, str]:
    """`metadata.annotations` with string values."""
    found = meta(obj).get("annotations")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


def flattened(objects: Iterable[Obj]) -> Iterator[Obj]:
    """The objects, with every `List` replaced by its items."""
    for obj in objects:
        if not obj:  # an empty document
            continue
        if str(obj.get("kind") or "").endswith("List") and isinstance(obj.get("items"), list):
            yield from flattened(obj["items"])
        else:
            yield obj


class Objects:
    """An index over parsed manifests; later documents of one identity replace earlier ones, as an apply
    does.
    """

    def __init__(self, objects: Iterable[Obj]) -> None:
        self._all: dict[tuple[str, str, str, str], Obj] = {}
        for obj in flattened(objects):
            if not isinstance(obj.get("kind"), str) or not name_of(obj):
                continue
            namespace = "" if obj["kind"] == "Namespace" else namespace_of(obj)
            self._all[(group_of(obj), obj["kind"], namespace, name_of(obj))] = obj

    def __iter__(self) -> Iterator[Obj]:
        return iter(self._all.values())

    def of(self, group: str, kind: str) -> list[Obj]:
        """Every object of a group and kind, whatever its version."""
        return [obj for (g, k, _, _), obj in self._all.items() if g == group and k == kind]

    def get(self, group: str, kind: str, namespace: str, name: str) -> Obj | None:
        """One object, or None."""
        return self._all.get((group, kind, namespace, name))

    def service(self, namespace: str, name: str) -> Obj | None:
        """The Service, or None."""
        return self.get("", "Service", namespace, name)

    def namespace(self, name: str) -> Obj | None:
        """The Namespace object, or None."""
        return self.get("", "Namespace", "", name)

    def workloads(self, namespace: str) -> list[Obj]:
        """Every object of the namespace that has pods."""
        return [obj for (_, kind, ns, _), obj in self._all.items() if ns == namespace and kind in WORKLOADS]

    def resolve_host(self, host: str, client_namespace: str, cluster_domain: str) -> tuple[str, str] | None:
        """`(namespace, name)` of the Service that a client's DNS lookup of `host` finds, or None.

        The search list is that of a pod: its own namespace, `svc.<domain>`, `<domain>`.
        """
        labels = host.rstrip(".").lower().split(".")
        domain = cluster_domain.lower().split(".")
        if labels[2:] in (["svc"], ["svc", *domain]) or len(labels) == 2:
            found = (labels[1], labels[0])
        elif len(labels) == 1:
            found = (client_namespace, labels[0])
        else:
            return None
        return found if self.service(*found) is not None else None


def is_headless(service: Obj) -> bool:
    """Whether the Service has `clusterIP: None`."""
    return spec(service).get("clusterIP") == "None"


def is_external_name(service: Obj) -> bool:
    """Whether the Service is an alias of an external name."""
    return spec(service).get("type") == "ExternalName"


def service_port(service: Obj, port: int | None) -> Obj | None:
    """The entry of `spec.ports` with that number, or None."""
    return next((entry for entry in items(spec(service), "ports") if entry.get("port") == port), None)


def pod_template(workload: Obj) -> Obj:
    """The pod template of a workload; a Pod is its own."""
    if workload.get("kind") == "Pod":
        return workload
    found = spec(workload).get("template")
    return found if isinstance(found, Mapping) else {}


def container_port(workload: Obj, wanted: Any) -> int | None:
    """The number of a `targetPort`: itself, or the container port of that name."""
    if isinstance(wanted, int):
        return wanted
    pod = spec(pod_template(workload))
    for container in items(pod, "containers") + items(pod, "initContainers"):
        for port in items(container, "ports"):
            if port.get("name") == wanted:
                number = port.get("containerPort")
                return number if isinstance(number, int) else None
    return None


def endpoints(objects: Objects, namespace: str, name: str, port: int | None) -> frozenset[str] | None:
    """`ns/workload:containerPort` of what stands behind a Service port; None where no selector says so.

    A missing Service, or a port that it does not have, has no endpoint: the empty set.
    """
    service = objects.service(namespace, name)
    if service is None:
        return frozenset()
    entry = service_port(service, port)
    if entry is None:
        return frozenset()
    selector = spec(service).get("selector")
    if not isinstance(selector, Mapping) or not selector:
        return None
    found = set()
    for workload in objects.workloads(namespace):
        labels = meta(pod_template(workload)).get("labels")
        if isinstance(labels, Mapping) and all(labels.get(k) == v for k, v in selector.items()):
            target = container_port(workload, entry.get("targetPort", entry.get("port")))
            if target is not None:
                found.add(f"{namespace}/{name_of(workload)}:{target}")
    return frozenset(found)
