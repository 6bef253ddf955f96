"""Namespaces and pods that join from Open Service Mesh keep what its policy mode says of callers whom no policy names.

Deny-by-default refuses them all; permissive mode lets every meshed client in, which is what all-authenticated says.
https://release-v1-2.docs.openservicemesh.io/docs/guides/traffic_management/permissive_mode/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj
from transformer.rules import osm_mode
from transformer.rules.registry import rule
from transformer.rules.workload import injection_settings as settings
from transformer.run import Run


@rule(
    id="osm-namespaces",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    keys=(settings.OSM_INJECTION,),
    order=35,
    summary="in deny-by-default mode what joins from Open Service Mesh is closed, or held where policies are",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Close what the mesh closes today, after the rules for policies have said what they open."""
    namespaces = settings.of_namespaces(run)
    for obj in objs:
        if obj.ref.kind == "Namespace" and not obj.ref.group:
            if _injects(settings.of_namespace(obj)):
                _close(run, obj, None)
            continue
        namespace = namespaces.get(obj.namespace, settings.NamespaceSetting(None))
        covered = namespace.obj is not None and not namespace.obj.context and _injects(namespace)
        pod = settings.pod_of(obj)
        own = settings.osm_value(pod.annotation(settings.OSM_INJECTION)) == settings.IN
        if own and not covered and settings.of_pod(pod, namespace).state == settings.IN:
            _close(run, obj, pod)


def _injects(namespace: settings.NamespaceSetting) -> bool:
    return namespace.monitored and namespace.osm == settings.IN and namespace.sidecar != settings.OUT


def _close(run: Run, obj: Obj, pod: settings.Pod | None) -> None:
    mode = osm_mode.mode(run)
    inert = run.options["smi-implementation"] in ("linkerd-smi",)
    by_policies = _told_by_policies(run, obj, pod)
    if mode.permissive or by_policies or inert:
        return
    if not mode.told_by and not run.context.objects("access.smi-spec.io", "TrafficTarget"):
        run.once("MS520", obj, "nobody says whether the mesh denies by default")
        return
    if run.options["authorization"] == "translate":
        _deny(run, obj, pod)
        return
    at = obj.view.get("metadata", "annotations", settings.OSM_INJECTION) if pod is None else obj
    who = mode.told_by or "a TrafficTarget"
    if mode.told_by and not run.hold("MS521", at, f"{who} says that nobody may call whom no policy names"):
        run.ledger.enter(_accepted(obj, pod))


def _told_by_policies(run: Run, obj: Obj, pod: settings.Pod | None) -> bool:
    if pod is None:
        return obj.name in run.memo.get("default-inbound-policy", {})
    return obj.uid in run.memo.get("own-inbound-policy", ())
