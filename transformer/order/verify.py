"""Compares a first-match list with ranked rules over all request classes that their matches tell apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

from transformer.order.classes import fields_of
from transformer.order.evaluate import evaluate_first_match, evaluate_ranked, winners
from transformer.order.model import NOT_FOUND, Entry, Rule
from transformer.order.paths import full_length, path_contains
from transformer.order.precedence import Precedence, prefix_length
from transformer.order.predicates import Match, Named, Request, host_matches, value_matches


class Verdict(NamedTuple):
    """difference: a request that the two sides treat differently, if one was found. complete: nothing was
    left out."""

    difference: Request | None
    complete: bool


class _Dimension(NamedTuple):
    """One request field: its sample values, and for each the set of matches (bits) that accept it."""

    kind: str
    name: str
    values: list[str | None]
    masks: list[int]


def verify(
    entries: Sequence[Entry],
    rules: Sequence[Rule],
    precedence: Precedence,
    not_found: Hashable,
    bound: int,
    within: tuple[Match, ...] = (),
) -> Verdict:
    """Compares on requests that all of `within` match. Raises Unreadable for what cannot be evaluated."""
    return _Comparison(entries, rules, precedence, not_found, within).run(bound)


class _Comparison:
    def __init__(
        self,
        entries: Sequence[Entry],
        rules: Sequence[Rule],
        precedence: Precedence,
        not_found: Hashable,
        within: tuple[Match, ...],
    ) -> None:
        self.entries, self.rules, self.precedence, self.not_found = entries, rules, precedence, not_found
        self.ranked: list[tuple[int, int, Match]] = []
        for index, rule in enumerate(rules):
            self.ranked += [(index, rule.object, match) for match in rule.matches]
        self.matches = [entry.match for entry in entries] + [item[2] for item in self.ranked] + list(within)
        self.within = ((1 << len(within)) - 1) << (len(self.matches) - len(within))
        self.isolating = not precedence.hosts_fall_through and len({m.hostname for m in self.matches}) > 1
        self.seen: dict[tuple[int, int, int], bool] = {}

    def run(self, bound: int) -> Verdict:
        fields = fields_of(self.matches)
        dimensions = [self._path_dimension(fields.paths)]
        dimensions.append(
            self._dimension("host", "", fields.hosts, lambda m, v: host_matches(m.hostname, v or ""))
        )
        dimensions.append(self._dimension("method", "", fields.methods, lambda m, v: m.method in (None, v)))
        for name, values in fields.headers.items():
            dimensions.append(self._dimension("header", name, values, _header_condition(name)))
        for name, values in fields.query.items():
            dimensions.append(self._dimension("query", name, values, _query_condition(name)))
        size = 1
        for dimension in dimensions:
            size *= len(dimension.values)
        choices = self._all(dimensions) if size <= bound else self._some(dimensions, bound)
        for choice in choices:
            if self._differs(dimensions, choice):
                return Verdict(_request(dimensions, choice), False)
        return Verdict(None, fields.complete and size <= bound)

    def _dimension(
        self, kind: str, name: str, values: Sequence[str | None], accepts: Callable[[Match, str | None], bool]
    ) -> _Dimension:
        found: dict[int, str | None] = {}
        for value in values:
            mask = sum(1 << bit for bit, match in enumerate(self.matches) if accepts(match, value))
            found.setdefault(mask, value)
        return _Dimension(kind, name, list(found.values()), list(found))

    def _path_dimension(self, paths: list[str]) -> _Dimension:
        found: dict[tuple[int, int], str | None] = {}
        for path in paths:
            mask = level = 0
            for bit, match in enumerate(self.matches):
                if path_contains(match.path, path):
                    mask |= 1 << bit
                    # A prefix may tie with a match of the whole path only where its length is the path's.
                    if not full_length(match.path) and prefix_length(match.path) == len(path):
                        level |= 1 << bit
            found.setdefault((mask, level), path)
        return _Dimension("path", "", list(found.values()), [mask for mask, _ in found])

    def _all(self, dimensions: list[_Dimension]) -> Iterator[tuple[int, ...]]:
        def below(depth: int, mask: int, chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            if depth == len(dimensions):
                yield chosen
                return
            for index, accepted in enumerate(dimensions[depth].masks):
                if mask & accepted:  # a request that nothing matches is the same on both sides
                    yield from below(depth + 1, mask & accepted, (*chosen, index))

        yield from below(0, -1, ())

    def _some(self, dimensions: list[_Dimension], bound: int) -> Iterator[tuple[int, ...]]:
        """Requests inside every pair of matches with each field varied, then a fixed pseudo-random choice."""
        count = 0
        for one in range(len(self.matches)):
            for other in range(one, len(self.matches)):
                both = 1 << one | 1 << other
                base = tuple(
                    next((i for i, mask in enumerate(d.masks) if mask & both == both), 0) for d in dimensions
                )
                for place, dimension in enumerate(dimensions):
                    for index in range(len(dimension.values)):
                        yield (*base[:place], index, *base[place + 1 :])
                        count += 1
                if count > bound:
                    break
        state = 1
        for _ in range(bound):
            choice = []
            for dimension in dimensions:
                state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
                choice.append((state >> 33) % len(dimension.values))
            yield tuple(choice)

    def _differs(self, dimensions: list[_Dimension], choice: tuple[int, ...]) -> bool:
        mask = -1
        for dimension, index in zip(dimensions, choice, strict=True):
            mask &= dimension.masks[index]
        if mask & self.within != self.within:
            return False
        key = (choice[0], choice[1] if self.isolating else 0, mask)
        known = self.seen.get(key)
        if known is None:
            if self.isolating:
                known = self._evaluated(_request(dimensions, choice))
            else:
                known = self._compare(mask, dimensions[0].values[choice[0]] or "")
            self.seen[key] = known
        return known

    def _compare(self, mask: int, path: str) -> bool:
        split = len(self.entries)
        own = mask & ((1 << split) - 1)
        wanted: Hashable = self.entries[(own & -own).bit_length() - 1].action if own else NOT_FOUND
        found = [item for bit, item in enumerate(self.ranked) if mask >> (bit + split) & 1]
        if len(found) == 1:
            return not self._same(wanted, {self.rules[found[0][0]].action})
        indexes = winners(self.precedence, found, path)
        return not self._same(wanted, {self.rules[index].action for index in indexes} or {NOT_FOUND})

    def _evaluated(self, request: Request) -> bool:
        wanted = evaluate_first_match(self.entries, request)
        return not self._same(wanted, set(evaluate_ranked(self.rules, self.precedence, request)))

    def _same(self, wanted: Hashable, given: set[Hashable]) -> bool:
        return given == {wanted} or (wanted == NOT_FOUND and given <= {NOT_FOUND, self.not_found})


def _conditions(pairs: Named, name: str, value: str | None) -> bool:
    return all(value_matches(condition, value) for key, condition in pairs if key == name)


def _header_condition(name: str) -> Callable[[Match, str | None], bool]:
    def accepts(match: Match, value: str | None) -> bool:
        excluded = any(
            value_matches(condition, value) for key, condition in match.without_headers if key == name
        )
        return not excluded and _conditions(match.headers, name, value)

    return accepts


def _query_condition(name: str) -> Callable[[Match, str | None], bool]:
    return lambda match, value: _conditions(match.query, name, value)


def _request(dimensions: list[_Dimension], choice: tuple[int, ...]) -> Request:
    host = path = method = ""
    headers: list[tuple[str, str]] = []
    query: list[tuple[str, str]] = []
    for dimension, index in zip(dimensions, choice, strict=True):
        value = dimension.values[index]
        if value is None:
            continue
        if dimension.kind == "host":
            host = value
        elif dimension.kind == "path":
            path = value
        elif dimension.kind == "method":
            method = value
        else:
            (headers if dimension.kind == "header" else query).append((dimension.name, value))
    return Request(host, path, method, tuple(headers), tuple(query))
