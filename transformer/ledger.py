"""The fate of every leaf of every source object: proof that nothing is lost.

A leaf is *translated* (a node that carries it was emitted), a *no-op*, *degraded*, *accepted* or *held*. Where it has
several fates the gravest counts. A leaf without one is unaccounted: an internal fault that holds its unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from transformer.findings import FieldPath

TRANSLATED, NO_OP, DEGRADED, ACCEPTED, HELD = "translated", "no-op", "degraded", "accepted", "held"
_GRAVITY = {TRANSLATED: 0, NO_OP: 1, DEGRADED: 2, ACCEPTED: 3, HELD: 4}


class Fate(NamedTuple):
    """What became of a leaf: `kind` is one of the five, `why` a finding code, a reason or the target object."""

    kind: str
    why: str


class Mark(NamedTuple):
    """A fate to be entered for a leaf, or for everything under a path (labels and other maps taken as a whole)."""

    uid: int
    path: FieldPath
    fate: Fate


class Ledger:
    """Fates by object (its number in the run) and leaf path."""

    def __init__(self) -> None:
        self._leaves: dict[int, tuple[FieldPath, ...]] = {}
        self._fates: dict[int, dict[FieldPath, Fate]] = {}
        self._planned: dict[int, dict[FieldPath, Fate]] = {}

    def open(self, uid: int, leaves: Iterable[FieldPath]) -> None:
        """Start the account of an object with all its leaves."""
        self._leaves[uid] = tuple(leaves)
        self._fates.setdefault(uid, {})

    def enter(self, mark: Mark) -> None:
        """Record a fate for a leaf or a whole subtree; a graver earlier fate stays."""
        _enter(self._fates, mark)

    def plan(self, marks: Iterable[Mark]) -> None:
        """Fates that hold as long as certain plans are carried out; they replace those of an earlier call."""
        self._planned = {}
        for mark in marks:
            _enter(self._planned, mark)

    def close(self, uid: int, fate: Fate) -> None:
        """Give every leaf of an object the same fate: a held object is held whole."""
        self._fates[uid] = dict.fromkeys(self._leaves.get(uid, ()), fate)

    def fate(self, uid: int, leaf: FieldPath) -> Fate | None:
        """The gravest fate entered for the leaf itself or for a map that contains it."""
        found: Fate | None = None
        for fates in (self._fates.get(uid, {}), self._planned.get(uid, {})):
            for depth in range(len(leaf), -1, -1) if fates else ():
                entry = fates.get(leaf[:depth])
                if entry is not None and (found is None or _GRAVITY[entry.kind] > _GRAVITY[found.kind]):
                    found = entry
        return found

    def entries(self, uid: int) -> Iterator[tuple[FieldPath, Fate | None]]:
        """Every leaf of the object with its fate, None where it has none."""
        for leaf in self._leaves.get(uid, ()):
            yield leaf, self.fate(uid, leaf)

    def unaccounted(self, uid: int) -> list[FieldPath]:
        """Leaves without a fate."""
        return [leaf for leaf, fate in self.entries(uid) if fate is None]

    def accounts(self) -> tuple[int, ...]:
        """The objects that have an account."""
        return tuple(self._leaves)


def _enter(fates: dict[int, dict[FieldPath, Fate]], mark: Mark) -> None:
    entries = fates.setdefault(mark.uid, {})
    earlier = entries.get(mark.path)
    if earlier is None or _GRAVITY[mark.fate.kind] > _GRAVITY[earlier.kind]:
        entries[mark.path] = mark.fate
