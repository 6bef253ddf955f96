"""What `init` tells a person: what was or would be written, what was not and why, what is left to do, the next command."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from transformer.frontends.init.plan import Change, Plan, word
from transformer.report.text import counted, visible

#: Longest lists: remarks of one kind, commands, files one by one.
_SHOWN, _STEPS, _LISTED = 8, 5, 12


def whole(work: Plan, *, listed: bool = False) -> str:
    """Everything, after the files have been written; where they were `listed` before, only that it was done."""
    done = f"Wrote {counted(len(work.changes), 'file')}." if listed else changes(work, done=True)
    return _text([done, *_blocks(work)])


def remarks(work: Plan) -> str:
    """All but the changes, which a difference shows."""
    head = f"{counted(len(work.changes), 'file')} would change; nothing was written"
    return _text([head, *_blocks(work)])


def changes(work: Plan, *, done: bool) -> str:
    """The files that are, or would be, new or changed."""
    if not work.changes:
        return "Nothing had to be changed." if done else "Nothing has to be changed."
    rows = [_row(change.name, change) for change in work.changes.values()]
    if len(rows) > _LISTED:
        rows = _grouped(list(work.changes.values()))
    wide = max(len(name) for name, _ in rows)
    head = "Wrote:" if done else "\nTo be written:"
    return visible("\n".join([head, *(f"  {name.ljust(wide)}  {what}" for name, what in rows)]))


def _row(name: str, change: Change) -> tuple[str, str]:
    return name, f"{'new    ' if change.before is None else 'changed'}  {change.why}"


def _grouped(changed: Sequence[Change]) -> list[tuple[str, str]]:
    """Changes of one kind on one line, where each of them on its own would fill the screen."""
    alike: dict[tuple[str, str], list[str]] = {}
    for change in changed:
        name = change.name.rpartition("/")[2]
        alike.setdefault(_row(name, change), []).append(change.name)
    rows = []
    for (name, what), names in alike.items():
        if len(names) == 1:
            rows.append((names[0], what))
        else:
            rows.append((f"{name} in {len(names)} folders", f"{what}: {posixpath.dirname(names[0])} …"))
    return rows


def _blocks(work: Plan) -> list[str]:
    blocks = []
    for head, entries in (("As it was:", work.kept), ("Left to you:", work.left)):
        if entries:
            rest = [f"  and {len(entries) - _SHOWN} more"] if len(entries) > _SHOWN + 1 else []
            shown = entries[:_SHOWN] if rest else entries
            blocks.append("\n".join([head, *(f"  {entry}" for entry in shown), *rest]))
    blocks.append(_next(work))
    return blocks


def _next(work: Plan) -> str:
    """The commands, the one to type next first."""
    steps = sorted(dict.fromkeys(work.steps), key=lambda step: not step.first)[:_STEPS]
    root = work.survey.root
    head = "Next:" if root == "." else f"Next, in {word(root)}:"
    if not steps:
        return f"{head}\n  meshshift check .\n      what is there, and what needs a decision"
    return "\n".join([head, *(f"  {step.command}\n      {step.why}" for step in steps)])


def _text(blocks: list[str]) -> str:
    return "\n\n".join(visible(block.strip("\n")) for block in blocks if block) + "\n"
