"""Cuts a `List` or KRM `ResourceList` document into items, so that those that nobody needs are never parsed.

kustomize and kpt hand over one document with all objects under `items` (KRM functions specification). The
fast way cuts at the dashes; where it cannot be certain, the whole document is parsed and the nodes tell where
items start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from transformer.stream import nodes
from transformer.stream.nodes import ALIAS, FLOW, MAPPING, SCALAR, SEQUENCE, Node, ParseError
from transformer.stream.patterns import pattern

_FIRST_DASH = pattern(r"(?:[ \t]*(?:#[^\n]*)?\n)*( *)-(?=[ \t\r\n]|\Z)")
# A quote that opens where a scalar may start and is not closed on its line: such a scalar can hold lines with
# dashes.
_OPEN_QUOTE = pattern(
    r"(?:(?<=[\s\[{,:?-])|^)(?:\"(?:[^\"\\\r\n]|\\[^\r\n])*+\\?|'(?:[^'\r\n]|'')*+)(?=[\r\n]|\Z)",
    re.MULTILINE,
)
_ALIAS = pattern(r"(?:^|[\s\[{,:])\*[^\s,\[\]{}*]", re.MULTILINE)
_LONE_CR = pattern(r"\r(?!\n)")
_OTHER_BREAKS = ("\x85", "\u2028", "\u2029")


class Item(NamedTuple):
    """One item: `text[start:end]` is a one-element block sequence, or, if `flow`, the bare element.

    `indent` is the column of the dash (0 if `flow`).
    """

    start: int
    end: int
    flow: bool
    indent: int


class Items:
    """A document cut into prefix, items and suffix; for block lists the three together are the text.

    `cross_item_aliases` tells that an item refers to an anchor outside of itself (or is referred to from
    outside), so that its slice cannot be read or moved alone.
    """

    __slots__ = ("_colon", "cross_item_aliases", "flow", "items", "prefix", "suffix", "text")

    def __init__(self, text: str, items: list[Item], *, colon: int = 0, crossing: bool = False) -> None:
        self.text = text
        self.items = items
        self.flow = bool(items) and items[0].flow
        self.cross_item_aliases = crossing
        self.prefix = text[: items[0].start] if items else text
        self.suffix = text[items[-1].end :] if items else ""
        self._colon = colon

    def join(self, new_items: Sequence[Sequence[str]]) -> str:
        """The document with each item replaced by the texts given for it: none, one or several.

        Texts for block lists are lines starting with the dash at `indent`, for flow lists bare elements.
        """
        if len(new_items) != len(self.items):
            raise ValueError("one list of texts is needed for every item")
        if not self.items:
            return self.text
        return self._join_flow(new_items) if self.flow else self._join_block(new_items)

    def _join_block(self, new_items: Sequence[Sequence[str]]) -> str:
        texts = [text for replacement in new_items for text in replacement]
        if not texts:
            return self.prefix[: self._colon] + " []" + self.prefix[self._colon :] + self.suffix
        newline = "\r\n" if self.prefix.endswith("\r\n") else "\n"
        ended = [text if text.endswith(("\n", "\r")) else text + newline for text in texts[:-1]]
        last = texts[-1]
        if self.suffix and not last.endswith(("\n", "\r")):
            last += newline
        return "".join([self.prefix, *ended, last, self.suffix])

    def _join_flow(self, new_items: Sequence[Sequence[str]]) -> str:
        out = [self.prefix]
        for number, replacement in enumerate(new_items):
            item = self.items[number]
            gap = self.text[self.items[number - 1].end : item.start] if number else ", "
            for text in replacement:
                if len(out) > 1:
                    out.append(gap)
                out.append(text)
                gap = ", "
        suffix = self.suffix
        if len(out) == 1 and suffix.lstrip().startswith(","):
            suffix = suffix.lstrip()[1:]
        return "".join([*out, suffix])


def slice_items(text: str, key: str = "items") -> Items | None:
    """The items under a root key of a document's text, None where the root has no such key.

    Raises ParseError where the document cannot be parsed, and where its items cannot be told apart.
    """
    return _fast(text, key) or _parsed(text, key)


def check(slice_text: str) -> bool:
    """Whether an item's slice of a block list reads as a sequence of exactly one element on its own."""
    try:
        root = nodes.parse(slice_text).root
    except ParseError:
        return False
    return root is not None and root.kind == SEQUENCE and len(root.value) == 1


