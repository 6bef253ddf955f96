"""ReferenceGrant: routes of a gateway may send to Services of another namespace only if that namespace says so."""

from __future__ import annotations

from typing import Any

from transformer.ir.routes import Forward, Route
from transformer.objects import Obj
from transformer.targets import metadata


def needed(route: Route, namespace: str) -> list[str]:
    """Namespaces other than the route's own whose Services it sends to."""
    found: set[str] = set()
    for rule in route.rules:
        if isinstance(rule.action, Forward):
            found |= {backend.namespace for backend in rule.action.backends}
            found |= {mirror.namespace for mirror in rule.action.mirrors}
    return sorted(found - {namespace})


def build(source: Obj, namespace: str, kind: str = "HTTPRoute") -> dict[str, Any]:
    """The grant in `namespace` for routes of the source's namespace (v1beta1: served by every supported version)."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {
            "name": metadata.fit(f"{kind.lower()}s-from-{source.namespace}"),
            "namespace": namespace,
            # Every route of the namespace that needs the grant plans the same one.
            "annotations": {metadata.MARKER: f"{kind}/{source.namespace}"},
        },
        "spec": {
            "from": [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": source.namespace}],
            "to": [{"group": "", "kind": "Service"}],
        },
    }
