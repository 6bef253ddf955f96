"""Planned map edits of one object, collated into splice operations with the smallest diff."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from transformer.findings import FieldPath
from transformer.objects import Obj, View
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
    hints: dict[FieldPath, dict[str, str]] = {}
    for edit in edits:
        wanted = write.setdefault(edit.path, {})
        for key, value in edit.write.items():
            if wanted.get(key, value) != value:
                raise Conflict(f"{key} is wanted as {wanted[key]!r} and as {value!r}")
            wanted[key] = value
        remove.setdefault(edit.path, {}).update(dict.fromkeys(edit.remove))
        hints.setdefault(edit.path, {}).update(edit.renames)
    found: list[splice.Op] = []
    for path, wanted in write.items():
        gone = [key for key in remove[path] if key not in wanted]
        found += _map_operations(obj, path, wanted, gone, hints[path])
    return found


def _map_operations(
    obj: Obj, path: FieldPath, write: dict[str, Any], remove: list[str], hints: dict[str, str]
) -> list[splice.Op]:
    view = obj.view.get(*path)
    if not view.is_mapping:
        return _create(obj, path, write) if write else []
    present = dict(view.items())
    gone = [key for key in remove if key in present]
    new = [key for key in write if key not in present]
    old_values = {key: present[key].value() for key in gone}
    renamed = _renames(old_values, {key: write[key] for key in new}, len(present), hints)
    found: list[splice.Op] = []
    for key, value in write.items():
        old = renamed.get(key, key)
        if old in present and present[old].value() != value:
            found.append(splice.Set((*path, old), value))
        if old != key:
            found.append(splice.Rename((*path, old), key))
        elif key not in present:
            found.append(splice.Insert(path, key, value))
    kept = set(renamed.values())
    found += [splice.Remove((*path, key), prune=True) for key in gone if key not in kept]
    return found


def _renames(gone: dict[str, Any], new: dict[str, Any], size: int, hints: dict[str, str]) -> dict[str, str]:
    """Which new key takes the line of which old one: by hint, the same value, one for one, or the last of a map.

    A comment on the line stays with what it is about, so unrelated keys are not paired.
    """
    pairs: dict[str, str] = {}
    left = {name: text for name, text in gone.items() if not isinstance(text, (dict, list))}
    for key, old in hints.items():
        if key in new and old in left:
            pairs[key] = old
            del left[old]
    for key, value in new.items():
        if key in pairs:
            continue
        same = next((name for name, text in left.items() if text == value and isinstance(text, str)), None)
        if same is not None:
            pairs[key] = same
            del left[same]
    rest = [key for key, value in new.items() if key not in pairs and not isinstance(value, (dict, list))]
    if rest and left and ((len(rest) == len(left) == 1) or (len(gone) == size and not pairs)):
        pairs[rest[0]] = next(iter(left))
    return pairs


def _create(obj: Obj, path: FieldPath, write: dict[str, Any]) -> list[splice.Op]:
    """Insert the map, with whatever parents are missing, below its deepest existing ancestor; null is an empty map."""
    depth = len(path)
    while depth > 0 and not _holds_keys(obj.view.get(*path[:depth])):
        depth -= 1
    if obj.view.get(*path[:depth]).is_null:  # other edits may fill it as well
        return [splice.Insert(path, key, value) for key, value in write.items()]
    value: Any = write
    for step in reversed(path[depth + 1 :]):
        value = {step: value}
    return [splice.Insert(path[:depth], str(path[depth]), value)]


def _holds_keys(view: View) -> bool:
    """Whether keys can be written below: a map, or null in the place of one, as Kubernetes reads `annotations:`."""
    return view.is_mapping or view.is_null
