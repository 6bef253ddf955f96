"""Linkerd's recorded answers for routes of Services: a route that passes without a finding is read as Istio reads it.

Istio's side is read here a second time: matches of all routes sorted as Gateway API ranks them, the first one counts
(istio/istio pilot/pkg/config/kube/gateway/conversion.go); clients that have routes of their own use these only.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real_tools import absent
from transformer.options import Options
from transformer.outcome import Report
from transformer.transform import transform

Json = dict[str, Any]
READ = ("HTTPRoute", "GRPCRoute")
OPTIONS = {"mesh.mtls": "permissive", "fail-on": "never", "gateway-api": "1.5", "channel": "experimental"}


@pytest.fixture(scope="module")
def rows(shared: Path) -> list[Json]:
    path = shared / "vectors" / "linkerd" / "outbound.jsonl"
    if not path.is_file():
        absent("the recorded answers, ../shared/vectors, are not beside the repository")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def world(row: Json) -> list[Json]:
    """The objects of a row, with every Namespace in Istio's mesh: all clients move."""
    found = [obj for obj in yaml.safe_load_all(row["manifests"]) if obj]
    spaces = {obj["metadata"]["name"]: obj for obj in found if obj["kind"] == "Namespace"}
    for question in row["questions"]:
        name = question["request"]["source_ns"]
        if name not in spaces:
            spaces[name] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            found.append(spaces[name])
    for space in spaces.values():
        space["metadata"].setdefault("labels", {})["istio-injection"] = "enabled"
    return found


def attached(objects: list[Json], namespace: str, name: str, port: int) -> Iterator[Json]:
    for obj in objects:
        if obj["kind"].endswith("Route"):
            for ref in obj["spec"].get("parentRefs") or []:
                place = ref.get("namespace", obj["metadata"]["namespace"])
                meant = (ref.get("kind"), place, ref.get("name")) == ("Service", namespace, name)
                if meant and ref.get("group") in ("", "core") and ref.get("port") in (None, port):
                    yield obj


def path_of(match: Json, grpc: bool) -> tuple[str, str]:
    """Kind and text of a path condition; a method of gRPC is a path too."""
    if not grpc:
        path = match.get("path") or {}
        return path.get("type", "PathPrefix"), path.get("value", "/")
    method = match.get("method") or {}
    if "service" in method and "method" in method:
        return "Exact", f"/{method['service']}/{method['method']}"
    if "service" in method:
        return "PathPrefix", f"/{method['service']}/"
    if "method" in method:
        return "RegularExpression", f"/[^/]+/{method['method']}"
    return "None", ""  # a rule without matches takes everything, and comes last


def rank(match: Json, grpc: bool) -> tuple[int, int, bool, int, int]:
    kind, text = path_of(match, grpc)
    length = len(text.rstrip("/") or "/") if kind == "PathPrefix" else len(text)
    place = ("None", "RegularExpression", "PathPrefix", "Exact").index(kind)
    method = not grpc and "method" in match
    return place, length, method, len(match.get("headers") or []), len(match.get("queryParams") or [])


def holds(conditions: list[Json] | None, given: dict[str, str], lower: bool) -> bool:
    for condition in conditions or []:
        value = given.get(condition["name"].lower() if lower else condition["name"])
        if value is None:
            return False
        if condition.get("type") == "RegularExpression":
            if re.fullmatch(condition["value"], value) is None:
                return False
        elif value != condition["value"]:
            return False
    return True


def accepts(match: Json, grpc: bool, request: Json) -> bool:
    kind, text = path_of(match, grpc)
    path, base = request["path"], text.rstrip("/") or "/"
    found = {
        "None": True,
        "Exact": path == text,
        "PathPrefix": base == "/" or path == base or path.startswith(base + "/"),
        "RegularExpression": kind == "RegularExpression" and re.fullmatch(text, path) is not None,
    }[kind]
    headers: dict[str, str] = {}
    for name, value in (request.get("headers") or {}).items():
        headers.setdefault(name.lower(), value)
    query: dict[str, str] = {}
    for part in filter(None, (request.get("query") or "").split("&")):
        name, _, value = part.partition("=")
        query.setdefault(name, value)
    method = grpc or match.get("method") in (None, request["method"])
    return (
        found and method and holds(match.get("headers"), headers, True) and holds(match.get("queryParams"), query, False)
    )  # fmt: skip


