"""Findings that a run makes at its end, when it is known what moves: about an object, or about the run as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from transformer import codes
from transformer.findings import Finding
from transformer.objects import Obj

_SHOWN = 3


def about(obj: Obj, code: str, message: str) -> Finding:
    """A finding about an object, at its first line."""
    one = codes.CODES[code]
    return Finding(code, one.severity, obj.file, obj.line + obj.root.line, obj.ref, "", message, one.remedy)


def of_run(code: str, message: str) -> Finding:
    """A finding about the whole run, which has no place."""
    one = codes.CODES[code]
    return Finding(code, one.severity, "", 0, None, "", message, one.remedy)


def listed(things: Sequence[object]) -> str:
    """The first things by name and how many more there are: `a, b, c and 2 more`."""
    more = f" and {len(things) - _SHOWN} more" if len(things) > _SHOWN else ""
    return ", ".join(map(str, things[:_SHOWN])) + more
