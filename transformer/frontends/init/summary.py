"""What `init` tells a person: what was or would be written, what was not and why, what is left to do, the next command."""

from __future__ import annotations

from transformer.frontends.init.plan import Plan
from transformer.report.text import counted, visible

_SHOWN, _STEPS = 8, 5


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
    wide = max(map(len, work.changes))
    lines = ["Wrote:" if done else "\nTo be written:"]
    for change in work.changes.values():
        state = "new    " if change.before is None else "changed"
        lines.append(f"  {change.name.ljust(wide)}  {state}  {change.why}")
    return visible("\n".join(lines))


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
    head = "Next:" if root == "." else f"Next, in {root}:"
    if not steps:
        return f"{head}\n  meshshift check .\n      what is there, and what needs a decision"
    return "\n".join([head, *(f"  {step.command}\n      {step.why}" for step in steps)])


def _text(blocks: list[str]) -> str:
    return "\n\n".join(visible(block.strip("\n")) for block in blocks if block) + "\n"