def expected(routes: list[Json], request: Json) -> tuple[str, str | None, int | None]:
    """What Istio does: which rule of which route takes the request."""
    ordered = sorted(
        routes, key=lambda obj: (str(obj["metadata"].get("creationTimestamp", "")), obj["metadata"]["name"])
    )
    flat = [
        (match, obj, index)
        for obj in ordered
        for index, rule in enumerate(obj["spec"].get("rules") or [])
        for match in rule.get("matches") or [{}]
    ]
    flat.sort(key=lambda item: rank(item[0], item[1]["kind"] == "GRPCRoute"), reverse=True)
    for match, obj, index in flat:
        if accepts(match, obj["kind"] == "GRPCRoute", request):
            meta = obj["metadata"]
            return (
                "route",
                f"gateway.networking.k8s.io/{obj['kind']}/{meta['namespace']}/{meta['name']}",
                index,
            )
    return "no-route-404", None, None


def compared(row: Json, objects: list[Json], report: Report, question: Json) -> str:
    """What came of one question; it starts with `differs` where the meshes do and no finding says so."""
    request, answer = question["request"], question["answer"]
    namespace, name = request["service"].split("/")
    routes = list(attached(objects, namespace, name, request["port"]))
    if not routes or any(obj["apiVersion"].startswith("policy.") for obj in routes):
        return "no route, or one of Linkerd's own"
    told = {
        finding.object[2:] for finding in report.findings
        if finding.object is not None and finding.code.startswith("MS7") and finding.severity == "error"
    }  # fmt: skip
    if any((obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]) in told for obj in routes):
        return "told"
    assert all(obj["kind"] in READ for obj in routes)
    grpc = any(obj["kind"] == "GRPCRoute" for obj in routes)
    if grpc and (request["method"] != "POST" or re.fullmatch("/[^/]+/[^/]+", request["path"]) is None):
        assert "MS735" in {finding.code for finding in report.findings}
        return "not gRPC, which is told"
    edited = {(ref.namespace, ref.name) for ref in report.edited if ref.kind == "Service"}
    service = next(
        obj for obj in objects
        if obj["kind"] == "Service" and (obj["metadata"]["namespace"], obj["metadata"]["name"]) == (namespace, name)
    )  # fmt: skip
    ports = {port["port"]: port for port in service["spec"]["ports"]}
    if request["port"] not in ports:
        return "no such port"
    if answer["result"] == "opaque":
        https = ports[request["port"]].get("appProtocol") in ("https", "kubernetes.io/wss")
        return (
            "opaque to both"
            if https
            else "rewritten"
            if (namespace, name) in edited
            else f"differs {row['id']}"
        )
    own = [obj for obj in routes if obj["metadata"]["namespace"] == request["source_ns"] != namespace]
    used = own or [obj for obj in routes if obj["metadata"]["namespace"] == namespace]
    wanted = expected(used, request) if used else ("default", None, None)
    given = "route" if answer["result"] == "backend-500" else answer["result"]  # a backend that is nowhere
    if (given, answer.get("route"), answer.get("rule")) == wanted or given == wanted[0] != "route":
        return f"same {wanted[0]}"
    return f"differs {row['id']}: {request} {wanted} {answer}"


def test_routes_without_a_finding_are_read_alike(rows: list[Json]) -> None:
    outcomes: Counter[str] = Counter()
    for row in rows:
        objects = world(row)
        report = transform(yaml.safe_dump_all(objects).encode(), Options(OPTIONS)).report
        outcomes.update(compared(row, objects, report, question) for question in row["questions"])
    assert not [text for text in outcomes if text.startswith("differs")]
    assert outcomes["same route"] > 100, outcomes
    assert outcomes["same no-route-404"] > 30, outcomes
    assert outcomes["told"] > 900, outcomes
