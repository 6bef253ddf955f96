"""Expected failures and the exit code each of them has in every front end."""

from __future__ import annotations

DONE, FINDINGS, USAGE, UNPARSEABLE, INTERNAL = 0, 1, 2, 3, 4


class MeshshiftError(Exception):
    """Root of the expected failures; `exit_code` is what the command returns."""

    exit_code = INTERNAL


class UsageError(MeshshiftError):
    """Options, configuration or missing facts."""

    exit_code = USAGE


class InputError(MeshshiftError):
    """The input cannot be read."""

    exit_code = UNPARSEABLE


class BugError(MeshshiftError):
    """Something that must not happen: an edit that does not verify, output that is not valid."""

    exit_code = INTERNAL


def place_of(file: str, line: int, *, rendered: bool) -> str:
    """Where a message points: `file:line`, or the stream's line where `file` is what was rendered into the stream."""
    return f"{file} (line {line} of the stream)" if rendered else f"{file}:{line}"
