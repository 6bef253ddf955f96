"""Shows on a terminal what a run that takes longer than a second is busy with, on one line that goes away again.

Nothing is shown where standard error is no terminal, nor in a pipeline (`CI` is set) or on a terminal without cursor control.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TextIO

from transformer.frontends import output
from transformer.progress import NOW

#: Seconds of patience before anything is shown, and between two looks at the work.
PATIENCE, BEAT = 1.0, 0.2
_CLEAR = "\r\x1b[K"


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether somebody looks at standard error while the run goes on."""
    if environ.get("CI", "").lower() not in ("", "0", "false") or environ.get("TERM", "") == "dumb":
        return False
    return output.stderr_is_terminal()


@contextlib.contextmanager
def shown(environ: Mapping[str, str]) -> Iterator[None]:
    """Show the work while the block runs; before anything is written the line is gone."""
    if not wanted(environ):
        yield
        return
    line = _Line(sys.stderr)
    output.ahead = line.stop
    try:
        yield
    finally:
        output.ahead = None
        line.stop()


class _Line:
    """A thread that draws the line; `stop` ends it and clears what it drew."""

    def __init__(self, where: TextIO) -> None:
        # Loaded here: a run without a terminal does without.
        import threading

        self._where = where
        self._drawn = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the drawing and leave the line empty; does nothing the second time."""
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        if self._drawn:
            self._write(_CLEAR)

    def _draw(self) -> None:
        started, pause = time.monotonic(), PATIENCE
        while not self._over.wait(pause):
            pause = BEAT
            text = _text(int(time.monotonic() - started))[: self._width() - 1]
            if NOW.phase and text != self._drawn:
                self._drawn = text
                self._write(_CLEAR + text)

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._where.fileno()).columns or 80
        except OSError:
            return 80

    def _write(self, text: str) -> None:
        try:
            self._where.write(text)
            self._where.flush()
        except OSError:  # the terminal has gone; the run itself will find out where it matters
            self._over.set()


def _text(seconds: int) -> str:
    counts = f" {NOW.done} of {NOW.total}" if NOW.total else f" {NOW.done}" if NOW.done else ""
    return f"meshshift: {NOW.phase}{counts} … {seconds} s"
