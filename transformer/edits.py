"""Planned map edits of one object, collated into splice operations with the smallest diff."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from transformer.findings import FieldPath
from transformer.objects import Obj
from transformer.run import Edit
from transformer.stream import splice


class Conflict(Exception):
    """Two rules want different values for one key."""


def operations(obj: Obj, edits: Iterable[Edit]) -> list[splice.Op]:
    """Operations for all edits of an object; a key that is already as wanted yields none.

    A removed key and a written one of the same map are paired into a rename, so that one line changes and not two.
    """
    write: dict[FieldPath, dict[str, Any]] = {}
    remove: dict[FieldPath, dict[str, None]] = {}
    for edit in edits:
        wanted = write.setdefault(edit.path, {})
        for key, value in edit.write.items():
            if wanted.get(key, value) != value:
                raise Conflict(f"{key} is wanted as {wanted[key]!r} and as {value!r}")
            wanted[key] = value
        remove.setdefault(edit.path, {}).update(dict.fromkeys(edit.remove))
    found: list[splice.Op] = []
    for path, wanted in write.items():
        found += _map_operations(obj, path, wanted, [key for key in remove[path] if key not in wanted])
    return found


def _map_operations(obj: Obj, path: FieldPath, write: dict[str, Any], remove: list[str]) -> list[splice.Op]:
    view = obj.view.get(*path)
    if not view.is_mapping:
        return [_create(obj, path, write)] if write else []
    present = dict(view.items())
    gone = [key for key in remove if key in present]
    found: list[splice.Op] = []
    for key, value in write.items():
        if key in present:
            if present[key].value() != value:
                found.append(splice.Set((*path, key), value))
        elif gone and not isinstance(value, (dict, list)) and not present[gone[0]].is_mapping:
            old = gone.pop(0)
            if present[old].value() != value:
                found.append(splice.Set((*path, old), value))
            found.append(splice.Rename((*path, old), key))
        else:
            found.append(splice.Insert(path, key, value))
    found += [splice.Remove((*path, key), prune=True) for key in gone]
    return found


def _create(obj: Obj, path: FieldPath, write: dict[str, Any]) -> splice.Op:
    """Insert the map, with whatever parents are missing, below its deepest existing ancestor."""
    depth = len(path)
    while depth > 1 and not obj.view.get(*path[: depth - 1]).is_mapping:
        depth -= 1
    value: Any = write
    for step in reversed(path[depth:]):
        value = {step: value}
    return splice.Insert(path[: depth - 1], str(path[depth - 1]), value)
