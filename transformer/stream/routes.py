"""Follows paths through a tree to the entries that are to be edited, and refuses shared or doubtful ones."""

from __future__ import annotations

from typing import NamedTuple

from transformer.stream import nodes
from transformer.stream.lines import Lines, Path, Refused, refuse
from transformer.stream.nodes import ALIAS, MAPPING, SCALAR, SEQUENCE, Node


class Entry(NamedTuple):
    """A step of a path: the collection, the place in it, the key (None in sequences) and the value."""

    parent: Node
    position: int
    key: Node | None
    value: Node


class Routes(Lines):
    """A parsed text in which paths can be followed."""

    def __init__(self, tree: nodes.Tree) -> None:
        if tree.root is None:
            raise Refused("the document is empty")
        super().__init__(tree.text)
        self.root = tree.root
        self._aliased = tree.aliased

    def size(self, path: Path) -> int:
        """Number of entries of the collection at `path`, 0 where there is none."""
        node: Node | None = self.root
        for step in path:
            entry = self._find(node, step) if node is not None and node.kind in (MAPPING, SEQUENCE) else None
            node = entry.value if entry is not None else None
        return len(node.value) if node is not None and node.kind in (MAPPING, SEQUENCE) else 0

    def _walk(self, path: Path) -> list[Entry]:
        entries: list[Entry] = []
        node = self.root
        for step in path:
            entry = self._find(node, step)
            if entry is None:
                raise refuse(f"there is no {step!r}", node)
            entries.append(entry)
            node = entry.value
        return entries

    def _entry(self, path: Path) -> Entry:
        if not path:
            raise Refused("the operation needs a path")
        return self._walk(path)[-1]

    def _find(self, node: Node, step: str | int) -> Entry | None:
        """The entry at one step below a node, None where it is missing."""
        self._check_shared(node)
        if node.kind == SEQUENCE and isinstance(step, int):
            return Entry(node, step, None, node.value[step]) if 0 <= step < len(node.value) else None
        if node.kind != MAPPING or not isinstance(step, str):
            raise refuse(f"there is no {step!r} in a {node.kind}", node)
        found = None
        for index, (key, value) in enumerate(node.value):
            if nodes.is_merge(key):
                raise refuse("the mapping has a merge key", key)
            if key.kind == SCALAR and key.name == step:
                if found is not None:
                    raise refuse(f"key {step!r} is written twice", key)
                found = Entry(node, index, key, value)
        return found

    def _check_shared(self, node: Node) -> None:
        if node.kind == ALIAS:
            raise refuse("the value is an alias", node)
        if node.anchor is not None and self._aliased:
            raise refuse("the value has an anchor that may be used elsewhere", node)

    def _check_anchors(self, node: Node) -> None:
        """Refuse where something inside is anchored and the document has aliases."""
        if not self._aliased or node.kind == ALIAS:
            return
        if node.anchor is not None:
            raise refuse("the removed part has an anchor that may be used elsewhere", node)
        children = [part for pair in node.value for part in pair] if node.kind == MAPPING else node.value
        for child in children if node.kind in (MAPPING, SEQUENCE) else ():
            self._check_anchors(child)
