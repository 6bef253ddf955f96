"""The report for people: findings by severity with place and remedy, missing facts, what was done, what was
assumed.
"""

from __future__ import annotations

import re
from typing import Any

from transformer.errors import USAGE
from transformer.report import facts
from transformer.report.colours import Paint
from transformer.stream.patterns import pattern

ORDER = ("error", "warning", "info")
#: Commands whose input is a stream, in which lines are counted, and those that write manifests.
OF_STREAM = frozenset({"transform", "cmp", "flux-patches"})
WRITERS = OF_STREAM | {"cmp of files"}
_INK = {"error": "red", "warning": "yellow", "info": "cyan"}
# Names and values of a manifest must not be able to steer a terminal.
_CONTROL = pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_OUTCOMES = {
    "translated": "translated",
    "degraded": "translated with loss",
    "edited": "edited",
    "held": "held",
    "kept": "kept on purpose",
    "unchanged": "unchanged",
}


def render(data: dict[str, Any], *, colour: bool = False) -> str:
    """The text of a report that `transformer.report.json` made.

    Ends with a line break; empty if there is nothing to say.
    """
    paint = Paint(colour)
    blocks = [f"meshshift: {note}" for note in data["notes"]]
    if data["facts"] and data["exit_code"] == USAGE:
        # What was found may change with the facts, so it would only hide the question.
        return "".join(visible(block) + "\n" for block in [*blocks, facts.message(data["facts"], fatal=True)])
    for severity in ORDER:
        blocks += [
            _finding(entry, paint, of_stream=data["command"] in OF_STREAM)
            for entry in data["findings"]
            if entry["severity"] == severity
        ]
    if data["facts"]:
        blocks.append(facts.message(data["facts"], fatal=False))
    if data["error"]:
        blocks.append(f"{paint('meshshift:', 'red')} {data['error']}")
    if data["findings"] or data["objects"]:
        blocks += _closing(data, paint)
    return "".join(visible(block, keep=paint.codes) + "\n" for block in blocks)


def visible(text: str, keep: frozenset[str] = frozenset()) -> str:
    """The text with control characters written out, except for the colour codes that are our own."""
    if not keep:
        return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
    pattern = re.compile("(" + "|".join(map(re.escape, sorted(keep))) + ")")
    return "".join(part if part in keep else visible(part) for part in pattern.split(text))


def _finding(entry: dict[str, Any], paint: Paint, *, of_stream: bool) -> str:
    severity = "accepted" if entry["accepted"] else entry["severity"]
    head = f"{place(entry, of_stream=of_stream)}{paint(severity, _INK[entry['severity']])} {entry['code']}"
    if entry["object"]:
        head += f" {name(entry['object'])}"
    if entry["field"]:
        head += f" {entry['field']}"
    lines = [head, f"    {_indented(entry['message'])}"]
    if entry["accepted"]:
        lines.append(f"    accepted: {_indented(entry['accepted'])}")
    elif entry["remedy"]:
        lines.append(f"    {paint('fix:', 'bold')} {_indented(entry['remedy'])}")
    if entry["target"]:
        lines.append(f"    target: {entry['target']}")
    return "\n".join(lines)


def place(entry: dict[str, Any], *, of_stream: bool = False) -> str:
    """`file:line: ` as compilers write it, as far as it is known.

    A document of a stream may name the template that it was rendered from; its line is then one of the stream.
    """
    if not entry["file"]:
        return ""
    if of_stream and entry["file"] != "<stdin>" and entry["line"]:
        return f"{entry['file']} (line {entry['line']} of the stream): "
    return f"{entry['file']}:{entry['line']}: " if entry["line"] else f"{entry['file']}: "


def name(ref: dict[str, str]) -> str:
    """`Kind namespace/name`, or `Kind name` where no namespace is written."""
    return (
        f"{ref['kind']} {ref['namespace']}/{ref['name']}"
        if ref["namespace"]
        else f"{ref['kind']} {ref['name']}"
    )


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def tally(data: dict[str, Any]) -> str:
    """How many findings of which severity there are, and what became of how many objects."""
    counts = data["summary"]["findings"]
    said = [
        counted(counts["error"], "error"),
        counted(counts["warning"], "warning"),
        counted(counts["info"], "note"),
    ]
    if counts["accepted"]:
        said.append(f"{counts['accepted']} accepted")
    done = [f"{number} {_OUTCOMES[outcome]}" for outcome, number in data["summary"]["objects"].items()]
    if data["emitted"]:
        done.append(f"{len(data['emitted'])} new")
    return ", ".join(said) + ("; objects: " + ", ".join(done) if done else "")


def summary(data: dict[str, Any], paint: Paint | None = None) -> str:
    """The line that closes a report: the tally, and whether manifests went out."""
    line = tally(data)
    if data["command"] in WRITERS and data["exit_code"]:
        line += "; nothing was written"
    return f"{(paint or Paint(False))('meshshift:', 'bold')} {line}"


def _closing(data: dict[str, Any], paint: Paint) -> list[str]:
    closing = [summary(data, paint)]
    if data["assumptions"]:
        closing.append(
            "assumed: " + ", ".join(f"{key} {value}" for key, value in data["assumptions"].items())
        )
    grave = [entry["code"] for entry in data["findings"] if entry["severity"] == "error"]
    if grave:
        closing.append(f"more about a finding: meshshift explain {grave[0]}")
    return closing


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`, `no errors`."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
