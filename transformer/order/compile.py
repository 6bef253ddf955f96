"""Compiles a first-match list into rules for a target that takes the most specific match, or refuses.

Sources: Istio takes the first match of a VirtualService's list; the targets' orders are in `precedence`.
Every result is compared with the list over the classes of requests that the two tell apart before it is
returned.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from transformer.order.closure import Closure, Item, TooMany, Unresolved
from transformer.order.evaluate import evaluate_first_match, evaluate_ranked, first_match
from transformer.order.hosts import complete_hosts
from transformer.order.layout import OverLimit, lay_out
from transformer.order.model import NOT_FOUND, Compiled, Entry, Limits, Refusal, Rule
from transformer.order.negation import Unexcludable, positive
from transformer.order.paths import plainest
from transformer.order.precedence import GATEWAY_API, LINKERD, LINKERD_ALIGNED, LINKERD_EITHER, Precedence
from transformer.order.predicates import Match, Request, matches, never, subsumes
from transformer.order.syntax import Unreadable
from transformer.order.verify import verify

__all__ = [
    "GATEWAY_API",
    "LINKERD",
    "LINKERD_ALIGNED",
    "LINKERD_EITHER",
    "NOT_FOUND",
    "Compiled",
    "Entry",
    "Limits",
    "Refusal",
    "Rule",
    "compile",
]

_DEFAULTS = Limits()


def compile(
    entries: Sequence[Entry],
    precedence: Precedence,
    limits: Limits = _DEFAULTS,
    not_found_action: Hashable = NOT_FOUND,
) -> Compiled | Refusal:
    """Rules that treat every request as the list does.

    not_found_action: an action of the target that answers 404, where it has one; needed only where an entry
    excludes requests that nothing else matches. A list that keeps its meaning as written comes back as
    written.
    """
    if len(entries) == 1 and not entries[0].match.without_headers and not _repeats_a_name(entries[0].match):
        return Compiled([_as_written(entries[0])], [])
    try:
        return _compile(entries, precedence, limits, not_found_action)
    except Unreadable as problem:
        return Refusal(str(problem), None, None, None)
    except TooMany:
        return Refusal(f"the order needs more than {limits.added_matches} further matches", None, None, None)


def _as_written(entry: Entry) -> Rule:
    return Rule((entry.match,), entry.action, entry.group, (entry.source,), False, 0)


def _repeats_a_name(match: Match) -> bool:
    return any(len(pairs) > 1 and len(dict(pairs)) < len(pairs) for pairs in (match.headers, match.query))


def _compile(
    entries: Sequence[Entry], precedence: Precedence, limits: Limits, not_found: Hashable
) -> Compiled | Refusal:
    for entry in entries:
        if _repeats_a_name(entry.match):
            return Refusal("a match names one header or query parameter twice", None, entry, None)
    shadowed = [entries[index].source for index in _hidden(entries)]
    if not precedence.hosts_fall_through:
        entries = complete_hosts(entries)
    hidden = _hidden(entries)
    live = [entry for index, entry in enumerate(entries) if index not in hidden]
    # A hidden entry of its hider's action is redundant in the list but may outrank more than the hider.
    kept = [entry for index, entry in enumerate(entries) if hidden.get(index, True)]
    result = _attempt(entries, live, precedence, limits, not_found)
    for other in (_plainest(live), _plainest(kept)):
        if isinstance(result, Refusal) and other != live:
            second = _attempt(entries, other, precedence, limits, not_found)
            result = second if isinstance(second, list) else result
    return result if isinstance(result, Refusal) else Compiled(result, shadowed)


def _plainest(entries: list[Entry]) -> list[Entry]:
    """The entries without expressions that only say what an exact path or a prefix says."""
    return [
        entry
        if entry.keep_path
        else entry._replace(match=entry.match._replace(path=plainest(entry.match.path)))
        for entry in entries
    ]


def _attempt(
    entries: Sequence[Entry],
    live: list[Entry],
    precedence: Precedence,
    limits: Limits,
    not_found: Hashable,
) -> list[Rule] | Refusal:
    """Rules from the live entries that are equivalent to all entries."""
    items = [_item(entry) for entry in live]
    bound = len(items) + limits.added_matches
    plain = positive(items, not_found, bound)
    if isinstance(plain, Unexcludable):
        return _unexcludable(plain, entries, items, precedence, limits, not_found)
    closure = Closure(plain, precedence, limits.added_matches)
    try:
        closure.run()
    except TooMany:
        reason = f"the order needs more than {limits.added_matches} further matches"
        return Refusal(reason, None, None, None)
    rules = lay_out(closure.items, precedence, limits)
    if isinstance(rules, OverLimit):
        reason = f"{rules.rules} rules must keep their order, a route holds {limits.rules_per_route}"
        return Refusal(f"{reason} with {limits.matches_per_route} matches", None, None, None)
    verdict = verify(entries, rules, precedence, not_found, limits.requests)
    if verdict.difference is not None:
        return _refused(verdict.difference, entries, rules, precedence, closure.unresolved)
    if closure.unresolved and not verdict.complete:
        pair = closure.unresolved[0]
        return Refusal(_why(pair), None, pair.first.origin, pair.second.origin)
    return rules


def _hidden(entries: Sequence[Entry]) -> dict[int, bool]:
    """The positions of entries that can never fire; true where the one that hides them does the same."""
    hidden: dict[int, bool] = {}
    live: list[Entry] = []
    for index, entry in enumerate(entries):
        hider = next((earlier for earlier in live if subsumes(earlier.match, entry.match)), None)
        if hider is not None or never(entry.match):
            same = hider is not None and (hider.action, hider.group) == (entry.action, entry.group)
            hidden[index] = same and not entry.match.without_headers
        else:
            live.append(entry)
    return hidden


def _item(entry: Entry) -> Item:
    match, action, group, source, rule, keep_path = entry
    return Item(match, action, group, rule, (source,), False, keep_path, entry)


def _why(pair: Unresolved) -> str:
    if pair.first.group != pair.second.group and pair.tie:
        return "two rules of different route objects rank equally; the older object would win"
    if pair.first.keep_path:
        return "a later rule ranks higher, and the earlier one depends on its path as written"
    return "a later rule may rank higher, and no match of the earlier one outranks it"


def _refused(
    witness: Request,
    entries: Sequence[Entry],
    rules: Sequence[Rule],
    precedence: Precedence,
    unresolved: list[Unresolved],
) -> Refusal:
    """The refusal for a request whose outcome differs; both sides are evaluated anew for it."""
    wanted = evaluate_first_match(entries, witness)
    given = evaluate_ranked(rules, precedence, witness)
    if given == {wanted}:
        raise RuntimeError(f"the comparison is wrong about {witness}")
    first = first_match(entries, witness)
    for pair in unresolved:
        if matches(pair.first.match, witness) and matches(pair.second.match, witness):
            rival = pair.second if pair.second.action != wanted else pair.first
            return Refusal(_why(pair), witness, first, rival.origin)
    others = [entry for entry in entries if entry.action in given and matches(entry.match, witness)]
    reason = "the target would take another rule" if unresolved else "the comparison found a difference"
    return Refusal(reason, witness, first, next((one for one in others if one.action != wanted), None))


def _unexcludable(
    problem: Unexcludable,
    entries: Sequence[Entry],
    items: list[Item],
    precedence: Precedence,
    limits: Limits,
    not_found: Hashable,
) -> Refusal:
    """The refusal of an exclusion, with a request that the list without it would treat otherwise."""
    stripped = [item._replace(match=item.match._replace(without_headers=())) for item in items]
    rules = lay_out(stripped, precedence, limits)
    within = (problem.match,) if problem.rest is None else (problem.match, problem.rest.match)
    witness = None
    if not isinstance(rules, OverLimit):
        witness = verify(entries, rules, precedence, not_found, limits.requests, within).difference
    rest = None if problem.rest is None else problem.rest.origin
    return Refusal(problem.reason, witness, problem.item.origin, rest)
