"""Workloads that move by themselves (`only: [app=cart]`) while their Namespace goes on injecting the old mesh's sidecar.

The pod's own setting beats the Namespace's in all injectors, so the template opts out of one and into the other.
https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
"""

from __future__ import annotations

from typing import NamedTuple

from transformer.rules.workload import injection_settings as settings
from transformer.run import Run


class Leave(NamedTuple):
    """Labels and annotations by which a pod template leaves a mesh that its Namespace joins."""

    labels: dict[str, str]
    annotations: dict[str, str]


def leave(
    run: Run, pod: settings.Pod, injection: settings.Injection, namespace: settings.NamespaceSetting
) -> Leave | None:
    """What the template has to say, or None where the workload does not move by itself or its Namespace says nothing."""
    if not run.scope.picks(pod.obj) or pod.host_network:
        return None
    if not namespace.known and not injection.own and not has_left(pod):
        where = pod.obj.namespace or "of the workload"
        run.hold(
            "MS126",
            pod.obj,
            f"{pod.obj.ref} is to move by itself, and whether it is in the mesh today depends on the Namespace {where}",
        )
        return None
    if injection.state != settings.IN and not (namespace.meshes and has_left(pod)):
        return None
    labels: dict[str, str] = {}
    annotations = {settings.INJECT: "enabled"} if not pod.annotations.get(settings.INJECT).present else {}
    if namespace.sidecar == settings.IN:
        labels[settings.SIDECAR_INJECT] = "false"
    if namespace.ambient:
        labels[settings.DATAPLANE] = "none"
    if namespace.monitored and namespace.osm == settings.IN:
        annotations[settings.OSM_INJECTION] = "disabled"
    return Leave(labels, annotations) if namespace.meshes else None


def has_left(pod: settings.Pod) -> bool:
    """Whether an earlier run has moved it: out of the one mesh and into the other."""
    return pod.annotation(settings.INJECT) in ("enabled", "ingress")
