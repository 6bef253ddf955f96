"""Adds what a first-match list needs so that a target's own ranking takes the same entries.

For entries i before j whose matches overlap with different actions, where the target may prefer j, a match
is put before i that lies inside i, covers every request in question and ranks at least as high as j. In the
extended list no entry loses a request that it is the first to match, so the target's winner is the list's.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from transformer.order.model import Entry
from transformer.order.paths import (
    Path,
    difference,
    path_contains,
    path_subsumes,
    prefix_base,
    subtree_expression,
)
from transformer.order.precedence import SECOND, TIE, Precedence, outcomes
from transformer.order.predicates import (
    Match,
    Named,
    conjunction,
    host_subsumes,
    overlap,
    subsumes,
    value_subsumes,
)
from transformer.order.syntax import Unreadable


class Item(NamedTuple):
    """An entry on its way to a rule: `key` says which rule it belongs to, `origin` which entry it stems
    from."""

    match: Match
    action: Hashable
    group: Hashable
    key: Hashable
    sources: tuple[tuple[Any, ...], ...]
    derived: bool
    keep_path: bool
    origin: Entry


class Unresolved(NamedTuple):
    """Two items whose order the target does not keep, with nothing to be done about it."""

    first: Item
    second: Item
    tie: bool


class TooMany(Exception):
    """The list would grow beyond its bound."""


def _reaching_path(precedence: Precedence, one: Match, two: Match) -> Path:
    """A path inside `one`'s that covers what both match and `two` may win, ranked no lower than `two`'s."""
    mine, other = one.path, two.path
    if mine.kind == "exact" or mine == other:
        return mine
    if other.kind == "exact" or (mine.kind != "regex" and other.kind != "regex"):
        return other if path_subsumes(mine, other) else mine
    if not precedence.regex_known:
        return other if path_subsumes(mine, other) else mine
    if other.kind == "regex":
        if path_subsumes(mine, other):
            return other
        return mine if mine.kind == "regex" else Path("regex", subtree_expression(mine))
    if one.hostname != two.hostname:
        return mine
    # On one hostname a regex loses to a prefix only on the path that is the prefix itself.
    base = prefix_base(other)
    try:
        return Path("exact", base) if path_contains(mine, base) else mine
    except Unreadable:
        return mine


def _reaching_names(mine: Named, other: Named) -> Named:
    """All names of both; a name of both keeps the narrower condition, or mine, which covers what both
    match."""
    if not other or mine == other:
        return mine
    merged = dict(mine)
    for name, value in other:
        if name not in merged or value_subsumes(merged[name], value):
            merged[name] = value
    return tuple(merged.items())


def _reaching(precedence: Precedence, mine: Item, other: Match) -> Match:
    own = mine.match
    return Match(
        other.hostname if host_subsumes(own.hostname, other.hostname) else own.hostname,
        own.path if mine.keep_path else _reaching_path(precedence, own, other),
        own.method or other.method,
        _reaching_names(own.headers, other.headers),
        _reaching_names(own.query, other.query),
    )


def _lost(precedence: Precedence, first: Match, second: Match, one_object: bool) -> int:
    """The outcomes by which `first` may lose a request to `second`: in one object a tie goes to the first."""
    return outcomes(precedence, first, second) & (SECOND if one_object else SECOND | TIE)


def _one_object(first: Item, second: Item) -> bool:
    return first.group == second.group and first.match.hostname == second.match.hostname


class Closure:
    """Extends a list in place until no order conflict is left that an added match can settle."""

    def __init__(self, items: list[Item], precedence: Precedence, bound: int) -> None:
        self.items = items
        self.precedence = precedence
        self.bound = bound
        self.unresolved: list[Unresolved] = []
        self._changes = 0
        self._gone: list[Item] = []

    def run(self) -> None:
        """Raises TooMany when the list would outgrow its bound."""
        open_pairs = [(one, two) for place, two in enumerate(self.items) for one in self.items[:place]]
        while open_pairs:
            following: list[tuple[Item, Item]] = []
            for one, two in open_pairs:
                if one.action != two.action and overlap(one.match, two.match):
                    following += self._settle(one, two)
            open_pairs = following
        if self._changes:
            self._drop_hidden()

    def _drop_hidden(self) -> None:
        """Drops what a match put in before it covers wholly, such as an entry that moved to a higher rank."""
        kept: list[Item] = []
        for item in self.items:
            if not any(one.derived and subsumes(one.match, item.match) for one in kept):
                kept.append(item)
        self.items = kept

    def _settle(self, one: Item, two: Item) -> list[tuple[Item, Item]]:
        """Settles one pair; returns the pairs that a change of the list opens.

        What is put in covers the pair for good: whatever it may later give up, an earlier item takes.
        """
        lost = _lost(self.precedence, one.match, two.match, _one_object(one, two))
        if not lost or any(item is one or item is two for item in self._gone):
            return []
        place = self._place(one)
        common = conjunction(one.match, two.match)
        if isinstance(common, Match) and self._hidden(common, place):
            return []
        added = one._replace(match=_reaching(self.precedence, one, two.match), derived=True)
        if self._hidden(added.match, place):
            return []
        if added.match == one.match or _lost(
            self.precedence, added.match, two.match, _one_object(added, two)
        ):
            narrowed = self._narrowed(one.match, two)
            if narrowed is None:
                self.unresolved.append(Unresolved(one, two, not lost & SECOND))
                return []
            self._gone.append(two)
            place = self._place(two)
            self.items[place] = narrowed
            return self._changed(place)
        self.items.insert(place, added)
        return self._changed(place)

    def _place(self, wanted: Item) -> int:
        return next(place for place, item in enumerate(self.items) if item is wanted)

    def _hidden(self, match: Match, place: int) -> bool:
        """Whether an item before the place takes all of these requests."""
        return any(subsumes(item.match, match) for item in self.items[:place])

    def _changed(self, place: int) -> list[tuple[Item, Item]]:
        self._changes += 1
        if self._changes > self.bound:
            raise TooMany
        new = self.items[place]
        before = [(item, new) for item in self.items[:place]]
        return before + [(new, item) for item in self.items[place + 1 :]]

    def _narrowed(self, one: Match, two: Item) -> Item | None:
        """The later item without the paths that the earlier one takes from it wholly, if that has a form."""
        if two.keep_path or not self.precedence.regex_known:
            return None
        if not subsumes(one._replace(path=Path("any")), two.match):
            return None
        path = difference(two.match.path, one.path)
        return None if path is None else two._replace(match=two.match._replace(path=path), derived=True)
