"""Patches between any two states of an object: what they say when they are applied, and that they fail elsewhere."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.delivery import fluxing
from transformer.errors import InputError
from transformer.frontends import flux_operations

_IDENTITY = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}}
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["", "a", "a/b", "~1", "0", "-"])
)
_KEYS = st.sampled_from(["a", "b", "a/b", "~", "0", "name", "port"])
_VALUES = st.recursive(
    _SCALARS, lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(_KEYS, below, max_size=3)), max_leaves=8
)  # fmt: skip


def objects() -> st.SearchStrategy[dict[str, Any]]:
    """Objects with annotations or without, and anything in their spec."""
    noted = st.dictionaries(_KEYS, st.sampled_from(["x", "y"]), max_size=2)
    metadata = st.fixed_dictionaries({"name": st.just("x")}, optional={"annotations": noted, "labels": noted})
    return st.fixed_dictionaries({"metadata": metadata, "spec": _VALUES})


def merged(value: Any, patch: Any) -> Any:
    """What a merge patch without deletions makes of a value."""
    if not isinstance(value, dict) or not isinstance(patch, dict):
        return copy.deepcopy(patch)
    return {**value, **{key: merged(value.get(key), below) for key, below in patch.items()}}


def applied(value: Any, patches: list[Any]) -> Any:
    for patch in patches:
        value = fluxing.operated(value, patch) if isinstance(patch, list) else merged(value, patch)
    return value


def bare(value: dict[str, Any]) -> dict[str, Any]:
    """The object without what merge patches repeat, and without empty maps of metadata."""
    metadata = {key: found for key, found in value["metadata"].items() if found not in ({}, None)}
    return {"metadata": metadata, "spec": value["spec"]}


def without_null_items(value: Any) -> bool:
    below = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return all(map(without_null_items, below)) and not (isinstance(value, list) and None in value)


@given(objects(), objects())
def test_the_patches_make_the_one_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    # One of the lists on the way may be compared, too.
    assume(without_null_items([before, after]))
    patches = list(flux_operations.between(_IDENTITY, before, after))
    assert len(patches) <= 2
    start = copy.deepcopy(before)
    for key in ("labels", "annotations"):
        # As Helm and Flux do, which write both maps.
        start["metadata"][key] = {**start["metadata"].get(key, {}), "theirs": "kept"}
    done = applied(start, patches)
    assert [done["metadata"][key].pop("theirs") for key in ("labels", "annotations")] == ["kept", "kept"]
    assert bare(done) == bare(after)


@given(objects())
def test_nothing_changes_where_nothing_changed(value: dict[str, Any]) -> None:
    assert list(flux_operations.between(_IDENTITY, value, copy.deepcopy(value))) == []


@given(st.dictionaries(_KEYS, _SCALARS.filter(lambda value: value is not None), min_size=1, max_size=3))
def test_a_key_that_is_there_by_now_is_not_overwritten(added: dict[str, Any]) -> None:
    before: dict[str, Any] = {"metadata": {"name": "x"}, "spec": {"x": 1}}
    after = copy.deepcopy(before)
    after["spec"] |= added
    patches = list(flux_operations.between(_IDENTITY, before, after))
    assert applied(copy.deepcopy(before), patches)["spec"] == after["spec"]
    for key in added:
        newer = copy.deepcopy(before)
        newer["spec"][key] = "of the newer chart"
        with pytest.raises(jsonpatch.JsonPatchTestFailed):
            applied(newer, patches)


@pytest.mark.parametrize("key", ["labels", "annotations"])
@pytest.mark.parametrize("others", [{}, {"helm": "4"}])
def test_keys_are_added_to_maps_that_only_helm_4_writes(key: str, others: dict[str, str]) -> None:
    before: dict[str, Any] = {"metadata": {"name": "x"}}
    patches = list(
        flux_operations.between(_IDENTITY, before, {"metadata": {"name": "x", key: {"a": "ours"}}})
    )
    there = {"metadata": {"name": "x"} | ({key: others} if others else {})}
    assert applied(there, patches)["metadata"][key] == {"a": "ours", **others}
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        applied({"metadata": {"name": "x", key: {"a": "theirs"}}}, patches)


@pytest.mark.parametrize(
    ("before", "changed"),
    [
        ({"spec": {"rules": [1]}}, {"spec": {"rules": [1, 2]}}),
        ({"spec": {}}, {"spec": {"action": "DENY"}}),
        ({}, {"spec": {"action": "DENY"}}),
        ({"specs": [1], "sources": []}, {"specs": [1], "sources": [2]}),
        ({"specs": [1]}, {"specs": [1], "spec": {}}),
    ],
)
def test_what_says_something_else_by_now_is_not_deleted(
    before: dict[str, Any], changed: dict[str, Any]
) -> None:
    whole = {**_IDENTITY, "status": {"was": 1}}
    tests, removal = flux_operations.deletion(_IDENTITY, whole | before)
    assert removal == {"$patch": "delete", **_IDENTITY}
    fluxing.operated({**_IDENTITY, "status": {"is": 2}, **before}, tests)
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        fluxing.operated({**_IDENTITY, **changed}, tests)


def test_what_kustomize_cannot_compare_is_refused() -> None:
    for value in ([None], {"a": [1, None]}, [[{"a": [None]}]]):
        with pytest.raises(InputError, match=r"Thing x: a list in /spec.* has an item that is null"):
            list(flux_operations.deletion(_IDENTITY, {"spec": value}))
        with pytest.raises(InputError, match="null"):
            list(flux_operations.between(_IDENTITY, {"spec": {"b": value}}, {"spec": {"b": 1}}))
    # What is not compared may hold anything.
    assert list(flux_operations.between(_IDENTITY, {"spec": {"a": [None]}}, {"spec": {"a": [None], "b": 1}}))
