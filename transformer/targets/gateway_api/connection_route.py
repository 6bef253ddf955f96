"""TCPRoute and TLSRoute: connections to Services, all of a listener or a Service port, or those of some server names.

Both have exactly one rule: v1 by its schema, v1alpha2 by Linkerd's admission (observed L21, linkerd-surface §1.3).
https://gateway-api.sigs.k8s.io/reference/spec/
"""

from __future__ import annotations

from typing import Any

from transformer.ir.routes import Forward, Route
from transformer.targets.gateway_api import http_route


def build(route: Route, metadata: dict[str, Any], kind: str, version: str, namespace: str) -> dict[str, Any]:
    """The route object of a kind and its version; `namespace` is what an unwritten one means.

    A TLSRoute without hostnames takes every server name; v1 wants hostnames, which the checks of emitted objects know.
    """
    action = route.rules[0].action
    assert isinstance(action, Forward)
    own = metadata.get("namespace", namespace)
    implied = http_route.implied_namespace(route, own)
    hostnames = [] if "*" in route.hostnames or kind != "TLSRoute" else list(route.hostnames)
    return {
        "apiVersion": f"gateway.networking.k8s.io/{version}",
        "kind": kind,
        "metadata": metadata,
        "spec": {
            "parentRefs": [http_route.parent(one, own) for one in route.parents],
            **({"hostnames": hostnames} if hostnames else {}),
            "rules": [{"backendRefs": [http_route.backend(one, implied) for one in action.backends]}],
        },
    }
