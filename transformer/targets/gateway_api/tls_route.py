"""TLSRoute: TLS that is passed through to a Service by server name; v1 has exactly one rule."""

from __future__ import annotations

from typing import Any

from transformer.ir.routes import Forward, Route
from transformer.targets.gateway_api import http_route
from transformer.targets.versions import Target


def build(route: Route, metadata: dict[str, Any], target: Target, namespace: str) -> dict[str, Any]:
    """The route object; a host `*` needs no hostname where the version lets it be left out."""
    action = route.rules[0].action
    assert isinstance(action, Forward)
    hostnames = [host for host in route.hostnames if host != "*"]
    return {
        "apiVersion": f"gateway.networking.k8s.io/{target.tls_route}",
        "kind": "TLSRoute",
        "metadata": metadata,
        "spec": {
            "parentRefs": [http_route.parent(one, namespace) for one in route.parents],
            **({"hostnames": hostnames} if hostnames else {}),
            "rules": [{"backendRefs": [http_route.backend(one, namespace) for one in action.backends]}],
        },
    }
