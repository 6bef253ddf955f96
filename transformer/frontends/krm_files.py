"""Files and indexes of ResourceList items: kpt writes every item back to the file and place that its
annotations name.

Two items with the same path and index, or a path without index, are an error to kpt; objects without a path
land in files of their own. Derived objects therefore take their source's place, and what follows in that file
moves down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from transformer.errors import BugError
from transformer.stream import items, nodes, splice

PATH, INDEX = "internal.config.kubernetes.io/path", "internal.config.kubernetes.io/index"
#: The folder of the (sub)package at which `PATH` starts, where `kpt fn render` works on several.
PACKAGE = "internal.config.kubernetes.io/package-path"
#: The spelling before kustomize 4.3, which tools still keep beside the other one.
_OLD_INDEX = "config.kubernetes.io/index"
_MARKER = "meshshift.dev/from"


class Origin(NamedTuple):
    """The file that an item comes from, its place in it from 0, and the package that the file's path starts at."""

    path: str
    at: int
    package: str = ""


class _Item(NamedTuple):
    position: int
    text: str
    flow: bool
    annotations: dict[str, str]
    kind: str
    namespace: str
    name: str


def key(kind: str, namespace: str, name: str) -> str:
    """How the marker of derived objects names a source: `Kind/namespace/name`, without what is empty."""
    return "/".join(part for part in (kind, namespace, name) if part)


def origins(text: str, namespace: str) -> dict[str, Origin]:
    """Files and indexes of the items of a ResourceList by `key`; `namespace` is that of items which name
    none.
    """
    if PATH not in text:
        return {}
    return {
        key(item.kind, item.namespace or namespace, item.name): origin
        for item in _items(text)
        if (origin := _origin(item)) is not None
    }


def place(
    text: str, sources: dict[str, Origin], beside: Mapping[str, str] | None = None, namespace: str = ""
) -> str:
    """The ResourceList with a path and an index for every derived item whose source has them.

    `beside` names by `key` another item instead of the source, where an item is written beside that one; `namespace` is
    that of items which name none.
    """
    if not sources:
        return text
    cut = items.slice_items(text)
    files: dict[tuple[str, str], list[tuple[int, int, _Item]]] = {}
    for item in _items(text):
        own = key(item.kind, item.namespace or namespace, item.name)
        origin = _origin(item) or sources.get((beside or {}).get(own) or item.annotations.get(_MARKER, ""))
        if origin is not None:
            files.setdefault((origin.package, origin.path), []).append((origin.at, item.position, item))
    edited: dict[int, str] = {}
    for (package, path), found in files.items():
        last = -1
        for index, position, item in sorted(found):
            last = max(last + 1, index)
            wanted = _operations(item, Origin(path, last, package))
            if wanted:
                edited[position] = _edited(item, wanted)
    assert cut is not None
    return cut.join([[edited.get(n, text[entry.start : entry.end])] for n, entry in enumerate(cut.items)])


def _origin(item: _Item) -> Origin | None:
    if PATH not in item.annotations:
        return None
    return Origin(item.annotations[PATH], _index(item), item.annotations.get(PACKAGE, ""))


def _operations(item: _Item, place: Origin) -> list[splice.Op]:
    where = ("metadata", "annotations")
    index = str(place.at)
    if PATH not in item.annotations:
        added = {PATH: place.path, INDEX: index} | ({PACKAGE: place.package} if place.package else {})
        return [splice.Insert(where, name, text) for name, text in added.items()]
    found: list[splice.Op] = []
    for name in (INDEX, _OLD_INDEX):
        if name in item.annotations and item.annotations[name] != index:
            found.append(splice.Set((*where, name), index))
    if INDEX not in item.annotations and place.at:
        found.append(splice.Insert(where, INDEX, index))
    return found


def _edited(item: _Item, wanted: list[splice.Op]) -> str:
    try:
        return splice.apply(item.text, nodes.parse(item.text), wanted, () if item.flow else (0,))
    except splice.Refused as refusal:
        raise BugError(f"{item.kind} {item.name} cannot be given a place in its file: {refusal}") from refusal


def _items(text: str) -> Iterator[_Item]:
    cut = items.slice_items(text)
    for position, entry in enumerate(cut.items if cut is not None else ()):
        body = text[entry.start : entry.end]
        root = nodes.parse(body).root
        if root is not None and not entry.flow:
            root = nodes.resolve(root.value[0])
        value = nodes.to_value(root) if root is not None else None
        if not isinstance(value, dict):
            continue
        metadata = value.get("metadata") or {}
        noted = metadata.get("annotations") or {}
        yield _Item(
            position, body, entry.flow, {name: str(text) for name, text in noted.items()},
            str(value.get("kind", "")), str(metadata.get("namespace") or ""), str(metadata.get("name") or ""),
        )  # fmt: skip


def _index(item: _Item) -> int:
    text = item.annotations.get(INDEX) or item.annotations.get(_OLD_INDEX) or "0"
    return int(text) if text.isdecimal() else 0
