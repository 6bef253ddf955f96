"""Every format shows every kind of run, and a file's name says its format."""

from __future__ import annotations

import json as parser
from typing import Any

import pytest

from tests.report import samples
from transformer.findings import Finding, ObjectRef
from transformer.report import forms, json, text
from transformer.settings import BY_KEY

FORMS = BY_KEY["report"].choices


@pytest.mark.parametrize(
    ("name", "chosen", "form"),
    [
        ("r.txt", "text", "text"),
        ("r.txt", "sarif", "sarif"),
        ("report", "markdown", "markdown"),
        ("r.json", "text", "json"),
        ("r.json", "gitlab", "gitlab"),
        ("r.json", "sarif", "sarif"),
        ("r.json", "github", "json"),
        ("r.jsonl", "sarif", "lines"),
        ("r.sarif", "text", "sarif"),
        ("r.sarif.json", "text", "sarif"),
        ("out/gl-code-quality-report.json", "text", "gitlab"),
        ("summary.md", "json", "markdown"),
    ],
)
def test_the_ending_of_a_file_says_its_format(name: str, chosen: str, form: str) -> None:
    assert forms.of_file(name, chosen) == form


def _runs() -> dict[str, dict[str, Any]]:
    fact = samples.data(2, findings=[], objects=[], emitted=[], edited=[]) | {"facts": [samples.fact()]}
    return {
        "findings": samples.data(),
        "failure": json.failure("transform", 3, "a.yaml:3: not\nYAML", ["a note"]),
        "nothing": samples.data(0, findings=[], objects=[], emitted=[], edited=[]) | {"notes": []},
        "facts": fact,
        "check with facts": fact | {"exit_code": 0, "command": "check"},
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("run", _runs())
def test_every_format_says_what_the_run_has_to_say(form: str, run: str) -> None:
    data = _runs()[run]
    shown = forms.render(data, form)
    words = {
        "findings": [entry["code"] for entry in data["findings"]],
        "failure": ["a.yaml"],
        "facts": ["mesh.mtls"],
        "check with facts": ["mesh.mtls"],
    }.get(run, [])
    if form in ("github", "gitlab"):
        words = [word for word in words if word != "MS010"]  # accepted
    plain = shown.replace("&#64;", "@").replace("\\_", "_")
    assert [word for word in words if word not in plain] == []
    assert shown == "" or shown.endswith("\n")
    if form in ("json", "sarif", "gitlab"):
        parser.loads(shown)


EVIL = "a\x1b]0;owned\x07\x9b2J\u202egnp"


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for below in value.values() for text in _texts(below))]
    if isinstance(value, list):
        return [text for below in value for text in _texts(below)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("form", [form for form in FORMS if form != "json"])
def test_no_text_of_a_manifest_steers_whoever_shows_it(form: str) -> None:
    """JSON is data for programs and says names as they are; viewers show SARIF and Code Quality reports to people."""
    about = ObjectRef(EVIL, EVIL, EVIL, EVIL, EVIL)
    findings = [
        Finding("MS004", "error", EVIL, 1, about, EVIL, EVIL, EVIL, EVIL, EVIL),
        Finding("MS010", "warning", f"/{EVIL}", 1, about, EVIL, EVIL, EVIL, accepted=EVIL),
    ]
    failure = json.failure("check", 3, EVIL, [EVIL])
    for data in (samples.data(findings=findings, command="check"), failure):
        shown = forms.render(data, form)
        said = _texts(parser.loads(shown)) if form in ("sarif", "gitlab") else [shown]
        assert [one for one in said if set(one) & set(EVIL) - set("a]0;owned2Jgnp")] == []
        assert "gnp" in shown


def test_the_formats_are_deterministic() -> None:
    for form in FORMS:
        assert forms.render(samples.data(), form) == forms.render(samples.data(), form)


def test_text_and_lines_are_what_they_were() -> None:
    assert forms.render(samples.data(), "text", colour=True) == text.render(samples.data(), colour=True)
    assert forms.render(samples.data(), "lines") == json.lines(samples.data())
