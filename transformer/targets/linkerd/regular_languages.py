"""Automata as regular expressions: states are taken out one by one, what they join is written on the edges.

Expressions are read by Rust's `regex`, anchored at both ends, so alternatives may overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from transformer.stream.patterns import pattern

_SPECIAL = pattern(r"([\\.+*?()|\[\]{}^$])")
#: Longer expressions are not tried (https://gateway-api.sigs.k8s.io: a path has 1,024 characters at most).
LONGEST = 1000

Symbols = frozenset[str]


class Expression(NamedTuple):
    """A piece of an expression: its text, how tightly it binds (0 alternatives, 1 sequence, 2 one unit), and what it is of.

    `symbols` are those of a set, `parts` the members of a sequence.
    """

    text: str
    binds: int
    symbols: Symbols = frozenset()
    parts: tuple[Expression, ...] = ()


class TooLong(Exception):
    """Nobody would read the expression, and a route would not take it."""


NOTHING = Expression("", 1)
Writer = Callable[[Symbols], str]


def literal(text: str) -> str:
    """Text that stands for itself."""
    return _SPECIAL.sub(r"\\\1", text)


def _parts(one: Expression) -> tuple[Expression, ...]:
    return one.parts or (() if one == NOTHING else (one,))


def _either(one: Expression | None, other: Expression, write: Writer) -> Expression:
    """One or the other, with what they begin and end with alike written once."""
    if one is None or one == other:
        return other
    if one.symbols and other.symbols:
        both = one.symbols | other.symbols
        return Expression(write(both), 2, both)
    mine, theirs = _parts(one), _parts(other)
    shorter = min(len(mine), len(theirs))
    ahead = next((at for at in range(shorter) if mine[at] != theirs[at]), shorter)
    behind = next((at for at in range(shorter - ahead) if mine[-1 - at] != theirs[-1 - at]), shorter - ahead)
    if ahead or behind:
        middle = _either(
            _chain(mine[ahead : len(mine) - behind]), _chain(theirs[ahead : len(theirs) - behind]), write
        )
        return _chain((*mine[:ahead], middle, *mine[len(mine) - behind :]))
    for empty, full in ((one, other), (other, one)):
        if empty == NOTHING:
            if full.text.endswith(("*", "?")) and full.binds == 2 and not full.symbols:
                return full
            return Expression(f"{_tight(full)}?", 2)
    return Expression(f"{one.text}|{other.text}", 0)


def _tight(one: Expression) -> str:
    simple = one.binds == 2 and (one.symbols or not one.text.endswith(("?", "*", "+")))
    return one.text if simple else f"(?:{one.text})"


def _chain(found: Iterable[Expression]) -> Expression:
    pieces: list[Expression] = []
    for one in (part for member in found for part in _parts(member)):
        if pieces and one.text == f"{_tight(pieces[-1])}*":
            pieces[-1] = Expression(f"{_tight(pieces[-1])}+", 2)
        else:
            pieces.append(one)
    if len(pieces) < 2:
        return pieces[0] if pieces else NOTHING
    text = "".join(f"(?:{one.text})" if one.binds == 0 else one.text for one in pieces)
    return Expression(text, 1, parts=tuple(pieces))


def _again(one: Expression | None) -> Expression:
    return NOTHING if one is None or one == NOTHING else Expression(f"{_tight(one)}*", 2)


class _Graph:
    """Expressions on the edges of an automaton, by both ends."""

    def __init__(self) -> None:
        self.out: dict[int, dict[int, Expression]] = {}
        self.into: dict[int, dict[int, Expression]] = {}

    def put(self, source: int, target: int, one: Expression) -> None:
        """Set an edge."""
        self.out.setdefault(source, {})[target] = one
        self.into.setdefault(target, {})[source] = one

    def cost(self, state: int) -> int:
        """How much longer everything gets when the state is taken out."""
        into = [one for source, one in self.into.get(state, {}).items() if source != state]
        out = [one for target, one in self.out.get(state, {}).items() if target != state]
        loop = self.out.get(state, {}).get(state)
        lengths = sum(len(one.text) for one in into) * max(len(out) - 1, 0)
        lengths += sum(len(one.text) for one in out) * max(len(into) - 1, 0)
        return lengths + (len(loop.text) if loop else 0) * (len(into) * len(out) - 1)

    def take_out(self, state: int, write: Writer) -> set[int]:
        """Take a state out; returns its neighbours. Raises `TooLong`."""
        loop = _again(self.out.get(state, {}).pop(state, None))
        self.into.get(state, {}).pop(state, None)
        before, after = self.into.pop(state, {}), self.out.pop(state, {})
        for source in before:
            del self.out[source][state]
        for target in after:
            del self.into[target][state]
        for source, first in before.items():
            for target, last in after.items():
                joined = _either(self.out.get(source, {}).get(target), _chain((first, loop, last)), write)
                if len(joined.text) > 4 * LONGEST:
                    raise TooLong("the expression for some paths would be too long to read")
                self.put(source, target, joined)
        return {*before, *after}


def expression(
    edges: Mapping[tuple[int, int], Symbols], first: int, last: Iterable[int], write: Writer
) -> str:
    """The language of an automaton, which need not be deterministic. Raises `TooLong`."""
    if len(edges) > LONGEST // 2:  # every edge is at least a character, and most are written more than once
        raise TooLong("the expression for some paths would be too long to read")
    begin, end = -2, -1
    graph = _Graph()
    for (source, target), symbols in edges.items():
        graph.put(source, target, Expression(write(symbols), 2, symbols))
    for state in last:
        graph.put(state, end, NOTHING)
    graph.put(begin, first, NOTHING)
    costs = {state: graph.cost(state) for state in {*graph.out, *graph.into} - {begin, end}}
    while costs:
        state = min(costs, key=lambda one: (costs[one], one))
        del costs[state]
        for other in graph.take_out(state, write) - {begin, end}:
            costs[other] = graph.cost(other)
    found = graph.out.get(begin, {}).get(end)
    return found.text if found else ""


def merged(
    transitions: list[dict[str, int]], label: Callable[[int], object]
) -> tuple[list[dict[str, int]], list[int]]:
    """The smallest automaton with the same labels, and to which of its states each state belongs."""
    size = len(transitions)
    block = _numbered([label(state) for state in range(size)])
    while True:
        after = _numbered(
            [
                (block[state], frozenset((symbol, block[target]) for symbol, target in transitions[state].items()))
                for state in range(size)
            ]
        )  # fmt: skip
        if after == block:
            break
        block = after
    small: list[dict[str, int]] = [{} for _ in set(block)]
    for state in range(size):
        small[block[state]] = {symbol: block[target] for symbol, target in transitions[state].items()}
    return small, block


def _numbered(keys: Iterable[object]) -> list[int]:
    seen: dict[object, int] = {}
    return [seen.setdefault(key, len(seen)) for key in keys]
