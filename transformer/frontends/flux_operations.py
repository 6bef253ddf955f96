"""The patches between two states of one object, whatever else the object holds by the time that they are applied.

JSON 6902 operations name list items by position. So that they never change another value than the one that was there
when they were made, they test every value that they replace and the names of the items on their way; where the chart
has changed since, Flux reports the release as failed and keeps what is deployed.

Keys that are added come as a merge patch of their own: a JSON operation has to know whether the map around a key
exists, and Helm 4 annotates every object on its way to a post-renderer while Helm 3 does not.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from transformer.errors import BugError

#: Fields that tell one item of a list from the others, the best first.
_KEYS = ("name", "mountPath", "containerPort", "port", "key", "host", "path", "type")


def between(identity: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> Iterator[Any]:
    """One or two patches that make `after` of an object: keys that are added, and JSON 6902 operations for the rest.

    `identity` is what a merge patch has to say of the object: apiVersion, kind, and its name in metadata.
    """
    import jsonpatch

    old, new = _with_maps(before), _with_maps(after)
    added: dict[str, Any] = {}
    operations: list[dict[str, Any]] = []
    here = copy.deepcopy(old)
    for operation in _without_moves(old, jsonpatch.make_patch(old, new).patch):
        if operation["op"] == "add" and _is_key(here, operation):
            _put(added, operation)
        else:
            operations += [test for test in _tests(here, operation) if test not in operations]
            operations.append(operation)
        here = jsonpatch.apply_patch(here, [operation])
    if jsonpatch.apply_patch(_merged(old, added), operations) != new:
        raise BugError(f"patches of {identity['kind']} do not say what was done")
    if added:
        yield _merged(identity, added)
    if operations:
        yield operations


def _with_maps(value: dict[str, Any]) -> dict[str, Any]:
    """The object with labels and annotations, be they empty: Helm and Flux write into them too, so keys go one by one."""
    metadata = value.get("metadata") or {}
    return value | {
        "metadata": metadata | {key: metadata.get(key) or {} for key in ("labels", "annotations")}
    }


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


def _is_key(value: Any, operation: dict[str, Any]) -> bool:
    """Whether an addition is a key below nothing but maps, and no list, which a merge could join with another."""
    if isinstance(operation["value"], list):
        return False
    for step in _steps(operation["path"])[:-1]:
        value = value.get(step) if isinstance(value, dict) else None
        if not isinstance(value, dict):
            return False
    return True


def _put(added: dict[str, Any], operation: dict[str, Any]) -> None:
    *above, key = _steps(operation["path"])
    for step in above:
        added = added.setdefault(step, {})
    added[key] = operation["value"]


def _merged(value: Any, added: Any) -> Any:
    """The value with keys added, as a merge patch adds them."""
    if not isinstance(value, dict) or not isinstance(added, dict):
        return copy.deepcopy(added)
    out = copy.deepcopy(value)
    for key, more in added.items():
        out[key] = _merged(out[key], more) if key in out else copy.deepcopy(more)
    return out


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _tests(value: Any, operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _tests_of_items(value, operation["path"])
    if operation["op"] in ("remove", "replace"):
        yield {"op": "test", "path": operation["path"], "value": _at(value, operation["path"])}


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
