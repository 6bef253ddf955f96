"""Recorded answers of Istio to requests in little worlds, asked again of what the program makes of these worlds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.measure.vector_runs import Judged, World, judge, worlds
from tests.real_tools import absent
from transformer.proof.verdicts import Verdict
from transformer.targets.gateway_api import http_route

COMPLETE = {"complete": ("*",)}

Json = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(shared: Path) -> Path:
    folder = shared / "vectors"
    if not folder.is_dir():
        absent("the recorded answers, ../shared/vectors, are not beside the repository")
    return folder


@pytest.fixture(scope="module")
def routing(vectors: Path) -> list[World]:
    found = worlds(vectors, "routing")
    assert len(found) > 200
    return found


@pytest.fixture(scope="module")
def complete(routing: list[World]) -> list[Judged]:
    """Every world with all of its objects declared to be there, for the default target."""
    return [judge(world, "routing", **COMPLETE) for world in routing]


def told(found: list[Judged]) -> Counter[tuple[str, str]]:
    """Outcomes and aspects over all worlds, after the assertion that nothing differs untold."""
    wrong = {judged.world["id"]: judged.untold for judged in found if judged.untold}
    assert wrong == {}
    return Counter((verdict.outcome, verdict.aspect) for judged in found for verdict in judged.verdicts)


def test_requests_in_the_mesh_are_answered_as_before(complete: list[Judged]) -> None:
    counts = told(complete)
    # A run that held nearly everything would prove nothing.
    assert counts["same", "default-retries"] + counts["same", ""] > 5000
    assert counts["kept", ""] > 1000


# The judge models Linkerd 2.20's proxy. For other targets the test shows that their objects (routes of another
# group, limits as annotations) say the same to that proxy, not that theirs reads them so.
@pytest.mark.parametrize(("linkerd", "gateway_api"), [("2.19", "1.2"), ("2.18", "1.1"), ("2.16", "1.1")])
def test_objects_for_other_targets_say_the_same(routing: list[World], linkerd: str, gateway_api: str) -> None:
    options = {**COMPLETE, "linkerd": linkerd, "gateway-api": gateway_api}
    counts = told([judge(world, "routing", **options) for world in routing])
    assert counts["same", "default-retries"] + counts["same", ""] > 5000


def test_without_complete_nothing_is_guessed(routing: list[World], complete: list[Judged]) -> None:
    partial = told([judge(world, "routing") for world in routing])
    assert partial["kept", ""] > told(complete)["kept", ""]


def test_segments_for_prefixes_differ_only_where_the_report_says_so(complete: list[Judged]) -> None:
    differing = 0
    for exact in complete:
        segment = judge(exact.world, "routing", **COMPLETE, **{"prefix-mode": "segment"})
        assert segment.untold == [], exact.world["id"]
        if segment.verdicts != exact.verdicts:
            differing += 1
            assert "MS212" in segment.codes, exact.world["id"]
    assert differing > 10


def test_what_is_held_stays_with_istio(complete: list[Judged]) -> None:
    whole = 0
    for judged in complete:
        sources = [fate for fate in judged.report.objects if fate.ref.kind == "VirtualService"]
        if not sources or any(fate.outcome != "held" for fate in sources):
            continue
        whole += 1
        outcomes = {verdict.outcome for verdict in judged.verdicts if from_rules(judged, verdict)}
        assert outcomes <= {"kept"}, judged.world["id"]
    assert whole > 10


def from_rules(judged: Judged, verdict: Verdict) -> bool:
    """Whether Istio answered the question by a VirtualService."""
    return "virtual_service" in judged.world["questions"][verdict.question]["istio"]


@pytest.mark.parametrize("gateway_api", ["1.2", "1.5"])
def test_requests_to_gateways_are_answered_as_before(vectors: Path, gateway_api: str) -> None:
    options = {**COMPLETE, "gateway-api": gateway_api}
    counts = told([judge(world, "ingress", **options) for world in worlds(vectors, "ingress")])
    assert counts["same", "default-retries"] + counts["same", ""] > 1000


# -- faults put into the translator on purpose: each must be noticed ---------------------------------------------

Build = Callable[..., Json]


def rules_of(route: Json) -> list[Json]:
    found: list[Json] = route["spec"]["rules"]
    return found


def without_methods(route: Json) -> Json:
    for rule in rules_of(route):
        for match in rule.get("matches", []):
            match.pop("method", None)
    return route


def wrong_weights(route: Json) -> Json:
    for rule in rules_of(route):
        weighted = [ref for ref in rule.get("backendRefs", []) if "weight" in ref]
        for ref, weight in zip(weighted, [ref["weight"] for ref in reversed(weighted)], strict=True):
            ref["weight"] = weight
    return route


def without_header_conditions(route: Json) -> Json:
    for rule in rules_of(route):
        for match in rule.get("matches", []):
            match.pop("headers", None)
    return route


def without_timeouts(route: Json) -> Json:
    for rule in rules_of(route):
        rule.pop("timeouts", None)
    return route


def reversed_rules(route: Json) -> Json:
    # The order of rules decides nothing between different matches, so their actions change places.
    rules = rules_of(route)
    conditions = [rule.pop("matches", None) for rule in rules]
    for rule, matches in zip(rules, reversed(conditions), strict=True):
        if matches is not None:
            rule["matches"] = matches
    return route


def wrong_ports(route: Json) -> Json:
    for rule in rules_of(route):
        for ref in rule.get("backendRefs", []):
            ref["port"] += 1
    return route


def wider_prefixes(route: Json) -> Json:
    for rule in rules_of(route):
        for match in rule.get("matches", []):
            path = match.get("path", {})
            if path.get("type") == "PathPrefix":
                path["value"] = path["value"].rstrip("/").rpartition("/")[0] or "/"
            elif path.get("type") == "Exact":
                path["type"] = "PathPrefix"
    return route


def without_redirect_codes(route: Json) -> Json:
    for rule in rules_of(route):
        for change in rule.get("filters", []):
            # What Gateway API takes where none is written.
            change.get("requestRedirect", {}).update(statusCode=302)
    return route


def without_header_changes(route: Json) -> Json:
    for rule in rules_of(route):
        kept = [change for change in rule.pop("filters", []) if "requestRedirect" in change]
        if kept:
            rule["filters"] = kept
    return route


FAULTS = [
    (without_methods, "a lost method condition"),
    (wrong_weights, "shares given to the wrong destination"),
    (without_header_conditions, "a lost header condition"),
    (without_timeouts, "a lost timeout"),
    (reversed_rules, "matches and actions mixed up"),
    (wrong_ports, "a wrong port"),
    (wider_prefixes, "a path that matches more"),
    (without_redirect_codes, "a lost redirect code"),
    (without_header_changes, "lost header changes"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_fault_of_the_translator_is_noticed(
    routing: list[World], monkeypatch: pytest.MonkeyPatch, fault: Callable[[Json], Json], reason: str
) -> None:
    build: Build = http_route.build
    monkeypatch.setattr(http_route, "build", lambda *args, **more: fault(build(*args, **more)))
    noticed = (
        verdict
        for world in routing
        for verdict in judge(world, "routing", **COMPLETE).untold
        if verdict.outcome == "different"
    )
    assert next(noticed, None) is not None, reason
