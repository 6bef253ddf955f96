"""The values that order compilation takes and returns."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final, NamedTuple

from transformer.order.predicates import Match, Request


class NotFound(NamedTuple):
    """Type of NOT_FOUND."""

    status: int = 404


NOT_FOUND: Final = NotFound()  # the outcome of a request that nothing matches


class Entry(NamedTuple):
    """One entry of a first-match list.

    action: equal actions are the same outcome. group: entries of one group may share a route object, those of
    different groups never do. source: where the entry comes from, for reports. rule: entries with equal index
    that follow each other are matches of one source rule and stay one rule. keep_path: the action depends
    on the path condition itself (a prefix replacement), so the condition must stay as written and alone in
    its rule.
    """

    match: Match
    action: Hashable
    group: Hashable = None
    source: tuple[Any, ...] = ()
    rule: int = 0
    keep_path: bool = False


class Rule(NamedTuple):
    """One rule to write; all rules of one object have one hostname, that of their matches.

    derived: the compiler added or changed at least one match. object: index of the route object the rule belongs
    to; within an object rules are written in the given order. Expressions are written as `^(?:…)$`: they match
    whole values, and Linkerd takes the leftmost alternative otherwise.
    """

    matches: tuple[Match, ...]
    action: Hashable
    group: Hashable
    sources: tuple[tuple[Any, ...], ...]
    derived: bool
    object: int


class Limits(NamedTuple):
    """What one rule and one route object may hold, and how far the compiler goes before it gives up."""

    rules_per_route: int = 16
    matches_per_rule: int = 64
    matches_per_route: int = 128
    added_matches: int = 256
    requests: int = 20000


class Compiled(NamedTuple):
    """rules in the order to be written; shadowed: sources of the entries that can never fire."""

    rules: list[Rule]
    shadowed: list[tuple[Any, ...]]


class Refusal(NamedTuple):
    """Why there is no equivalent; the request that would go elsewhere and the two entries that compete for
    it.

    `second` is None where nothing competes (404, limits), `witness` where no single request shows the reason.
    """

    reason: str
    witness: Request | None
    first: Entry | None
    second: Entry | None
