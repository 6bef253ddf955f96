"""Conditions on paths that are no tree (suffixes and templates), as finite automata, and the classes that they cut.

A class is a set of paths that meet the same conditions. Only plain paths are looked at; Istio compares them as they were
sent (https://istio.io/latest/docs/ops/best-practices/security/#understand-path-normalization).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from transformer.ir.authorization import SourceSet
from transformer.ir.request_classes import ROOT, Cells, Path

#: Kinds of parts: text, anything at all, one whole segment, any number of characters of segments and slashes.
TEXT, ANYTHING, SEGMENT, SEGMENTS = "text", "*", "{*}", "{**}"
#: Every character that no condition names, or an escape that Istio keeps.
REST = ""
#: Characters that a template's operators do not take (Envoy `uri_template_internal.cc`).
NOT_IN_TEMPLATES = "*=[]"
#: More states than this, and the conditions count as too many to be told apart.
MOST_STATES = 2000

Row = dict[str, SourceSet]
Truth = tuple[bool, ...]


class Glob(NamedTuple):
    """A path condition as parts: (kind, text)."""

    parts: tuple[tuple[str, str], ...]


Condition = Path | Glob


class TooManyStates(Exception):
    """The conditions cut the paths into more pieces than anybody would read."""


class Classes(NamedTuple):
    """For one class of hosts: conditions on the path, and by which of them hold, by method, who may call."""

    conditions: tuple[Condition, ...]
    rows: tuple[tuple[Truth, tuple[tuple[str, SourceSet], ...]], ...]

    def row(self, truth: Truth) -> Row:
        """Who may call a path of a class, by method."""
        return dict(dict(self.rows)[truth])


def glob(condition: Condition) -> Glob:
    """Any condition as parts."""
    if isinstance(condition, Glob):
        return condition
    return Glob(((TEXT, condition.text), *(((ANYTHING, ""),) if condition.prefix else ())))


class Automaton:
    """A condition over symbols; a state is a set of places in its parts."""

    def __init__(self, condition: Condition) -> None:
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self.items: list[tuple[str, str]] = []
        for kind, text in glob(condition).parts:
            if kind == TEXT:
                self.items += [(TEXT, character) for character in text]
            elif kind == SEGMENT:  # one character, then more of them
                self.items += [("one", ""), (SEGMENT, "")]
            else:
                self.items.append((kind, ""))

    @property
    def start(self) -> frozenset[int]:
        """The state before the first symbol."""
        return self.closed(0)

    def closed(self, place: int) -> frozenset[int]:
        """A place, and those behind parts that may be empty."""
        return self._closed({place})

    def _closed(self, places: Iterable[int]) -> frozenset[int]:
        """The places, and those behind parts that may be empty."""
        found = set(places)
        for place in sorted(found):
            while place < len(self.items) and self.items[place][0] in (ANYTHING, SEGMENT, SEGMENTS):
                place += 1
                found.add(place)
        return frozenset(found)

    def step(self, state: frozenset[int], symbol: str) -> frozenset[int]:
        """The state after a symbol."""
        key = (state, symbol)
        if key not in self._steps:
            self._steps[key] = self._closed(place for start in state for place in self.moves(start, symbol))
        return self._steps[key]

    def moves(self, place: int, symbol: str) -> Iterator[int]:
        """Places after a symbol at one place, before parts that may be empty are left out."""
        if place == len(self.items):
            return
        kind, text = self.items[place]
        if kind == TEXT:
            if symbol == text:
                yield place + 1
        elif kind == ANYTHING:
            yield place
        elif symbol not in NOT_IN_TEMPLATES or symbol == REST:
            if symbol != "/":
                yield place + 1 if kind == "one" else place
            elif kind == SEGMENTS:
                yield place

    def accepts(self, state: frozenset[int]) -> bool:
        """Whether the condition holds for a path that ends here."""
        return len(self.items) in state


#: Plain paths: nothing yet, after a slash, after the dot that begins a segment, inside of one.
BEFORE, OPEN, DOT, INSIDE = range(4)


def plain(state: int, symbol: str) -> int | None:
    """The next state of a plain path, None where there is none.

    A segment is empty or begins with a character that is no semicolon, before which one dot may stand. So all that Istio
    rewrites is left out, and little else (`/..x`, `/;x`), which keeps expressions short enough to be read.
    """
    if state == BEFORE:
        return OPEN if symbol == "/" else None
    if symbol == "/":
        return OPEN if state != DOT else None
    if state == INSIDE:
        return INSIDE
    if symbol == ".":
        return DOT if state == OPEN else None
    return None if symbol == ";" else INSIDE


def ends(state: int) -> bool:
    """Whether a plain path may end here."""
    return state in (OPEN, INSIDE)


def symbols(conditions: Iterable[Condition]) -> list[str]:
    """What the conditions can tell apart."""
    found = {"/", ".", ";", REST}
    for condition in conditions:
        parts = glob(condition).parts
        found |= {character for kind, text in parts if kind == TEXT for character in text}
        if any(kind in (SEGMENT, SEGMENTS) for kind, _ in parts):
            found |= set(NOT_IN_TEMPLATES)
    return sorted(found)


class Product(NamedTuple):
    """All conditions side by side over plain paths: transitions by state, and what holds where a path may end."""

    transitions: list[dict[str, int]]
    truths: dict[int, Truth]


def product(conditions: Sequence[Condition]) -> Product:
    """The automaton of several conditions. Raises `TooManyStates`."""
    machines = [Automaton(condition) for condition in conditions]
    alphabet = symbols(conditions)
    first = (BEFORE, tuple(machine.start for machine in machines))
    numbers = {first: 0}
    queue = [first]
    transitions: list[dict[str, int]] = []
    truths: dict[int, Truth] = {}
    for at in queue:
        state, places = at
        if ends(state):
            truths[len(transitions)] = tuple(
                machine.accepts(p) for machine, p in zip(machines, places, strict=True)
            )
        out: dict[str, int] = {}
        for symbol in alphabet:
            after = plain(state, symbol)
            if after is None:
                continue
            target = (after, tuple(m.step(p, symbol) for m, p in zip(machines, places, strict=True)))
            if target not in numbers:
                if len(numbers) == MOST_STATES:
                    raise TooManyStates(f"{len(conditions)} conditions on paths overlap in too many ways")
                numbers[target] = len(numbers)
                queue.append(target)
            out[symbol] = numbers[target]
        transitions.append(out)
    return Product(transitions, truths)


def classes(conditions: Sequence[Condition], row: Callable[[Truth], Row]) -> Classes:
    """The classes that the conditions cut, each with its row. Raises `TooManyStates`."""
    found = {truth: row(truth) for truth in sorted(set(product(conditions).truths.values()))}
    return Classes(
        tuple(conditions), tuple((truth, tuple(sorted(one.items()))) for truth, one in found.items())
    )


def of_cells(cells: Cells) -> Classes:
    """Cells of a tree as classes: the narrowest condition that holds decides. Raises `TooManyStates`."""
    conditions = [path for path in cells if path != ROOT]

    def row(truth: Truth) -> Row:
        holding = [path for path, holds in zip(conditions, truth, strict=True) if holds]
        return cells[max(holding, key=lambda path: (len(path.text), not path.prefix), default=ROOT)]

    return classes(conditions, row)


def narrowed(found: Classes, condition: Path, method: str, callers: SourceSet) -> Classes:
    """The classes with other callers of a method where the condition holds."""
    known = condition in found.conditions
    conditions = found.conditions if known else (*found.conditions, condition)
    at = conditions.index(condition)

    def row(truth: Truth) -> Row:
        before = found.row(truth[: len(found.conditions)])
        return {**before, method: callers} if truth[at] else before

    return classes(conditions, row)


def truth_of(conditions: Iterable[Condition], path: str) -> Truth:
    """Which conditions hold for one plain path without escapes."""
    out = []
    for condition in conditions:
        machine = Automaton(condition)
        state = machine.start
        for character in path:
            state = machine.step(state, character)
        out.append(machine.accepts(state))
    return tuple(out)
