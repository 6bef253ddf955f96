"""ReferenceGrant: what a gateway or its routes name in another namespace, that namespace has to say yes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from transformer.ir.routes import Forward, Listener, Route
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


def for_gateway(source: Obj, listeners: Sequence[Listener]) -> Iterator[dict[str, Any]]:
    """Grants for the Secrets and ConfigMaps of other namespaces that a Gateway's listeners name, one per namespace."""
    wanted: dict[str, set[tuple[str, str]]] = {}
    for listener in listeners:
        for name in listener.certificates:
            space, _, short = name.rpartition("/")
            wanted.setdefault(space, set()).add(("Secret", short))
        if listener.clients is not None:
            wanted.setdefault(listener.clients.namespace, set()).add(
                (listener.clients.kind, listener.clients.name)
            )
    kinds = ["Gateway", *(["ListenerSet"] if any(one.listener_set for one in listeners) else [])]
    for namespace in sorted(wanted.keys() - {"", source.namespace}):
        yield {
            "apiVersion": "gateway.networking.k8s.io/v1beta1",
            "kind": "ReferenceGrant",
            "metadata": {
                "name": metadata.fit(f"gateway-{source.namespace}-{source.name}"),
                "namespace": namespace,
                "annotations": {metadata.MARKER: metadata.marker(source)},
            },
            "spec": {
                "from": [
                    {"group": "gateway.networking.k8s.io", "kind": kind, "namespace": source.namespace}
                    for kind in kinds
                ],
                "to": [{"group": "", "kind": kind, "name": name} for kind, name in sorted(wanted[namespace])],
            },
        }
