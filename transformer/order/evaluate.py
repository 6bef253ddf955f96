"""What happens to one request: under a first-match list, and under ranked rules."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from transformer.order.model import NOT_FOUND, Entry, Rule
from transformer.order.precedence import FIRST, SECOND, TIE, Precedence, outcomes_on
from transformer.order.predicates import Match, Request, host_subsumes, matches


def first_match(entries: Sequence[Entry], request: Request) -> Entry | None:
    """The entry that decides, or None."""
    return next((entry for entry in entries if matches(entry.match, request)), None)


def evaluate_first_match(entries: Sequence[Entry], request: Request) -> Hashable:
    """The action of the first entry that matches, or NOT_FOUND. Raises Unreadable."""
    found = first_match(entries, request)
    return NOT_FOUND if found is None else found.action


def evaluate_ranked(rules: Sequence[Rule], precedence: Precedence, request: Request) -> frozenset[Hashable]:
    """Every action the target may take: one where the precedence decides, several where object ages or an
    unknown rank would. Raises Unreadable."""
    found = [
        (index, rule.object, match)
        for index, rule in enumerate(rules)
        for match in rule.matches
        if matches(match, request)
    ]
    actions = {rules[index].action for index in winners(precedence, found, request.path)} or {NOT_FOUND}
    if found and not precedence.hosts_fall_through:
        inside = _most_specific_host(rules, found, request)
        actions |= {rules[index].action for index in winners(precedence, inside, request.path)} or {NOT_FOUND}
    return frozenset(actions)


def winners(precedence: Precedence, found: list[tuple[int, int, Match]], path: str) -> set[int]:
    """The indexes of the rules among (rule index, object, match) that nothing certainly beats."""
    return {
        index
        for index, owner, match in found
        if not any(_beats(precedence, other, (index, owner, match), path) for other in found)
    }


def _beats(
    precedence: Precedence, one: tuple[int, int, Match], other: tuple[int, int, Match], path: str
) -> bool:
    if one is other:
        return False
    result = outcomes_on(precedence, one[2], other[2], path)
    if result == FIRST:
        return True
    # A tie is broken by rule order inside one object only; between objects by their ages.
    return not result & SECOND and bool(result & TIE) and one[1] == other[1] and one[0] < other[0]


def _most_specific_host(
    rules: Iterable[Rule], found: list[tuple[int, int, Match]], request: Request
) -> list[tuple[int, int, Match]]:
    """The matches that remain where a target looks only at the most specific hostname that covers the
    request, whether or not a rule of that hostname matches."""
    best: str | None = None
    for hostname in dict.fromkeys(match.hostname for rule in rules for match in rule.matches):
        if matches(Match(hostname), request) and host_subsumes(best, hostname):
            best = hostname
    return [item for item in found if item[2].hostname == best]
