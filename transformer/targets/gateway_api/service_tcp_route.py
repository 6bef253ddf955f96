"""TCPRoute with a Service as parent: shares of connections. Linkerd reads v1alpha2 with exactly one rule (observed L21)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformer.ir.routes import Backend, Parent
from transformer.targets.gateway_api import http_route
from transformer.targets.versions import Target


def served(target: Target) -> bool:
    """Whether the installed CRDs have the version that Linkerd reads: only the experimental channel does."""
    return target.channel == "experimental" and target.reads_gateway_api


def build(
    parent: Parent, backends: Sequence[Backend], metadata: dict[str, Any], namespace: str
) -> dict[str, Any]:
    """The route object."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1alpha2",
        "kind": "TCPRoute",
        "metadata": metadata,
        "spec": {
            "parentRefs": [http_route.parent(parent, namespace)],
            "rules": [{"backendRefs": [http_route.backend(one, namespace) for one in backends]}],
        },
    }
