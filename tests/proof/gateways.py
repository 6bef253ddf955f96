"""Gateway API objects for the tests of gateways."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def listener(name: str, protocol: str = "HTTP", port: int = 80, **more: Any) -> Json:
    """A listener; `hostname`, `tls` and `allowedRoutes` are optional."""
    return {"name": name, "protocol": protocol, "port": port, **more}


def gateway(*listeners: Json, name: str = "edge") -> Json:
    """A Gateway in `shop`; one HTTP listener where none is given."""
    metadata = {"name": name, "namespace": "shop"}
    spec = {"gatewayClassName": "any", "listeners": list(listeners) or [listener("web")]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata,
        "spec": spec,
    }


def route(
    name: str, *rules: Json, hosts: list[str] | None = None, kind: str = "HTTPRoute", **more: Any
) -> Json:
    """A route in `shop` (or `namespace`) on `shop/edge`; `ref` adds to the parentRef."""
    metadata: Json = {"name": name, "namespace": more.get("namespace", "shop")}
    if "created" in more:
        metadata["creationTimestamp"] = more["created"]
    spec: Json = {
        "parentRefs": [{"name": "edge", "namespace": "shop", **more.get("ref", {})}],
        "rules": list(rules),
    }
    if hosts is not None:
        spec["hostnames"] = hosts
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
