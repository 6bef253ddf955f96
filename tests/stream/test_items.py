"""Lists are cut into items that stand for themselves, and put together again byte for byte."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stream.texts import Texts
from transformer.stream import items, nodes

HEAD = "apiVersion: v1\nkind: List\n"
KPT = (
    "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n"
    "- # top comment\n  apiVersion: v1\n  kind: A\n- apiVersion: v1\n  kind: B\n"
    "functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n"
)

CUT = [
    (HEAD + "items:\n- a: 1\n- b: 2\n", ["- a: 1\n", "- b: 2\n"], "compact"),
    (
        HEAD + "items:\n  - a: 1\n    b: |\n      - x\n  - b: 2\n",
        ["  - a: 1\n    b: |\n      - x\n", "  - b: 2\n"],
        "wide",
    ),
    (
        KPT,
        ["- # top comment\n  apiVersion: v1\n  kind: A\n", "- apiVersion: v1\n  kind: B\n"],
        "kpt, with a suffix",
    ),
    (
        HEAD + "items: # c\n# first\n- a: 1\n# second\n- b: 2\n",
        ["# first\n- a: 1\n", "# second\n- b: 2\n"],
        "head comments",
    ),
    (
        HEAD + "items:\n- a: 1\n  # inside\n\n- b: 2\n",
        ["- a: 1\n  # inside\n\n", "- b: 2\n"],
        "deeper comments stay above",
    ),
    (HEAD + "items:\n-\n  a: 1\n- - x\n  - y\n", ["-\n  a: 1\n", "- - x\n  - y\n"], "dash alone, sequences"),
    (HEAD + "items:\r\n- a: 1\r\n- b: 2\r\n", ["- a: 1\r\n", "- b: 2\r\n"], "CRLF"),
    (HEAD + "items:\n- a: 1\n- b: 2", ["- a: 1\n", "- b: 2"], "no final break"),
    ("items:\n- a: 1\nkind: List\n", ["- a: 1\n"], "items first"),
    (
        HEAD + 'items:\n- a: "x\n- y"\n- b: 2\n',
        ['- a: "x\n- y"\n', "- b: 2\n"],
        "a dash inside of a quoted scalar",
    ),
    (HEAD + "items:\n- a: 'x\n- y'\n- b: 2\n", ["- a: 'x\n- y'\n", "- b: 2\n"], "single quotes"),
    (
        HEAD + "items:\n- a: {b: 1,\nc: 2}\n- b: 2\n",
        ["- a: {b: 1,\nc: 2}\n", "- b: 2\n"],
        "a flow mapping to column 0",
    ),
    (HEAD + "items:\n- a: x\u2028  b\n- b: 2\n".replace("\u2028  b", ""), ["- a: x\n", "- b: 2\n"], "plain"),
    ("# c\n---\n" + HEAD + "items:\n- a: 1\n# end\n...\n", ["- a: 1\n"], "comments and markers around"),
    ('"items":\n- a: 1\n- b: 2\n', ["- a: 1\n", "- b: 2\n"], "a quoted key"),
    ("items: !!seq\n- a: 1\n- b: 2\n", ["- a: 1\n", "- b: 2\n"], "a tag"),
    ("a: |\n  items:\n  - x\nitems:\n- b\n", ["- b\n"], "a look-alike in a block scalar"),
]


@pytest.mark.parametrize(("text", "slices", "reason"), CUT, ids=range(len(CUT)))
def test_slices(text: str, slices: list[str], reason: str) -> None:
    cut = items.slice_items(text)
    assert cut is not None
    found = [text[item.start : item.end] for item in cut.items]
    # What follows the last item (comments, markers) may count as its own or as the suffix.
    assert found[:-1] == slices[:-1], reason
    assert found[-1].startswith(slices[-1])
    assert cut.prefix + "".join(found) + cut.suffix == text
    assert all(items.check(each) for each in found)
    assert not cut.flow
    assert not cut.cross_item_aliases
    assert cut.join([[each] for each in found]) == text


FLOW = [
    ('{"kind": "List", "items": [{"a": 1}, {"b": 2}]}\n', ['{"a": 1}', '{"b": 2}']),
    (HEAD + "items: [{a: 1}, b,\n  c]\n", ["{a: 1}", "b", "c"]),
    ('{\n  "items": [\n    {\n      "a": 1\n    },\n    {}\n  ]\n}\n', ['{\n      "a": 1\n    }', "{}"]),
]


@pytest.mark.parametrize(("text", "slices"), FLOW)
def test_flow_slices(text: str, slices: list[str]) -> None:
    cut = items.slice_items(text)
    assert cut is not None
    assert cut.flow
    found = [text[item.start : item.end] for item in cut.items]
    assert found == slices
    assert cut.join([[each] for each in found]) == text


def test_joining_flow_items() -> None:
    text = '{"items": [{"a": 1},  {"b": 2}, {"c": 3}], "kind": "List"}\n'
    cut = items.slice_items(text)
    assert cut is not None
    a, b, c = ([text[item.start : item.end]] for item in cut.items)
    assert cut.join([a, [], c]) == '{"items": [{"a": 1}, {"c": 3}], "kind": "List"}\n'
    assert cut.join([[], b, c]) == '{"items": [{"b": 2}, {"c": 3}], "kind": "List"}\n'
    assert cut.join([a, ["x", "y"], []]) == '{"items": [{"a": 1},  x, y], "kind": "List"}\n'
    assert cut.join([[], [], []]) == '{"items": [], "kind": "List"}\n'


def test_joining_flow_items_with_a_last_comma() -> None:
    cut = items.slice_items("items: [a, b, ]\n")
    assert cut is not None
    assert cut.join([[], []]) == "items: [ ]\n"
    assert cut.join([["a"], ["x", "b"]]) == "items: [a, x, b, ]\n"


def test_joining_block_items() -> None:
    text = HEAD + "items: # c\n- a: 1\n- b: 2\nkind2: x\n"
    cut = items.slice_items(text)
    assert cut is not None
    assert [item.indent for item in cut.items] == [0, 0]
    assert cut.join([["- a: 1\n"], ["- x\n", "- y\n"]]) == HEAD + "items: # c\n- a: 1\n- x\n- y\nkind2: x\n"
    assert cut.join([[], ["- b: 2\n"]]) == HEAD + "items: # c\n- b: 2\nkind2: x\n"
    assert cut.join([[], []]) == HEAD + "items: [] # c\nkind2: x\n"
    with pytest.raises(ValueError):
        cut.join([[]])


def test_joining_adds_breaks_where_they_are_missing() -> None:
    cut = items.slice_items("items:\n- a\n- b")
    assert cut is not None
    assert cut.join([["- a\n"], ["- b", "- c\n"]]) == "items:\n- a\n- b\n- c\n"
    assert cut.join([["- a\n"], ["- b"]]) == "items:\n- a\n- b"


@pytest.mark.parametrize(
    "text", [HEAD + "items: []\n", HEAD + "items:\n", HEAD + "items: null\nx: y\n", '{"items": []}']
)
def test_lists_without_items(text: str) -> None:
    cut = items.slice_items(text)
    assert cut is not None
    assert (cut.items, cut.prefix, cut.suffix, cut.join([])) == ([], text, "", text)


@pytest.mark.parametrize("text", [HEAD, "", "# c\n", "- a\n", "a: {items: [1]}\n", "a:\n  items:\n  - b\n"])
def test_documents_without_the_key(text: str) -> None:
    assert items.slice_items(text) is None


def test_another_key() -> None:
    cut = items.slice_items("results:\n- a\n", "results")
    assert cut is not None
    assert len(cut.items) == 1


REFUSED = [
    ("items: x\n", "not a sequence", "a scalar"),
    ("items: {a: 1}\n", "not a sequence", "a mapping"),
    ("items:\n- a\nitems:\n- b\n", "written twice", "which one?"),
    ("x: &x [1]\nitems: *x\n", "not a sequence", "written elsewhere"),
    ("items:\n- a: 'x\n", "", "no YAML"),
    ("? items\n: - a\n  - b\n", "lines of their own", "the first dash is not the first on its line"),
]


@pytest.mark.parametrize(("text", "message", "reason"), REFUSED)
def test_refusals(text: str, message: str, reason: str) -> None:
    with pytest.raises(nodes.ParseError) as caught:
        items.slice_items(text)
    assert message in caught.value.message, reason


CROSSING = [
    ("items:\n- a: &x 1\n  b: *x\n- c: &y 2\n", False, "within an item"),
    ("items:\n- a: &x 1\n- b: *x\n", True, "from item to item"),
    ("x: &x 1\nitems:\n- b: *x\n", True, "from outside"),
    ("items:\n- a: &x 1\nb: *x\n", True, "to the outside"),
    ("x: &x 1\ny: *x\nitems:\n- b: 1\n", False, "outside only"),
    ("items:\n- &x {a: 1}\n- *x\n", True, "a whole item"),
    ("items:\n- a: x & y\n  b: ' *x'\n", False, "look-alikes"),
    ("items: [&x {a: 1}, {b: *x}]\n", True, "flow"),
]


@pytest.mark.parametrize(("text", "crossing", "reason"), CROSSING)
def test_aliases_across_items(text: str, crossing: bool, reason: str) -> None:
    cut = items.slice_items(text)
    assert cut is not None
    assert cut.cross_item_aliases is crossing, reason


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: b\n", "", "- 'a\n", "- a\nb\n"])
def test_check_wants_exactly_one_item(text: str) -> None:
    assert not items.check(text)


def values(text: str) -> Any:
    """The value of every item, read from the whole document."""
    root = nodes.parse(text).root
    assert root is not None
    found = nodes.get(root, "items")
    if found is None or found.kind != nodes.SEQUENCE:
        raise TypeError("no list")
    return [nodes.to_value(item) for item in found.value]


@given(st.randoms(use_true_random=False))
def test_slices_of_random_lists_mean_what_the_list_means(random: Random) -> None:
    texts = Texts(random)
    column = random.choice([0, 2])
    head = random.choice(["", HEAD, "x: 'a\n  b'\n", "---\n# c\n"])
    tail = random.choice(["", "tail: x\n", "# end\n", "...\n"])
    body = (
        f"items:{texts.comment()}{texts.sequence(column, 2)}"
        if random.random() < 0.9
        else f"items: {texts.flow(0)}\n"
    )
    text = head + body + tail
    if random.random() < 0.2:
        text = text.replace("\n", "\r\n")
    try:
        expected = values(text)
    except (nodes.ParseError, TypeError):
        return
    cut = items.slice_items(text)
    assert cut is not None
    slices = [text[item.start : item.end] for item in cut.items]
    assert cut.join([[each] for each in slices]) == text
    if not expected or cut.cross_item_aliases:
        return
    read = [nodes.parse(each).root for each in slices]
    assert [nodes.to_value(root) if root is not None else None for root in read] == [
        each if cut.flow else [each] for each in expected
    ]
    chosen = [random.random() < 0.6 for _ in slices]
    joined = cut.join([[each] if keep else [] for each, keep in zip(slices, chosen, strict=True)])
    assert values(joined) == [each for each, keep in zip(expected, chosen, strict=True) if keep]
