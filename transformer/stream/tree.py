"""Nodes of one YAML document with their places in the text, aliases kept as such."""

from __future__ import annotations

from typing import Any

from transformer.stream import scalars

MAPPING = "mapping"
SEQUENCE = "sequence"
SCALAR = "scalar"
ALIAS = "alias"
PLAIN = scalars.PLAIN
BLOCK = "block"
FLOW = "flow"


class ParseError(Exception):
    """A document that cannot be read. `line` and `column` are 1-based in the text given."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


class Node:
    """A node with its place in the text.

    `start` and `end` are code point offsets; a block collection ends with its last leaf, a block scalar with
    its last line of content (before the break). `line` and `column` are 0-based. `style` is 'plain', "'",
    '"', '|' or '>' for scalars, 'block' or 'flow' for collections. `value` is a list of pairs (mapping), a
    list of nodes (sequence), the text (scalar) or the anchor's name (alias, whose `target` is the anchored
    node).

    Keys of mappings have a `name`, the JSON key that Kubernetes makes of them; None where it refuses the key.
    """

    __slots__ = (
        "anchor",
        "column",
        "end",
        "kind",
        "line",
        "name",
        "start",
        "style",
        "tag",
        "target",
        "value",
    )

    target: Node
    name: str | None

    def __init__(
        self, kind: str, start: int, end: int, line: int, column: int,
        style: str | None, tag: str | None, anchor: str | None, value: Any,
    ) -> None:  # fmt: skip
        self.kind = kind
        self.start = start
        self.end = end
        self.line = line
        self.column = column
        self.style = style
        self.tag = tag
        self.anchor = anchor
        self.value = value

    def __repr__(self) -> str:
        shown = self.value if self.kind in (SCALAR, ALIAS) else f"{len(self.value)} entries"
        return f"<{self.kind} {self.start}:{self.end} {shown!r}>"


class Tree:
    """A parsed document: text, root (None where there is no content), duplicate keys as (first, later) pairs.

    `pure` tells that PyYAML's slow parser was used because its C parser is missing, `aliased` that the
    document has aliases.

    Keys of mappings have a `name`, the JSON key that Kubernetes makes of them; None where it refuses the key.
    """

    __slots__ = ("aliased", "duplicates", "pure", "root", "text")

    def __init__(
        self, text: str, root: Node | None, duplicates: list[tuple[Node, Node]], *, pure: bool, aliased: bool
    ) -> None:
        self.text = text
        self.root = root
        self.duplicates = duplicates
        self.pure = pure
        self.aliased = aliased


def is_merge(key: Node) -> bool:
    """Whether a mapping key is a merge key: a plain `<<`, or `!!merge <<` as Helm 4 writes it."""
    if key.kind != SCALAR or key.value != "<<":
        return False
    return (key.style == PLAIN and key.tag is None) or key.tag in ("!", scalars.MERGE_TAG)
