"""Colours on terminals: only where a person looks, and never where NO_COLOR (no-color.org) is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

_CODES = {"red": "\x1b[31m", "yellow": "\x1b[33m", "cyan": "\x1b[36m", "bold": "\x1b[1m"}
_END = "\x1b[0m"


class Paint:
    """Paints words, or leaves them as they are."""

    __slots__ = ("_on",)

    def __init__(self, on: bool) -> None:
        self._on = on

    @property
    def codes(self) -> frozenset[str]:
        """The control sequences that painted text may hold."""
        return frozenset((*_CODES.values(), _END)) if self._on else frozenset()

    def __call__(self, text: str, ink: str) -> str:
        return f"{_CODES[ink]}{text}{_END}" if self._on else text


def wanted(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether text for this stream should be coloured."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return stream.isatty()
