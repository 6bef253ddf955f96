"""Istio's security objects and requests, for tests of what Istio answers at the workload `shop/cart`."""

from __future__ import annotations

from typing import Any

from tests.proof.worlds import deployment
from transformer.proof.istio_authorization import Authorization

Json = dict[str, Any]

FRONT = "cluster.local/ns/web/sa/front"


def manifest(kind: str, name: str, spec: Json | None, namespace: str = "shop", **meta: Any) -> Json:
    """An object of Istio's security API."""
    metadata = {"name": name, "namespace": namespace, **meta}
    made = {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": metadata}
    return made if spec is None else {**made, "spec": spec}


def policy(*rules: Json, name: str = "p", namespace: str = "shop", **spec: Any) -> Json:
    """An AuthorizationPolicy with the rules; none at all where there are none."""
    return manifest(
        "AuthorizationPolicy", name, {**spec, **({"rules": list(rules)} if rules else {})}, namespace
    )


def source(**fields: Any) -> Json:
    """A rule about who calls."""
    return {"from": [{"source": fields}]}


def operation(**fields: Any) -> Json:
    """A rule about what is called."""
    return {"to": [{"operation": fields}]}


def when(key: str, **fields: Any) -> Json:
    """A rule with one condition."""
    return {"when": [{"key": key, **fields}]}


def peer(mode: str | None, name: str = "p", namespace: str = "shop", **spec: Any) -> Json:
    """A PeerAuthentication."""
    mtls = {} if mode is None else {"mtls": {"mode": mode}}
    return manifest("PeerAuthentication", name, {**mtls, **spec}, namespace)


def service(**port: Any) -> Json:
    """A Service of `cart` on container port 8080."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80, "targetPort": "web", **port}]},
    }


def request(identity: str | None = FRONT, **fields: Any) -> Json:
    """A GET of `/api` at shop/cart by a client of the mesh; one without identity is outside of it."""
    client = {"identity": identity, "ip": fields.pop("ip", "10.244.7.1"), "mtls": identity is not None}
    asked: Json = {"workload": "shop/cart", "port": 8080, "client": client}
    if fields.get("protocol") != "tcp":
        asked |= {"method": "GET", "path": "/api", "host": "cart.shop"}
    return {**asked, **fields}


def verdict(manifests: list[Json], asked: Json, **facts: Any) -> str:
    """The verdict on a request at shop/cart, whose port 8080 is named `http`."""
    world = [deployment("cart"), *manifests]
    if not any(entry["kind"] == "Service" for entry in world):
        world.append(service(name="http"))
    return str(Authorization(world, **facts).ask(asked)["verdict"])


OUTSIDER = request(None)
TCP_PORT = service(name="tcp-db")
RAW = request(protocol="tcp")
