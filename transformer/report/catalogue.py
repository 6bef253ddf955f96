"""Pages of `meshshift explain` and `meshshift rules`: what a code means, and which rule takes which kind."""

from __future__ import annotations

import difflib
import inspect
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from transformer.codes import CODES, RETIRED, Code
from transformer.errors import UsageError
from transformer.settings import suggestion

if TYPE_CHECKING:
    from transformer.rules.registry import Rule

_EFFECTS = {
    "error": "error: the object stays as it is",
    "warning": "warning: something behaves differently",
    "info": "info: good to know",
}


def explain(code: str) -> str:
    """The page of one code. Raises UsageError for a code that does not exist, with the nearest one."""
    known = CODES.get(code.upper())
    if known is None:
        if code.upper() in RETIRED:
            raise UsageError(f"{code.upper()} is no longer used")
        near = [name for name in CODES if name.startswith(code.upper()[:4])] if len(code) >= 4 else []
        listed = near or difflib.get_close_matches(code.upper(), CODES, n=3)
        more = f"; there are {', '.join(listed)}" if listed else "; `meshshift explain` lists them all"
        raise UsageError(f"there is no code {code!r}{more}")
    return _page(known)


def all_codes() -> str:
    """A table of all codes."""
    return _table(
        [("CODE", "SEVERITY", "MEANING"), *((c.code, c.severity, c.title) for _, c in sorted(CODES.items()))]
    )


def _page(code: Code) -> str:
    lines = [f"{code.code}: {code.title}", _EFFECTS[code.severity], ""]
    for title, body in (("Cause", code.cause), ("Effect", code.effect), ("What to do", code.remedy)):
        lines += [title, *_wrapped(body), ""]
    lines += ["Accepting", *_wrapped(_accepting(code)), ""]
    if code.example:
        lines += ["Example", *(f"    {line}" for line in code.example.splitlines()), ""]
    return "\n".join(lines)


def _accepting(code: Code) -> str:
    if code.severity != "error":
        return "Not needed: nothing is held because of it."
    if not code.acceptable:
        return "Not possible: meshshift could not go on without what is missing."
    flag = f"--accept '{code.code}@Kind/namespace/name=reason'"
    note = f"the annotation meshshift.dev/accept: '{code.code}: reason' on the object"
    return f"A person may accept the loss: {flag}, the same under `accept` in meshshift.yaml, or {note}."


def rules(kind: str = "") -> str:
    """A table of all rules, or the pages of those that take a kind.

    Raises UsageError for a kind that none takes.
    """
    from transformer.rules import registry

    loaded = registry.load()
    if not kind:
        return "\n".join(_summary(rule) for rule in sorted(loaded, key=lambda rule: rule.id))
    wanted = kind.lower()
    found = [rule for rule in loaded if wanted == rule.id.lower() or wanted in _names(rule)]
    if not found:
        hint = suggestion(
            kind, [name for rule in loaded for _, name in rule.kinds] + [rule.id for rule in loaded]
        )
        raise UsageError(
            f"no rule takes {kind}"
            + (f"; did you mean {hint}?" if hint else "; `meshshift rules` lists them")
        )
    # A rule may be called after a kind that another family has too.
    return "\n".join(_rule(rule) for rule in sorted(found, key=lambda rule: wanted != rule.id.lower()))


def _names(rule: Rule) -> set[str]:
    return {
        name.lower() for group, kind in rule.kinds for name in (kind, f"{kind}.{group}" if group else kind)
    }


def _summary(rule: Rule) -> str:
    kinds = ", ".join(dict.fromkeys(kind for _, kind in rule.kinds)) or "labels and annotations"
    return "\n".join([rule.id, *_wrapped(kinds), *_wrapped(rule.summary), ""])


def _rule(rule: Rule) -> str:
    about = inspect.cleandoc(sys.modules[rule.translate.__module__].__doc__ or "")
    lines = [rule.id, *_wrapped(rule.summary), "", "Kinds"]
    lines += [f"    {kind} ({group or 'core'})" for group, kind in rule.kinds]
    if rule.keys:
        lines += ["", "Labels and annotations", *(f"    {key}" for key in rule.keys)]
    return "\n".join([*lines, "", "What becomes what", textwrap.indent(about, "    "), ""])


def _wrapped(text: str) -> list[str]:
    width = max(40, min(100, shutil.get_terminal_size((100, 24)).columns))
    return textwrap.wrap(
        text,
        width,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) + "\n"
        for row in rows
    )
