"""Places and fingerprints of findings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.report import samples
from transformer.report import json, places


def _entry(file: str = "a.yaml", line: int = 3, field: str = "", name: str = "cart") -> dict[str, Any]:
    ref = json.identity(samples.ROUTE._replace(name=name))
    return {"code": "MS004", "file": file, "line": line, "object": ref, "field": field}


@pytest.mark.parametrize(
    ("file", "command", "path", "line", "stream_line", "reason"),
    [
        ("k8s/a.yaml", "check", "k8s/a.yaml", 3, 0, "as it is"),
        ("./k8s//a.yaml", "check", "k8s/a.yaml", 3, 0, "without detours"),
        ("shop/templates/a.yaml", "transform", "shop/templates/a.yaml", 0, 3, "a template, and the stream"),
        ("<stdin>", "transform", "<stdin>", 3, 0, "the stream"),
        ("", "check", "<manifests>", 3, 0, "all of them together"),
        ("", "transform", "<stdin>", 3, 0, "the stream as a whole"),
        ("/etc/a.yaml", "check", "/etc/a.yaml", 3, 0, "outside of this folder"),
    ],
)
def test_places(file: str, command: str, path: str, line: int, stream_line: int, reason: str) -> None:
    assert places.of(_entry(file), command=command) == (path, line, stream_line), reason


def test_a_file_below_this_folder_is_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inside = places.of(_entry(str(tmp_path / "k8s" / "a.yaml")), command="check")
    outside = places.of(_entry("../a.yaml"), command="check")
    assert inside.path == "k8s/a.yaml"
    assert outside.path == os.path.abspath("../a.yaml")
    assert (inside.known, places.of(_entry(""), command="check").known) == (True, False)


def test_fingerprints_stay_while_lines_and_neighbours_change() -> None:
    (before,) = places.fingerprints([_entry(field="spec.http[0].fault")])
    (after,) = places.fingerprints([_entry("b.yaml", 90, "spec.http[4].fault")])
    assert before == after


def test_fingerprints_tell_findings_apart() -> None:
    entries = [
        _entry(),
        _entry(),
        _entry(field="spec.hosts"),
        _entry(name="other"),
        _entry() | {"code": "MS005"},
        _entry() | {"object": None},
    ]
    assert len(set(places.fingerprints(entries))) == len(entries)


def test_the_gravest_come_first() -> None:
    found = places.ordered(samples.data()["findings"])
    assert [entry["severity"] for entry in found] == ["error", "error", "warning", "warning", "info"]
    assert [entry["code"] for entry in found if entry["severity"] == "warning"] == ["MS010", "MS005"]
