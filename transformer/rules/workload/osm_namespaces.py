"""Namespaces and pods that join from Open Service Mesh keep what its policy mode says of callers whom no policy names.

Deny-by-default refuses them all; permissive mode lets every meshed client in, which is what all-authenticated says.
https://release-v1-2.docs.openservicemesh.io/docs/guides/traffic_management/permissive_mode/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules import osm_mode, reach
from transformer.rules.registry import rule
from transformer.rules.workload import injection_settings as settings
from transformer.rules.workload import posture
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
    enforced = not mode.permissive and run.options["smi-implementation"] != "linkerd-smi"
    if not enforced or _told_by_policies(run, obj, pod):
        return
    who = f"{mode.told_by} says" if mode.told_by else "where no MeshConfig is known this run assumes"
    if run.options["authorization"] == "translate":
        if not mode.told_by:
            run.once("MS520", obj, f"{who} that nobody may call whom no TrafficTarget names")
        _deny(run, obj, pod)
    elif not run.hold("MS521", obj, f"{who} that nobody may call whom no TrafficTarget names"):
        run.no_op(obj.view.get("metadata", "annotations", settings.OSM_INJECTION), "MS521")


def _deny(run: Run, obj: Obj, pod: settings.Pod | None) -> None:
    if pod is None:
        run.memo.setdefault("default-inbound-policy", {})[obj.name] = "deny"
        return
    run.memo.setdefault("own-inbound-policy", set()).add(obj.uid)
    existing = pod.annotations.get(settings.DEFAULT_POLICY)
    if existing.present and posture.in_effect(pod.annotations) != "deny":
        run.hold(
            "MS101",
            existing,
            f"{settings.DEFAULT_POLICY}: {existing.text()!r}, but the mesh denies by default",
        )
    elif not existing.present:
        run.edit(obj, pod.annotations_path, write=posture.inbound(run, "deny"), owners=[obj])


def _told_by_policies(run: Run, obj: Obj, pod: settings.Pod | None) -> bool:
    """Whether the rule for TrafficTargets has closed it already, or holds what it reaches."""
    targets = run.context.objects("access.smi-spec.io", "TrafficTarget")
    if run.options["authorization"] != "translate" and any(not found.context for found in targets):
        return any(obj.uid == reached.uid for found in targets for reached in reach.of(run, found))
    if pod is None:
        return obj.name in run.memo.get("default-inbound-policy", {})
    return obj.uid in run.memo.get("own-inbound-policy", ())
