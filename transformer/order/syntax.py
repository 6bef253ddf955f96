"""The subset of regular expressions that can be decided about, as a tree of character sets.

Expressions are read as full matches over printable ASCII plus one symbol for everything else. Syntax
follows RE2 (https://github.com/google/re2/wiki/Syntax); whatever is outside the subset is unreadable.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LOW, HIGH = 0x20, 0x7E
OTHER = 1 << (HIGH - LOW + 1)
FULL = (OTHER << 1) - 1
MOST_POSITIONS = 300


class Unreadable(ValueError):
    """The expression uses syntax outside the subset."""


def bit(char: str) -> int:
    """The bit of a character; all outside printable ASCII share one."""
    code = ord(char)
    return 1 << (code - LOW) if LOW <= code <= HIGH else OTHER


def _span(low: str, high: str) -> int:
    mask = 0
    for code in range(ord(low), ord(high) + 1):
        mask |= bit(chr(code))
    return mask


_DIGIT = _span("0", "9")
_UPPER, _LOWER = _span("A", "Z"), _span("a", "z")
_WORD = _DIGIT | _UPPER | _LOWER | bit("_")
_SPACE = bit(" ")
_SHORT = {"d": _DIGIT, "w": _WORD, "s": _SPACE, "D": FULL & ~_DIGIT, "W": FULL & ~_WORD, "S": FULL & ~_SPACE}
POSIX = {
    "alnum": _DIGIT | _UPPER | _LOWER,
    "alpha": _UPPER | _LOWER,
    "digit": _DIGIT,
    "lower": _LOWER,
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": _DIGIT | _span("a", "f") | _span("A", "F"),
}


class Chars(NamedTuple):
    """One character of a set, given as bits."""

    mask: int


class Chain(NamedTuple):
    """All items one after the other."""

    items: tuple[Node, ...]


class Choice(NamedTuple):
    """Any one of the items."""

    items: tuple[Node, ...]


class Repeat(NamedTuple):
    """The item `low` to `high` times; None is without end."""

    item: Node
    low: int
    high: int | None


Node = Chars | Chain | Choice | Repeat


def parse(expression: str) -> Node:
    """The tree of an expression. Raises Unreadable."""
    return _Parser(expression).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.fold = False
        flags = re.match(r"\(\?([is]+)\)", text)
        if flags:
            self.fold = "i" in flags[1]
            self.at = flags.end()
        self.base = self.at

    def parse(self) -> Node:
        node = self.alternatives(0)
        if self.at != len(self.text):
            raise Unreadable("unbalanced parenthesis")
        return node

    def alternatives(self, depth: int) -> Node:
        found = [self.sequence(depth)]
        while self.text.startswith("|", self.at):
            self.at += 1
            found.append(self.sequence(depth))
        return found[0] if len(found) == 1 else Choice(tuple(found))

    def sequence(self, depth: int) -> Node:
        items: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            char = self.text[self.at]
            if char == "^":
                self.start_anchor(depth, bool(items))
            elif char == "$":
                self.end_anchor(depth)
            else:
                items.append(self.repeated(self.atom(depth)))
        return Chain(tuple(items))

    def start_anchor(self, depth: int, inside: bool) -> None:
        # Under full match an anchor at the very edge says nothing; anywhere else it is out of the subset.
        before = self.text[self.base : self.at]
        if inside or (depth and not re.fullmatch(r"(?:\((?:\?:)?|\^)*", before)):
            raise Unreadable("anchor inside the expression")
        self.at += 1

    def end_anchor(self, depth: int) -> None:
        rest = self.text[self.at + 1 :]
        if rest.strip(")") and not (depth == 0 and rest.startswith("|")):
            raise Unreadable("anchor inside the expression")
        self.at += 1

    def atom(self, depth: int) -> Node:
        char = self.text[self.at]
        self.at += 1
        if char == "(":
            return self.group(depth)
        if char == "[":
            return Chars(self.folded(self.bracket()))
        if char == ".":
            return Chars(FULL)
        if char == "\\":
            return Chars(self.folded(self.escape()))
        if char in "*+?{}" or not LOW <= ord(char) <= HIGH:
            raise Unreadable(f"unexpected {char!r}")
        return Chars(self.folded(bit(char)))

    def group(self, depth: int) -> Node:
        if self.text.startswith("?", self.at):
            opening = re.compile(r"\?(?::|P?<[A-Za-z_]\w*>)").match(self.text, self.at)
            if not opening:
                raise Unreadable("group syntax")
            self.at = opening.end()
        node = self.alternatives(depth + 1)
        if not self.text.startswith(")", self.at):
            raise Unreadable("unbalanced parenthesis")
        self.at += 1
        return node

    def escape(self) -> int:
        if self.at >= len(self.text):
            raise Unreadable("trailing backslash")
        char = self.text[self.at]
        self.at += 1
        if char in _SHORT:
            return _SHORT[char]
        if char.isalnum() or not LOW <= ord(char) <= HIGH:
            raise Unreadable(f"escape {char!r}")
        return bit(char)

    def bracket(self) -> int:
        negated = self.text.startswith("^", self.at)
        self.at += negated
        mask, first = 0, True
        while True:
            if self.at >= len(self.text):
                raise Unreadable("open bracket")
            if self.text[self.at] == "]" and not first:
                self.at += 1
                break
            first = False
            mask |= self.bracket_item()
        mask = self.folded(mask)
        return FULL & ~mask if negated else mask

    def bracket_item(self) -> int:
        posix = re.compile(r"\[:(\w+):\]").match(self.text, self.at)
        if posix:
            if posix[1] not in POSIX:
                raise Unreadable(f"class {posix[1]}")
            self.at = posix.end()
            return POSIX[posix[1]]
        low = self.bracket_char()
        if self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            high = self.bracket_char()
            if low[1] is None or high[1] is None or low[1] > high[1]:
                raise Unreadable("range")
            return _span(low[1], high[1])
        return low[0]

    def bracket_char(self) -> tuple[int, str | None]:
        char = self.text[self.at]
        self.at += 1
        if char == "\\":
            escaped = self.text[self.at : self.at + 1]
            return self.escape(), escaped if not escaped.isalnum() else None
        if char in "[&~" or not LOW <= ord(char) <= HIGH:  # set operations differ between engines
            raise Unreadable(f"{char!r} in a bracket")
        return bit(char), char

    def folded(self, mask: int) -> int:
        if not self.fold:
            return mask
        shift = ord("a") - ord("A")
        return mask | ((mask & _UPPER) << shift) | ((mask & _LOWER) >> shift)

    def repeated(self, node: Node) -> Node:
        while self.at < len(self.text) and self.text[self.at] in "*+?{":
            bounds = re.compile(r"\*|\+|\?|\{(\d+)(,(\d*))?\}").match(self.text, self.at)
            if not bounds:
                raise Unreadable("repetition")
            self.at = bounds.end()
            if self.text.startswith("?", self.at):
                self.at += 1  # lazy: the same language
            elif self.text[self.at : self.at + 1] in ("*", "+", "{"):
                raise Unreadable("repeated repetition")
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(bounds[0], (0, None))
            if bounds[1]:
                low = int(bounds[1])
                high = low if bounds[2] is None else int(bounds[3]) if bounds[3] else None
                if low > MOST_POSITIONS or (high or 0) > MOST_POSITIONS or (high is not None and high < low):
                    raise Unreadable("repetition bounds")
            node = Repeat(node, low, high)
        return node
