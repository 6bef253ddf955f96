"""A report on one screen: what is there, what would move, what waits for whom, which facts are missing, what to do next.

Never longer than `LINES` lines: what does not fit is counted, and the full report has it.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from transformer.codes import CODES
from transformer.options import OPTIONS
from transformer.report.colours import Paint
from transformer.report.text import counted, name, place, visible

#: A terminal has 24 lines at least, and the prompt needs one.
LINES = 23
_WARNINGS = 4
_MOVES = ("translated", "degraded", "edited")
#: What follows from another finding: it is no decision of its own.
_CONSEQUENCES = ("MS007", "MS014")
#: What `check` finds of files that it does not read.
UNREAD = "MS026"


class _Room(NamedTuple):
    """How many entries of each list are shown; one more line counts the rest."""

    kinds: int = 6
    codes: int = 7
    facts: int = 3
    notes: int = 2
    stages: int = 6
    warnings: int = 4


#: What is shortened in turn where the whole is too long, and never below the least.
_TIGHTER = (
    *("warnings", "codes", "kinds", "stages", "notes") * 2,
    *("warnings", "codes", "kinds", "stages", "facts") * 4,
)
_LEAST = _Room(kinds=1, codes=1, facts=0, notes=0, stages=1, warnings=0)


class Place:
    """Where a check has looked, for the head line, for shorter paths, and for the commands that are proposed.

    `what` names the files, folders or stream; `files` is how many manifest files were read (0 for a stream); `folder` is the
    only folder that was named, or empty; `configured` tells whether a configuration file was read, `unused` names the one of
    the folder that was not.
    """

    __slots__ = ("configured", "files", "folder", "unused", "what")

    def __init__(
        self, what: str, files: int = 0, folder: str = "", *, configured: bool = False, unused: str = ""
    ) -> None:
        self.what = what
        self.files = files
        self.folder = folder
        self.configured = configured
        self.unused = unused


def render(
    data: Mapping[str, Any], where: Place, stages: str = "", *, width: int, colour: bool = False
) -> str:
    """The overview of a report that `transformer.report.json` made; lines are at most `width` characters long.

    `stages` is the table of namespaces and what they are ready for, empty where no migration is under way.
    """
    paint, room = Paint(colour), _Room()
    lines = _lines(data, where, stages, paint, room, width)
    for part in _TIGHTER:
        if len(lines) <= LINES:
            break
        room = room._replace(**{part: max(getattr(room, part) - 1, getattr(_LEAST, part))})
        lines = _lines(data, where, stages, paint, room, width)
    return "".join(_cut(visible(line, keep=paint.codes), width, paint) + "\n" for line in lines)


def _lines(
    data: Mapping[str, Any], where: Place, stages: str, paint: Paint, room: _Room, width: int
) -> list[str]:
    lines = [_head(data, where), *_notes(data, room.notes)]
    if data["objects"]:
        lines += ["", *_kinds(data, room.kinds)]
    lines += _decisions(data, where, paint, room, width)
    lines += _facts(data, paint, room.facts)
    head, *rows = stages.splitlines() or [""]
    if head:
        lines += ["", head, *rows[: room.stages]]
        lines += (
            [f"and {counted(len(rows) - room.stages, 'more namespace')}"] if len(rows) > room.stages else []
        )
    return [*lines, "", *_next(data, where, width)]


def passed_over(data: Mapping[str, Any]) -> bool:
    """Whether the run has left out files that may hold objects of an old mesh, so that nobody may say that none is left."""
    return any(entry["code"] == UNREAD for entry in data["findings"]) or any(map(_of_template, data["notes"]))


def _of_template(note: str) -> bool:
    return "is a template" in note


def _head(data: Mapping[str, Any], where: Place) -> str:
    files = counted(where.files, "manifest file")
    objects = data["objects"]
    if not objects:
        read = f" ({files})" if where.files else ""
        what = f"what was read of {where.what}" if passed_over(data) else where.what
        return f"Nothing of Istio, SMI or Open Service Mesh in {what}{read}"
    outcomes = Counter(_state(entry) for entry in objects)
    said = ", ".join(f"{outcomes[state]} {state}" for state in _STATES if outcomes[state])
    return (
        f"{counted(len(objects), 'object')} of an old mesh"
        + (f" in {files}" if where.files else "")
        + f": {said}"
    )


_STATES = ("would move", "to be decided", "unchanged", "kept")


def _state(entry: Mapping[str, Any]) -> str:
    outcome = entry["outcome"]
    if outcome in _MOVES:
        return _STATES[3] if entry["stays"] else _STATES[0]
    return {"held": _STATES[1], "kept": _STATES[3]}.get(outcome, _STATES[2])


def _notes(data: Mapping[str, Any], most: int) -> list[str]:
    """Remarks about the run; the many that say the same of different files are counted."""
    templates = [note for note in data["notes"] if _of_template(note)]
    others = [note for note in data["notes"] if note not in templates]
    lines = others[:most]
    if len(others) > most:
        lines.append(f"and {counted(len(others) - most, 'more remark')}")
    if templates:
        first = templates[0].partition(" is a template")[0].rpartition("/")[2]
        what = "template was" if len(templates) == 1 else "templates were"
        lines.append(f"{len(templates)} {what} not read ({first} …): render the charts and check the result")
    return lines


def _kinds(data: Mapping[str, Any], most: int) -> list[str]:
    rows: dict[str, Counter[str]] = {}
    for entry in data["objects"]:
        rows.setdefault(entry["kind"], Counter())[_state(entry)] += 1
    ordered = sorted(rows, key=lambda kind: (-rows[kind].total(), kind))
    shown = ordered if len(ordered) <= most + 1 else ordered[:most]
    if len(shown) < len(ordered):
        rest = f"{len(ordered) - len(shown)} more kinds"
        rows[rest] = sum((rows[kind] for kind in ordered[len(shown) :]), Counter[str]())
        shown = [*shown, rest]
    wide = max(len(kind) for kind in [*shown, "KIND"])
    heads = ("PRESENT", "WOULD MOVE", "NEEDS A DECISION")
    lines = ["  ".join(["KIND".ljust(wide), *heads])]
    for kind in shown:
        cells = (rows[kind].total(), rows[kind][_STATES[0]], rows[kind][_STATES[1]])
        numbers = [str(cell).rjust(len(head)) for cell, head in zip(cells, heads, strict=True)]
        lines.append("  ".join([kind.ljust(wide), *numbers]))
    if data["emitted"]:
        made = Counter(entry["kind"] for entry in data["emitted"])
        lines.append(
            "would be written: " + ", ".join(f"{number} {kind}" for kind, number in made.most_common())
        )
    return lines


def _decisions(data: Mapping[str, Any], where: Place, paint: Paint, room: _Room, width: int) -> list[str]:
    open_ones = [entry for entry in data["findings"] if not entry["accepted"]]
    causes, warned = _by_code(open_ones, "error"), _by_code(open_ones, "warning")
    lines: list[str] = []
    if causes:
        bound = sum(entry["code"] == "MS007" for entry in open_ones)
        more = f" ({counted(bound, 'more object')} held because of it)" if bound else ""
        lines += ["", f"What stands in the way{more}:"]
        lines += _rows(causes, room.codes, where, width, paint, "red")
    if warned and room.warnings:
        lines += ["", "What else to look at:", *_rows(warned, room.warnings, where, width, paint, "yellow")]
    elif warned:
        some = [f"{code} {len(entries)}×" for code, entries in list(warned.items())[:_WARNINGS]]
        more = f" and {len(warned) - _WARNINGS} more codes" if len(warned) > _WARNINGS else ""
        told = f"{counted(sum(map(len, warned.values())), 'warning')}: {', '.join(some)}{more}"
        lines += [f"  {told}"] if causes else ["", told]
    return lines


def _rows(
    found: Mapping[str, list[Mapping[str, Any]]], most: int, where: Place, width: int, paint: Paint, ink: str
) -> list[str]:
    """One line for each of the first codes, with one example, and one that counts the rest."""
    shown = dict(list(found.items())[: most if len(found) > most + 1 else most + 1])
    times = max(len(str(len(entries))) for entries in shown.values())
    titles = max(len(CODES[code].title) for code in shown)
    lines = []
    for code, entries in shown.items():
        head = f"{f'{len(entries)}×'.rjust(times + 1)}  {CODES[code].title.ljust(titles)}  "
        lines.append(
            f"  {paint(code, ink)} {head}{_example(entries[0], where, width - len(head) - 8)}".rstrip()
        )
    if len(shown) < len(found):
        rest = sum(map(len, list(found.values())[len(shown) :]))
        lines.append(f"  and {counted(rest, 'finding')} of {len(found) - len(shown)} more codes")
    return lines


def _by_code(findings: Sequence[Mapping[str, Any]], severity: str) -> dict[str, list[Mapping[str, Any]]]:
    """Findings of a severity by their code, the most frequent first, without what follows from others."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for entry in findings:
        if entry["severity"] == severity and entry["code"] not in _CONSEQUENCES:
            found.setdefault(entry["code"], []).append(entry)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def _example(entry: Mapping[str, Any], where: Place, room: int) -> str:
    """One object with as much of its place as fits."""
    spot = place(dict(entry)).removesuffix(": ")
    if where.folder and spot.startswith(where.folder.rstrip("/") + "/"):
        spot = spot[len(where.folder.rstrip("/")) + 1 :]
    who = name(entry["object"]) if entry["object"] else ""
    spots = [spot, f"…/{spot.rpartition('/')[2]}" if "/" in spot else "", ""]
    texts = [f"{who} ({at})" if who and at else who or at for at in spots]
    return next((text for text in texts if len(text) <= room), texts[-1])


