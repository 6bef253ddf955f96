"""The judge of mesh translations: a right one passes, each wrong one is caught, the rest is told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.proof.worlds import cases, deployment, named, objects, present, route, rule, service
from transformer.proof.judge import Verdict, judge_world

Json = dict[str, Any]

DEFAULT_RETRIES = {
    "attempts": 2,
    "on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
    "per_try_ms": None,
}
CART = "cart.shop.svc.cluster.local"
V1, V2 = ["shop/cart-v1:8080"], ["shop/cart-v2:8080"]


def question(path: str, answer: Json, **request: Any) -> Json:
    """A question of a client in `web` to the cart, and what Istio does."""
    asked = {"source_ns": "web", "host": CART, "port": 80, "authority": CART, "method": "GET", "path": path}
    return {"request": {**asked, **request}, "istio": answer}


def routed(path: str, *shares: tuple[list[str], float], **more: Any) -> Json:
    """Istio's answer for traffic that goes on."""
    destinations = [
        {"service": "shop/cart", "share": share, "port": 80, "subset": None, "workloads": workloads}
        for workloads, share in shares
    ]
    return {
        "action": "route",
        "virtual_service": "shop/cart",
        "destinations": destinations,
        "path_after": path,
        "authority_after": CART,
        "timeout_ms": None,
        "retries": DEFAULT_RETRIES,
        **more,
    }


def world() -> Json:
    """Istio's answers for a VirtualService with subsets, a header match, a split, a redirect."""
    beta = {"headers": {"x-user": "beta"}}
    special = {"timeout_ms": 2000, "request_headers": {"set": {"x-rule": "0"}}}
    location = f"http://{CART}/new/x"
    return {
        "id": "by-hand",
        "questions": [
            question("/api/x", routed("/api/x", (V2, 1), **special), **beta),
            question("/api/x", routed("/api/x", (V1, 0.9), (V2, 0.1))),
            question("/api", routed("/api", (V1, 0.9), (V2, 0.1))),
            question("/apix", {"action": "not-found"}),
            question("/old/x", {"action": "redirect", "redirect": {"status": 301, "location": location}}),
            question("/page", routed("/page", (V1, 1), response_headers={"add": {"x-seen": "1"}})),
            question("/", {"action": "not-found"}),
            question(
                "/gone",
                {
                    "action": "no-cluster",
                    "destinations": [
                        {"service": "shop/gone", "port": 80, "share": 1, "missing": True, "workloads": []}
                    ],
                },
            ),
        ],
    }


def translation() -> list[Json]:
    """What a right translation of that world emits."""
    prefix = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}
    redirect = {"type": "RequestRedirect", "requestRedirect": {"path": prefix, "statusCode": 301}}
    seen = {"add": [{"name": "X-Seen", "value": "1"}]}
    request = {"set": [{"name": "x-rule", "value": "0"}]}
    beta = {"headers": [{"name": "x-user", "value": "beta"}]}
    return [
        service("cart"),
        service("cart-v1", selector={"app": "cart", "version": "v1"}),
        service("cart-v2", selector={"app": "cart", "version": "v2"}),
        deployment("cart-v1", app="cart", version="v1"),
        deployment("cart-v2", app="cart", version="v2"),
        route(
            "cart",
            rule(
                "/api",
                "cart-v2",
                match=beta,
                timeouts={"request": "2s"},
                filters=[{"type": "RequestHeaderModifier", "requestHeaderModifier": request}],
            ),
            rule("/api", "cart-v1=90", "cart-v2=10"),
            rule("/old", filters=[redirect]),
            rule(
                "/page",
                "cart-v1",
                how="Exact",
                filters=[{"type": "ResponseHeaderModifier", "responseHeaderModifier": seen}],
            ),
            rule("/gone", "gone"),
            parent="cart",
            port=80,
        ),
    ]


def rules(emitted: list[Json]) -> list[Json]:
    """The rules of the emitted route."""
    found: list[Json] = emitted[-1]["spec"]["rules"]
    return found


def outcomes(found: list[Verdict]) -> set[tuple[str, str]]:
    """Outcomes and aspects, without the questions that are the same."""
    return {(verdict.outcome, verdict.aspect) for verdict in found if verdict.outcome != "same"}


def test_a_right_translation_is_the_same() -> None:
    found = judge_world(world(), translation())
    assert [verdict.question for verdict in found] == list(range(8))
    assert {verdict.outcome for verdict in found} == {"same"}


def wrong_weight(emitted: list[Json]) -> None:
    rules(emitted)[1]["backendRefs"][0]["weight"] = 80


