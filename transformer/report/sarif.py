"""The report as SARIF 2.1.0, which code scanning services read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html: one run, a rule for every code that it found, a result for
every finding. Files are relative to `%SRCROOT%`, the folder in which the run started. GitHub refuses a file in which one result
has no place: where none is known, a stand-in in angle brackets takes the file's, and line 1 means the whole file.
"""

from __future__ import annotations

import json
import urllib.parse
from pathlib import PurePath
from typing import Any

from transformer.codes import CODES, Code
from transformer.errors import FINDINGS, USAGE
from transformer.report import places, text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: Its number changes when fingerprints are made of something else.
FINGERPRINT = "meshshiftFinding/v1"
_ROOT = "%SRCROOT%"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEMS = {"error": "error", "warning": "warning", "info": "recommendation"}
_EXITS = (
    "done",
    "findings at or above --fail-on",
    "usage or configuration",
    "input that cannot be read",
    "internal error",
)
_ACCEPTED = {"object": "inSource", "options": "external"}


def render(data: dict[str, Any]) -> str:
    """The report as a SARIF log with one run; sorted keys, so that the same report gives the same bytes."""
    findings = places.ordered(data["findings"])
    codes = sorted({entry["code"] for entry in findings})
    numbers = {code: number for number, code in enumerate(codes)}
    marks = places.fingerprints(findings)
    run: dict[str, Any] = {
        "tool": {"driver": _driver(data["meshshift"], codes)},
        "automationDetails": {"id": f"meshshift/{data['command']}/"},
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The folder in which meshshift was started."}}
        },
        "invocations": [_invocation(data)],
        "results": [
            _result(entry, numbers[entry["code"]], mark, data["command"])
            for entry, mark in zip(findings, marks, strict=True)
        ],
        "properties": {"assumptions": data["assumptions"], "summary": data["summary"]},
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _driver(version: str, codes: list[str]) -> dict[str, Any]:
    return {
        "name": "meshshift",
        "version": version,
        "semanticVersion": version,
        "rules": [_rule(CODES[code]) for code in codes],
    }


def _rule(code: Code) -> dict[str, Any]:
    words = "".join(word.capitalize() for word in code.title.replace("-", " ").split())
    parts = {"Cause": code.cause, "Effect": code.effect, "What to do": code.remedy}
    more = f"meshshift explain {code.code}"
    example = f"\n\n```yaml\n{code.example}\n```" if code.example else ""
    return {
        "id": code.code,
        "name": "".join(letter for letter in words if letter.isascii() and letter.isalnum()),
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": f"{code.cause} {code.effect}"},
        "help": {
            "text": "\n".join(f"{name}: {said}" for name, said in parts.items()) + f"\nMore: {more}",
            "markdown": "\n\n".join(f"**{name}.** {said}" for name, said in parts.items())
            + f"{example}\n\n`{more}`",
        },
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
        "properties": {
            "problem.severity": _PROBLEMS[code.severity],
            "tags": ["kubernetes", "service-mesh", "migration"],
        },
    }


def _invocation(data: dict[str, Any]) -> dict[str, Any]:
    said = [_notification("note", note) for note in data["notes"]]
    if data["error"]:
        said.append(_notification("error", data["error"]))
    said += [
        _notification(
            "error" if data["exit_code"] == USAGE else "warning",
            f"nobody has said {fact['key']}: {'; '.join(fact['why'])}",
        )
        for fact in data["facts"]
    ]
    where = "toolConfigurationNotifications" if data["exit_code"] == USAGE else "toolExecutionNotifications"
    invocation = {
        "executionSuccessful": data["exit_code"] <= FINDINGS,
        "exitCode": data["exit_code"],
        "exitCodeDescription": _EXITS[data["exit_code"]],
    }
    return invocation | ({where: said} if said else {})


def _notification(level: str, message: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _plain(message)}}


def _result(entry: dict[str, Any], rule: int, fingerprint: str, command: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": entry["code"],
        "ruleIndex": rule,
        "level": _LEVELS[entry["severity"]],
        "message": {"text": _message(entry, command)},
        "locations": [_location(entry, command)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    more = {"field": entry["field"], "target": entry["target"], "heldBy": entry["held_by"]}
    if any(more.values()):
        result["properties"] = {key: text.visible(value) for key, value in more.items() if value}
    if entry["accepted"]:
        # Reports that an earlier version kept do not say where the acceptance stands.
        kind = _ACCEPTED.get(entry.get("accepted_in", ""), "external")
        said = _plain(entry["accepted"])
        result["suppressions"] = [{"kind": kind, "status": "accepted", "justification": said}]
    return result


def _message(entry: dict[str, Any], command: str) -> str:
    about = f"{text.name(entry['object'])}: " if entry["object"] else ""
    line = places.of(entry, command=command).stream_line
    rendered = f" (line {line} of the stream)" if line else ""
    return _plain(
        "\n".join(part for part in (f"{about}{entry['message']}{rendered}", entry["remedy"]) if part)
    )


def _plain(words: str) -> str:
    """A text of which no viewer makes a link: `[words](address)` is one in SARIF's plain texts."""
    return text.visible(words).replace("](", "] (")


def _location(entry: dict[str, Any], command: str) -> dict[str, Any]:
    place = places.of(entry, command=command)
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": _artifact(place), "region": {"startLine": place.line or 1}}
    }
    if entry["object"]:
        location["logicalLocations"] = [
            {
                "name": text.visible(entry["object"]["name"]),
                "fullyQualifiedName": text.visible(places.identity(entry["object"])),
                "kind": "resource",
            }
        ]
    return location


def _artifact(place: places.Place) -> dict[str, str]:
    path = PurePath(place.path)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": urllib.parse.quote(place.path, errors="backslashreplace"), "uriBaseId": _ROOT}
