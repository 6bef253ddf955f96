"""Which workloads of the stream a policy of the old mesh reaches: what must stay with it while it is held.

Istio: a selector picks pods by label, in every namespace for an AuthorizationPolicy of the root namespace; without one
the namespace, or from the root namespace the whole mesh, is meant (istio-surface §6). SMI: pods of a ServiceAccount
(smi-osm-surface §1.5). Where a manifest leaves something open, such as its namespace, the larger reach counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from transformer.context.index import WORKLOAD_KINDS
from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj
from transformer.run import Run

_SECURITY = "security.istio.io"
_ACCESS = "access.smi-spec.io"
LEGACY_KINDS = (
    ("rbac.istio.io", "ServiceRole"), ("rbac.istio.io", "ServiceRoleBinding"), ("rbac.istio.io", "RbacConfig"),
    ("rbac.istio.io", "ClusterRbacConfig"), ("authentication.istio.io", "Policy"), ("authentication.istio.io", "MeshPolicy"),
)  # fmt: skip
ISTIO_KINDS = (
    (_SECURITY, "AuthorizationPolicy"), (_SECURITY, "PeerAuthentication"), (_SECURITY, "RequestAuthentication"),
    *LEGACY_KINDS, ("networking.istio.io", "EnvoyFilter"), ("extensions.istio.io", "WasmPlugin"),
    ("extensions.istio.io", "TrafficExtension"),
)  # fmt: skip
_OSM = "policy.openservicemesh.io"
#: What Open Service Mesh enforces beside SMI: who may call out, what an ingress may call, how much.
INGRESS_BACKEND = (_OSM, "IngressBackend")
OSM_KINDS = ((_OSM, "Egress"), INGRESS_BACKEND, (_OSM, "UpstreamTrafficSetting"))
SMI_KINDS = ((_ACCESS, "TrafficTarget"), (_ACCESS, "IdentityBinding"))
#: Labels, or prefixes of labels, that pods get from an injector or a controller and templates do not show.
ADDED_TO_PODS = (
    "service.istio.io/", "security.istio.io/", "istio.io/", "networking.istio.io/", "topology.istio.io/",
    "topology.kubernetes.io/", "statefulset.kubernetes.io/", "apps.kubernetes.io/", "batch.kubernetes.io/",
    "serving.knative.dev/", "job-name", "controller-uid", "pod-template-hash", "controller-revision-hash",
    "pod-template-generation", "rollouts-pod-template-hash",
)  # fmt: skip


class Reachable(NamedTuple):
    """A workload of the stream: the labels and the ServiceAccount of its pods."""

    obj: Obj
    labels: dict[str, str]
    account: str


def of(run: Run, obj: Obj) -> Iterator[Obj]:
    """Workloads of the stream that a policy applies to, and Namespaces whose injection brings pods under it."""
    if obj.ref.group == _OSM:
        return _of_osm(run, obj)
    return _of_target(run, obj) if obj.ref.group == _ACCESS else _of_policy(run, obj)


def hold_all(run: Run, objs: Iterable[Obj], why: str) -> None:
    """Ask that objects stay, each with everything that it reaches: only the old mesh enforces them."""
    for obj in objs:
        hold(run, obj, "MS400", f"{obj.ref.kind} {why}")


def hold(run: Run, obj: Obj, code: str, message: str, remedy: str = "") -> None:
    """Ask that an object stays, with everything that it reaches; where a person accepts the loss it goes."""
    run.account(obj, [obj.view])
    run.drop(obj)
    if not run.hold(code, obj, message, remedy=remedy):
        run.mark(obj.view, Fate(ACCEPTED, code))
    for reached in of(run, obj):
        run.units.link(obj.uid, reached.uid)
        run.units.link(reached.uid, obj.uid)


def _of_policy(run: Run, obj: Obj) -> Iterator[Obj]:
    mesh_wide = obj.namespace == run.options["mesh.root-namespace"] or obj.ref.kind in (
        "MeshPolicy", "ClusterRbacConfig",
    )  # fmt: skip
    labels = selector(obj)
    yield from _of_waypoints(run, obj)
    for found in workloads(run, "" if mesh_wide else obj.namespace):
        if all(_carries(found, key, text) for key, text in labels.items()):
            yield found.obj
    yield from _namespaces(run, "" if mesh_wide else obj.namespace)


def _of_waypoints(run: Run, policy: Obj) -> Iterator[Obj]:
    """Namespaces and workloads that reach the world through a waypoint which the policy targets, wherever they are."""
    at = [policy.spec.get("targetRef"), *policy.spec.get("targetRefs").each()]
    names = {(ref.get("namespace").text() or policy.namespace, ref.get("name").text()) for ref in at
             if ref.get("kind").text() == "Gateway"}  # fmt: skip
    if not names:
        return
    # Only ambient meshes have waypoints.
    from transformer.rules.gateway_api import waypoint_users

    users = waypoint_users.by_waypoint(run)
    for user in (user for name in sorted(names) for user in users.get(name, ())):
        yield user
        if user.ref.kind in ("Namespace", "Service"):
            yield from (found.obj for found in workloads(run, waypoint_users.namespace_of(user)))


def _of_target(run: Run, obj: Obj) -> Iterator[Obj]:
    # v1alpha1 has the fields at the top, later versions under spec; shape decides, not the version.
    body = obj.spec if obj.spec else obj.view
    account = body.get("destination", "name").text()
    namespace = body.get("destination", "namespace").text() or obj.namespace
    for found in workloads(run, namespace):
        if found.account == account or not account:
            yield found.obj
    yield from _namespaces(run, namespace)


def _of_osm(run: Run, obj: Obj) -> Iterator[Obj]:
    """Everything in the object's namespace and in those of its sources: Services and accounts are not told apart."""
    named = (*obj.spec.get("sources").each(), obj.spec.get("source"), *obj.spec.get("destinations").each())
    sources = [entry.get("namespace").text() for entry in named]
    for namespace in dict.fromkeys([obj.namespace, *(name for name in sources if name)]):
        yield from (found.obj for found in workloads(run, namespace))
        yield from _namespaces(run, namespace)


