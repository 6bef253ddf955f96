"""The rank of Linkerd's proxy, compared with answers computed by the proxy's own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml

from transformer.order.evaluate import evaluate_ranked
from transformer.order.model import NOT_FOUND, Rule
from transformer.order.precedence import LINKERD
from transformer.order.predicates import Match, Path, Request, Value

KINDS: dict[str, Any] = {"Exact": "exact", "PathPrefix": "prefix", "RegularExpression": "regex"}
#: What decides these cases is not rank: dropped routes, refused objects, rules without matches of their own.
OTHER_SUBJECTS = ("rejected-object", "empty")


def named(conditions: list[dict[str, Any]] | None) -> tuple[tuple[str, Value], ...]:
    return tuple(
        (one["name"], Value(KINDS[one.get("type", "Exact")], one["value"])) for one in conditions or []
    )


def rules_of(route: dict[str, Any]) -> Iterator[Rule]:
    """The rules of one HTTPRoute; the action is the route's reference and the rule's index."""
    name = f"{route['apiVersion'].split('/')[0]}/HTTPRoute/{route['metadata']['namespace']}"
    for index, rule in enumerate(route["spec"].get("rules") or []):
        found = []
        for hostname in route["spec"].get("hostnames") or [None]:
            for one in rule.get("matches") or [{}]:
                path = one.get("path") or {}
                kind = KINDS[path.get("type", "PathPrefix")]
                found.append(
                    Match(
                        hostname,
                        Path(kind, path.get("value", "/")),
                        one.get("method"),
                        tuple((name.lower(), value) for name, value in named(one.get("headers"))),
                        named(one.get("queryParams")),
                    )
                )
        yield Rule(tuple(found), (f"{name}/{route['metadata']['name']}", index), None, (), False, 0)


def attached(route: dict[str, Any], request: dict[str, Any]) -> bool:
    own = route["metadata"]["namespace"]
    namespace, service = request["service"].split("/")
    return own in (namespace, request["source_ns"]) and any(
        (parent["name"], parent.get("namespace", own), parent.get("kind")) == (service, namespace, "Service")
        and "group" in parent
        and parent.get("port", request["port"]) == request["port"]
        for parent in route["spec"]["parentRefs"]
    )


def questions(file: File) -> Iterator[tuple[str, list[dict[str, Any]], dict[str, Any], dict[str, Any]]]:
    """Case, routes, request and answer of everything that rank decides."""
    for line in file.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        # Unwrapped alternatives are leftmost-first in the proxy; unsupported filters drop a whole route.
        if any(
            word in case["manifests"]
            for word in ("GRPCRoute", "ServiceProfile", "|/", "URLRewrite", "Mirror")
        ):
            continue
        objects = [one for one in yaml.safe_load_all(case["manifests"]) if one]
        routes = [one for one in objects if one["kind"] == "HTTPRoute"]
        routes.sort(key=lambda one: (str(one["metadata"].get("creationTimestamp")), one["metadata"]["name"]))
        if any(tag in case["tags"] for tag in OTHER_SUBJECTS):
            continue
        for question in case["questions"]:
            if question["answer"]["result"] in ("route", "no-route-404"):
                yield case["id"], routes, question["request"], question["answer"]


def test_rank_is_the_proxys(shared: File) -> None:
    file = shared / "vectors" / "linkerd" / "outbound.jsonl"
    if not file.exists():
        pytest.skip("the test vectors are not beside this checkout")
    compared = 0
    for case, routes, asked, answer in questions(file):
        query = parse_qsl(asked.get("query") or "", keep_blank_values=True)
        if len(dict(query)) < len(query):
            continue  # requests carry one value per name here
        rules = [rule for route in routes if attached(route, asked) for rule in rules_of(route)]
        headers = tuple((name.lower(), text) for name, text in (asked.get("headers") or {}).items())
        request = Request(asked["host"], asked["path"], asked["method"], headers, tuple(query))
        wanted = (answer["route"], answer["rule"]) if answer["route"] else NOT_FOUND
        assert evaluate_ranked(rules, LINKERD, request) == {wanted}, (case, request)
        compared += 1
    assert compared > 500
