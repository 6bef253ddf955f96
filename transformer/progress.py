"""What a long run is busy with, for whoever shows it; noting it costs next to nothing and shows nothing.

Imports nothing.
"""

from __future__ import annotations


class Work:
    """The present phase, and how much of it is done; `total` is 0 where it cannot be counted."""

    __slots__ = ("done", "phase", "total")

    def __init__(self) -> None:
        self.phase = ""
        self.done = 0
        self.total = 0


NOW = Work()


def busy_with(phase: str, done: int = 0, total: int = 0) -> None:
    """Note that `done` of `total` of a phase are done."""
    NOW.phase, NOW.done, NOW.total = phase, done, total
