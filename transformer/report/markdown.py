"""The report as Markdown, for the summary of a pipeline step or a comment on a pull request.

What manifests say is shown as it is written: none of it becomes markup, a link or a mention.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from transformer.errors import USAGE
from transformer.report import facts, places, text
from transformer.stream.patterns import pattern

#: A step summary of GitHub may have 1 MiB; the report file has the rest.
MOST = 500
_LONGEST = 1000
_MARKUP = pattern(r"[\\`*_\[\]|~$]|[@#]|://|www\.")
#: A comment ends the words that GitHub would make a mention or a reference of; entities end addresses.
_APART = {"@": "@<!-- -->", "#": "#<!-- -->", "://": ":&#47;/", "www.": "www&#46;"}
_MARKS = {"error": "❌", "warning": "⚠️", "info": "ℹ️"}


def render(data: dict[str, Any]) -> str:
    """Headline, findings as a table with the gravest first, what was accepted, kinds of objects, assumptions."""
    blocks = [f"### meshshift {data['command']}: {_headline(data)}"]
    blocks += [f"> {escaped(note)}" for note in data["notes"]]
    if data["error"]:
        blocks.append("\n".join(f"> {escaped(line)}" for line in data["error"].splitlines()))
    if data["facts"]:
        said = facts.message(data["facts"], fatal=data["exit_code"] == USAGE)
        blocks.append(f"<pre>{html.escape(text.visible(said))}</pre>")
    findings = places.ordered(data["findings"])
    blocks += _table_of(findings, data["command"])
    accepted = [entry for entry in findings if entry["accepted"]]
    if accepted:
        rows = ([entry["code"], _about(entry), entry["accepted"]] for entry in accepted)
        blocks.append("**Accepted**\n\n" + table(("code", "object", "reason"), rows))
    blocks += _objects(data["objects"])
    if data["assumptions"]:
        assumed = ", ".join(f"{key} {value}" for key, value in data["assumptions"].items())
        blocks.append(f"Assumed: {escaped(assumed)}")
    return "\n\n".join(block.rstrip("\n") for block in blocks) + "\n"


def _headline(data: dict[str, Any]) -> str:
    if data["error"]:
        return f"ended with {data['exit_code']}"
    if data["findings"] or data["objects"]:
        return text.tally(data)
    return "nothing to report"


def _table_of(findings: Sequence[dict[str, Any]], command: str) -> list[str]:
    open_ones = [entry for entry in findings if not entry["accepted"]]
    if not open_ones:
        return []
    rows = (
        [
            f"{_MARKS[entry['severity']]} {entry['severity']}",
            entry["code"],
            _about(entry),
            _where(entry, command),
            "\n".join(part for part in (entry["message"], entry["remedy"]) if part),
        ]
        for entry in open_ones[:MOST]
    )
    shown = table(("", "code", "object", "where", "what it means, what to do"), rows)
    more = len(open_ones) - MOST
    return [shown, f"… and {more} more"] if more > 0 else [shown]


def _about(entry: dict[str, Any]) -> str:
    parts = [text.name(entry["object"])] if entry["object"] else []
    return "\n".join([*parts, entry["field"]] if entry["field"] else parts)


def _where(entry: dict[str, Any], command: str) -> str:
    place = places.of(entry, command=command)
    shown = place.path if place.known else "the stream" if place.line else ""
    if place.stream_line:
        return f"{shown}, line {place.stream_line} of the stream"
    return f"{shown}, line {place.line}" if place.line and not place.known else _with_line(shown, place.line)


def _with_line(path: str, line: int) -> str:
    return f"{path}:{line}" if line else path


def _objects(objects: Sequence[dict[str, Any]]) -> list[str]:
    counted: dict[str, list[int]] = {}
    for entry in objects:
        kind = f"{entry['kind']} ({entry['group']})" if entry["group"] else entry["kind"]
        row = counted.setdefault(kind, [0, 0, 0])
        row[0] += 1
        row[1] += entry["outcome"] in ("translated", "degraded", "edited")
        row[2] += entry["outcome"] == "held"
    rows = ([kind, *map(str, numbers)] for kind, numbers in sorted(counted.items()))
    return [table(("kind", "present", "would move", "needs a decision"), rows)] if counted else []


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a line break in a cell becomes `<br>`, and a cell that is very long is cut."""
    lines = [head, ["---"] * len(head), *([escaped(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escaped(words: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    shown = words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
    lines = (html.escape(text.visible(line), quote=False) for line in shown.strip().splitlines())
    return "<br>".join(
        _MARKUP.sub(lambda found: _APART.get(found[0], f"\\{found[0]}"), line) for line in lines
    )