def lost_header_match(emitted: list[Json]) -> None:
    del rules(emitted)[0]["matches"][0]["headers"]


def swapped_order(emitted: list[Json]) -> None:
    lost_header_match(emitted)
    found = rules(emitted)
    found[0], found[1] = found[1], found[0]


def wrong_port(emitted: list[Json]) -> None:
    rules(emitted)[3]["backendRefs"][0]["port"] = 8081


def lost_redirect_code(emitted: list[Json]) -> None:
    del rules(emitted)[2]["filters"][0]["requestRedirect"]["statusCode"]


def lost_timeout(emitted: list[Json]) -> None:
    del rules(emitted)[0]["timeouts"]


def added_404(emitted: list[Json]) -> None:
    emitted[-1]["spec"]["hostnames"] = ["cart.shop"]


def missing_subset_service(emitted: list[Json]) -> None:
    del emitted[2]


def widened_prefix(emitted: list[Json]) -> None:
    rules(emitted)[1]["matches"][0]["path"] = {"type": "RegularExpression", "value": "^(?:/api.*)$"}


def lost_response_header(emitted: list[Json]) -> None:
    del rules(emitted)[3]["filters"]


def lost_request_header(emitted: list[Json]) -> None:
    del rules(emitted)[0]["filters"]


def wrong_redirect_path(emitted: list[Json]) -> None:
    rules(emitted)[2]["filters"][0]["requestRedirect"]["path"]["replacePrefixMatch"] = "/newer"


def catch_all(emitted: list[Json]) -> None:
    rules(emitted).append(rule("/", "cart"))


def group_left_out(emitted: list[Json]) -> None:
    del emitted[-1]["spec"]["parentRefs"][0]["group"]


def retries_that_nobody_asked_for(emitted: list[Json]) -> None:
    emitted[-1]["metadata"]["annotations"] = {"retry.linkerd.io/http": "5xx", "retry.linkerd.io/limit": "2"}


def unsupported_filter(emitted: list[Json]) -> None:
    rules(emitted)[1]["filters"] = [{"type": "URLRewrite", "urlRewrite": {"hostname": "x"}}]


def failing_share(emitted: list[Json]) -> None:
    rules(emitted)[1]["backendRefs"][1]["name"] = "cart-v9"


FAULTS: list[tuple[Callable[[list[Json]], None], str]] = [
    (wrong_weight, "destinations"),
    (lost_header_match, "destinations"),
    (swapped_order, "destinations"),
    (wrong_port, "action"),
    (lost_redirect_code, "redirect-status"),
    (lost_timeout, "timeout"),
    (added_404, "action"),
    (missing_subset_service, "destinations"),
    (widened_prefix, "action"),
    (lost_response_header, "response-headers"),
    (lost_request_header, "request-headers"),
    (wrong_redirect_path, "redirect-location"),
    (catch_all, "action"),
    (group_left_out, "destinations"),
    (retries_that_nobody_asked_for, "retries"),
    (unsupported_filter, "action"),
    (failing_share, "destinations"),
]


