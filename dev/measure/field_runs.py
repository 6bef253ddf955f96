"""What becomes of every field: the program on one small stream per field, place and Gateway API version.

A stream holds an object that is translated, that one field set to a value with effect, and what the object needs beside it.
The fate of the field is read from the ledger, its codes are the findings that the same stream without it does not have.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import yaml

from dev.measure.field_streams import Column, Table, Value
from transformer.findings import FieldPath
from transformer.options import Options
from transformer.outcome import ObjectFate, Report
from transformer.transform import Result, transform

VERSIONS = ("1.2", "1.5")
#: Facts that the streams leave open; findings do not end the run, so that there is a fate to read.
OPTIONS = {
    "mesh.mtls": "strict", "gateway-class": "public", "complete": ("*",), "authorization": "translate", "fail-on": "never",
}  # fmt: skip
_FOLLOWS = "MS007"  # the object stays because of another


class Measured(NamedTuple):
    """What became of a field in one stream: kind of fate, why (of a no-op), new finding codes."""

    fate: str
    why: str
    codes: tuple[str, ...]


class Row(NamedTuple):
    """One sample of a field, with what was measured by column title and Gateway API version."""

    path: str
    sample: str
    measured: dict[str, dict[str, Measured]]


def measure(table: Table) -> list[Row]:
    """Run every sample of a table at every place that has the field."""
    bases = {
        (column.title, version): _told(*run(column.build({}), version, column.channel))
        for column in table.columns
        for version in VERSIONS
    }
    return [
        Row(path, sample, {
            column.title: {
                version: _measure(column, path, sample, version, bases[column.title, version])
                for version in VERSIONS
            }
            for column in table.columns if column.has(path)
        })
        for path, samples in table.samples.items() for sample in samples
    ]  # fmt: skip


def _measure(column: Column, path: str, sample: str, version: str, base: frozenset[str]) -> Measured:
    report, fate = run(column.build(yaml.safe_load(f"{{{sample}}}")), version, column.channel)
    found = (_told(report, fate) - base) | _errors(report, fate)
    if report.ledger is None:
        raise ValueError("the report has no ledger")
    pattern = steps(column.prefix + path)
    entries = [entry for leaf, entry in report.ledger.entries(fate.uid) if _is(leaf, pattern)]
    if not entries:
        raise ValueError(f"{column.prefix}{path} is not in its sample: {sample}")
    if report.exit_code or None in entries:
        return Measured("unaccounted", "", tuple(sorted(found)))
    kinds = ("translated", "no-op", "degraded", "accepted", "held")
    gravest = max((entry for entry in entries if entry is not None), key=lambda e: kinds.index(e.kind))
    why = "" if gravest.kind != "no-op" or gravest.why.startswith("MS") else gravest.why
    told = {gravest.why} if gravest.why.startswith("MS") and gravest.why != _FOLLOWS else set()
    return Measured(gravest.kind, why, tuple(sorted(found | told)))


def run(objects: list[Value], version: str, channel: str = "standard") -> tuple[Report, ObjectFate]:
    """The report of a stream and the fate of its first object."""
    report = _transform(objects, version, channel).report
    first = (objects[0]["kind"], objects[0]["metadata"]["name"])
    return report, next(fate for fate in report.objects if (fate.ref.kind, fate.ref.name) == first)


def output(objects: list[Value], version: str, channel: str) -> bytes:
    """What the program writes for a stream."""
    return b"".join(_transform(objects, version, channel).output)


def _transform(objects: list[Value], version: str, channel: str) -> Result:
    data = "---\n".join(json.dumps(value) + "\n" for value in objects).encode()
    return transform(data, Options({**OPTIONS, "gateway-api": version, "channel": channel}))


def _told(report: Report, fate: ObjectFate) -> frozenset[str]:
    """Codes of warnings and notes about the object."""
    return frozenset(f.code for f in report.findings if f.object == fate.ref and f.severity != "error")


def _errors(report: Report, fate: ObjectFate) -> frozenset[str]:
    """Codes that hold the object: its own, or those of what it stays with."""
    found = [f for f in report.findings if f.severity == "error" and f.code != _FOLLOWS]
    own = frozenset(f.code for f in found if f.object == fate.ref)
    return own if own or fate.outcome != "held" else frozenset(f.code for f in found)


def steps(path: str) -> tuple[str, ...]:
    """`a.b[].*` as steps: names, `[]` for any item, `*` for any key."""
    return tuple(step for step in path.replace("[]", ".[]").split(".") if step)


def _is(leaf: FieldPath, pattern: tuple[str, ...]) -> bool:
    return len(leaf) == len(pattern) and all(
        wanted == ("[]" if isinstance(step, int) else step) or (wanted == "*" and isinstance(step, str))
        for step, wanted in zip(leaf, pattern, strict=True)
    )
