"""Gateway of a chosen class, with a listener for every host of the Istio servers (Gateway API v1)."""

from __future__ import annotations

from typing import Any

from transformer.ir.routes import Clients, Listener
from transformer.targets.versions import Target


def build(
    listeners: tuple[Listener, ...],
    metadata: dict[str, Any],
    class_name: str,
    namespace: str,
    target: Target,
) -> dict[str, Any]:
    """The Gateway; `namespace` is its own, to tell which routes count as of the same namespace."""
    spec: dict[str, Any] = {
        "gatewayClassName": class_name,
        "listeners": [listener(one, namespace, target) for one in listeners if not one.listener_set],
    }
    if any(one.listener_set for one in listeners):
        spec["allowedListeners"] = {"namespaces": {"from": "Same"}}
    if target.client_validation == "gateway" and (ports := _validated_ports(listeners, namespace)):
        # What stands for all ports is required, and empty: only the ports that are named ask for certificates.
        spec["tls"] = {"frontend": {"default": {}, "perPort": ports}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata,
        "spec": spec,
    }


def listener(listener: Listener, namespace: str, target: Target) -> dict[str, Any]:
    """One listener of a Gateway or a ListenerSet of the namespace."""
    out: dict[str, Any] = {"name": listener.name}
    if listener.hostname:
        out["hostname"] = listener.hostname
    out |= {"port": listener.port, "protocol": listener.protocol}
    if listener.passes_through:
        out["tls"] = {"mode": "Passthrough"}
    elif listener.protocol in ("HTTPS", "TLS"):
        out["tls"] = {
            "mode": "Terminate",
            "certificateRefs": [_secret(name, namespace) for name in listener.certificates],
        }
        if listener.clients is not None and target.client_validation == "listener":
            out["tls"]["frontendValidation"] = _validation(listener.clients, namespace)
    return out | {"allowedRoutes": {"namespaces": _allowed(listener.namespaces, namespace)}}


def _secret(name: str, own: str) -> dict[str, str]:
    space, _, short = name.rpartition("/")
    return {"name": short} | ({"namespace": space} if space not in ("", own) else {})


def _validated_ports(listeners: tuple[Listener, ...], namespace: str) -> list[dict[str, Any]]:
    asking = {listener.port: listener.clients for listener in listeners if listener.clients is not None}
    return [
        {"port": port, "tls": {"validation": _validation(clients, namespace)}}
        for port, clients in sorted(asking.items())
    ]


def _validation(clients: Clients, own: str) -> dict[str, Any]:
    reference = {"group": "", "kind": clients.kind, "name": clients.name}
    if clients.namespace not in ("", own):
        reference["namespace"] = clients.namespace
    found: dict[str, Any] = {"caCertificateRefs": [reference]}
    return found | ({"mode": "AllowInsecureFallback"} if clients.optional else {})


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
