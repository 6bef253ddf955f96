"""SARIF logs: what the format demands, what GitHub demands beyond it, and that they say the same as the report."""

from __future__ import annotations

import json as parser
import re
from typing import Any
from urllib.parse import unquote

import pytest

from tests.report import samples
from transformer.codes import CODES
from transformer.findings import Finding
from transformer.report import json, sarif

#: Properties by kind of object, from the SARIF 2.1.0 specification; those with ! are required by it or by GitHub.
SHAPES = {
    "log": "$schema! version! runs!",
    "run": "tool! automationDetails! originalUriBaseIds! invocations! results! properties",
    "driver": "name! version! semanticVersion! rules!",
    "rule": "id! name! shortDescription! fullDescription! help! defaultConfiguration! properties",
    "invocation": "executionSuccessful! exitCode! exitCodeDescription! toolExecutionNotifications "
    "toolConfigurationNotifications",
    "result": "ruleId! ruleIndex! level! message! locations! partialFingerprints! properties suppressions",
    "location": "physicalLocation! logicalLocations",
    "physicalLocation": "artifactLocation! region!",
    "artifactLocation": "uri! uriBaseId",
    "logicalLocation": "name! fullyQualifiedName! kind!",
    "suppression": "kind! status! justification!",
}
URI = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})+")


def shaped(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    """The object, if it has all that it must have and nothing that the format does not know."""
    known = SHAPES[kind].split()
    assert set(found) <= {name.rstrip("!") for name in known}, kind
    assert {name[:-1] for name in known if name.endswith("!")} <= set(found), kind
    return found


def run_of(data: dict[str, Any]) -> dict[str, Any]:
    """The only run of a log, all of whose parts have the shape that they must have."""
    log = shaped("log", parser.loads(sarif.render(data)))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = shaped("driver", shaped("run", run)["tool"]["driver"])
    for rule in driver["rules"]:
        assert shaped("rule", rule)["defaultConfiguration"]["level"] in ("error", "warning", "note")
        assert {"text", "markdown"} == set(rule["help"])
    for entry in run["invocations"]:
        shaped("invocation", entry)
    for result in run["results"]:
        _check_result(result, driver["rules"])
    return dict(run)


def _check_result(result: dict[str, Any], rules: list[dict[str, Any]]) -> None:
    shaped("result", result)
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["level"] in ("error", "warning", "note")
    (location,) = result["locations"]
    physical = shaped("physicalLocation", shaped("location", location)["physicalLocation"])
    artifact = shaped("artifactLocation", physical["artifactLocation"])
    assert URI.fullmatch(artifact["uri"]), artifact
    assert ("uriBaseId" in artifact) is not artifact["uri"].startswith("file:///")
    assert physical["region"]["startLine"] >= 1
    for logical in location.get("logicalLocations", []):
        shaped("logicalLocation", logical)
    for suppression in result.get("suppressions", []):
        assert shaped("suppression", suppression)["kind"] in ("inSource", "external")
    assert all(re.fullmatch(r"[0-9a-f]{64}", mark) for mark in result["partialFingerprints"].values())


def test_a_whole_report() -> None:
    run = run_of(samples.data(1, command="check"))
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("MS004", "error"),
        ("MS007", "error"),
        ("MS010", "warning"),
        ("MS005", "warning"),
        ("MS008", "note"),
    ]
    first = run["results"][0]
    assert first["message"]["text"] == "VirtualService shop/cart: what it means\nin two lines\nwhat to do"
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 12},
            },
            "logicalLocations": [
                {
                    "name": "cart",
                    "fullyQualifiedName": "VirtualService.networking.istio.io/shop/cart",
                    "kind": "resource",
                }
            ],
        }
    ]
    assert first["properties"] == {"field": "spec.http[0].fault"}
    assert run["results"][1]["properties"] == {"heldBy": "VirtualService shop/cart"}
    assert run["invocations"] == [
        {
            "executionSuccessful": True,
            "exitCode": 1,
            "exitCodeDescription": "findings at or above --fail-on",
            "toolExecutionNotifications": [{"level": "note", "message": {"text": "a note"}}],
        }
    ]


def test_a_rule_says_what_the_catalogue_says() -> None:
    rules = run_of(samples.data())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["MS004", "MS005", "MS007", "MS008", "MS010"]
    for rule in rules:
        code = CODES[rule["id"]]
        for said in (code.cause, code.effect, code.remedy):
            assert said in rule["help"]["text"]
            assert said in rule["help"]["markdown"]
        assert f"meshshift explain {code.code}" in rule["help"]["text"]


def test_every_code_makes_a_rule() -> None:
    findings = [Finding(code, "error", "a.yaml", 1, None, "", "m", "r") for code in CODES]
    run = run_of(samples.data(findings=findings))
    assert len(run["tool"]["driver"]["rules"]) == len(CODES)
    assert all(rule["name"] for rule in run["tool"]["driver"]["rules"])


@pytest.mark.parametrize(
    ("stands_in", "kind"), [("object", "inSource"), ("options", "external"), ("", "external")]
)
def test_what_a_person_accepted_is_suppressed(stands_in: str, kind: str) -> None:
    accepted = samples.FINDINGS[1]._replace(accepted_in=stands_in)
    (result,) = run_of(samples.data(findings=[accepted]))["results"]
    assert result["suppressions"] == [{"kind": kind, "status": "accepted", "justification": "tested"}]


def test_a_kept_report_without_the_newest_field_is_shown() -> None:
    data = samples.data()
    for entry in data["findings"]:
        del entry["accepted_in"]
    assert run_of(data)["results"]


@pytest.mark.parametrize(
    ("file", "command", "uri"),
    [
        ("k8s/a b,ü#.yaml", "check", "k8s/a%20b%2C%C3%BC%23.yaml"),
        ("<stdin>", "transform", "%3Cstdin%3E"),
        ("", "check", "%3Cmanifests%3E"),
        ("/etc/a b.yaml", "check", "file:///etc/a%20b.yaml"),
    ],
)
def test_files_are_addresses(file: str, command: str, uri: str) -> None:
    (result,) = run_of(samples.data(1, command=command, findings=[samples.FINDINGS[0]._replace(file=file)]))[
        "results"
    ]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == uri
    assert unquote(uri).endswith(file)


def test_a_template_has_no_line_of_the_stream() -> None:
    (result,) = run_of(samples.data(1, findings=[samples.FINDINGS[0]]))["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    assert "(line 12 of the stream)" in result["message"]["text"]


def test_words_of_a_manifest_become_no_link() -> None:
    finding = Finding("MS004", "error", "a", 1, None, "", "see [this](https://evil.example) \x1b", "")
    (result,) = run_of(samples.data(command="check", findings=[finding]))["results"]
    assert result["message"]["text"] == "see [this] (https://evil.example) \\x1b"


@pytest.mark.parametrize(
    ("code", "where", "successful"),
    [
        (2, "toolConfigurationNotifications", False),
        (3, "toolExecutionNotifications", False),
        (4, "toolExecutionNotifications", False),
    ],
)
def test_a_run_that_failed_is_told(code: int, where: str, successful: bool) -> None:
    run = run_of(json.failure("check", code, "wrong"))
    (invocation,) = run["invocations"]
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (code, successful)
    assert invocation[where] == [{"level": "error", "message": {"text": "wrong"}}]
    assert run["results"] == []


def test_missing_facts_are_told() -> None:
    (invocation,) = run_of(samples.data(2) | {"facts": [samples.fact()]})["invocations"]
    assert invocation["toolConfigurationNotifications"][-1]["message"]["text"].startswith(
        "nobody has said mesh.mtls"
    )
