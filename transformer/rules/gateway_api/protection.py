"""Which policies and proxy extensions of Istio apply to a Gateway: by target, by labels of its pods, or by namespace.

https://istio.io/latest/docs/reference/config/type/workload-selector/ and istio/istio
pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go (labels of the generated pods).
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.gateway_api import references
from transformer.run import Run

#: Who may use a gateway, or what its proxy does with requests; mutual TLS is not asked for there.
_PROTECTING = [kind for kind in reach.ISTIO_KINDS if kind != ("security.istio.io", "PeerAuthentication")]


def policies(run: Run, obj: Obj) -> Iterator[Obj]:
    """Policies and proxy extensions of stream and context that apply to the Gateway today."""
    root = run.options["mesh.root-namespace"]
    known = _pod_labels(obj)
    for group, kind in _PROTECTING:
        for policy in run.context.objects(group, kind):
            if references.has_targets(policy):
                if any(_is_target(run, obj, target, root) for target in references.targets(policy)):
                    yield policy
                continue
            labels = reach.selector(policy)
            near = policy.namespace in (root, obj.namespace, "")
            # Labels of the generated pods beyond these are not known; a policy for other applications names none of them.
            meant = not labels or any(known.get(key) == text for key, text in labels.items())
            clash = any(known.get(key, text) != text for key, text in labels.items())
            if near and meant and not clash:
                yield policy


def _is_target(run: Run, obj: Obj, target: references.Reference, root: str) -> bool:
    if target.kind == "GatewayClass":
        named = target.name == obj.spec.get("gatewayClassName").text()
        return named and target.at.obj.namespace in (root, "")
    return (target.kind, target.namespace, target.name) == ("Gateway", obj.namespace, obj.name)


def _pod_labels(obj: Obj) -> dict[str, str]:
    """Labels of the pods that Istio makes for a Gateway, as far as the manifest shows them."""
    name, class_name = obj.name, obj.spec.get("gatewayClassName").text()
    written = obj.spec.get("infrastructure", "labels")
    copied = written.texts() if written.present else obj.labels
    return copied | {
        "gateway.networking.k8s.io/gateway-name": name,
        "gateway.networking.k8s.io/gateway-class-name": class_name,
        "istio.io/gateway-name": name,
        "service.istio.io/canonical-name": f"{name}-{class_name}",
    }
