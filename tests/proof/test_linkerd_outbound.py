"""Linkerd's outbound answers: recorded ones, and the facts that they rest on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.worlds import cases, objects, present, route, rule, service
from transformer.proof.linkerd_outbound import Outbound

Json = dict[str, Any]


def comparable(answer: Json) -> Json:
    """An answer without its explanation; the order of backends says nothing."""
    found = {key: value for key, value in answer.items() if key != "info"}
    return {**found, "backends": sorted(str(sorted(entry.items())) for entry in answer["backends"])}


@pytest.mark.parametrize("case", cases("linkerd/outbound"))
def test_every_recorded_answer_is_given(case: Json | None) -> None:
    world = present(case)
    mesh = Outbound(objects(world["manifests"]))
    for question in world["questions"]:
        assert comparable(mesh.ask(question["request"])) == comparable(question["answer"]), question[
            "request"
        ]


def ask(*emitted: Json, path: str = "/", service_port: int = 80, **request: Any) -> Json:
    """The answer to a GET of a client in `client` to `shop/web` in a world of the objects."""
    world = [service("web", 80, 81), service("a"), service("b"), *emitted]
    asked = {
        "source_ns": "client",
        "service": "shop/web",
        "port": service_port,
        "method": "GET",
        "path": path,
    }
    return Outbound(world).ask({**asked, "query": "", "host": "web.shop", "headers": {}, **request})


def chosen(answer: Json) -> str:
    """Where an answer goes: the names and weights of its backends, or the result."""
    if answer["result"] != "route":
        return str(answer["result"])
    return " ".join(f"{entry['service']}={entry['weight']}" for entry in answer["backends"])


CHOICES: list[tuple[list[Json], Json, str, str]] = [
    ([], {}, "default", "a Service without a route serves itself"),
    ([], {"service_port": 9}, "forbidden", "a port that the Service lacks is refused"),
    (
        [route("r", rule("/x", "a"))],
        {},
        "no-route-404",
        "one route is enough to refuse what it does not match",
    ),
    ([route("r", rule("/x", "a"), port=81)], {}, "default", "a parent port keeps the route off other ports"),
    ([route("r", rule("/x", "a"))], {"path": "/xy"}, "no-route-404", "a prefix ends at a segment"),
    ([route("r", rule("/x/", "a"))], {"path": "/x"}, "shop/a=1", "a prefix's last slash does not count"),
    ([route("r", rule("/x", "a=9", "b=1"))], {"path": "/x"}, "shop/a=9 shop/b=1", "weights are kept"),
    ([route("r", rule("/x", "a=0"))], {"path": "/x"}, "shop/a=0", "a lone backend of weight 0 serves"),
    ([route("r", rule("/x", "a=0", "b=0"))], {"path": "/x"}, "invalid-weights", "two of them do not"),
    ([route("r", rule("/x", "gone"))], {"path": "/x"}, "backend-500", "a missing backend fails"),
    ([route("r", rule("/x"))], {"path": "/x"}, "shop/web=1", "no backend is the parent itself"),
    (
        [route("r", rule("/x", "a"), rule("/x", "b", how="Exact"))],
        {"path": "/x"},
        "shop/a=1",
        "exact and prefix of one length tie, the first rule wins",
    ),
    (
        [route("r", rule("/x/y", "a"), rule("^(?:/x.*)$", "b", how="RegularExpression"))],
        {"path": "/x/y/z"},
        "shop/b=1",
        "a regex counts as the whole path",
    ),
    (
        [route("r", rule("/a|/ab", "a", how="RegularExpression"))],
        {"path": "/ab"},
        "no-route-404",
        "the first alternative that matches must match everything",
    ),
    (
        [
            route(
                "r",
                rule("/x", "a", match={"method": "GET"}),
                rule("/x", "b", match={"headers": [{"name": "h", "value": "1"}]}),
            )
        ],
        {"path": "/x", "headers": {"H": "1"}},
        "shop/b=1",
        "a header outranks a method",
    ),
    (
        [route("one", rule("/x/y", "a")), route("two", rule("/x", "b"), hostnames=["web.shop"])],
        {"path": "/x/y"},
        "shop/b=1",
        "a hostname outranks every path",
    ),
    (
        [route("r", rule("/x", "a"), hostnames=["*.example.com"])],
        {"path": "/x"},
        "no-route-404",
        "a host that no route names is refused",
    ),
    (
        [
            route("z", rule("/x", "a"), created="2024-01-01T00:00:00Z"),
            route("a", rule("/x", "b"), created="2025-01-01T00:00:00Z"),
        ],
        {"path": "/x"},
        "shop/a=1",
        "of equal routes the older wins",
    ),
    (
        [
            route(
                "r",
                rule("/x", "a"),
                rule("/y", "a", filters=[{"type": "URLRewrite", "urlRewrite": {"hostname": "h"}}]),
            )
        ],
        {"path": "/x"},
        "default",
        "an unsupported filter drops the route with all its rules",
    ),
    (
        [route("r", rule("/x(?=y)", "a", how="RegularExpression"))],
        {"path": "/x"},
        "default",
        "look-ahead is refused",
    ),
    (
        [route("r", rule("/x", "a"), annotations={"retry.linkerd.io/http": "5xx, 429"})],
        {"path": "/x"},
        "default",
        "a malformed annotation makes admission refuse the route",
    ),
    (
        [route("r", rule("/x", "a"), namespace="other")],
        {"path": "/x"},
        "default",
        "a consumer route is for its own",
    ),
    (
        [route("r", rule("/x", "a"), namespace="client")],
        {"path": "/x"},
        "shop/a=1",
        "a backend of a consumer route is looked up where the Service is",
    ),
    (
        [route("g", rule(None, "a", matches=[{"headers": [{"name": "h", "value": "1"}]}]), kind="GRPCRoute")],
        {"method": "POST", "path": "/s/m"},
        "invalid-policy-500",
        "a gRPC match without a method breaks the port",
    ),
    (
        [
            route("g", rule(None, "a", matches=[{"method": {"service": "s"}}]), kind="GRPCRoute"),
            route("r", rule("/x", "b")),
        ],
        {"path": "/x"},
        "no-route-404",
        "a GRPCRoute on the same parent turns the HTTPRoute off",
    ),
]


@pytest.mark.parametrize(("emitted", "request_", "wanted", "reason"), CHOICES, ids=[c[3] for c in CHOICES])
def test_routes_are_chosen_as_linkerd_does(
    emitted: list[Json], request_: Json, wanted: str, reason: str
) -> None:
    assert chosen(ask(*emitted, **request_)) == wanted, reason


LIMITS: list[tuple[str, Json, int | None, str]] = [
    ("1500ms", {}, 1500, "one number and one unit"),
    ("1m30s", {}, None, "a compound duration is accepted on a Gateway API rule and gives no timeout"),
    ("1m30s", {"group": "policy.linkerd.io"}, 90_000, "Linkerd's own routes read it"),
    ("0s", {}, None, "zero is none"),
    ("2s", {"annotations": {"timeout.linkerd.io/request": "5s"}}, 5000, "the annotation wins over the rule"),
]


@pytest.mark.parametrize(("text", "more", "wanted", "reason"), LIMITS)
def test_timeouts_of_rules(text: str, more: Json, wanted: int | None, reason: str) -> None:
    emitted = route("r", rule("/x", "a", timeouts={"request": text}), **more)
    assert ask(emitted, path="/x")["timeout_ms"] == wanted, reason


def test_retry_limit_hides_the_conditions_of_the_service() -> None:
    emitted = route("r", rule("/x", "a"), annotations={"retry.linkerd.io/limit": "3"})
    assert ask(emitted, path="/x")["retry"] == {"limit": 3, "timeout_ms": None, "statuses": []}


def test_a_redirect_to_the_very_address_is_no_redirect() -> None:
    same = {"type": "RequestRedirect", "requestRedirect": {"hostname": "web.shop", "statusCode": 301}}
    answer = ask(route("r", rule("/x", filters=[same])), path="/x")
    assert (answer["redirect"], chosen(answer)) == (None, "shop/web=1")


def test_a_full_path_redirect_loses_the_query() -> None:
    path = {"type": "ReplaceFullPath", "replaceFullPath": "/new"}
    emitted = route("r", rule("/x", filters=[{"type": "RequestRedirect", "requestRedirect": {"path": path}}]))
    assert ask(emitted, path="/x", query="q=1")["redirect"] == {
        "status": 302,
        "location": "http://web.shop/new",
    }


def test_a_service_that_does_not_exist_cannot_be_asked() -> None:
    with pytest.raises(KeyError, match="shop/gone"):
        ask(service="shop/gone")
