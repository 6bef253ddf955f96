"""The judge of gateway translations."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.proof.gateways import gateway, listener, route
from tests.proof.worlds import cases, deployment, objects, present, rule, service
from transformer.proof.judge import judge_ingress

Json = dict[str, Any]


def question(path: str, answer: Json, **request: Any) -> Json:
    """A question to Istio's gateway `shop/edge`, and what it does."""
    asked = {"gateway": "shop/edge", "port": 80, "tls": False, "host": "shop.example", "method": "GET"}
    return {"request": {**asked, "path": path, **request}, "istio": answer}


def routed(path: str, workload: str, **more: Any) -> Json:
    """Istio's answer for traffic that goes on to one workload."""
    name = workload.partition(":")[0].partition("/")[2]
    destination = {"service": f"shop/{name}", "share": 1, "port": 80, "workloads": [workload]}
    return {
        "action": "route",
        "virtual_service": "shop/routes",
        "destinations": [destination],
        "path_after": path,
        "authority_after": "shop.example",
        "timeout_ms": None,
        "retries": None,
        **more,
    }


CORS = {
    "allow_origins": [{"exact": "https://a.example"}],
    "allow_methods": ["GET"],
    "allow_headers": ["x-token"],
    "max_age_s": 600,
}
MIRROR = {"service": "shop/a", "port": 80, "workloads": ["shop/a:8080"], "percent": 50}


def world() -> Json:
    """A rewrite with CORS, a mirror, a redirect of one port, and no catch-all."""
    elsewhere = {"action": "redirect", "redirect": {"status": 301, "location": "https://shop.example/x"}}
    return {
        "questions": [
            question("/api/x", routed("/v1/x", "shop/a:8080", cors=CORS, timeout_ms=1500)),
            question("/page", routed("/page", "shop/b:8080", mirror=[MIRROR])),
            question("/none", {"action": "not-found"}),
            question("/x", elsewhere, port=8080),
            question("/page", {"action": "refused"}, port=443, tls=True, sni="shop.example"),
            question("/page", {"action": "not-found"}, host="other.example"),
        ]
    }


def translation() -> list[Json]:
    """What a right translation of that world emits; the API, the page and the redirect are rules 0, 1 and
    0.
    """
    rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v1"}}
    cors = {
        "allowOrigins": ["https://a.example"],
        "allowMethods": ["GET"],
        "allowHeaders": ["X-Token"],
        "maxAge": 600,
    }
    mirror = {"backendRef": {"name": "a", "port": 80}, "percent": 50}
    api = rule(
        "/api",
        "a",
        filters=[{"type": "URLRewrite", "urlRewrite": rewrite}, {"type": "CORS", "cors": cors}],
        timeouts={"request": "1s500ms"},
    )
    page = rule("/page", "b", filters=[{"type": "RequestMirror", "requestMirror": mirror}])
    secure = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    return [
        *(service(name) for name in "ab"),
        *(deployment(name) for name in "ab"),
        gateway(listener("web"), listener("old", port=8080)),
        route("to-https", rule("/", filters=[secure]), hosts=["shop.example"], ref={"sectionName": "old"}),
        route("routes", api, page, hosts=["shop.example"], ref={"sectionName": "web"}),
    ]


def outcomes(emitted: list[Json], asked: Json | None = None, **options: Any) -> set[tuple[str, str]]:
    """Outcomes and aspects of what is not the same."""
    found = judge_ingress(asked or world(), emitted, **options)
    return {(verdict.outcome, verdict.aspect) for verdict in found if verdict.outcome != "same"}


def test_a_right_translation_is_the_same() -> None:
    assert outcomes(translation()) == set()
    assert len(judge_ingress(world(), translation())) == 6


def rules(emitted: list[Json]) -> list[Json]:
    """The rules of the last route."""
    found: list[Json] = emitted[-1]["spec"]["rules"]
    return found


def lost_rewrite(emitted: list[Json]) -> None:
    del rules(emitted)[0]["filters"][0]


def lost_cors(emitted: list[Json]) -> None:
    del rules(emitted)[0]["filters"][1]


def wider_cors(emitted: list[Json]) -> None:
    rules(emitted)[0]["filters"][1]["cors"]["allowOrigins"] = ["*"]


def lost_mirror(emitted: list[Json]) -> None:
    del rules(emitted)[1]["filters"]


def wrong_mirror(emitted: list[Json]) -> None:
    rules(emitted)[1]["filters"][0]["requestMirror"]["backendRef"]["name"] = "b"


def lost_hosts(emitted: list[Json]) -> None:
    del emitted[-1]["spec"]["hostnames"]


