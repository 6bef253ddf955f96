"""Random little worlds of Open Service Mesh: workloads, Services, route groups and TrafficTargets of one namespace."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from transformer.proof.osm_authorization import Question

Json = dict[str, Any]
PATHS = ("/a", "/a/.*", "/b", ".*", "/", "/a|/b", "/a/[0-9]+", "/.*", "/ready", "", "/ab?")
METHODS = (["GET"], ["*"], ["GET", "POST"], None, ["POST"])
HEADERS = (None, None, None, [{"x-user": "al.*"}], [{"x-user": "bob"}], [{"user-agent": ".*"}])
CLIENTS = ("web", "admin", "batch")
ASKED_PATHS = ("/a", "/a/1", "/b", "/", "/ready", "/ab", "/other")


def obj(version: str, kind: str, name: str, spec: Json) -> Json:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def world(chosen: random.Random) -> list[Json]:
    """The objects of one world."""
    namespace = {
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": "shop", "labels": {"openservicemesh.io/monitored-by": "osm"},
            "annotations": {"openservicemesh.io/sidecar-injection": "enabled"},
        },
    }  # fmt: skip
    found = [namespace]
    for name in ("store", "depot")[: chosen.randint(1, 2)]:
        found += [_deployment(chosen, name), _service(chosen, name)]
    found += [_group(chosen, "one"), _group(chosen, "two")]
    tcp = {"matches": {"ports": chosen.choice(([8080], [9000], [8080, 9000], []))}}
    found.append(obj("specs.smi-spec.io/v1alpha4", "TCPRoute", "tcp", tcp))
    return [*found, *(_target(chosen, f"target-{index}") for index in range(chosen.randint(0, 3)))]


def _deployment(chosen: random.Random, name: str) -> Json:
    container: Json = {
        "name": "app", "image": "app", "ports": [{"name": "main", "containerPort": 8080}, {"containerPort": 9000}],
    }  # fmt: skip
    if chosen.random() < 0.4:
        container["readinessProbe"] = {"httpGet": {"path": chosen.choice(("/ready", "/a")), "port": "main"}}
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"serviceAccountName": chosen.choice((name, "store")), "containers": [container]},
    }
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return obj("apps/v1", "Deployment", name, spec)


def _service(chosen: random.Random, name: str) -> Json:
    first: Json = {
        "name": chosen.choice(("http-main", "main", "grpc-main")),
        "port": 80,
        "targetPort": "main",
    }
    second: Json = {
        "name": chosen.choice(("tcp-more", "http-more", "tcp-server-first-more", "more")),
        "port": 9000,
    }
    protocol = chosen.choice((None, None, "tcp", "http", "tcp-server-first", "kubernetes.io/h2c"))
    if protocol:
        second["appProtocol"] = protocol
    ports = [first, second][: chosen.choice((1, 2, 2))]
    return obj("v1", "Service", name, {"selector": {"app": name}, "ports": ports})


def _group(chosen: random.Random, name: str) -> Json:
    matches = []
    for index in range(chosen.randint(1, 3)):
        match: Json = {"name": f"m{index}", "pathRegex": chosen.choice(PATHS)}
        for key, value in (("methods", chosen.choice(METHODS)), ("headers", chosen.choice(HEADERS))):
            if value is not None:
                match[key] = value
        matches.append(match)
    return obj("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", name, {"matches": matches})


def _target(chosen: random.Random, name: str) -> Json:
    destination = {"kind": "ServiceAccount", "name": chosen.choice(("store", "store", "store", "depot"))}
    if chosen.random() < 0.95:
        destination["namespace"] = "shop"
    rules = [_rule(chosen) for _ in range(chosen.randint(1, 2))]
    picked = chosen.sample(CLIENTS, chosen.choice((1, 1, 2)))
    if chosen.random() < 0.25:
        picked = ["web"]
    sources = [{"kind": "ServiceAccount", "name": client, "namespace": "shop"} for client in picked]
    if chosen.random() < 0.05:
        del sources[0]["namespace"]
    spec = {"destination": destination, "rules": rules, "sources": sources}
    return obj("access.smi-spec.io/v1alpha3", "TrafficTarget", name, spec)


def _rule(chosen: random.Random) -> Json:
    if chosen.random() < 0.25:
        return {"kind": "TCPRoute", "name": "tcp"}
    rule: Json = {"kind": "HTTPRouteGroup", "name": chosen.choice(("one", "one", "two"))}
    if chosen.random() < 0.95:
        rule["matches"] = ["m0"]
    return rule


def questions(workload: str, port: int, protocol: str) -> Iterator[Question]:
    """Calls of every client with every request that the worlds tell apart."""
    clients: list[tuple[str, str] | None] = [("shop", name) for name in CLIENTS]
    clients += [("other", "web"), None]
    for client in clients:
        if protocol != "http":
            yield Question(workload, port, client)
            continue
        for path in ASKED_PATHS:
            for method in ("GET", "POST", "PUT"):
                for headers in ({}, {"x-user": "alice", "user-agent": "curl"}, {"x-user": "bob"}):
                    yield Question(workload, port, client, method, path, headers)
