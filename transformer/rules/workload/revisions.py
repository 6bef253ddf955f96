"""Policies for one revision of Istio: a control plane of another one does not read them.

Istio: LabelsInRevision in pkg/config/model.go; https://istio.io/latest/docs/setup/upgrade/canary/
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.workload import injection_settings
from transformer.rules.workload.injection_settings import IN, REVISION, NamespaceSetting
from transformer.run import Run


def unread(run: Run, obj: Obj) -> str:
    """The revision that an object is for, where pods that it is for have, or may have, another one; else empty.

    Without a revision label on Namespace or pods nobody can tell which control plane reads the object for them.
    """
    if REVISION not in obj.labels:
        return ""
    wanted = obj.labels[REVISION]
    return "" if wanted and set(_revisions(run, obj)) <= {wanted} else wanted or "''"


def _revisions(run: Run, obj: Obj) -> Iterator[str]:
    """Revisions of the Namespaces and of the pods that the object is for; empty for unknown ones."""
    namespaces = injection_settings.of_namespaces(run)
    root = run.options["mesh.root-namespace"]
    labels = reach.selector(obj)
    spaces = {obj.namespace} if obj.namespace != root else set(namespaces) - {root}
    for space in spaces:
        setting = namespaces.get(space, NamespaceSetting(None))
        picked = [injection_settings.pod_of(workload) for workload in reach.selected(run, space, labels)]
        if setting.sidecar == IN or not setting.known:
            yield _of_namespace(setting)
        else:
            yield from (
                pod.label(REVISION)
                for pod in picked
                if injection_settings.of_pod(pod, setting).state != injection_settings.OUT
            )


def _of_namespace(setting: NamespaceSetting) -> str:
    """The revision that a Namespace asks for; empty where it asks for the default one, whichever that is."""
    labels = setting.obj.labels if setting.obj is not None else {}
    return "" if injection_settings.ISTIO_INJECTION in labels else labels.get(REVISION, "")
