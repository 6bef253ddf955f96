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
        self._harmless: set[tuple[int, int]] = set()
        self._kept: list[Item] = []  # keeps the identities in _harmless alive

    def run(self) -> None:
        """Raises TooMany when the list would outgrow its bound."""
        second = 1
        while second < len(self.items):
            second = self._settle(second)

    def _settle(self, second: int) -> int:
        """Settles one item against all earlier ones; returns the position to go on with."""
        for first in range(second):
            pair = (id(self.items[first]), id(self.items[second]))
            if pair in self._harmless:
                continue
            settled = self._conflict(first, second)
            # What was put in keeps covering the pair: whatever it may later give up, an earlier item takes.
            self._harmless.add(pair)
            if settled:
                return first
        return second + 1

    def _conflict(self, first: int, second: int) -> bool:
        """Whether the pair conflicts and the list was changed, from the position `first` on."""
        one, two = self.items[first], self.items[second]
        if one.action == two.action or not overlap(one.match, two.match):
            return False
        lost = _lost(self.precedence, one.match, two.match, _one_object(one, two))
        if not lost:
            return False
        common = conjunction(one.match, two.match)
        if isinstance(common, Match) and any(subsumes(item.match, common) for item in self.items[:first]):
            return False  # an earlier entry takes all of these requests
        added = one._replace(match=_reaching(self.precedence, one, two.match), derived=True)
        if any(subsumes(earlier.match, added.match) for earlier in self.items[:first]):
            return False
        if added.match == one.match or _lost(
            self.precedence, added.match, two.match, _one_object(added, two)
        ):
            if self._narrow(first, second):
                return True
            self.unresolved.append(Unresolved(one, two, not lost & SECOND))
            return False
        if len(self.items) >= self.bound:
            raise TooMany
        self._kept.append(one)
        if subsumes(added.match, one.match):
            self.items[first] = added
        else:
            self.items.insert(first, added)
        return True

    def _narrow(self, first: int, second: int) -> bool:
        """Whether the later item could give up the paths that the earlier one takes from it wholly."""
        one, two = self.items[first].match, self.items[second]
        if two.keep_path or not subsumes(one._replace(path=Path("any")), two.match):
            return False
        path = difference(two.match.path, one.path)
        if path is None or not self.precedence.regex_known:
            return False
        self._kept.append(two)
        self.items[second] = two._replace(match=two.match._replace(path=path), derived=True)
        return True
