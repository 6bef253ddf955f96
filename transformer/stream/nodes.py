"""Reads nodes as Kubernetes does (sigs.k8s.io/yaml, go-yaml v2): merges, aliases, duplicate keys, scalars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from transformer.stream import scalars
from transformer.stream.compose import MAX_DEPTH, decode, parse
from transformer.stream.tree import (
    ALIAS,
    BLOCK,
    FLOW,
    MAPPING,
    PLAIN,
    SCALAR,
    SEQUENCE,
    Node,
    ParseError,
    Tree,
    is_merge,
)  # fmt: skip

__all__ = [
    "ALIAS", "BLOCK", "FLOW", "MAPPING", "MAX_DEPTH", "MAX_EXPANSION", "PLAIN", "SCALAR", "SEQUENCE",
    "Node", "ParseError", "Tree", "decode", "get", "is_merge", "merges_override", "pairs", "parse", "resolve", "to_value",
]  # fmt: skip

# Nodes that reading may reach through aliases; go-yaml limits a ratio, a fixed budget is simpler and
# stricter.
MAX_EXPANSION = 100_000


def resolve(node: Node) -> Node:
    """The node itself, or what it is an alias of."""
    return node.target if node.kind == ALIAS else node


def _error(node: Node, message: str) -> ParseError:
    return ParseError(message, node.line + 1, node.column + 1)


def _key(key: Node) -> str:
    if key.name is not None:
        return key.name
    target = resolve(key)
    if target.kind != SCALAR:
        raise _error(key, f"Kubernetes does not accept a {target.kind} as a mapping key")
    try:
        return scalars.key_text(target.value, target.style, target.tag)
    except scalars.ScalarError as error:
        raise _error(key, str(error)) from error


class _Budget:
    """What is left of the nodes that may be reached through aliases."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_EXPANSION

    def spend(self, node: Node, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise _error(node, "aliases expand to too many nodes")


def get(node: Node, key: str) -> Node | None:
    """The value of a key as Kubernetes sees it: aliases followed, the last duplicate wins, merges resolved.

    None where `node` is no mapping or has no such key. Raises ParseError for keys that Kubernetes refuses.
    """
    node = resolve(node)
    if node.kind != MAPPING:
        return None
    found = None
    for name, value in node.value:
        if name.value == "<<" and is_merge(name):
            return next((value for text, _, value in pairs(node) if text == key), None)
        if _key(name) == key:
            found = value
    return resolve(found) if found is not None else None


def pairs(node: Node) -> list[tuple[str, Node, Node]]:
    """Effective (key, key node, value node) of a mapping after merges; aliases among the values are followed.

    In order of first appearance; a merge overwrites keys before it, as go-yaml v2 does. Empty where `node` is
    no mapping.
    """
    node = resolve(node)
    if node.kind != MAPPING:
        return []
    found: dict[str, tuple[Node, Node]] = {}
    _collect(node, found, _Budget())
    return [(text, key, resolve(value)) for text, (key, value) in found.items()]


def _collect(node: Node, found: dict[str, tuple[Node, Node]], budget: _Budget) -> None:
    for key, value in node.value:
        if key.value == "<<" and is_merge(key):
            for source in _merge_sources(value):
                budget.spend(value, 1 + len(source.value))
                _collect(source, found, budget)
        else:
            found[_key(key)] = (key, value)


def _merge_sources(value: Node) -> Iterator[Node]:
    """Mappings that a merge key brings in, in the order in which they overwrite each other."""
    target = resolve(value)
    sources = [target] if target.kind == MAPPING else []
    if value.kind == SEQUENCE:
        sources = [resolve(source) for source in reversed(value.value)]
    if (not sources and value.kind != SEQUENCE) or any(source.kind != MAPPING for source in sources):
        raise _error(value, "a merge needs a mapping or a sequence of mappings")
    yield from sources


def merges_override(node: Node) -> bool:
    """Whether a merge overwrites a key written before it, where Kubernetes (v2) and kustomize (v3) read differently."""
    node = resolve(node)
    explicit: set[str] = set()
    if node.kind != MAPPING:
        return False
    for key, value in node.value:
        if not is_merge(key):
            explicit.add(_key(key))
            continue
        merged: dict[str, tuple[Node, Node]] = {}
        budget = _Budget()
        for source in _merge_sources(value):
            _collect(source, merged, budget)
        if not explicit.isdisjoint(merged):
            return True
    return False


def to_value(node: Node) -> Any:
    """Plain Python data as Kubernetes reads the node. Raises ParseError, also for aliases that expand too far."""
    return _value(node, _Budget(), False)


def _value(node: Node, budget: _Budget, aliased: bool) -> Any:
    kind = node.kind
    if kind == ALIAS:
        node, kind, aliased = node.target, node.target.kind, True
    if aliased:
        budget.spend(node, 1)
    if kind == SCALAR:
        if node.tag is None and node.style != PLAIN:
            return node.value
        try:
            return scalars.resolve(node.value, node.style, node.tag)
        except scalars.ScalarError as error:
            raise _error(node, str(error)) from error
    if kind == SEQUENCE:
        return [_value(item, budget, aliased) for item in node.value]
    if any(key.value == "<<" and is_merge(key) for key, _ in node.value):
        found: dict[str, tuple[Node, Node]] = {}
        _collect(node, found, budget)
        return {text: _value(value, budget, True) for text, (_, value) in found.items()}
    return {key.name or _key(key): _value(value, budget, aliased) for key, value in node.value}
