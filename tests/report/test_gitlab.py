"""Code Quality reports of GitLab."""

from __future__ import annotations

import json as parser
from typing import Any

from tests.report import samples
from transformer.findings import Finding
from transformer.report import gitlab, json

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def entries(data: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parser.loads(gitlab.render(data))
    for entry in found:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in SEVERITIES
        assert set(entry["location"]) == {"path", "lines"}
        assert entry["location"]["lines"]["begin"] >= 1
        assert "\n" not in entry["description"]
    assert len({entry["fingerprint"] for entry in found}) == len(found)
    return found


def test_what_was_accepted_is_left_out_and_the_rest_is_there() -> None:
    found = entries(samples.data(1, command="check"))
    assert [(entry["check_name"], entry["severity"]) for entry in found] == [
        ("MS004", "critical"),
        ("MS007", "critical"),
        ("MS005", "minor"),
        ("MS008", "info"),
    ]
    assert (
        found[0]["description"]
        == "MS004 VirtualService shop/cart: what it means in two lines. Fix: what to do"
    )
    assert found[0]["location"] == {"path": "a.yaml", "lines": {"begin": 12}}
    assert found[3]["location"] == {"path": "<manifests>", "lines": {"begin": 1}}


def test_findings_that_look_alike_have_fingerprints_of_their_own() -> None:
    twice = [Finding("MS004", "error", "a.yaml", line, samples.ROUTE, "", "m", "r") for line in (1, 2)]
    assert len(entries(samples.data(findings=twice))) == 2


def test_a_run_that_failed_or_misses_facts_blocks() -> None:
    (failed,) = entries(json.failure("check", 3, "not\nYAML"))
    assert (failed["severity"], failed["description"]) == ("blocker", "meshshift: not YAML")
    data = samples.data(0, findings=[], objects=[]) | {
        "facts": [samples.fact(), samples.fact("gateway-class")]
    }
    assert ["mesh.mtls" in entry["description"] for entry in entries(data)] == [True, False]


def test_a_clean_run_is_an_empty_list() -> None:
    assert gitlab.render(samples.data(0, findings=[], objects=[])) == "[]\n"
