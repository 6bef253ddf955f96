"""The patches of one object: between two states, whatever else it holds by the time they are applied, and its deletion.

JSON 6902 operations name list items by position. So that they never change another value than the one that was there
when they were made, they test every value that they replace, that a key which they add is not there yet, and the names
of the items on their way; where the chart has changed since, Flux reports the release as failed and keeps what is
deployed. The test for null is kustomize's for a key that is absent; it fails where the map around it is absent, too.

A merge patch comes before them where keys are added to annotations or labels that the chart does not have: Helm 4
annotates every object on its way to a post-renderer and Helm 3 does not, so that only a merge makes sure of the map.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from transformer.errors import BugError, InputError

#: Fields that tell one item of a list from the others, the best first.
_KEYS = ("name", "mountPath", "containerPort", "port", "key", "host", "path", "type")
_MAPS = ("labels", "annotations")
#: What a merge patch writes to have the map, and the operations take away again.
_ROOM = "meshshift.dev/patched"
_IDENTITY = ("apiVersion", "kind", "metadata")


def between(
    identity: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    seen: dict[str, Any] | None = None,
) -> Iterator[Any]:
    """At most two patches that make `after` of an object: a merge patch where it is needed, and JSON 6902 operations.

    `identity` is what a merge patch has to say of the object: apiVersion, kind, and its name in metadata. `seen` is the
    object before as kustomize compares it, where that differs. Raises InputError for what kustomize cannot compare.
    """
    import jsonpatch

    old, new, here = _with_maps(before), _with_maps(after), _with_maps(seen if seen is not None else before)
    operations: list[dict[str, Any]] = []
    changes = list(_without_moves(old, jsonpatch.make_patch(old, new).patch))
    for operation in changes:
        operations += [test for test in _tests(here, operation) if test not in operations]
        operations.append(operation)
        here = jsonpatch.apply_patch(here, [operation])
    if jsonpatch.apply_patch(old, changes) != new:
        raise BugError(f"patches of {identity['kind']} do not say what was done")
    _refuse_incomparable(identity, operations)
    absent = [
        key for key in _MAPS
        if new["metadata"][key] and not (before.get("metadata") or {}).get(key)
    ]  # fmt: skip
    if absent:
        yield identity | {"metadata": identity["metadata"] | {key: {_ROOM: ""} for key in absent}}
        operations = [
            {"op": "remove", "path": _pointer("metadata", key, _ROOM)} for key in absent
        ] + operations
    if operations:
        yield operations


def deletion(identity: dict[str, Any], seen: dict[str, Any]) -> Iterator[Any]:
    """Two patches that delete an object if it says what it said: a policy that has changed since was not moved.

    `seen` is the object as kustomize compares it. Metadata and status may differ. Raises InputError for what kustomize
    cannot compare.
    """
    tested = {"spec": None} | {key: below for key, below in seen.items() if key not in (*_IDENTITY, "status")}
    operations = [{"op": "test", "path": _pointer(key), "value": below} for key, below in tested.items()]
    _refuse_incomparable(identity, operations)
    yield operations
    yield {"$patch": "delete"} | identity


def _with_maps(value: dict[str, Any]) -> dict[str, Any]:
    """The object with labels and annotations, be they empty: Helm and Flux write into them too, so keys go one by one."""
    metadata = value.get("metadata") or {}
    return value | {"metadata": metadata | {key: metadata.get(key) or {} for key in _MAPS}}


def _without_moves(value: Any, operations: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The operations in order, with a removal and an addition in the place of every move."""
    import jsonpatch

    for operation in operations:
        steps: list[dict[str, Any]] = [dict(operation)]
        if operation["op"] == "move":
            steps = [
                {"op": "remove", "path": operation["from"]},
                {"op": "add", "path": operation["path"], "value": _at(value, operation["from"])},
            ]
        yield from steps
        value = jsonpatch.apply_patch(value, steps)


def _pointer(*steps: str) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _tests(value: Any, operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _tests_of_items(value, operation["path"])
    if operation["op"] in ("remove", "replace"):
        yield {"op": "test", "path": operation["path"], "value": _at(value, operation["path"])}
    elif isinstance(_at(value, operation["path"].rpartition("/")[0]), dict):
        yield {"op": "test", "path": operation["path"], "value": None}


def _tests_of_items(value: Any, pointer: str) -> Iterator[dict[str, Any]]:
    """Tests that the items of lists on the way are those that were meant."""
    steps = pointer.split("/")
    for number, step in enumerate(steps[:-1], start=1):
        path = "/".join(steps[:number])
        if step.isdecimal() and isinstance(_at(value, path.rpartition("/")[0]), list):
            item = _at(value, path)
            key = next((key for key in _KEYS if isinstance(item, dict) and key in item), None)
            yield {
                "op": "test",
                "path": f"{path}/{key}" if key else path,
                "value": item[key] if key else item,
            }


def _at(value: Any, pointer: str) -> Any:
    import jsonpointer

    return copy.deepcopy(jsonpointer.resolve_pointer(value, pointer))


def _refuse_incomparable(identity: dict[str, Any], operations: Iterable[dict[str, Any]]) -> None:
    """kustomize 5.8 crashes where it compares lists of which an item is null."""
    for operation in operations:
        if operation["op"] == "test" and _has_null_item(operation["value"]):
            raise InputError(
                f"{identity['kind']} {identity['metadata']['name']}: a list in {operation['path']} has an item that is "
                "null, which kustomize, and so Flux, cannot compare: take the item out of the chart"
            )


def _has_null_item(value: Any) -> bool:
    if isinstance(value, list):
        return None in value or any(map(_has_null_item, value))
    return isinstance(value, dict) and any(map(_has_null_item, value.values()))
