"""Compiles conditions that must not hold into positive entries: targets have no negative match.

An entry that excludes some requests becomes entries for exactly those requests, which give them what the
rest of the list would have done, followed by the entry without the exclusion.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from transformer.order.closure import Item, TooMany
from transformer.order.model import NotFound
from transformer.order.predicates import Inexpressible, Match, conjunction, subsumes, values_meet


class Unexcludable(NamedTuple):
    """Why an exclusion has no positive form; `match` holds the requests concerned, `rest` the competing
    entry."""

    reason: str
    item: Item
    match: Match
    rest: Item | None


def positive(items: list[Item], not_found: Hashable, bound: int) -> list[Item] | Unexcludable:
    """The list without negative conditions. not_found: an action that answers 404, NOT_FOUND where there is
    none.

    Raises TooMany when the list would outgrow its bound.
    """
    done: list[Item] = []
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        if not item.match.without_headers:
            done.insert(0, item)
            continue
        block = _excluded(item, items[:place], done, not_found)
        if isinstance(block, Unexcludable):
            return block
        plain = item._replace(match=item.match._replace(without_headers=()))
        done[:0] = [*block, plain]
        if len(done) > bound:
            raise TooMany
    return _live(done)


def _live(items: list[Item]) -> list[Item]:
    """The items that can still fire: without its exclusion an entry may hide later ones that do otherwise."""
    live: list[Item] = []
    for item in items:
        if not any(one.action != item.action and subsumes(one.match, item.match) for one in live):
            live.append(item)
    return live


def _excluded(
    item: Item, earlier: list[Item], rest: list[Item], not_found: Hashable
) -> list[Item] | Unexcludable:
    block: list[Item] = []
    plain = item.match._replace(without_headers=())
    for index, (name, value) in enumerate(item.match.without_headers):
        mine = dict(plain.headers).get(name)
        if mine is not None and not values_meet(mine, value):
            continue
        region = conjunction(plain, Match(headers=((name, value),)))
        if region is None:
            continue
        if isinstance(region, Match) and any(subsumes(one.match, region) for one in earlier):
            continue  # these requests never come this far
        if isinstance(region, Inexpressible):
            return Unexcludable(f"header {name} is required and excluded in part", item, plain, None)
        part = _outcomes(item, region, (item.key, index), rest, not_found)
        if isinstance(part, Unexcludable):
            return part
        block += part
    while block and block[-1].action == item.action and block[-1].group == item.group:
        block.pop()  # the entry itself gives these requests the same
    return block


def _outcomes(
    item: Item, region: Match, key: tuple[Hashable, int], rest: list[Item], not_found: Hashable
) -> list[Item] | Unexcludable:
    """Entries that give the region what `rest` gives it; complete, so that nothing falls through to the
    entry."""
    part: list[Item] = []
    for other in rest:
        common = conjunction(region, other.match)
        if common is None:
            continue
        if isinstance(common, Inexpressible) or (other.keep_path and common.path != other.match.path):
            return Unexcludable(
                "the excluded requests have no common form with a later entry", item, region, other
            )
        if not any(subsumes(earlier.match, common) for earlier in part):
            part.append(
                other._replace(
                    match=common, key=(key, other.key), derived=True, sources=item.sources + other.sources
                )
            )
        if subsumes(other.match, region):
            return part
    if isinstance(not_found, NotFound):
        return Unexcludable("nothing else matches the requests it excludes", item, region, None)
    part.append(item._replace(match=region, key=(key, None), action=not_found, derived=True))
    return part
