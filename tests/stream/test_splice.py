"""Edits change the lines they must and no others; what is not certain is refused."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stream import trials
from tests.stream.texts import Texts
from transformer.stream import lines, nodes, splice
from transformer.stream.splice import Insert, InsertItem, Op, Refused, Remove, RemoveItem, Rename, Set

A = ("a",)
DEEP = {"x": {"w": ["z", {"v": 1}]}}


def apply(text: str, *operations: Op, root: splice.Path = ()) -> str:
    """The edited text."""
    return splice.apply(text, nodes.parse(text), operations, root)


DONE: list[tuple[str, list[Op], str, str]] = [
    ("a: b # c\n", [Set(A, "d")], "a: d # c\n", "the comment stays"),
    ("a: 'b'\n", [Set(A, "d")], "a: 'd'\n", "quotes stay"),
    ('a: "b"\n', [Set(A, "d")], 'a: "d"\n', "quotes stay"),
    ("a: 'b'\n", [Set(A, 1)], "a: 1\n", "a number takes no quotes"),
    ("a: b\n", [Set(A, "true")], "a: 'true'\n", "a string is kept a string"),
    ("a:\nb: c\n", [Set(A, "d")], "a: d\nb: c\n", "an empty value"),
    ("a: # c\nb: c\n", [Set(A, "d")], "a: d # c\nb: c\n", "an empty value before a comment"),
    ("a: |\n  b\n  c\nd: e\n", [Set(A, "x")], "a: x\nd: e\n", "a block scalar"),
    ("a: [1, b]\n", [Set((*A, 1), "c")], "a: [1, c]\n", "in a flow sequence"),
    ('{"a": 1, "b": [true]}\n', [Set(A, "x")], '{"a": "x", "b": [true]}\n', "JSON stays JSON"),
    ("a:\n- \n- b\n", [Set((*A, 0), "c")], "a:\n-  c\n- b\n"[:4] + " c \n- b\n", "an empty item"),
    ("a: b\n", [Rename(A, "c")], "c: b\n", "a new key"),
    ("'a': b\n", [Rename(A, "c")], "'c': b\n", "its quotes stay"),
    (
        "a:\n  b: {c: d}\n",
        [Rename(("a", "b", "c"), "e: f")],
        "a:\n  b: {'e: f': d}\n",
        "a key that needs quotes",
    ),
    ("a: b\n", [Set(A, "x"), Rename(A, "c")], "c: x\n", "value and key"),
    ("a:\n  b: c\nd: e\n", [Insert(A, "x", "w")], "a:\n  b: c\n  x: w\nd: e\n", "after the last key"),
    (
        "a:\n    b: c # d\n\n# e\nf: g\n",
        [Insert(A, "x", "w")],
        "a:\n    b: c # d\n    x: w\n\n# e\nf: g\n",
        "before comments",
    ),
    (
        "a:\n  b: |\n    c\n\nd: e\n",
        [Insert(A, "x", "w")],
        "a:\n  b: |\n    c\n  x: w\n\nd: e\n",
        "after a block scalar",
    ),
    (
        "a:\n  b: |+\n    c\n\nd: e\n",
        [Insert(A, "x", "w")],
        "a:\n  b: |+\n    c\n\n  x: w\nd: e\n",
        "its blank lines are content",
    ),
    ("a:\n  b: c", [Insert(A, "x", "w")], "a:\n  b: c\n  x: w", "no final break"),
    (
        "a:\n  b: c",
        [Insert(A, "x", "w\nz\n")],
        "a:\n  b: c\n  x: |\n    w\n    z\n",
        "which a block scalar needs",
    ),
    ("a:\r\n  b: c\r\nd: e\r\n", [Insert(A, "x", "w")], "a:\r\n  b: c\r\n  x: w\r\nd: e\r\n", "CRLF"),
    (
        "a:\n- b: c\n  d: e\n- f\n",
        [Insert(("a", 0), "x", "w")],
        "a:\n- b: c\n  d: e\n  x: w\n- f\n",
        "below a dash",
    ),
    ("a: {b: c}\n", [Insert(A, "x", "w")], "a: {b: c, x: w}\n", "flow"),
    (
        "a: {b: c,}\n",
        [Insert(A, "x", DEEP)],
        'a: {b: c, x: {"x": {"w": ["z", {"v": 1}]}},}\n',
        "flow with a last comma",
    ),
    (
        '{\n  "a": 1,\n  "b": 2\n}\n',
        [Insert((), "x", "w")],
        '{\n  "a": 1,\n  "b": 2,\n  "x": "w"\n}\n',
        "pretty JSON",
    ),
    ("a: {}\nb: c\n", [Insert(A, "x", "w")], "a:\n  x: w\nb: c\n", "an empty mapping"),
    ("a: # c\nb: c\n", [Insert(A, "x", "w")], "a: # c\n  x: w\nb: c\n", "null with a comment"),
    (
        "a: null\n",
        [Insert(A, "x", DEEP)],
        "a:\n  x:\n    x:\n      w:\n      - z\n      - v: 1\n",
        "a written null",
    ),
    ("{a: , b: 1}\n", [Insert(A, "x", "w")], '{a: {"x": "w"}, b: 1}\n', "null in a flow mapping"),
    ("a: b\n", [Insert(("c", "d"), "x", "w")], "a: b\nc:\n  d:\n    x: w\n", "missing mappings"),
    (
        "a: b\n",
        [Insert(("c",), "x", 1), Insert(("c",), "w", 2)],
        "a: b\nc:\n  x: 1\n  w: 2\n",
        "twice into what was missing",
    ),
    (
        "a:\n  b:\n    c: d\n",
        [Insert((), "x", 1), Insert(("a", "b"), "w", 2), Insert(A, "z", 3)],
        "a:\n  b:\n    c: d\n    w: 2\n  z: 3\nx: 1\n",
        "several mappings that end on one line",
    ),
    (
        "a:\n  - b\nc:\n  - d\n",
        [Insert((), "x", [1])],
        "a:\n  - b\nc:\n  - d\nx:\n  - 1\n",
        "wide sequences stay wide",
    ),
    ("a:\n  b: c\n  # d\n  e: f\n", [Remove(("a", "b"))], "a:\n  # d\n  e: f\n", "comments stay"),
    ("a:\n  b:\n    c: d\n    e: f\n  g: h\n", [Remove(("a", "b"))], "a:\n  g: h\n", "a whole mapping"),
    ("a:\n  b: c\nd: e\n", [Remove(("a", "b"))], "a: {}\nd: e\n", "the last key leaves an empty mapping"),
    ("a:\n  b: c\nd: e\n", [Remove(("a", "b"), prune=True)], "d: e\n", "or takes it along"),
    ("a:\n  b:\n    c: d\nd: e\n", [Remove(("a", "b", "c"), prune=True)], "d: e\n", "and all above"),
    (
        "a:\n  b:\n    c: d\n  d: e\n",
        [Remove(("a", "b", "c"), prune=True)],
        "a:\n  d: e\n",
        "up to one with other keys",
    ),
    (
        "a: # x\n  # w\n  b: c\nd: e\n",
        [Remove(("a", "b"))],
        "a: {} # x\n  # w\nd: e\n",
        "comments inside stay",
    ),
    ("a:\n- b: c\n  d: e\n", [Remove(("a", 0, "b"))], "a:\n- d: e\n", "the first key after a dash"),
    ("a:\n- b: c\n", [Remove(("a", 0, "b"), prune=True)], "a:\n- {}\n", "an item is not pruned away"),
    ("a: {b: 1, c: 2}\n", [Remove(("a", "b"))], "a: {c: 2}\n", "first in flow"),
    ("a: {b: 1, c: 2}\n", [Remove(("a", "c"))], "a: {b: 1}\n", "last in flow"),
    ("a: {b: 1}\n", [Remove(("a", "b"))], "a: {}\n", "only one in flow"),
    (
        "a: 1\nb: 2\nc: 3\n",
        [Remove(A), Remove(("c",)), Insert((), "x", 4)],
        "b: 2\nx: 4\n",
        "several at once",
    ),
    ("a: 1\nb: 2\n", [Remove(A), Remove(("b",))], "{}\n", "all of them"),
    ("a: |\n  b\n\nc: d\n", [Remove(("c",))], "a: |\n  b\n\n", "after a block scalar"),
    ("a: b\nc: d", [Remove(("c",))], "a: b\n", "at the end without a break"),
    ("a:\n- b\n- c\n- d\n", [RemoveItem(("a", 1))], "a:\n- b\n- d\n", "an item"),
    ("a:\n- b\n", [RemoveItem(("a", 0))], "a: []\n", "the last item"),
    ("a: [b, c]\n", [RemoveItem(("a", 0))], "a: [c]\n", "in flow"),
    ("- - a\n  - b\n- c\n", [RemoveItem((0, 0))], "- - b\n- c\n", "the first of an inner sequence"),
    ("a:\n- b\n- c\n", [InsertItem(A, 1, {"x": 1, "w": 2})], "a:\n- b\n- x: 1\n  w: 2\n- c\n", "between"),
    (
        "a:\n  - b\n  # c\n  - d\n",
        [InsertItem(A, 1, "x")],
        "a:\n  - b\n  - x\n  # c\n  - d\n",
        "before the next one's comment",
    ),
    ("a:\n- b\nc: d\n", [InsertItem(A, 1, "x")], "a:\n- b\n- x\nc: d\n", "at the end"),
    ("a: []\n", [InsertItem(A, 0, {"x": 1})], "a:\n- x: 1\n", "into an empty one"),
    ("a: [b, c]\n", [InsertItem(A, 0, "x"), InsertItem(A, 3, "w")], "a: [x, b, c, w]\n", "in flow"),
    (
        "---\n# Source: x\na: b\n...\n",
        [Insert((), "x", "w")],
        "---\n# Source: x\na: b\nx: w\n...\n",
        "markers stay",
    ),
    (
        "a: &x 1\nb: *x\nc:\n  d: e\n",
        [Insert(("c",), "x", "w")],
        "a: &x 1\nb: *x\nc:\n  d: e\n  x: w\n",
        "aliases elsewhere",
    ),
    ("é: 😀\nb: c\n", [Set(("b",), "ü")], "é: 😀\nb: ü\n", "offsets count code points"),
    ("yes: 1\nb: 2\n", [Set(("true",), 3)], "yes: 3\nb: 2\n", "keys are those that Kubernetes reads"),
]


@pytest.mark.parametrize(("text", "operations", "edited", "reason"), DONE, ids=range(len(DONE)))
def test_edits(text: str, operations: list[Op], edited: str, reason: str) -> None:
    assert apply(text, *operations) == edited, reason


REFUSED: list[tuple[str, list[Op], str, str]] = [
    ("a: &x {b: c}\nd: *x\n", [Insert(("d",), "x", 1)], "alias", "the mapping is written elsewhere"),
    ("a: &x {b: c}\nd: *x\n", [Insert(A, "x", 1)], "anchor", "another place would change with it"),
    ("a: &x {b: c}\nd: *x\n", [Set(("a", "b"), 1)], "anchor", "another place would change with it"),
    ("a: &x b\nd: *x\n", [Remove(A)], "anchor", "an alias would point nowhere"),
    ("a: &x b\nd: *x\n", [Set(("d",), "w")], "not a scalar", "an alias has no text of its own"),
    ("x: &x {b: 1}\na:\n  <<: *x\n  c: 2\n", [Insert(A, "b", 3)], "exists|merge key", "a merged key"),
    ("x: &x {b: 1}\na:\n  <<: *x\n  c: 2\n", [Set(("a", "c"), 3)], "merge key", "order decides what counts"),
    ("a: 1\na: 2\n", [Set(A, 3)], "twice", "which one?"),
    ("a: b\n", [Insert((), "a", 1)], "exists already", "no second one"),
    ("a: b\nc: d\n", [Rename(A, "c")], "exists already", "no second one"),
    ("a: b\n", [Set(("c",), 1)], "there is no", "nothing to set"),
    ("a: b\n", [Remove(("c",))], "there is no", "nothing to remove"),
    ("a: [b]\n", [RemoveItem(("a", 1))], "there is no", "nothing to remove"),
    ("a: [b]\n", [InsertItem(A, 2, 1)], "within its length", "no such place"),
    ("a: {b: c}\n", [Set(A, "x")], "longer path|not a scalar", "a mapping is not overwritten"),
    ("a: b\n", [Insert(A, "x", 1)], "mapping only", "a scalar is not overwritten"),
    ("a: |\n  b", [Insert((), "x", 1)], "without a line break", "the added break would change the value"),
    ("a: | # c\n  b\n", [Set(A, "x")], "comment", "the comment would go"),
    ("? a\n: b\nc: d\n", [Remove(A)], "start its line", "an explicit key"),
    ("? [a]\n: b\nc: d\n", [Set(("c",), 1)], "cannot be edited", "a key that Kubernetes refuses"),
    ("a:\n- b: c\n  # d\n  e: f\n", [Remove(("a", 0, "b"))], "comment", "the comment would go"),
    ("a: {b: 1, # x\n  c: 2}\n", [Remove(("a", "c"))], "comment", "the comment would go"),
    ("a: {\n  b: 1 # x\n  }\n", [Remove(("a", "b"))], "comment", "the comment would go"),
    ("a: {b}\n", [Insert(A, "x", 1)], "empty", "no place for a comma that is sure"),
    ("", [Insert((), "x", 1)], "empty", "no document"),
    ("[a]\n", [Insert((), "x", 1)], "mapping only", "no mapping"),
    ("a: b\n", [Rename((), "x")], "path", "the root has no key"),
    ("a: .inf\nb: c\n", [Set(("b",), 1)], "cannot be edited", "what cannot be read cannot be compared"),
    ("a: &x\n- b\n", [InsertItem(A, 1, "x")], "anchor", "where the dash stands is not certain"),
    ("a: &x b\n", [Rename(A, "c"), Set(("c",), 1)], "anchor", "an anchor would be lost"),
]


@pytest.mark.parametrize(("text", "operations", "message", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_refusals(text: str, operations: list[Op], message: str, reason: str) -> None:
    with pytest.raises(Refused, match=message):
        apply(text, *operations)


def test_a_refusal_names_its_line() -> None:
    with pytest.raises(Refused) as caught:
        apply("a: b\nc: &x d\ne: *x\n", Remove(("c",)))
    assert caught.value.line == 2
    assert caught.value.reason


def test_root_is_where_paths_start() -> None:
    text = "- # top\n  kind: X\n  metadata:\n    name: a\n"
    edited = apply(text, Insert(("metadata", "annotations"), "k", "v"), Set(("kind",), "W"), root=(0,))
    assert edited == "- # top\n  kind: W\n  metadata:\n    name: a\n    annotations:\n      k: v\n"


def test_nothing_to_do_changes_nothing() -> None:
    assert apply("a:   b # c\n") == "a:   b # c\n"


def test_a_wrong_splice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*_: Any) -> list[Any]:
        return [lines.Change(0, 0, "x: 1\n")]

    monkeypatch.setattr(splice, "_changes", careless)
    with pytest.raises(Refused, match="does not read back"):
        apply("a: b\n", Set(A, "c"))


@pytest.mark.parametrize("text", ["x: true\n", "x: '1'\n", "x: 1\ny: 1\n", "x: 2\n", "x: [1]\n"])
def test_the_comparison_knows_types(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splice, "_changes", lambda *_: [lines.Change(0, 5, text)])
    with pytest.raises(Refused, match="does not read back"):
        apply("x: 0\n", Set(("x",), 1))


def test_expected_leaves_its_argument_alone() -> None:
    value = {"a": {"b": [1, 2]}, "c": None}
    operations: list[Op] = [
        InsertItem(("a", "b"), 1, 9),
        Insert(("c", "d"), "e", 1),
        RemoveItem(("a", "b", 0)),
        Rename(A, "z"),
    ]
    assert splice.expected(value, operations) == {"z": {"b": [9, 2]}, "c": {"d": {"e": 1}}}
    assert value == {"a": {"b": [1, 2]}, "c": None}


@given(st.randoms(use_true_random=False))
def test_random_edits_are_correct_or_refused(random: Random) -> None:
    text = Texts(random).document()
    operations = trials.random_operations(random, text)
    verdict = trials.judge(text, operations) if operations else "invalid"
    assert not verdict.startswith("wrong"), (verdict, operations, text)


def test_few_random_edits_are_refused() -> None:
    verdicts = trials.run(1500, seed=42)
    assert verdicts["wrong"] == 0
    assert verdicts["correct"] > 900
    assert verdicts["refused"] < 0.12 * verdicts["correct"]
