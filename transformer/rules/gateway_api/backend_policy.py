"""Gateway API policies for backends, which Istio's clients obey and Linkerd's do not read: told, or errors.

Istio: istio/istio pilot/pkg/config/kube/gateway/backend_policies.go (they become DestinationRules for every client;
sessionPersistence is not implemented). https://gateway-api.sigs.k8s.io/api-types/backendtlspolicy/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj
from transformer.rules.gateway_api import references
from transformer.rules.parents import GATEWAY_API
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets.metadata import MARKER

_EXPERIMENTS = "gateway.networking.x-k8s.io"
_IGNORED = "istio.io/ignore-policy-attachment"


@rule(
    id="backend-policy",
    kinds=[(GATEWAY_API, "BackendTLSPolicy"), (_EXPERIMENTS, "XBackendTrafficPolicy")],
    order=67,
    unnamed=True,
    summary="TLS towards a backend is an error for clients that move, a retry budget a warning",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Tell every policy of the stream that clients of Istio obey, once something of the stream moves."""
    moving = bool(run.clients or run.client_config)
    for obj in objs:
        if MARKER in obj.annotations or obj.annotations.get(_IGNORED) == "true":
            continue
        run.objects[obj.uid] = obj
        if moving or run.memo.get("gateways-that-change"):
            _targets(run, obj)
        if not moving:
            continue
        if obj.ref.kind == "BackendTLSPolicy":
            _tls(run, obj)
        elif obj.spec.get("retryConstraint"):
            run.say("MS731", obj.spec.get("retryConstraint"), "Linkerd's clients do not read the budget")


def _targets(run: Run, obj: Obj) -> None:
    for target in references.targets(obj):
        if target.group.endswith("istio.io"):
            held = run.hold("MS732", target.at, f"nothing but Istio knows {target.kind} {target.name}")
            entry = run.context.find(references.ISTIO, target.kind, target.namespace, target.name).obj
            if held and entry is not None:
                run.units.link(obj.uid, entry.uid)


def _tls(run: Run, obj: Obj) -> None:
    services = [target for target in references.targets(obj) if target.is_service]
    if services:
        names = ", ".join(target.name for target in services)
        run.hold("MS730", obj, f"clients that move would no longer start TLS towards {names}")
