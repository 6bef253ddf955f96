"""ReferenceGrant: routes of a gateway may send to Services of another namespace only if that namespace says so."""

from __future__ import annotations

from typing import Any

from transformer.ir.routes import Forward, Route
from transformer.objects import Obj
from transformer.targets import metadata


def needed(route: Route, namespace: str) -> list[str]:
    """Namespaces other than the route's own whose Services it sends to."""
    found = {
        target.namespace
        for rule in route.rules
        if isinstance(rule.action, Forward)
        for target in (*rule.action.backends, *rule.action.mirrors)
    }
    return sorted(found - {namespace})


def build(source: Obj, namespace: str) -> dict[str, Any]:
    """The grant in `namespace` for HTTPRoutes of the source's namespace (v1beta1: served by every supported version)."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": metadata.metadata(source, f"routes-from-{source.namespace}", namespace=namespace),
        "spec": {
            "from": [
                {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": source.namespace}
            ],
            "to": [{"group": "", "kind": "Service"}],
        },
    }
