"""Path matches for classes of paths that are no tree: expressions no two of which take the same path.

Linkerd takes a regular expression for the whole path (linkerd2-proxy `linkerd/http/route`), so of two that match none is
the more specific one; here the paths of different callers are apart, and everything else is left to the prefix `/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from transformer.ir import path_conditions
from transformer.ir.authorization import NOBODY, SourceSet
from transformer.ir.path_conditions import Classes, Condition, Product, Row, Truth
from transformer.ir.request_classes import METHODS, OTHER, Path
from transformer.targets.linkerd import regular_languages
from transformer.targets.linkerd.regular_languages import LONGEST, Symbols, TooLong, literal
from transformer.targets.linkerd.request_paths import Unwritable

#: An escape that Istio keeps as it is (`request_paths`), shorter.
_ESCAPE = "(?i:%(?:[0189a-f][0-9a-f]|2[0-9a-c]|3[a-f]|40|5[bde]|60|7[b-df]))"


class Found(NamedTuple):
    """One match: who may call, how its path is written, its method (OTHER for all)."""

    sources: SourceSet
    type: str
    value: str
    method: str


class _Trimmed(NamedTuple):
    """The part of an automaton that leads to one class."""

    edges: dict[tuple[int, int], Symbols]
    last: list[int]


def matches(found: Classes) -> Iterator[Found]:
    """Matches for all classes. Raises `Unwritable` where Linkerd's routes cannot tell them apart."""
    rest = found.row((False,) * len(found.conditions))
    whole = path_conditions.product(found.conditions)
    named = [method for method in rest if method != OTHER]
    for method in (*named, OTHER):
        yield Found(rest[method], "PathPrefix", "/", method)
    yield from _top(found, rest)
    by_row: dict[tuple[tuple[str, SourceSet], ...], set[Truth]] = {}
    for truth, cells in found.rows:
        if dict(cells) != rest:
            by_row.setdefault(cells, set()).add(truth)
    for key, truths in by_row.items():
        row: Row = dict(key)
        loose = all(sources == NOBODY for sources in row.values())
        for kind, value in _written(found, whole, truths, loose=loose):
            for method in _methods(row, rest):
                yield Found(row.get(method, row[OTHER]), kind, value, method)


def _methods(row: Row, rest: Row) -> list[str]:
    """Methods that a match must name; OTHER only where the prefix `/` would say something else."""
    named = [method for method in row if method != OTHER]
    unnamed = (set(rest) | {OTHER}) - set(named)
    if all(rest.get(method, rest[OTHER]) == row[OTHER] for method in unnamed):
        return named
    return [*named, OTHER]


def _top(found: Classes, rest: Row) -> Iterator[Found]:
    """The path `/` alone, as long as the prefix `/`: it wins by naming every method."""
    row = found.row(path_conditions.truth_of(found.conditions, "/"))
    for method in METHODS:
        mine = row.get(method, row[OTHER])
        if mine != rest.get(method, rest[OTHER]):
            if method in rest:
                raise Unwritable(f"/ with {method} ties with every path with {method}")
            yield Found(mine, "Exact", "/", method)
    if not rest[OTHER] <= row[OTHER]:
        raise Unwritable(
            "/ is refused to callers that may call other paths, and methods without a name exist"
        )


def _written(found: Classes, whole: Product, truths: set[Truth], *, loose: bool) -> Iterator[tuple[str, str]]:
    """The paths of some classes: conditions that lie within them as they are, then what is left."""
    left = set(truths)
    for at, condition in enumerate(found.conditions):
        mine = {truth for truth, _ in found.rows if truth[at]}
        if not mine <= truths or not mine & left:
            continue
        left -= mine
        if isinstance(condition, Path) and not condition.prefix:
            if condition.text != "/":
                yield "Exact", condition.text
            continue
        if loose:
            yield "RegularExpression", f"^{_loosely(condition)}$"
        else:
            yield "RegularExpression", _expression(_of_condition(condition), [condition], loose=False)
    for value in _leftover(whole, left, found.conditions, loose=loose):
        yield "RegularExpression", value


def _leftover(
    whole: Product, truths: set[Truth], conditions: tuple[Condition, ...], *, loose: bool
) -> list[str]:
    """Expressions for what no condition alone says: one if it is short enough, else one a class."""
    if not truths:
        return []
    try:
        return [_expression(_of_truths(whole, truths), conditions, loose=loose)]
    except Unwritable:
        parts = [_of_truths(whole, {truth}) for truth in sorted(truths)]
        return [_expression(part, conditions, loose=loose) for part in parts if part.last]