def lost_section(emitted: list[Json]) -> None:
    del emitted[-2]["spec"]["parentRefs"][0]["sectionName"]


def served_in_the_clear(emitted: list[Json]) -> None:
    del emitted[-2]
    del emitted[-1]["spec"]["parentRefs"][0]["sectionName"]


def lost_listener(emitted: list[Json]) -> None:
    emitted[4]["spec"]["listeners"].pop(0)


def short_age(emitted: list[Json]) -> None:
    del rules(emitted)[0]["filters"][1]["cors"]["maxAge"]


def longer_timeout(emitted: list[Json]) -> None:
    rules(emitted)[0]["timeouts"]["request"] = "2s"


FAULTS: list[tuple[Callable[[list[Json]], None], tuple[str, str]]] = [
    (lost_rewrite, ("different", "rewrite")),
    (lost_cors, ("different", "cors")),
    (wider_cors, ("different", "cors")),
    (lost_mirror, ("degraded", "mirror")),
    (wrong_mirror, ("different", "mirror")),
    (lost_hosts, ("different", "action")),
    (lost_section, ("different", "action")),
    (served_in_the_clear, ("different", "action")),
    (lost_listener, ("different", "action")),
    (short_age, ("degraded", "cors-max-age")),
    (longer_timeout, ("different", "timeout")),
]


@pytest.mark.parametrize(("fault", "wanted"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_wrong_translation_is_caught(fault: Callable[[list[Json]], None], wanted: tuple[str, str]) -> None:
    emitted = copy.deepcopy(translation())
    fault(emitted)
    assert wanted in outcomes(emitted)


def test_what_holds_in_one_controller_only_is_different() -> None:
    asked = {"questions": [question("/x/y", routed("/x/y", "shop/a:8080"))]}
    mixed = route("r", rule("/x/.*", "a", how="RegularExpression"), rule("/x", "b"))
    emitted = [*translation()[:5], mixed]
    assert outcomes(emitted, asked, regex_ranks=("highest",)) == set()
    assert outcomes(emitted, asked) == {("different", "destinations")}


def test_seams_and_ports_have_aspects_of_their_own() -> None:
    location = "https://shop.example:80/x"
    asked = {
        "questions": [
            question("/api/x", routed("/v1//x", "shop/a:8080", cors=CORS, timeout_ms=1500)),
            question(
                "/x", {"action": "redirect", "redirect": {"status": 301, "location": location}}, port=8080
            ),
        ]
    }
    assert outcomes(translation(), asked) == {
        ("different", "rewrite-slashes"),
        ("different", "redirect-port"),
    }


def test_gateways_of_another_name_are_found_by_the_map() -> None:
    emitted = translation()
    emitted[4]["metadata"]["name"] = "public"
    for entry in emitted[5:]:
        entry["spec"]["parentRefs"][0]["name"] = "public"
    assert ("different", "action") in outcomes(emitted)
    assert outcomes(emitted, gateways={"shop/edge": ["shop/public"]}) == set()


@pytest.mark.parametrize(
    ("kind", "content", "kept"),
    [
        ("Gateway", {}, True),
        ("VirtualService", {"hosts": ["shop.example"], "gateways": ["edge"]}, True),
        ("VirtualService", {"hosts": ["*.example"], "gateways": ["shop/edge"]}, True),
        ("VirtualService", {"hosts": ["shop.example"], "gateways": ["other/edge"]}, False),
        ("VirtualService", {"hosts": ["x.example"], "gateways": ["edge"]}, False),
        ("VirtualService", {"hosts": ["shop.example"]}, False),
    ],
)
def test_istio_objects_that_remain_are_told(kind: str, content: Json, kept: bool) -> None:
    metadata = {"name": "edge", "namespace": "shop"}
    obj = {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": content}
    asked = {"questions": [world()["questions"][1]]}
    assert outcomes([*translation(), obj], asked) == ({("kept", "")} if kept else set())


@pytest.mark.parametrize("case", cases("istio/ingress"))
def test_kept_gateways_are_kept_and_lost_ones_are_missed(case: Json | None) -> None:
    recorded = present(case)
    manifests = objects(recorded["manifests"])
    kept = judge_ingress(recorded, manifests)
    assert {verdict.outcome for verdict in kept} == {"kept"}
    lost = judge_ingress(recorded, [obj for obj in manifests if "istio.io" not in obj["apiVersion"]])
    answers = [asked["istio"]["action"] for asked in recorded["questions"]]
    assert [verdict.outcome == "same" for verdict in lost] == [action == "refused" for action in answers]
