"""Gateway of a chosen class, with a listener for every host of the Istio servers (Gateway API v1)."""

from __future__ import annotations

from typing import Any

from transformer.ir.routes import Listener


def build(
    listeners: tuple[Listener, ...], metadata: dict[str, Any], class_name: str, namespace: str
) -> dict[str, Any]:
    """The Gateway; `namespace` is its own, to tell which routes count as of the same namespace."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata,
        "spec": {
            "gatewayClassName": class_name,
            "listeners": [_listener(listener, namespace) for listener in listeners],
        },
    }


def _listener(listener: Listener, namespace: str) -> dict[str, Any]:
    out: dict[str, Any] = {"name": listener.name}
    if listener.hostname:
        out["hostname"] = listener.hostname
    out |= {"port": listener.port, "protocol": listener.protocol}
    if listener.protocol == "TLS":
        out["tls"] = {"mode": "Passthrough"}
    if listener.protocol == "HTTPS":
        out["tls"] = {
            "mode": "Terminate",
            "certificateRefs": [{"name": name} for name in listener.certificates],
        }
    return out | {"allowedRoutes": {"namespaces": _allowed(listener.namespaces, namespace)}}


def _allowed(namespaces: tuple[str, ...], own: str) -> dict[str, Any]:
    if "*" in namespaces:
        return {"from": "All"}
    if namespaces == (own,):
        return {"from": "Same"}
    # The API server gives every Namespace a label with its name.
    label = "kubernetes.io/metadata.name"
    if len(namespaces) == 1:
        return {"from": "Selector", "selector": {"matchLabels": {label: namespaces[0]}}}
    chosen = {"key": label, "operator": "In", "values": list(namespaces)}
    return {"from": "Selector", "selector": {"matchExpressions": [chosen]}}