def _expression(
    trimmed: _Trimmed, conditions: list[Condition] | tuple[Condition, ...], *, loose: bool
) -> str:
    alphabet = path_conditions.symbols(conditions)
    write = _writer(alphabet, loose=loose)
    try:
        text = regular_languages.expression(trimmed.edges, 0, trimmed.last, write)
    except TooLong as problem:
        raise Unwritable(str(problem)) from problem
    if len(text) > LONGEST:
        raise Unwritable("the expression for some paths would be too long to read")
    return f"^{text}$" if not _has_choice(text) else f"^(?:{text})$"


def _loosely(condition: Condition) -> str:
    """The condition for every path, plain or not: where nobody may call, the others are refused anyway."""
    odd = _in_class(frozenset(path_conditions.NOT_IN_TEMPLATES))
    written = {
        path_conditions.ANYTHING: ".*", path_conditions.SEGMENT: f"[^/{odd}]+", path_conditions.SEGMENTS: f"[^{odd}]*",
    }  # fmt: skip
    return "".join(
        literal(text) if kind == path_conditions.TEXT else written[kind]
        for kind, text in path_conditions.glob(condition).parts
    )


def _has_choice(text: str) -> bool:
    """Whether alternatives stand outside of any group."""
    depth, skip = 0, False
    for character in text:
        if skip:
            skip = False
        elif character == "\\":
            skip = True
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "|" and not depth:
            return True
    return False


def _writer(alphabet: list[str], *, loose: bool) -> Callable[[Symbols], str]:
    """How a set of symbols is written. A `loose` one takes escapes of every kind: where nobody may call, that is no harm."""
    known = frozenset(alphabet) - {path_conditions.REST}

    def write(symbols: Symbols) -> str:
        if path_conditions.REST not in symbols:
            return literal(next(iter(symbols))) if len(symbols) == 1 else f"[{_in_class(symbols)}]"
        excluded = known - symbols
        if loose:
            return f"[^{_in_class(excluded)}]" if excluded else "."
        return rf"(?:[^%\\{_in_class(excluded)}]|{_ESCAPE})"

    return write


def _in_class(symbols: Symbols) -> str:
    return "".join(f"\\{one}" if one in r"\]^-[&~" else one for one in sorted(symbols))


def _of_condition(condition: Condition) -> _Trimmed:
    """Plain paths for which one condition holds, longer than `/`; every way to meet it is kept, which reads better."""
    machine = path_conditions.Automaton(condition)
    alphabet = path_conditions.symbols([condition])
    first = (path_conditions.BEFORE, 0)
    numbers: dict[tuple[int, int], int] = {}
    queue: list[tuple[int, int]] = []
    edges: dict[tuple[int, int], set[str]] = {}
    last: list[int] = []

    def number(state: int, place: int) -> int:
        key = (state, place)
        if key not in numbers:
            numbers[key] = len(numbers)
            queue.append(key)
        return numbers[key]

    number(*first)
    for state, place in queue:
        source = numbers[state, place]
        if path_conditions.ends(state) and machine.accepts(machine.closed(place)):
            last.append(source)
        for symbol in alphabet:
            after = path_conditions.plain(state, symbol)
            if after is None:
                continue
            for through in machine.closed(place):
                for target in machine.moves(through, symbol):
                    edges.setdefault((source, number(after, target)), set()).add(symbol)
    return _trim({key: frozenset(symbols) for key, symbols in edges.items()}, last)


def _of_truths(whole: Product, truths: set[Truth]) -> _Trimmed:
    """The smallest automaton of some classes."""
    small, block = regular_languages.merged(
        whole.transitions, lambda state: whole.truths.get(state) in truths
    )
    edges: dict[tuple[int, int], set[str]] = {}
    for source, out in enumerate(small):
        for symbol, target in out.items():
            edges.setdefault((source, target), set()).add(symbol)
    last = sorted({block[state] for state, truth in whole.truths.items() if truth in truths})
    return _trim({key: frozenset(symbols) for key, symbols in edges.items()}, last)


def _trim(edges: Mapping[tuple[int, int], Symbols], last: list[int]) -> _Trimmed:
    """Without states that lead nowhere."""
    useful = set(last)
    while True:
        more = {source for source, target in edges if target in useful} - useful
        if not more:
            break
        useful |= more
    return _Trimmed({key: one for key, one in edges.items() if useful >= set(key)}, last)
