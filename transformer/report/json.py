"""The machine-readable report. Its shape is stable; `version` rises when a field changes its meaning or goes.

version      1
meshshift    version of the program
command      transform, check …
exit_code    as in every front end: 0 done, 1 findings, 2 usage or configuration, 3 input, 4 internal
error        why the run ended early; empty otherwise
findings     code, severity (error, warning, info), accepted (the reason of a person, or empty), file, line
             (0 where there is none), object (group, version, kind, namespace, name; or null), field, message,
             remedy, target, held_by, accepted_in: object (an annotation) or options, where it was accepted
objects      identity, file, line, outcome (translated, degraded, edited, kept, held, unchanged), held_by, codes of its own
             findings, fates: number of leaves by fate, stays: translated, and kept for clients or the next phase
emitted      identity, from: the object that it was derived from
edited       identity
facts        key, why, objects that need it: identity, file, line
assumptions  values that the result depends on, by option key
notes        remarks about the run itself
summary      number of findings by severity (accepted ones apart) and of objects by outcome
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from transformer import __version__
from transformer.findings import SEVERITIES, Finding, ObjectRef

if TYPE_CHECKING:
    from transformer.objects import Obj
    from transformer.options import Options
    from transformer.outcome import Report
    from transformer.run import MissingFact

VERSION = 1
_TARGET_KEYS = ("linkerd", "gateway-api", "channel")


def as_data(report: Report, options: Options, *, command: str, notes: Sequence[str] = ()) -> dict[str, Any]:
    """The report as plain data, in the order in which people should read it."""
    data = _empty(command, report.exit_code, notes)
    data["findings"] = [_finding(finding) for finding in report.findings]
    data["objects"] = [
        {
            **identity(fate.ref),
            "file": fate.file,
            "line": fate.line,
            "outcome": fate.outcome,
            "held_by": fate.held_by,
            "codes": list(fate.codes),
            "fates": fate.fates,
            "stays": fate.stays,
        }
        for fate in report.objects
    ]
    data["emitted"] = [{**identity(ref), "from": source} for ref, source in report.emitted]
    data["edited"] = [identity(ref) for ref in report.edited]
    data["facts"] = [_fact(key, entries) for key, entries in sorted(report.facts.items()) if entries]
    data["assumptions"] = {key: str(options[key]) for key in _TARGET_KEYS} | report.assumptions
    data["summary"] = _summary(report.findings, [fate.outcome for fate in report.objects])
    return data


def failure(command: str, exit_code: int, error: str, notes: Sequence[str] = ()) -> dict[str, Any]:
    """The report of a run that ended before it could look at the objects."""
    return _empty(command, exit_code, notes) | {"error": error}


def dumps(data: dict[str, Any]) -> str:
    """The report as a JSON text with sorted keys and a final line break."""
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def lines(data: dict[str, Any]) -> str:
    """One JSON text per line and finding, for files that several runs append to; a failure is a line too."""
    entries: list[dict[str, Any]] = list(data["findings"])
    if data["error"]:
        entries.append({"error": data["error"], "exit_code": data["exit_code"]})
    return "".join(json.dumps(entry, sort_keys=True, ensure_ascii=False) + "\n" for entry in entries)


def identity(ref: ObjectRef) -> dict[str, str]:
    """The identity of an object by the names of its parts."""
    return dict(zip(ref._fields, ref, strict=True))


def _empty(command: str, exit_code: int, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "meshshift": __version__,
        "command": command,
        "exit_code": exit_code,
        "error": "",
        "findings": [],
        "objects": [],
        "emitted": [],
        "edited": [],
        "facts": [],
        "assumptions": {},
        "notes": list(notes),
        "summary": _summary((), ()),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return finding._asdict() | {"object": identity(finding.object) if finding.object is not None else None}


def _fact(key: str, entries: Sequence[MissingFact]) -> dict[str, Any]:
    asking = {entry.at.uid: entry for entry in entries}
    return {
        "key": key,
        "why": list(dict.fromkeys(entry.why for entry in entries)),
        "objects": [_placed(entry.at) for entry in asking.values()],
    }


def _placed(obj: Obj) -> dict[str, Any]:
    return {**identity(obj.ref), "file": obj.file, "line": obj.line + obj.root.line}


def _summary(findings: Iterable[Finding], outcomes: Iterable[str]) -> dict[str, Any]:
    counted = Counter("accepted" if finding.accepted else finding.severity for finding in findings)
    return {
        "findings": {name: counted[name] for name in (*SEVERITIES, "accepted")},
        "objects": dict(sorted(Counter(outcomes).items())),
    }
