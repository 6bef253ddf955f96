"""Security objects are held, and with them every workload that they reach: only the old mesh's sidecar enforces them.

Reach follows Istio (istio-surface §6): a selector picks pods by label, in every namespace for an AuthorizationPolicy of
the root namespace; without one the namespace, or from the root namespace the whole mesh, is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj
from transformer.rules.registry import rule
from transformer.run import Run

_SECURITY = "security.istio.io"
_LEGACY_KINDS = [
    ("rbac.istio.io", "ServiceRole"), ("rbac.istio.io", "ServiceRoleBinding"), ("rbac.istio.io", "RbacConfig"),
    ("rbac.istio.io", "ClusterRbacConfig"), ("authentication.istio.io", "Policy"), ("authentication.istio.io", "MeshPolicy"),
]  # fmt: skip
_PROXY_KINDS = [
    ("networking.istio.io", "EnvoyFilter"), ("extensions.istio.io", "WasmPlugin"), ("extensions.istio.io", "TrafficExtension"),
]  # fmt: skip


@rule(
    id="security",
    kinds=[(_SECURITY, "RequestAuthentication"), *_LEGACY_KINDS, *_PROXY_KINDS],
    order=30,
    summary="token policies and proxy extensions are held with every workload that they reach",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every security object of the stream; what it reaches follows through the units."""
    for obj in objs:
        run.account(obj, [obj.view])
        run.drop(obj)
        legacy = (obj.ref.group, obj.ref.kind) in _LEGACY_KINDS
        code, what = (
            ("MS401", "cannot exist beside any current Istio")
            if legacy
            else ("MS400", "is enforced by Istio's sidecar only")
        )
        if not run.hold(code, obj, f"{obj.ref.kind} {what}"):
            run.mark(obj.view, Fate(ACCEPTED, code))
        for reached in reach(run, obj):
            run.units.link(obj.uid, reached.uid)
            run.units.link(reached.uid, obj.uid)


def reach(run: Run, obj: Obj) -> Iterator[Obj]:
    """Workloads of the stream that the object applies to, and Namespaces whose injection brings pods under it."""
    root = run.options["mesh.root-namespace"]
    mesh_wide = obj.namespace == root or obj.ref.kind in ("MeshPolicy", "ClusterRbacConfig")
    labels = selector(obj)
    for workload in run.context.workloads():
        if workload.context or not (mesh_wide or workload.namespace == obj.namespace):
            continue
        template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
        pods = {key: value.text() for key, value in template.get("metadata", "labels").items()}
        if all(pods.get(key) == text for key, text in labels.items()):
            yield workload
    for namespace in run.context.objects("", "Namespace"):
        # Pods that are not in this stream may match too, whatever the selector says.
        if not namespace.context and (mesh_wide or namespace.name == obj.namespace):
            yield namespace


def selector(obj: Obj) -> dict[str, str]:
    """Pod labels that the object wants; empty for all pods. Policies that target Services or Gateways count as all."""
    for path in (
        ("selector", "matchLabels"),
        ("workloadSelector", "labels"),
        ("workloadSelector", "matchLabels"),
    ):
        found = obj.spec.get(*path)
        if found:
            return {key: value.text() for key, value in found.items()}
    return {}