@pytest.mark.parametrize(("fault", "aspect"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_wrong_translation_is_caught(fault: Callable[[list[Json]], None], aspect: str) -> None:
    emitted = copy.deepcopy(translation())
    fault(emitted)
    assert ("different", aspect) in outcomes(judge_world(world(), emitted))


RETRIES: list[tuple[Json | None, Json, set[tuple[str, str]], str]] = [
    (DEFAULT_RETRIES, {}, set(), "the built-in ones may go"),
    (None, {}, set(), "none stays none"),
    ({"attempts": 3, "on": "5xx", "per_try_ms": None}, {}, {("degraded", "retries")}, "asked for and lost"),
    (
        {"attempts": 3, "on": "5xx", "per_try_ms": 250},
        {"http": "5xx", "limit": "3", "timeout": "250ms"},
        set(),
        "conditions that are statuses",
    ),
    (
        {"attempts": 3, "on": "gateway-error,connect-failure", "per_try_ms": None},
        {"http": "gateway-error", "limit": "3"},
        {("degraded", "retries")},
        "a condition that is none",
    ),
    (
        {"attempts": 3, "on": "retriable-status-codes", "status_codes": [503], "per_try_ms": None},
        {"http": "503", "limit": "2"},
        {("different", "retries")},
        "too few",
    ),
    (
        {"attempts": 3, "on": "gateway-error", "per_try_ms": None},
        {"http": "5xx", "limit": "3"},
        {("different", "retries")},
        "repeats what was not repeated",
    ),
    (
        {"attempts": 3, "on": "5xx", "per_try_ms": None},
        {"limit": "3"},
        {("different", "retries")},
        "no condition",
    ),
]


@pytest.mark.parametrize(("istio", "ours", "wanted", "reason"), RETRIES)
def test_retries(istio: Json | None, ours: Json, wanted: set[tuple[str, str]], reason: str) -> None:
    asked = {"questions": [question("/", routed("/", (V1 + V2, 1), retries=istio))]}
    settings = {f"retry.linkerd.io/{key}": value for key, value in ours.items()}
    emitted = [*translation()[:-1], route("cart", rule("/", "cart"), parent="cart", annotations=settings)]
    assert outcomes(judge_world(asked, emitted)) == wanted, reason


UNTRANSLATABLE: list[tuple[Json, str, str]] = [
    (
        {"mirror": [{"service": "shop/x", "port": 80, "workloads": ["shop/x:1"], "percent": 5}]},
        "degraded",
        "mirror",
    ),
    ({"fault": {"abort": {"status": 503, "percent": 10}}}, "different", "fault"),
    ({"path_after": "/other"}, "different", "rewrite"),
    ({"authority_after": "other.example"}, "different", "rewrite-authority"),
    ({"cors": {"allow_origins": [{"exact": "https://a.example"}]}}, "different", "cors"),
    ({"timeout_ms": 500}, "different", "timeout"),
]


@pytest.mark.parametrize(("more", "outcome", "aspect"), UNTRANSLATABLE)
def test_what_the_mesh_cannot_say_is_told(more: Json, outcome: str, aspect: str) -> None:
    asked = {"questions": [question("/", routed("/", (V1 + V2, 1), **more))]}
    assert outcomes(judge_world(asked, translation()[:-1])) == {(outcome, aspect)}


def test_every_aspect_has_its_own_verdict() -> None:
    asked = {"questions": [question("/", routed("/", (V1, 1), timeout_ms=5, path_after="/x"))]}
    found = outcomes(judge_world(asked, translation()[:-1]))
    assert found == {("different", "destinations"), ("different", "timeout"), ("different", "rewrite")}


def istio_object(kind: str, namespace: str = "shop", **content: Any) -> Json:
    """An Istio networking object called `kept`."""
    metadata = {"name": "kept", "namespace": namespace}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": content}


KEPT: list[tuple[Json, bool, str]] = [
    (istio_object("VirtualService", hosts=["cart"]), True, "a short name of its own namespace"),
    (istio_object("VirtualService", "web", hosts=["cart"]), False, "a short name of another namespace"),
    (istio_object("VirtualService", "web", hosts=[CART]), True, "the full name from anywhere"),
    (istio_object("VirtualService", "web", hosts=["*.shop.svc.cluster.local"]), True, "a wildcard"),
    (istio_object("VirtualService", hosts=["cart.shop"]), False, "half a name that the client did not write"),
    (istio_object("VirtualService", hosts=["cart"], gateways=["edge"]), False, "for a gateway only"),
    (istio_object("VirtualService", hosts=["cart"], gateways=["edge", "mesh"]), True, "for the mesh too"),
    (istio_object("VirtualService", hosts=["cart"], exportTo=["."]), False, "private to another namespace"),
    (istio_object("VirtualService", "web", hosts=[CART], exportTo=["."]), True, "private to the client's"),
    (istio_object("VirtualService", hosts=["cart"], exportTo=["web"]), True, "exported to the client"),
    (istio_object("DestinationRule", host="cart"), True, "a DestinationRule"),
    (istio_object("DestinationRule", host="other"), False, "of another Service"),
]


@pytest.mark.parametrize(("obj", "kept", "reason"), KEPT)
def test_istio_objects_that_remain_are_told(obj: Json, kept: bool, reason: str) -> None:
    asked = {"questions": [question("/", routed("/", (V1 + V2, 1)))]}
    found = judge_world(asked, [*translation()[:-1], obj])
    assert [verdict.outcome for verdict in found] == (["kept"] if kept else ["same"]), reason
    assert not kept or "shop/kept" in found[0].detail or "web/kept" in found[0].detail


def test_a_unit_that_is_kept_and_translated_is_told() -> None:
    asked = {"questions": [question("/api", routed("/api", (V1, 0.9), (V2, 0.1)))]}
    found = judge_world(asked, [*translation(), istio_object("VirtualService", hosts=["cart"])])
    assert outcomes(found) == {("kept", "also-routed")}


OUTSIDE: list[tuple[Json, str, str]] = [
    (
        {"action": "passthrough", "destinations": [{"service": None, "host": "x.example", "share": 1}]},
        "outside",
        "",
    ),
    (routed("/", (V1, 1)), "different", "outside"),
    ({"action": "not-found"}, "different", "outside"),
]


@pytest.mark.parametrize(("answer", "outcome", "aspect"), OUTSIDE)
def test_hosts_outside_are_nobodys_unless_istio_acted(answer: Json, outcome: str, aspect: str) -> None:
    asked = {"questions": [question("/", answer, host="x.example", authority="x.example")]}
    assert outcomes(judge_world(asked, translation())) == {(outcome, aspect)}


NAMES: list[tuple[str, str, bool]] = [
    ("cart", "shop", True),
    ("cart", "web", False),
    ("cart.shop", "web", True),
    ("cart.shop.svc", "web", True),
    ("CART.shop.svc.cluster.local.", "web", True),
    ("cart.shop.example", "web", False),
]


@pytest.mark.parametrize(("host", "namespace", "found"), NAMES)
def test_names_are_looked_up_as_dns_does(host: str, namespace: str, found: bool) -> None:
    answer = routed("/", (V1 + V2, 1), authority_after=host)
    asked = {"questions": [question("/", answer, host=host, authority=host, source_ns=namespace)]}
    verdict = judge_world(asked, translation()[:-1])[0]
    assert (verdict.outcome == "same") is found


def test_a_path_that_only_istio_normalises_is_told_apart() -> None:
    asked = {
        "questions": [
            question("/x/../page", routed("/page", (V1, 1), response_headers={"add": {"x-seen": "1"}})),
            question("/api/../api/x", routed("/api/x", (V1, 0.9), (V2, 0.1))),
        ]
    }
    found = [(v.question, v.outcome, v.aspect) for v in judge_world(asked, translation())]
    assert found == [(0, "different", "path-normalization"), (1, "degraded", "path-normalization")]


def test_a_headless_service_is_dialled_past_all_routes() -> None:
    destination = {"service": "shop/cart", "share": 1, "port": 80, "subset": None, "headless": True}
    answer = {**routed("/"), "destinations": [destination]}
    emitted = [service("cart", clusterIP="None"), *translation()[3:]]
    assert outcomes(judge_world({"questions": [question("/", answer)]}, emitted)) == set()


@pytest.mark.parametrize("case", cases("istio/routing"))
def test_what_istio_leaves_alone_stays_as_it_is(case: Json | None) -> None:
    """Where no VirtualService is in charge, the world without its Istio objects gives Istio's answers."""
    recorded = present(case)
    plain = [obj for obj in objects(recorded["manifests"]) if "networking.istio.io" not in obj["apiVersion"]]
    alone = [
        number
        for number, asked in enumerate(recorded["questions"])
        if asked["istio"]["action"] in ("route", "passthrough") and "virtual_service" not in asked["istio"]
    ]
    found = [verdict for verdict in judge_world(recorded, plain) if verdict.question in alone]
    wrong = [v for v in found if v.outcome not in ("same", "outside") and v.aspect != "path-normalization"]
    assert len(found) == len(alone)
    assert not wrong


def test_a_recorded_world_whose_istio_objects_stay() -> None:
    recorded = present(named("istio/routing", "routing-d0001"))
    found = judge_world(recorded, objects(recorded["manifests"]))
    assert {verdict.outcome for verdict in found} == {"same", "kept"}
    assert {v.detail for v in found if v.outcome == "kept"} == {"DestinationRule shop/cart"}


def test_a_recorded_world_translated_by_hand() -> None:
    """`prefix: /api` to v2, the rest to v1: a prefix of characters needs a regex beside the catch-all."""
    recorded = present(named("istio/routing", "routing-d0002"))
    plain = [obj for obj in objects(recorded["manifests"]) if "istio.io" not in obj["apiVersion"]]
    plain += [service(f"cart-{v}", selector={"app": "cart", "version": v}) for v in ("v1", "v2")]
    exact = rule("^(?:/api.*)$", "cart-v2", how="RegularExpression")
    right = judge_world(recorded, [*plain, route("cart", exact, rule("/", "cart-v1"), parent="cart")])
    assert {aspect for _, aspect in outcomes(right)} <= {"path-normalization"}
    segments = rule("/api", "cart-v2")
    wrong = judge_world(recorded, [*plain, route("cart", segments, rule("/", "cart-v1"), parent="cart")])
    assert ("different", "destinations") in outcomes(wrong)
