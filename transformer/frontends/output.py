"""Standard output and input as bytes: read whole, written once, whole or not at all.

Imports nothing but os and sys.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = (
    False  # as in `typing`, which would cost more than all the rest of a run that only passes bytes through
)
if TYPE_CHECKING:
    from collections.abc import Callable

#: Called before anything is written: it clears what stands on the terminal while a run goes on.
ahead: Callable[[], None] | None = None
#: Answer to Helm 4 where there is nothing to say: it refuses empty output, and readers skip a comment.
NOTHING = b"# Nothing came in, so nothing was migrated.\n"


def read() -> bytes:
    """All of standard input; empty where there is none."""
    return sys.stdin.buffer.read() if sys.stdin is not None else b""


def is_terminal() -> bool:
    """Whether standard input is a terminal, so that nobody has piped anything in."""
    return sys.stdin is not None and sys.stdin.isatty()


def stderr_is_terminal() -> bool:
    """Whether somebody may be looking at standard error while the run goes on."""
    return sys.stderr is not None and sys.stderr.isatty()


def stdout_is_terminal() -> bool:
    """Whether a person reads what is written, and no program or file."""
    return sys.stdout is not None and sys.stdout.isatty()


def width() -> int:
    """How long lines for people may be: as wide as the terminal, from 60 to 100 characters; 100 where there is none."""
    try:
        return max(60, min(100, os.get_terminal_size(sys.stdout.fileno()).columns or 100))
    except (AttributeError, OSError, ValueError):  # standard output is closed, no terminal, or no file at all
        return 100


def write(body: bytes) -> None:
    """Write and flush in one go. Raises OSError (BrokenPipeError where the reader has gone)."""
    if ahead is not None:
        ahead()
    if sys.stdout is None:
        raise OSError("standard output is closed")
    try:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    except OSError:
        # What is left in the buffer would be tried again at exit, and would fail again with a traceback.
        _discard(sys.stdout.fileno())
        raise


def say(text: str) -> None:
    """Write to standard error; where that is closed there is nobody to tell."""
    if ahead is not None:
        ahead()
    if sys.stderr is None or not text:
        return
    try:
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr.fileno())


def _discard(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
