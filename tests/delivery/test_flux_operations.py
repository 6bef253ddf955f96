"""Patches between any two states of an object: what they say when they are applied, and that they fail elsewhere."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
from hypothesis import given
from hypothesis import strategies as st

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
        value = jsonpatch.apply_patch(value, patch) if isinstance(patch, list) else merged(value, patch)
    return value


def bare(value: dict[str, Any]) -> dict[str, Any]:
    """The object without what merge patches repeat, and without empty maps of metadata."""
    metadata = {key: found for key, found in value["metadata"].items() if found not in ({}, None)}
    return {"metadata": metadata, "spec": value["spec"]}


@given(objects(), objects())
def test_the_patches_make_the_one_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
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
