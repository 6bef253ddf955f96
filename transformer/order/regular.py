"""Decisions about regular expressions: do two meet, does one contain the other, and texts that show it.

Expressions become position automata; an expression outside the readable subset makes the answers
conservative.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from transformer.order.syntax import (
    FULL,
    HIGH,
    LOW,
    MOST_POSITIONS,
    OTHER,
    POSIX,
    Chain,
    Chars,
    Choice,
    Node,
    Repeat,
    Unreadable,
    bit,
    parse,
)

_PAIRS = 4000
_OTHER_SAMPLE = "\u00e9"
_SAMPLE_ORDER = "xyzabcdefghijklmnopqrstuvw0123456789" + "".join(
    chr(code) for code in range(LOW, HIGH + 1) if not ("a" <= chr(code) <= "z" or "0" <= chr(code) <= "9")
)


class TooLarge(ValueError):
    """A decision would need more automaton states than allowed."""


class Automaton(NamedTuple):
    """Position automaton: bit 0 is the start, every other bit one character position of the expression."""

    classes: tuple[int, ...]
    follow: tuple[int, ...]
    accepting: int


class _Builder:
    def __init__(self) -> None:
        self.classes = [0]
        self.follow = [0]

    def join(self, last: int, first: int) -> None:
        for position in _bits(last):
            self.follow[position] |= first

    def build(self, node: Node) -> tuple[bool, int, int]:
        """Adds the node's positions; returns (matches empty, first positions, last positions)."""
        if isinstance(node, Chars):
            if len(self.classes) > MOST_POSITIONS:
                raise Unreadable("too long")
            self.classes.append(node.mask)
            self.follow.append(0)
            own = 1 << (len(self.classes) - 1)
            return False, own, own
        if isinstance(node, Chain):
            return self.chain(node.items)
        if isinstance(node, Choice):
            empty, first, last = False, 0, 0
            for item in node.items:
                parts = self.build(item)
                empty, first, last = empty or parts[0], first | parts[1], last | parts[2]
            return empty, first, last
        return self.repeat(node)

    def chain(self, items: tuple[Node, ...]) -> tuple[bool, int, int]:
        empty, first, last = True, 0, 0
        for item in items:
            nullable, head, tail = self.build(item)
            self.join(last, head)
            first |= head if empty else 0
            last = tail | (last if nullable else 0)
            empty = empty and nullable
        return empty, first, last

    def repeat(self, node: Repeat) -> tuple[bool, int, int]:
        low, high = node.low, node.high
        copies = max(low, 1) if high is None else high
        empty, first, last = True, 0, 0
        for index in range(copies):
            nullable, head, tail = self.build(node.item)
            if high is None and index == copies - 1:
                self.join(tail, head)
            optional = nullable or index >= low
            self.join(last, head)
            first |= head if empty else 0
            last = tail | (last if optional else 0)
            empty = empty and optional
        return empty, first, last


def _bits(mask: int) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


@lru_cache(maxsize=4096)
def automaton(expression: str) -> Automaton | None:
    """The automaton of an expression, or None where it is outside the readable subset."""
    builder = _Builder()
    try:
        empty, first, last = builder.build(parse(expression))
    except Unreadable:
        return None
    builder.follow[0] = first
    return Automaton(tuple(builder.classes), tuple(builder.follow), last | (1 if empty else 0))


def _step(machine: Automaton, states: int, symbol: int) -> int:
    reached = 0
    for position in _bits(states):
        reached |= machine.follow[position]
    return sum(1 << position for position in _bits(reached) if machine.classes[position] & symbol)


def _symbols(machines: tuple[Automaton, ...]) -> list[tuple[int, str]]:
    """One (bit, sample character) for each class of characters that none of the machines tells apart."""
    blocks = [FULL]
    for mask in {mask for machine in machines for mask in machine.classes[1:]}:
        blocks = [part for block in blocks for part in (block & mask, block & ~mask) if part]
    found: list[tuple[int, str]] = []
    for block in blocks:
        char = next((char for char in _SAMPLE_ORDER if block & bit(char)), _OTHER_SAMPLE)
        found.append((bit(char), char))
    return sorted(found, key=lambda item: (_SAMPLE_ORDER.find(item[1]) % 1000, item[1]))


def sample(
    include: tuple[Automaton, ...],
    exclude: tuple[Automaton, ...] = (),
    start: str = "",
    longer_than: int = -1,
) -> str | None:
    """A shortest text starting with `start` that all of `include` and none of `exclude` match, or None.

    None is a proof that there is no such text. Raises TooLarge where the search is cut off.
    """
    machines = include + exclude
    symbols = _symbols(machines)
    states = tuple(1 for _ in machines)
    for char in start:
        states = tuple(
            _step(machine, state, bit(char)) for machine, state in zip(machines, states, strict=True)
        )
    split = len(include)
    frontier, seen, text_length = [(states, start)], {states}, len(start)
    while frontier:
        following: list[tuple[tuple[int, ...], str]] = []
        for current, text in frontier:
            if text_length > longer_than and _accepts(machines, current, split):
                return text
            for symbol, char in symbols:
                moved = tuple(_step(m, state, symbol) for m, state in zip(machines, current, strict=True))
                key = moved if text_length >= longer_than else (*moved, text_length)
                if key in seen or not all(moved[:split]):
                    continue
                if len(seen) > _PAIRS:
                    raise TooLarge
                seen.add(key)
                following.append((moved, text + char))
        frontier, text_length = following, text_length + 1
    return None


def _accepts(machines: tuple[Automaton, ...], states: tuple[int, ...], split: int) -> bool:
    hits = [bool(machine.accepting & state) for machine, state in zip(machines, states, strict=True)]
    return all(hits[:split]) and not any(hits[split:])


@lru_cache(maxsize=8192)
def meets(first: str, second: str, start: str = "") -> bool:
    """False only where no text starting with `start` matches both expressions."""
    one, two = automaton(first), automaton(second)
    if one is None or two is None:
        return True
    try:
        return sample((one, two), start=start) is not None
    except TooLarge:
        return True


@lru_cache(maxsize=8192)
def contains(outer: str, inner: str, start: str = "") -> bool:
    """True only where every text starting with `start` that matches `inner` matches `outer`."""
    if outer == inner:
        return True
    one, two = automaton(outer), automaton(inner)
    if one is None or two is None:
        return False
    try:
        return sample((two,), (one,), start=start) is None
    except TooLarge:
        return False


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> re.Pattern[str]:
    text = re.sub(r"\[:(\w+):\]", _posix_members, expression)
    try:
        return re.compile(text, re.ASCII)
    except re.error as problem:
        raise Unreadable(f"the regular expression {expression!r} cannot be read: {problem}") from problem


def _posix_members(found: re.Match[str]) -> str:
    members = POSIX.get(found[1], 0)
    return "".join(re.escape(chr(LOW + index)) for index in _bits(members & ~OTHER)) or found[0]


def full_match(expression: str, text: str) -> bool:
    """Whether the whole text matches. Raises Unreadable for syntax that cannot be evaluated here."""
    return _compiled(expression).fullmatch(text) is not None
