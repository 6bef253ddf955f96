"""Edits a document by splicing its text: what an operation does not name stays byte for byte.

Every result is parsed again and compared with the old value tree plus the operations, so that a wrong splice
is a refusal and never wrong output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from transformer.stream import nodes, places
from transformer.stream.lines import Change, Path, Refused

__all__ = [
    "Insert", "InsertItem", "Op", "Path", "Refused", "Remove", "RemoveItem", "Rename", "Set", "apply", "expected",
]  # fmt: skip


class Set(NamedTuple):
    """Replace the scalar at `path` by another one; its quotes stay where that is safe."""

    path: Path
    value: str | int | float | bool | None


class Insert(NamedTuple):
    """Add a key that does not exist yet to the mapping at `path`; a mapping that is missing or null is created."""

    path: Path
    key: str
    value: Any


class Rename(NamedTuple):
    """Give the entry at `path` another key."""

    path: Path
    key: str


class Remove(NamedTuple):
    """Remove the entry at `path`; with `prune`, mappings that become empty go too, with their own keys."""

    path: Path
    prune: bool = False


class RemoveItem(NamedTuple):
    """Remove the item of a sequence at `path`, whose last step is the index."""

    path: Path


class InsertItem(NamedTuple):
    """Insert an item before `index` of the sequence at `path`; `index` may be its length."""

    path: Path
    index: int  # type: ignore[assignment]  # the field takes the place of tuple.index
    value: Any


Op = Set | Insert | Rename | Remove | RemoveItem | InsertItem


def apply(text: str, tree: nodes.Tree, operations: Sequence[Op], root: Path = ()) -> str:
    """The text of one document with all operations done in order; paths start at `root` within it.

    `tree` is `nodes.parse(text)`. Raises Refused where an operation is impossible, where it is not certain
    that the splice says what the operation says, and where the edited text does not read back as the expected
    value.
    """
    wanted = [_below(root, operation) for operation in operations]
    if not wanted:
        return text
    if tree.root is None:
        raise Refused("the document is empty")
    try:
        goal = expected(nodes.to_value(tree.root), wanted)
        edited, edited_tree = _apply(text, tree, wanted)
        result = nodes.to_value(edited_tree.root) if edited_tree.root is not None else None
    except nodes.ParseError as error:
        raise Refused(f"the document cannot be edited: {error.message}", error.line) from error
    except ValueError as error:  # a value that YAML cannot say
        raise Refused(str(error)) from error
    if not _same(result, goal):
        raise Refused("the edited text does not read back as expected")
    if len(edited_tree.duplicates) > len(tree.duplicates):
        raise Refused("the edit would write a key twice")
    return edited


def expected(value: Any, operations: Sequence[Op]) -> Any:
    """The value with all operations done in order, as a new value; `value` itself is not changed. Raises Refused."""
    for operation in operations:
        value = _done(value, operation, operation.path)
    return value


def _below(root: Path, operation: Op) -> Op:
    return operation._replace(path=root + operation.path) if root else operation


def _apply(text: str, tree: nodes.Tree, operations: Sequence[Op]) -> tuple[str, nodes.Tree]:
    """Collect changes while they do not touch each other; where they would, splice and parse before going on."""
    site = places.Site(tree)
    changes: list[Change] = []
    done: list[tuple[Op, list[Path]]] = []
    for operation in operations:
        footprint = _footprint(operation, site, done)
        fresh = None if _depends(operation, footprint, done) else _changes(operation, site)
        if fresh is None or _overlap(changes, fresh):
            text = _spliced(text, changes)
            site = places.Site(nodes.parse(text))
            changes, done = [], []
            footprint = _footprint(operation, site, done)
            fresh = _changes(operation, site)
        changes += fresh
        done.append((operation, footprint))
    text = _spliced(text, changes)
    return text, nodes.parse(text)


def _changes(operation: Op, site: places.Site) -> list[Change]:
    match operation:
        case Set(path, value):
            return site.set(path, value)
        case Insert(path, key, value):
            return [change._replace(mapping=path) for change in site.insert(path, key, value)]
        case Rename(path, key):
            return site.rename(path, key)
        case Remove(path, prune):
            return site.remove(path, prune)
        case RemoveItem(path):
            return site.remove_item(path)
        case InsertItem(path, index, value):
            return site.insert_item(path, index, value)


def _footprint(operation: Op, site: places.Site, done: list[tuple[Op, list[Path]]]) -> list[Path]:
    """The parts of the tree that an operation changes: what follows must not rely on how they were."""
    path = operation.path
    if isinstance(operation, Insert):
        return [(*path, operation.key) if site.size(path) else ()]
    if isinstance(operation, Rename):
        return [path, (*path[:-1], operation.key)]
    if isinstance(operation, Remove):
        gone = sum(1 for other, _ in done if isinstance(other, Remove) and other.path[:-1] == path[:-1])
        return [path if site.size(path[:-1]) > gone + 1 else ()]
    return [path[:-1] if isinstance(operation, RemoveItem) else path]


def _depends(operation: Op, footprint: list[Path], done: list[tuple[Op, list[Path]]]) -> bool:
    """Whether an operation touches what one of those before it has changed."""
    for other, touched in done:
        if isinstance(operation, Rename) and isinstance(other, Set) and operation.path == other.path:
            continue  # a value and its key are different places
        if any(_related(path, before) for path in footprint for before in touched):
            return True
    return False


def _related(path: Path, other: Path) -> bool:
    shorter = min(len(path), len(other))
    return path[:shorter] == other[:shorter]


def _overlap(changes: list[Change], fresh: list[Change]) -> bool:
    """Whether changes take the same place; entries appended to one mapping may, in their order."""
    for old in changes:
        for new in fresh:
            if old.start < new.end and new.start < old.end:
                return True
            if old.start == new.start and (old.mapping is None or old.mapping != new.mapping):
                return True
    return False


def _spliced(text: str, changes: list[Change]) -> str:
    if not changes:
        return text
    parts = []
    position = 0
    for start, end, replacement, _ in sorted(changes, key=lambda change: change.start):
        if start < position:
            raise Refused("changes overlap")
        parts += [text[position:start], replacement]
        position = end
    parts.append(text[position:])
    return "".join(parts)


# What the operations mean, on plain data.


def _done(value: Any, operation: Op, path: Path) -> Any:
    """`value` with the operation done at `path` below it; copies only along the path."""
    if isinstance(operation, Insert) and not path:
        return _inserted(value, operation)
    if isinstance(operation, InsertItem) and not path:
        return _item_inserted(value, operation)
    if not path:
        if isinstance(operation, Set) and not isinstance(value, dict | list):
            return operation.value
        raise Refused("the operation needs a longer path")
    step, rest = path[0], path[1:]
    if isinstance(operation, Insert) and (value is None or (isinstance(value, dict) and step not in value)):
        if not isinstance(step, str):
            raise Refused(f"there is no item {step}")
        return {**(value or {}), step: _done(None, operation, rest)}
    _check_step(value, step)
    if not rest and isinstance(operation, Rename):
        if operation.key != step and operation.key in value:
            raise Refused(f"key {operation.key!r} exists already")
        return {operation.key if key == step else key: item for key, item in value.items()}
    if not rest and isinstance(operation, Remove) and isinstance(value, dict):
        return {key: item for key, item in value.items() if key != step}
    if not rest and isinstance(operation, RemoveItem) and isinstance(value, list):
        return [item for index, item in enumerate(value) if index != step]
    if not rest and isinstance(operation, Rename | Remove | RemoveItem):
        raise Refused(f"{type(operation).__name__} does not fit {step!r}")
    return _replaced(value, step, _done(value[step], operation, rest), operation)


def _check_step(value: Any, step: str | int) -> None:
    if isinstance(value, dict) and step in value:
        return
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return
    raise Refused(f"there is no {step!r}")


def _replaced(value: Any, step: str | int, new: Any, operation: Op) -> Any:
    if isinstance(value, list):
        return [new if index == step else item for index, item in enumerate(value)]
    if isinstance(operation, Remove) and operation.prune and new == {} and isinstance(new, dict):
        return {key: item for key, item in value.items() if key != step}
    return {**value, step: new}


def _inserted(value: Any, operation: Insert) -> Any:
    if value is not None and not isinstance(value, dict):
        raise Refused("a key can be inserted into a mapping only")
    if value and operation.key in value:
        raise Refused(f"key {operation.key!r} exists already")
    return {**(value or {}), operation.key: operation.value}


def _item_inserted(value: Any, operation: InsertItem) -> Any:
    items = [] if value is None else value
    if not isinstance(items, list) or not 0 <= operation.index <= len(items):
        raise Refused("an item can be inserted into a sequence only, within its length")
    return [*items[: operation.index], operation.value, *items[operation.index :]]


def _same(left: Any, right: Any) -> bool:
    """Equality that keeps truth values apart from numbers, and looks at the order of keys."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right) and isinstance(left, str) == isinstance(right, str)
