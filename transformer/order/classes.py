"""Classes of requests that a set of matches tells apart, with one sample value for each class and field.

For exact values, segment prefixes and string prefixes the classes are complete; for general expressions
they are samples: inside each expression, inside two of them, inside one and outside the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from transformer.order import regular
from transformer.order.paths import Path, escaped, expression_of, literal_of
from transformer.order.predicates import Match, Value

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PURGE")


class Fields(NamedTuple):
    """Sample values per field; None as a header or query value is its absence. complete: no sampling."""

    hosts: list[str]
    paths: list[str]
    methods: list[str]
    headers: dict[str, list[str | None]]
    query: dict[str, list[str | None]]
    complete: bool


def fields_of(matches: Sequence[Match]) -> Fields:
    """The sample values for all conditions in the matches."""
    paths, whole = _paths(list(dict.fromkeys(match.path for match in matches)))
    headers = _by_name(pair for match in matches for pair in match.headers + match.without_headers)
    query = _by_name(pair for match in matches for pair in match.query)
    header_values = {name: _values(values) for name, values in headers.items()}
    query_values = {name: _values(values) for name, values in query.items()}
    complete = whole and all(found[1] for found in (*header_values.values(), *query_values.values()))
    return Fields(
        _hosts({match.hostname for match in matches if match.hostname is not None}),
        paths,
        _methods({match.method for match in matches if match.method is not None}),
        {name: found[0] for name, found in header_values.items()},
        {name: found[0] for name, found in query_values.items()},
        complete,
    )


def _by_name(pairs: Iterable[tuple[str, Value]]) -> dict[str, list[Value]]:
    found: dict[str, list[Value]] = {}
    for name, value in pairs:
        values = found.setdefault(name, [])
        if value not in values:
            values.append(value)
    return found


def _hosts(names: set[str]) -> list[str]:
    found = ["service.test"]
    for name in sorted(names):
        found += [f"www{name[1:]}", f"a.www{name[1:]}", name[2:]] if name.startswith("*.") else [name]
    return list(dict.fromkeys(found))


def _methods(names: set[str]) -> list[str]:
    return [next(name for name in _METHODS if name not in names), *sorted(names)]


def _fresh(base: str, literals: list[str]) -> str:
    """The base and a tail that no literal continues."""
    for tail in ("x", "y", "z", "zz0", "q7q7"):
        if not any(literal.startswith(base + tail) for literal in literals):
            return base + tail
    return base + "q" * (max(map(len, literals)) + 1)


def _paths(paths: list[Path]) -> tuple[list[str], bool]:
    literals = [literal for literal in map(literal_of, paths) if literal is not None]
    found = ["/", _fresh("/", literals)]
    for literal in literals:
        below = literal.rstrip("/") + "/"
        found += [literal, below, _fresh(below, literals), _fresh(literal, literals)]
        found.append(literal[:-1])
    complete = len(literals) == len(paths)
    if not complete:
        found += _expression_samples([expression_of(path) for path in paths], "/")
    return [path for path in dict.fromkeys(found) if path.startswith("/")], complete


def _values(values: list[Value]) -> tuple[list[str | None], bool]:
    exact = [value.value for value in values if value.kind == "exact"]
    expressions = [value.value for value in values if value.kind == "regex" and value.value != ".*"]
    found: list[str | None] = [None, _fresh("other", exact), *exact]
    if expressions:
        found += _expression_samples(expressions + [escaped(value) for value in exact], "")
    return list(dict.fromkeys(found)), not expressions


def _expression_samples(expressions: list[str], start: str) -> Iterator[str]:
    """Texts that tell the expressions apart; those that cannot be read contribute nothing."""
    for one in expressions:
        yield from _sample((one,), (), start)
        for other in expressions:
            if other != one:
                yield from _sample((one,), (other,), start)
                if other > one:
                    yield from _sample((one, other), (), start)


def _sample(include: tuple[str, ...], exclude: tuple[str, ...], start: str) -> list[str]:
    inside = [regular.automaton(text) for text in include]
    outside = [regular.automaton(text) for text in exclude]
    wanted = tuple(machine for machine in inside if machine is not None)
    unwanted = tuple(machine for machine in outside if machine is not None)
    if len(wanted) < len(include) or len(unwanted) < len(exclude):
        return []
    found = []
    try:
        short = regular.sample(wanted, unwanted, start)
        if short is not None:
            longer = regular.sample(wanted, unwanted, start, len(short) + 1)
            found = [short] if longer is None else [short, longer]
    except regular.TooLarge:
        pass  # a class without a sample: the caller's relations stay conservative without it
    return found
