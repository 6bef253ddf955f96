"""Findings as a Code Quality report of GitLab, which compares it with the target branch's and shows it in merge requests.

https://docs.gitlab.com/ci/testing/code_quality/: description, check_name, fingerprint, severity, location. What a person
accepted is left out, because the format has no word for it.
"""

from __future__ import annotations

import json
from typing import Any

from transformer.report import places, text

_SEVERITIES = {"error": "critical", "warning": "minor", "info": "info"}
_FAILED = "MS000"


def render(data: dict[str, Any]) -> str:
    """A JSON array with an entry for every finding; a run that failed is an entry as well."""
    findings = places.ordered(data["findings"])
    entries = [
        _entry(entry, fingerprint, data["command"])
        for entry, fingerprint in zip(findings, places.fingerprints(findings), strict=True)
        if not entry["accepted"]
    ]
    if data["error"]:
        entries.append(_failure(data["error"]))
    for fact in data["facts"]:
        entries.append(_failure(f"nobody has said {fact['key']}: {'; '.join(fact['why'])}"))
    return json.dumps(entries, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _entry(entry: dict[str, Any], fingerprint: str, command: str) -> dict[str, Any]:
    place = places.of(entry, command=command)
    about = f"{text.name(entry['object'])}: " if entry["object"] else ""
    remedy = f". Fix: {entry['remedy']}" if entry["remedy"] else ""
    return {
        "description": places.one_line(f"{entry['code']} {about}{entry['message']}{remedy}"),
        "check_name": entry["code"],
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[entry["severity"]],
        "location": {"path": text.visible(place.path), "lines": {"begin": place.line or 1}},
    }


def _failure(message: str) -> dict[str, Any]:
    alike = {"code": _FAILED, "object": None, "field": places.one_line(message)}
    return {
        "description": places.one_line(f"meshshift: {message}"),
        "check_name": "meshshift",
        "fingerprint": places.fingerprints([alike])[0],
        "severity": "blocker",
        "location": {"path": places.NOWHERE, "lines": {"begin": 1}},
    }
