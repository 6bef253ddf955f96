"""Worlds for tests of inbound policy: a meshed pod `shop/web` on port 8080, and policy objects around it."""

from __future__ import annotations

from typing import Any

import yaml

from transformer.proof.linkerd_inbound import Inbound

Json = dict[str, Any]

POLICY = "policy.linkerd.io"
GATEWAY = "gateway.networking.k8s.io"
WEB = "web.shop.serviceaccount.identity.linkerd.cluster.local"
API = "api.pay.serviceaccount.identity.linkerd.cluster.local"


def recorded(manifests: str) -> list[Json]:
    """The objects of a recorded world.

    Its writer takes `n` and `y` for text, which Kubernetes takes for booleans; so its own reader is used here.
    """
    return [document for document in yaml.safe_load_all(manifests) if document]


def namespace(name: str = "shop", **annotations: str) -> Json:
    """A Namespace whose pods are meshed; `inject` and `config.linkerd.io/*` (with `_` for `-`) annotations."""
    inject = annotations.pop("inject", "enabled")
    settings = {f"config.linkerd.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata = {"name": name, "annotations": {"linkerd.io/inject": inject, **settings}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def workload(*, annotations: Json | None = None, kind: str = "Deployment", **container: Any) -> Json:
    """The workload `shop/web`; `container` adds to its only container, `spec` to the pod's specification."""
    pod = container.pop("spec", {})
    ports = container.pop("ports", [{"name": "http", "containerPort": 8080}])
    main = {"name": "main", "image": "registry.example.com/web:1", "ports": ports, **container}
    template = {
        "metadata": {"labels": {"app": "web", "tier": "front"}, "annotations": annotations or {}},
        "spec": {"containers": [main], **pod},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": template},
    }


def policy_object(kind: str, name: str, version: str = "v1alpha1", where: str = "shop", **spec: Any) -> Json:
    """An object of `policy.linkerd.io`."""
    metadata: Json = {"name": name, "namespace": where}
    for key in ("labels", "creationTimestamp"):
        if key in spec:
            metadata[key] = spec.pop(key)
    return {"apiVersion": f"{POLICY}/{version}", "kind": kind, "metadata": metadata, "spec": spec}


def server(name: str = "web", *, port: int | str = 8080, version: str = "v1beta3", **spec: Any) -> Json:
    """A Server over the pods `app: web`."""
    spec.setdefault("podSelector", {"matchLabels": {"app": "web"}})
    return policy_object("Server", name, version, port=port, **spec)


def allow(target: str, *refs: Json, name: str = "", where: str = "shop", group: str = POLICY) -> Json:
    """An AuthorizationPolicy; the target is `kind/name`."""
    kind, _, target_name = target.partition("/")
    ref = {"kind": kind, "name": target_name} | ({} if kind == "Namespace" else {"group": group})
    return policy_object(
        "AuthorizationPolicy",
        name or f"on-{kind}-{target_name}".lower(),
        where=where,
        targetRef=ref,
        requiredAuthenticationRefs=list(refs),
    )


def account(name: str, where: str | None = None) -> Json:
    """A reference to a ServiceAccount."""
    return {"kind": "ServiceAccount", "name": name} | ({} if where is None else {"namespace": where})


def authentication(kind: str, name: str = "some", where: str | None = None) -> Json:
    """A reference to a MeshTLSAuthentication (`mesh`) or NetworkAuthentication (`network`)."""
    kinds = {"mesh": "MeshTLSAuthentication", "network": "NetworkAuthentication"}
    ref = {"group": POLICY, "kind": kinds[kind], "name": name}
    return ref | ({} if where is None else {"namespace": where})


def mesh(*identities: str, name: str = "some", **more: Any) -> Json:
    """A MeshTLSAuthentication."""
    if identities:
        more["identities"] = list(identities)
    return policy_object("MeshTLSAuthentication", name, **more)


def networks(*entries: Json, name: str = "some") -> Json:
    """A NetworkAuthentication."""
    return policy_object("NetworkAuthentication", name, networks=list(entries))


def server_route(
    name: str,
    *rules: Json,
    parent: Json | None = None,
    kind: str = "HTTPRoute",
    group: str = GATEWAY,
    **more: Any,
) -> Json:
    """A route with the Server `web` as its parent; `parent` adds to that reference."""
    ref = {"group": POLICY, "kind": "Server", "name": "web", **(parent or {})}
    metadata: Json = {"name": name, "namespace": more.pop("where", "shop")}
    if "created" in more:
        metadata["creationTimestamp"] = more.pop("created")
    version = "v1beta3" if group == POLICY else "v1"
    spec = {"parentRefs": [ref, *more.pop("parents", [])], **more}
    if rules:
        spec["rules"] = list(rules)
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": metadata, "spec": spec}


def path(value: str, how: str = "PathPrefix", **rule: Any) -> Json:
    """A rule that matches a path; `match` adds to the match."""
    return {"matches": [{"path": {"type": how, "value": value}, **rule.pop("match", {})}], **rule}


def ask(*objects: Json, flags: Json | None = None, **request: Any) -> Json:
    """The answer to a GET of an unmeshed client of the cluster on `shop/web:8080`."""
    kinds = {(obj["kind"], obj["metadata"]["name"]) for obj in objects}
    world = list(objects)
    if ("Namespace", "shop") not in kinds:
        world.append(namespace())
    if not kinds & {("Deployment", "web"), ("StatefulSet", "web"), ("Pod", "web")}:
        world.append(workload())
    client = {"identity": request.pop("identity", None), "ip": request.pop("ip", "10.0.0.9")}
    asked = {
        "pod": "shop/web",
        "port": 8080,
        "method": "GET",
        "path": "/",
        "query": "",
        "headers": {},
        "tcp": False,
    }
    return Inbound(world, **(flags or {})).ask({**asked, "host": "web.shop", "client": client, **request})


def told(answer: Json) -> str:
    """An answer in short: verdict, status, route and rule, as far as there are any."""
    route = "" if answer["route"] is None else f" {answer['route'].rpartition('/')[2]}#{answer['rule']}"
    return f"{answer['verdict']}{'' if answer['status'] is None else ' ' + str(answer['status'])}{route}"
