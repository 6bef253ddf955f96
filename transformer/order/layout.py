"""Lays an ordered list of positive items out as rules and route objects within their limits."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from transformer.order.closure import Item
from transformer.order.model import Limits, Rule
from transformer.order.precedence import TIE, Precedence, outcomes
from transformer.order.predicates import overlap


class OverLimit(NamedTuple):
    """The rules of one object cannot be divided: `rules` of them must keep their written order."""

    rules: int
    group: Hashable


def lay_out(items: list[Item], precedence: Precedence, limits: Limits) -> list[Rule] | OverLimit:
    """Rules in order. A rule has the matches of one source rule and those derived from it, all of one
    hostname."""
    parts = [part for part in _parts(items) for part in _within(part, limits.matches_per_rule)]
    owners = _owners(parts, precedence, limits)
    if isinstance(owners, OverLimit):
        return owners
    return [
        Rule(
            tuple(item.match for item in part),
            part[0].action,
            part[0].group,
            tuple(dict.fromkeys(source for item in part for source in item.sources)),
            any(item.derived for item in part),
            owner,
        )
        for part, owner in zip(parts, owners, strict=True)
    ]


def _parts(items: list[Item]) -> list[list[Item]]:
    parts: list[list[Item]] = []
    run: dict[str | None, list[Item]] = {}
    last: Item | None = None
    for item in items:
        if last is None or last.key != item.key or last.action != item.action or last.group != item.group:
            parts += run.values()
            run = {}
        last = item
        if item.keep_path:
            parts.append([item])
        else:
            run.setdefault(item.match.hostname, []).append(item)
    return [*parts, *run.values()]


def _within(part: list[Item], size: int) -> list[list[Item]]:
    return [part[start : start + size] for start in range(0, len(part), size)]


def _owners(parts: list[list[Item]], precedence: Precedence, limits: Limits) -> list[int] | OverLimit:
    """The object index of each part: one object per group and hostname, more where the limits ask for it."""
    objects: dict[tuple[Hashable, str | None], list[int]] = {}
    for index, part in enumerate(parts):
        objects.setdefault((part[0].group, part[0].match.hostname), []).append(index)
    owners = [0] * len(parts)
    count = 0
    for (group, _), members in objects.items():
        size = sum(len(parts[index]) for index in members)
        if len(members) <= limits.rules_per_route and size <= limits.matches_per_route:
            bins = [members]
        else:
            divided = _divided(members, parts, precedence, limits)
            if isinstance(divided, int):
                return OverLimit(divided, group)
            bins = divided
        for one in bins:
            for index in one:
                owners[index] = count
            count += 1
    return owners


def _divided(
    members: list[int], parts: list[list[Item]], precedence: Precedence, limits: Limits
) -> list[list[int]] | int:
    """Objects that no tie connects, filled in order; or the size of a connected set that fits into none."""
    bins: list[list[int]] = []
    for component in _components(members, parts, precedence):
        if not _fits(component, parts, limits):
            return len(component)
        for one in bins:
            if _fits(one + component, parts, limits):
                one += component
                break
        else:
            bins.append(component)
    return [sorted(one) for one in bins]


def _fits(members: list[int], parts: list[list[Item]], limits: Limits) -> bool:
    return (
        len(members) <= limits.rules_per_route
        and sum(len(parts[index]) for index in members) <= limits.matches_per_route
    )


def _components(members: list[int], parts: list[list[Item]], precedence: Precedence) -> list[list[int]]:
    component = {index: [index] for index in members}
    for place, one in enumerate(members):
        for other in members[place + 1 :]:
            if component[one] is not component[other] and _tied(parts[one], parts[other], precedence):
                component[one] += component[other]
                for index in component[other]:
                    component[index] = component[one]
    return list({id(found): sorted(found) for found in component.values()}.values())


def _tied(one: list[Item], other: list[Item], precedence: Precedence) -> bool:
    """Whether some request may leave the choice between the two parts to their order."""
    return one[0].action != other[0].action and any(
        outcomes(precedence, a.match, b.match) & TIE and overlap(a.match, b.match) for a in one for b in other
    )