def _facts(data: Mapping[str, Any], paint: Paint, most: int) -> list[str]:
    facts = data["facts"]
    if not facts:
        return []
    options = {option.key: option for option in OPTIONS}
    verb = "fact is" if len(facts) == 1 else "facts are"
    lines = ["", f"{len(facts)} {verb} missing, which no manifest tells:"]
    if not most:
        return ["", f"{lines[1]} {', '.join(fact['key'] for fact in facts)}"]
    for fact in facts[:most]:
        choices = " or ".join(choice for choice in options[fact["key"]].choices if choice)
        wanted = choices or options[fact["key"]].help.partition(";")[0]
        asks = f"asked for by {name(fact['objects'][0])}"
        if len(fact["objects"]) > 1:
            asks += f" and {len(fact['objects']) - 1} more"
        lines.append(f"  {paint(fact['key'], 'yellow')}: {wanted}  ({asks})")
    if len(facts) > most:
        lines.append(f"  and {len(facts) - most} more")
    return lines


def _next(data: Mapping[str, Any], where: Place, width: int) -> list[str]:
    """The commands that lead on: the one to type now, and where the details are."""
    causes = list(_by_code([e for e in data["findings"] if not e["accepted"]], "error"))
    if not causes and not data["facts"] and not any(_state(entry) == _STATES[0] for entry in data["objects"]):
        if data["exit_code"]:
            first = next((entry["code"] for entry in data["findings"] if not entry["accepted"]), "")
            return [f"next:    meshshift explain {first}" if first else "next:    meshshift last"]
        if passed_over(data):
            return ["Nothing is left to do in what was read; see above what was not."]
        return ["Nothing is left to do here."]
    explain = (f"meshshift explain {causes[0]}", "what it means and what to do") if causes else ("", "")
    folder = shlex.quote(where.folder)
    keys = {fact["key"] for fact in data["facts"]}
    if where.unused:
        now = (
            f"meshshift check {shlex.quote(f'--config={where.unused}')} {folder}",
            "with its configuration",
        )
    elif where.folder and not where.configured:
        now = (f"meshshift init {folder}", "says what no manifest tells, and wires meshshift in")
    elif keys:
        flags = " ".join(f"{option.flag}=…" for option in OPTIONS if option.key in keys)
        now = (f"meshshift check {flags}", "or say the facts in meshshift.yaml")
    else:
        now = explain if causes else ("meshshift < rendered.yaml", "writes what would move")
    steps = [("next:", now), ("details:", ("meshshift last", "every finding with file, line and remedy"))]
    if causes and now != explain:
        steps.insert(1, ("a code:", explain))
    longest = max(len(command) for _, (command, _) in steps if len(command) <= width // 2)
    lines = []
    for head, (command, remark) in steps:
        line = f"{head.ljust(9)}{command.ljust(longest)}  {remark}"
        lines.append(line if len(line) <= width else f"{head.ljust(9)}{command}")
    return lines


def _cut(line: str, width: int, paint: Paint) -> str:
    """The line, or as much of it as fits; what is cut off a painted line loses its colours."""
    plain = line
    for code in paint.codes:
        plain = plain.replace(code, "")
    return line if len(plain) <= width else plain[: width - 1] + "…"