def workloads(run: Run, namespace: str) -> Iterator[Reachable]:
    """Workloads that are, or may be, in a namespace; an empty one is any, as long as nobody says which it is."""
    index: dict[str, list[Reachable]] | None = run.memo.get("reachable")
    if index is None:
        index = run.memo["reachable"] = {}
        for workload in run.context.workloads():
            if not workload.context:
                index.setdefault(workload.namespace, []).append(_reachable(workload))
    for place in index if not namespace else dict.fromkeys((namespace, "")):
        yield from index.get(place, ())


def _reachable(workload: Obj) -> Reachable:
    template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
    account = template.get("spec", "serviceAccountName") or template.get("spec", "serviceAccount")
    return Reachable(workload, pod_labels(workload), account.text() or "default")


def account(workload: Obj) -> str:
    """The ServiceAccount of a workload's pods, by either of its two fields."""
    spec = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind], "spec")
    return spec.get("serviceAccountName").text() or spec.get("serviceAccount").text() or "default"


def pod_labels(workload: Obj) -> dict[str, str]:
    """Labels of a workload's pods, as its template has them."""
    template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
    return template.get("metadata", "labels").texts()


def selected(run: Run, namespace: str, labels: Mapping[str, str]) -> list[Obj]:
    """Workloads of stream and context whose pods a selector of labels picks in a namespace; an empty one picks all."""
    return [
        workload
        for workload in run.context.workloads()
        if workload.namespace == namespace and labels.items() <= pod_labels(workload).items()
    ]


def _carries(found: Reachable, key: str, text: str) -> bool:
    return found.labels.get(key) == text or (key not in found.labels and key.startswith(ADDED_TO_PODS))


def _namespaces(run: Run, namespace: str) -> Iterator[Obj]:
    """Namespaces of the stream: pods that are not in it may match too, whatever a selector says."""
    for found in run.context.objects("", "Namespace"):
        if not found.context and namespace in ("", found.name):
            yield found


def selector(obj: Obj) -> dict[str, str]:
    """Pod labels that the object wants; empty for all pods. Policies that target Services or Gateways count as all."""
    for path in (
        ("selector", "matchLabels"),
        ("workloadSelector", "labels"),
        ("workloadSelector", "matchLabels"),
    ):
        found = obj.spec.get(*path)
        if found:
            return found.texts()
    return {}