def _fast(text: str, key: str) -> Items | None:
    """Cut at lines that start with a dash at the first dash's column; None on any doubt."""
    header = re.compile(rf"(?:\A|\n){re.escape(key)}:[ \t]*(?:#[^\n]*)?\r?\n").search(text)
    first = _FIRST_DASH.match(text, header.end()) if header else None
    if header is None or first is None or any(mark in text for mark in _OTHER_BREAKS):
        return None
    column = len(first.group(1))
    starts = [first.start(1)]
    end = len(text)
    for match in re.compile(rf"\n {{0,{column}}}(?=[^ \t\r\n#])").finditer(text, first.end()):
        after = match.end()
        if (
            after - match.start() == column + 1
            and text[after] == "-"
            and text[after + 1 : after + 2] in _AFTER_DASH
        ):
            starts.append(match.start() + 1)
        else:
            end = match.start() + 1
            break
    if _OPEN_QUOTE.search(text, header.end(), end) or (_LONE_CR.search(text) if "\r" in text else None):
        return None
    if "&" in text and _ALIAS.search(text):
        return None
    starts = [_above_comments(text, start, header.end(), column) for start in starts]
    if not _rest_is_sound(text, key, header, starts[0], end):
        return None
    bounds = [*starts, end]
    found = [Item(bounds[number], bounds[number + 1], False, column) for number in range(len(starts))]
    return Items(text, found, colon=_colon(text, header, key))


_AFTER_DASH = ("", " ", "\t", "\r", "\n")


def _colon(text: str, header: re.Match[str], key: str) -> int:
    return header.start() + (text[header.start()] == "\n") + len(key) + 1


def _rest_is_sound(text: str, key: str, header: re.Match[str], start: int, end: int) -> bool:
    """Whether the document without its items is a mapping with `key` once, at the place of `header`, as null.

    A quoted scalar or a flow collection that reaches over either end of the items would break that.
    """
    try:
        tree = nodes.parse(text[:start] + text[end:])
    except ParseError:
        return False
    if tree.root is None or tree.root.kind != MAPPING or tree.duplicates:
        return False
    at = _colon(text, header, key) - len(key) - 1
    return any(name.start == at and value.start == value.end for name, value in tree.root.value)


def _above_comments(text: str, start: int, limit: int, column: int) -> int:
    """The start of the comment lines directly above the line at `start` that are not deeper than the dash."""
    while start > limit:
        above = text.rfind("\n", 0, start - 1) + 1
        body = text[above:start].lstrip(" ")
        if above < limit or not body.startswith("#") or start - above - len(body) > column:
            break
        start = above
    return start


def _parsed(text: str, key: str) -> Items | None:
    """Cut where the nodes of the whole document say."""
    tree = nodes.parse(text)
    root = tree.root
    if root is None or root.kind != MAPPING:
        return None
    found = [(name, value) for name, value in root.value if name.kind == SCALAR and name.value == key]
    if not found:
        return None
    name, sequence = found[0]
    if len(found) > 1:
        raise ParseError(f"{key} is written twice", found[1][0].line + 1, found[1][0].column + 1)
    if sequence.kind == SCALAR and nodes.to_value(sequence) is None:
        return Items(text, [])
    if sequence.kind != SEQUENCE:
        raise ParseError(f"{key} is not a sequence", sequence.line + 1, sequence.column + 1)
    if not sequence.value:
        return Items(text, [])
    crossing = tree.aliased and _crossing(root, sequence.value)
    if sequence.style == FLOW:
        return Items(
            text, [Item(item.start, item.end, True, 0) for item in sequence.value], crossing=crossing
        )
    return _cut_block(text, name, sequence, crossing)


def _cut_block(text: str, name: Node, sequence: Node, crossing: bool) -> Items:
    column = sequence.column if sequence.anchor is None and sequence.tag is None else None
    limit = _next_line(text, name.end)
    starts = []
    previous = limit
    for item in sequence.value:
        dashes = re.compile(r"^( *)-(?=[ \t\r\n]|\Z)", re.MULTILINE)
        found = [
            match
            for match in dashes.finditer(text, previous, item.start + 1)
            if column in (None, len(match[1]))
        ]
        if not found:
            raise ParseError("the items do not start lines of their own", item.line + 1, item.column + 1)
        column = len(found[-1][1])
        starts.append(_above_comments(text, found[-1].start(), previous, column))
        previous = _next_line(text, item.end)
    bounds = [*starts, previous]
    found_items = [
        Item(bounds[number], bounds[number + 1], False, column or 0) for number in range(len(starts))
    ]
    colon = text.find(":", name.end) + 1
    return Items(text, found_items, colon=colon, crossing=crossing)


def _next_line(text: str, at: int) -> int:
    found = re.compile(r"\r\n|\r|\n|\Z").search(text, at)
    return found.end() if found else len(text)


def _crossing(root: Node, items: list[Node]) -> bool:
    """Whether an alias and its anchor stand in different items, or one of them outside of the items."""

    def place(at: int) -> int:
        return next(
            (number for number, item in enumerate(items) if item.start <= at < max(item.end, item.start + 1)),
            -1,
        )

    pending = [root]
    while pending:
        node = pending.pop()
        if node.kind == ALIAS:
            here, there = place(node.start), place(node.target.start)
            if here != there:
                return True
        elif node.kind == MAPPING:
            pending += [part for pair in node.value for part in pair]
        elif node.kind == SEQUENCE:
            pending += node.value
    return False
