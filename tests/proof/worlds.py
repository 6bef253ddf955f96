"""Worlds for the proof's tests: recorded cases of the reference data, and manifests as plain objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.real_tools import SHARED, absent
from transformer.stream.nodes import decode, parse, to_value
from transformer.stream.split import split


def objects(manifests: str) -> list[dict[str, Any]]:
    """The documents of a stream as Kubernetes reads them, empty ones left out."""
    data = manifests.encode()
    found = []
    for document in split(data):
        root = parse(decode(data[document.start : document.end])[0]).root
        if root is not None:
            value = to_value(root)
            if value:
                found.append(value)
    return found


def cases(vectors: str) -> list[Any]:
    """Parameters for a test over the cases of `vectors/<name>.jsonl`; a skip where they are absent."""
    path = SHARED / "vectors" / f"{vectors}.jsonl"
    if not path.is_file():
        return [pytest.param(None, id="absent")]
    return [pytest.param(case, id=case["id"]) for case in _read(path.read_text(encoding="utf-8"))]


def named(vectors: str, identity: str) -> dict[str, Any] | None:
    """One case by its id, None where the cases are absent."""
    found = [entry.values[0] for entry in cases(vectors)]
    return next((case for case in found if case is not None and case["id"] == identity), None)


def present(case: dict[str, Any] | None) -> dict[str, Any]:
    """The case of a parameter, or the end of the test."""
    if case is None:
        absent("the recorded answers, ../shared/vectors, are not beside the repository")
    return case


def _read(text: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in text.splitlines())


def service(name: str, *ports: int, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    """A Service that selects `app: <name>`; `more` goes into its spec."""
    entries = [{"name": f"p{port}", "port": port, "targetPort": 8080} for port in ports or (80,)]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": entries, **more},
    }


def deployment(name: str, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    """A Deployment whose pods have the labels, `app: <name>` where none are given, and listen on 8080."""
    container = {"name": "main", "ports": [{"name": "web", "containerPort": 8080}]}
    template = {"metadata": {"labels": labels or {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": template},
    }


def route(
    name: str,
    *rules: dict[str, Any],
    parent: str = "web",
    namespace: str = "shop",
    group: str = "gateway.networking.k8s.io",
    kind: str = "HTTPRoute",
    **more: Any,
) -> dict[str, Any]:
    """A route with the Service `shop/<parent>` as its parent; `port`, `annotations`, `created` optional."""
    ref = {"group": "", "kind": "Service", "name": parent, "namespace": "shop"}
    if "port" in more:
        ref["port"] = more.pop("port")
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if "annotations" in more:
        metadata["annotations"] = more.pop("annotations")
    if "created" in more:
        metadata["creationTimestamp"] = more.pop("created")
    version = "v1beta3" if group == "policy.linkerd.io" else "v1"
    return {
        "apiVersion": f"{group}/{version}",
        "kind": kind,
        "metadata": metadata,
        "spec": {"parentRefs": [ref], "rules": list(rules), **more},
    }


def rule(path: str | None = None, *backends: str, how: str = "PathPrefix", **more: Any) -> dict[str, Any]:
    """A rule; a backend is `name`, `name=weight`, `name:port` or `name:port=weight`; `match` adds to it."""
    match = {} if path is None else {"path": {"type": how, "value": path}}
    match |= more.pop("match", {})
    refs = []
    for text in backends:
        name, _, weight = text.partition("=")
        name, _, port = name.partition(":")
        refs.append({"name": name, "port": int(port or 80)} | ({"weight": int(weight)} if weight else {}))
    return ({"matches": [match]} if match else {}) | ({"backendRefs": refs} if refs else {}) | more
