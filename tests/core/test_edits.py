"""Map edits of several rules become operations that change as few lines as possible."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from transformer import edits
from transformer.documents import Input
from transformer.findings import FieldPath
from transformer.objects import Obj
from transformer.run import Edit
from transformer.stream import splice

TEXT = """apiVersion: v1
kind: Service
metadata:
  name: a   # the name
  labels:
    one: '1'
    two: "2"
spec: {}
"""
KEYS = st.sampled_from(["one", "two", "three", "example.com/four", "five"])
LABELS: FieldPath = ("metadata", "labels")


def target(text: str = TEXT) -> Obj:
    (part,) = Input(text.encode(), (b"Service",)).parts()
    obj = part.obj(itertools.count(), "")
    assert obj is not None
    return obj


def edit(
    obj: Obj,
    path: FieldPath,
    write: dict[str, Any] | None = None,
    remove: tuple[str, ...] = (),
    renames: dict[str, str] | None = None,
) -> Edit:
    return Edit(obj, path, write or {}, remove, (obj,), (), renames or {})


def applied(obj: Obj, *planned: Edit) -> str:
    part = obj.part
    assert part is not None
    part.edits = edits.operations(obj, planned)
    (text,) = part.render()
    return text


def changed_lines(before: str, after: str) -> int:
    return len(set(after.splitlines()) - set(before.splitlines()))


@given(
    st.dictionaries(KEYS, st.sampled_from(["1", "2", "x y", "", "true", "é"]), max_size=4),
    st.sets(KEYS, max_size=3),
)
def test_the_map_afterwards_is_what_was_wanted(write: dict[str, str], remove: set[str]) -> None:
    obj = target()
    wanted = {key: text for key, text in {"one": "1", "two": "2"}.items() if key not in remove} | write
    after = applied(obj, edit(obj, LABELS, write, tuple(sorted(remove))))
    expected = yaml.safe_load(TEXT)
    expected["metadata"]["labels"] = wanted
    if not wanted:
        del expected["metadata"]["labels"]
    assert yaml.safe_load(after) == expected
    assert "name: a   # the name" in after


@given(st.lists(st.tuples(KEYS, st.sampled_from(["1", "2"])), max_size=5))
def test_edits_of_several_rules_collate_or_conflict(wishes: list[tuple[str, str]]) -> None:
    obj = target()
    planned = [edit(obj, LABELS, {key: text}) for key, text in wishes]
    if any(dict(wishes)[key] != text for key, text in wishes):
        with pytest.raises(edits.Conflict):
            edits.operations(obj, planned)
        return
    assert yaml.safe_load(applied(obj, *planned))["metadata"]["labels"] == {"one": "1", "two": "2"} | dict(
        wishes
    )


def test_what_is_already_as_wanted_needs_no_operation() -> None:
    obj = target()
    assert edits.operations(obj, [edit(obj, LABELS, {"one": "1"}, ("three",))]) == []


def test_a_renamed_key_changes_one_line() -> None:
    obj = target()
    after = applied(obj, edit(obj, LABELS, {"three": "3"}, ("two",), {"three": "two"}))
    assert changed_lines(TEXT, after) == 1
    assert len(after.splitlines()) == len(TEXT.splitlines())


def test_a_key_that_one_rule_writes_and_another_removes_is_written() -> None:
    obj = target()
    after = applied(obj, edit(obj, LABELS, {}, ("one",)), edit(obj, LABELS, {"one": "9"}))
    assert yaml.safe_load(after)["metadata"]["labels"] == {"one": "9", "two": "2"}


def test_missing_parents_are_created() -> None:
    obj = target()
    after = applied(obj, edit(obj, ("metadata", "annotations"), {"a/b": "c"}))
    assert yaml.safe_load(after)["metadata"]["annotations"] == {"a/b": "c"}
    obj = target()
    after = applied(obj, edit(obj, ("spec", "template", "metadata", "annotations"), {"a/b": "c"}))
    assert yaml.safe_load(after)["spec"] == {"template": {"metadata": {"annotations": {"a/b": "c"}}}}


@pytest.mark.parametrize("depth", range(1, 4))
def test_null_is_an_empty_map_at_every_level(depth: int) -> None:
    path: FieldPath = ("spec", "template", "metadata")
    keys = path[:depth]
    lines = [f"{'  ' * level}{key}:\n" for level, key in enumerate(keys)]
    obj = target("kind: Service\nmetadata:\n  name: a\n" + "".join(lines))
    two = {"a/b": "c", "d": "e"}
    after = yaml.safe_load(applied(obj, edit(obj, path, two), edit(obj, (*path, "more"), {"f": "g"})))
    assert after["spec"]["template"]["metadata"] == {**two, "more": {"f": "g"}}


def test_a_map_behind_an_alias_is_refused() -> None:
    text = "kind: Service\nmetadata:\n  labels: &l\n    one: '1'\n  annotations: *l\n"
    obj = target(text)
    part = obj.part
    assert part is not None
    part.edits = edits.operations(obj, [edit(obj, ("metadata", "annotations"), {"two": "2"})])
    with pytest.raises(splice.Refused):
        part.try_edits()
