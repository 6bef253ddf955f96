"""A second reading of both sides, kept apart from the package: matching and ranking of one request, plainly.

Nothing here imports the package's evaluation or precedences; only its values are read.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import permutations
from typing import Any

from transformer.order.model import Entry, Rule
from transformer.order.predicates import Match, Request, Value

NOTHING = "404"


def _accepts(condition: Value, text: str) -> bool:
    return (
        condition.value == text
        if condition.kind == "exact"
        else re.fullmatch(condition.value, text) is not None
    )


def _segments(path: str) -> list[str]:
    return path.rstrip("/").split("/")


def accepts(match: Match, request: Request) -> bool:
    """Whether the request satisfies every condition of the match."""
    kind, value = match.path
    if kind == "exact" and request.path != value:
        return False
    if kind == "regex" and not re.fullmatch(value, request.path):
        return False
    if kind == "prefix" and _segments(request.path)[: len(_segments(value))] != _segments(value):
        return False
    host = request.host.partition(":")[0].lower()
    if match.hostname and match.hostname.startswith("*."):
        head, dot, _ = host.rpartition(match.hostname[1:])
        if not (head and dot and host.endswith(match.hostname[1:])):
            return False
    elif match.hostname and match.hostname != host:
        return False
    if match.method and match.method != request.method:
        return False
    headers, query = dict(request.headers), dict(request.query)
    return (
        all(name in headers and _accepts(value, headers[name]) for name, value in match.headers)
        and all(name in query and _accepts(value, query[name]) for name, value in match.query)
        and not any(
            name in headers and _accepts(value, headers[name]) for name, value in match.without_headers
        )
    )


def first(entries: Sequence[Entry], request: Request) -> Hashable:
    """The list's answer."""
    for entry in entries:
        if accepts(entry.match, request):
            return entry.action
    return NOTHING


def _host_rank(match: Match) -> tuple[int, int]:
    name = match.hostname
    return (0, 0) if name is None else (1, len(name)) if name.startswith("*.") else (2, len(name))


def _prefix_length(match: Match) -> int:
    return 1 if match.path.kind == "any" else max(1, len(match.path.value.rstrip("/")))


def _linkerd(match: Match, request: Request) -> Iterator[tuple[Any, ...]]:
    whole = match.path.kind in ("exact", "regex")
    length = len(request.path) if whole else _prefix_length(match)
    yield (_host_rank(match), length, len(match.headers), len(match.query), match.method is not None)


def _aligned(match: Match, request: Request) -> Iterator[tuple[Any, ...]]:
    whole = match.path.kind in ("exact", "regex")
    length = len(request.path) if whole else _prefix_length(match)
    counts = (match.method is not None, len(match.headers), len(match.query))
    yield (_host_rank(match), match.path.kind == "exact", length, *counts)


def _gateway(match: Match, request: Request) -> Iterator[tuple[Any, ...]]:
    """One rank per place that an expression may have: below and above prefixes, above all, and among
    expressions the longer or the shorter one first."""
    counts = (match.method is not None, len(match.headers), len(match.query))
    size = len(match.path.value)
    if match.path.kind == "exact":
        place = [(2.0, 0)] * 8
    elif match.path.kind == "regex":
        place = [(level, sign * size) for level in (0.0, 1.5, 3.0) for sign in (1, -1)]
        place += [(1.0, size), (1.0, len(request.path))]
    else:
        place = [(1.0, _prefix_length(match))] * 8
    yield from ((_host_rank(match), one, *counts) for one in place)


RANKS = {"linkerd": [_linkerd], "linkerd-aligned": [_aligned], "linkerd-either": [_linkerd, _aligned]}
RANKS["gateway-api"] = [_gateway]


def ranked(rules: Sequence[Rule], precedence: str, request: Request) -> set[Hashable]:
    """Every answer of the rules, over the orders that the precedence leaves open and all object ages."""
    answers: set[Hashable] = set()
    for rank in RANKS[precedence]:
        answers |= _answers(rules, rank, request)
        if precedence == "gateway-api":
            hosts = [m for rule in rules for m in rule.matches if accepts(Match(m.hostname), request)]
            best = max(map(_host_rank, hosts), default=None)
            narrowed = [
                rule._replace(matches=tuple(m for m in rule.matches if _host_rank(m) == best))
                for rule in rules
            ]
            answers |= _answers(narrowed, rank, request)
    return answers


def _answers(rules: Sequence[Rule], rank: Any, request: Request) -> set[Hashable]:
    matching = [
        (list(rank(match, request)), rule.object, position, rule.action)
        for position, rule in enumerate(rules)
        for match in rule.matches
        if accepts(match, request)
    ]
    if not matching:
        return {NOTHING}
    answers = set()
    for variant in range(len(matching[0][0])):
        best = max(item[0][variant] for item in matching)
        top = [item for item in matching if item[0][variant] == best]
        for ages in _ages({item[1] for item in top}):
            answers.add(min(top, key=lambda item: (ages.index(item[1]), item[2]))[3])
    return answers


def _ages(objects: Iterable[int]) -> list[list[int]]:
    known = sorted(objects)
    return [known, known[::-1]] if len(known) > 3 else [list(order) for order in permutations(known)]
