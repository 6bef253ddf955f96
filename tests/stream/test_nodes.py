"""Nodes have exact places, hostile input ends in a ParseError, and mappings read as Kubernetes reads them."""

from __future__ import annotations

import subprocess
import sys
import time
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.stream.texts import Texts
from transformer.stream import compose, nodes


def root(text: str) -> nodes.Node:
    """The root of a document that has content."""
    found = nodes.parse(text).root
    assert found is not None
    return found


def value(text: str) -> Any:
    """A document's value."""
    return nodes.to_value(root(text))


SPANS = [
    ("a: b", "b", "plain"),
    ("a:   'b'  # c", "'b'", "quotes belong to it"),
    ('a: "b\n  c"\nd: e', '"b\n  c"', "two lines"),
    ("a: two\n  lines\nb: c", "two\n  lines", "two lines"),
    ("a: !!str &x b", "!!str &x b", "tag and anchor belong to it"),
    ("a: &x b\nc: *x", "&x b", "anchor"),
    ("a:\nb: c", "", "an empty value has no width"),
    ("a: {b: c}  # d", "{b: c}", "brackets belong to it"),
    ("a: [\n  b,\n]\nc: d", "[\n  b,\n]", "several lines"),
    ("a:\n  b: c\n  d: e  # x\n\n# y\nf: g", "b: c\n  d: e", "a block ends with its last leaf"),
    ("a:\n- b\n- c\n\nd: e", "- b\n- c", "a compact sequence"),
    ("a: |\n  b\n\n  c\n\n\nd: e", "|\n  b\n\n  c", "trailing blank lines are not content"),
    ("a: |+\n  b\n\n\nd: e", "|+\n  b\n\n", "here they are"),
    ("a: |+\r\n  b\r\n\r\nd: e", "|+\r\n  b\r\n", "CRLF"),
    ("a: >- # note +\n  b\n  c\n# d\n", ">- # note +\n  b\n  c", "a header's comment decides nothing"),
    ("a: |\n  b", "|\n  b", "no final break"),
    ("é: 日本\nb: c", "日本", "offsets count code points"),
    ("a: 😀\nb: c", "😀", "beyond the basic plane too"),
    ("a: |\n\nb: c", "|", "an empty block scalar"),
]


@pytest.mark.parametrize(("text", "span", "reason"), SPANS)
def test_places(text: str, span: str, reason: str) -> None:
    node = root(text).value[0][1]
    assert text[node.start : node.end] == span, reason


def test_lines_and_columns_count_from_zero() -> None:
    node = root("---\na:\n  - b: c\n").value[0][1].value[0].value[0][1]
    assert (node.line, node.column) == (2, 7)


STYLES = [
    ("a", "plain"),
    ("'a'", "'"),
    ('"a"', '"'),
    ("[a]", "flow"),
    ("{a: b}", "flow"),
    ("\n  - a", "block"),
]


@pytest.mark.parametrize(("text", "style"), STYLES)
def test_styles(text: str, style: str) -> None:
    assert root(f"k: {text}\n").value[0][1].style == style


@pytest.mark.parametrize("text", ["", "\n", "# c\n", "---\n", "--- # c\n", "---\n...\n"])
def test_documents_without_content_have_no_root(text: str) -> None:
    assert nodes.parse(text).root is None


def test_a_written_null_is_a_root() -> None:
    assert nodes.parse("--- null\n").root is not None


def test_aliases_stay_aliases() -> None:
    anchored, alias = (pair[1] for pair in root("a: &x {b: c}\nd: *x\n").value)
    assert (alias.kind, alias.value, alias.target) == (nodes.ALIAS, "x", anchored)
    assert nodes.resolve(alias) is anchored
    assert nodes.resolve(anchored) is anchored


def test_the_latest_anchor_of_a_name_counts() -> None:
    assert value("a: &x 1\nb: &x 2\nc: *x\n") == {"a": 1, "b": 2, "c": 2}


REFUSED = [
    ("a: *nowhere\n", "undefined alias", 1, "Helm 4 produces these"),
    ("a: b\nc: &x [*x]\n", "contains itself", 2, "a cycle has no JSON form"),
    ("a: b: c\n", "mapping values are not allowed", 1, "two colons"),
    ("a: 1\n b: 2\n", "", 2, "bad indentation"),
    ("a:\n\t- b\n", "", 2, "a tab as indentation"),
    ("a: 'b\n", "", 2, "an open quote"),
    ("a: b\n---\nc: d\n", "more than one document", 2, "one document at a time"),
    ("a: \x07\n", "control characters", 1, "YAML forbids them"),
    ("\ufeffa: b\n", "byte order mark", 1, "decode strips it"),
    ("a: @b\n", "cannot start any token", 1, "reserved"),
    ('a: "\\ud83d\\ude00"\n', "Unicode", 1, "Kubernetes refuses surrogates in YAML"),
    ('{"a": "\\ud83d"}\n', "Unicode", 1, "half a pair is never a character"),
    ("a: [b:, @]\n", "cannot start any token", 1, "a stand-in does not help"),
]


@pytest.mark.parametrize(("text", "message", "line", "reason"), REFUSED)
def test_refusals(text: str, message: str, line: int, reason: str) -> None:
    with pytest.raises(nodes.ParseError) as caught:
        nodes.parse(text)
    assert message in caught.value.message, reason
    assert caught.value.line == line
    assert caught.value.column >= 1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\xff\xfea\0", "UTF-16"),
        (b"\xfe\xff\0a", "UTF-16"),
        (b"a: b\nc: \xff\n", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
    ],
)
def test_decode_is_strict(raw: bytes, message: str) -> None:
    with pytest.raises(nodes.ParseError, match=message):
        nodes.decode(raw)


def test_decode_tells_the_mark_and_the_place() -> None:
    assert nodes.decode(b"\xef\xbb\xbfa") == ("a", True)
    assert nodes.decode("é".encode()) == ("é", False)
    with pytest.raises(nodes.ParseError) as caught:
        nodes.decode(b"\xef\xbb\xbfa: b\nc: \xff\n")
    assert (caught.value.line, caught.value.column) == (2, 4)


# What libyaml refuses or PyYAML reads otherwise; every answer is kubectl's.
FLOW_COLONS = [
    ("a: [1.2.3.4, 001:db8::]", ["1.2.3.4", "001:db8::"]),
    ("a: [fe80::]", ["fe80::"]),
    ("a: {x: fe80::}", {"x": "fe80::"}),
    ("a: [a:, b]", ["a:", "b"]),
    ("a: {a:}", {"a:": None}),
    ("a: [http://x:]", ["http://x:"]),
    ("a: ['a':b, \"c\":d]", [{"a": "b"}, {"c": "d"}]),
    ("a: [x:, 'q:]', \"r:,\", s] # t:]", ["x:", "q:]", "r:,", "s"]),
]


@pytest.mark.parametrize(("text", "answer"), FLOW_COLONS)
@pytest.mark.parametrize("pure", [False, True])
def test_colons_in_flow_collections(
    text: str, answer: Any, pure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pure:
        monkeypatch.setattr(compose, "_c_parser", None)
    tree = nodes.parse(text)
    assert tree.root is not None
    assert nodes.to_value(tree.root) == {"a": answer}
    assert tree.pure is pure


def test_surrogate_pairs_in_json() -> None:
    text = '{"a": "\\ud83d\\ude00!", "b": [1]}'
    assert value(text) == {"a": "😀!", "b": [1]}
    node = root(text).value[0][1]
    assert text[node.start : node.end] == '"\\ud83d\\ude00!"'


HOSTILE = [
    ("[" * 50_000, "nested deeper"),
    ("{a: " * 50_000, "nested deeper"),
    ("- " * 50_000, "nested deeper"),
    ("\n".join(" " * depth + "a:" for depth in range(1500)), "nested deeper"),
    ("? " * 50_000, "nested deeper"),
    ("[" * 100 + "\n" * 50_000, "node"),
    ("a: " + "[x:," * 300, "nested deeper"),
    ("a: [" + "b:," * 30_000 + "@", "any token|node"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("pure", [False, True])
def test_hostile_nesting_is_a_quick_refusal(
    text: str, message: str, pure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pure:
        monkeypatch.setattr(compose, "_c_parser", None)
        text = text[:60_000]
    started = time.process_time()
    with pytest.raises(nodes.ParseError, match=message):
        nodes.parse(text)
    assert time.process_time() - started < (20 if pure else 5)


def test_the_deepest_nesting_allowed_can_be_read() -> None:
    text = "[" * nodes.MAX_DEPTH + "]" * nodes.MAX_DEPTH
    code = (
        f"from transformer.stream import nodes; print(len(repr(nodes.to_value(nodes.parse({text!r}).root))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == str(len(text)), done.stderr


def laughs(levels: int, merge: bool) -> str:
    """Aliases of aliases: nine to the power of the levels."""
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, levels):
        inner = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} " + (f"{{<<: [{inner}]}}" if merge else f"[{inner}]"))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("merge", [False, True])
def test_billion_laughs_end_early(merge: bool) -> None:
    started = time.process_time()
    with pytest.raises(nodes.ParseError, match="expand"):
        nodes.to_value(root(laughs(12, merge)))
    with pytest.raises(nodes.ParseError, match="expand"):
        nodes.get(root(laughs(12, True)).value[-1][1], "x")
    assert time.process_time() - started < 5
    assert nodes.to_value(root(laughs(3, merge)))


MERGES = [
    ("{<<: {b: 1}, c: 2}", {"b": 1, "c": 2}, False, "a merge adds"),
    ("{<<: {b: 1}, b: 2}", {"b": 2}, False, "what is written later wins"),
    ("{b: 2, <<: {b: 1}}", {"b": 1}, True, "and so does a merge that comes later: kustomize disagrees"),
    ("{b: 2, !!merge <<: {b: 1}}", {"b": 1}, True, "as Helm 4 writes it"),
    ("{<<: [{b: 1}, {b: 2, c: 3}]}", {"b": 1, "c": 3}, False, "earlier mappings of a list win"),
    ("{<<: []}", {}, False, "an empty list adds nothing"),
    ("{'<<': {b: 1}}", {"<<": {"b": 1}}, False, "a quoted one is an ordinary key"),
    ("{!!str <<: {b: 1}}", {"<<": {"b": 1}}, False, "a tagged one as well"),
    ("{! <<: {b: 1}}", {"b": 1}, False, "the odd tag of go-yaml"),
    ("{<<: {<<: {d: 1}, e: 2}}", {"d": 1, "e": 2}, False, "merges nest"),
    ("{b: {<<: {x: 1}}, <<: {c: 1}}", {"b": {"x": 1}, "c": 1}, False, "no key is overwritten"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "overrides", "reason"), MERGES)
def test_merges(text: str, expected: Any, overrides: bool, reason: str) -> None:
    node = root(text)
    assert nodes.to_value(node) == expected, reason
    assert {key: nodes.to_value(found) for key, _, found in nodes.pairs(node)} == expected
    for key in expected:
        found = nodes.get(node, key)
        assert found is not None
        assert nodes.to_value(found) == expected[key]
    assert nodes.merges_override(node) is overrides


@pytest.mark.parametrize(
    "text", ["{<<: x}", "{<<: }", "{<<: [x]}", "{<<: [[]]}", "{~: 1}", "{[a]: 1}", "{{a: b}: 1}", "a: .inf"]
)
def test_what_kubernetes_refuses_cannot_be_read(text: str) -> None:
    with pytest.raises(nodes.ParseError):
        nodes.to_value(root(text))


def test_get_follows_aliases_and_takes_the_last_duplicate() -> None:
    node = root("a: &x {k: 1}\nb: *x\nc: 1\nc: 2\nyes: 3\n")
    b = nodes.get(node, "b")
    assert b is not None
    assert b.kind == nodes.MAPPING
    found = [nodes.get(b, "k"), nodes.get(node, "c"), nodes.get(node, "true")]
    assert [nodes.to_value(each) for each in found if each is not None] == [1, 2, 3]
    assert nodes.get(node, "absent") is None
    assert nodes.get(b.value[0][1], "k") is None, "a scalar has no keys"
    assert nodes.pairs(b.value[0][1]) == []


DUPLICATES = [
    ("a: 1\na: 2\n", [("a", 2)], "the same text"),
    ("'a': 1\n\"a\": 2\n", [("a", 2)], "quotes do not matter"),
    ("yes: 1\ntrue: 2\n", [("true", 2)], "one boolean"),
    ("1: 1\n0x1: 2\n", [("0x1", 2)], "one number"),
    ("1: 1\n'1': 2\n", [("1", 2)], "one JSON key"),
    ("a: 1\nb: {c: 1, c: 2}\na: 3\n", [("c", 2), ("a", 3)], "at every level"),
    ("<<: {a: 1}\n<<: {b: 1}\n", [("<<", 2)], "merge keys"),
    ("a: 1\nb: 1\n", [], "none"),
    ("&k a: 1\n*k : 2\n", [("k", 2)], "an alias as key"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "reason"), DUPLICATES)
def test_duplicates(text: str, expected: list[tuple[str, int]], reason: str) -> None:
    found = [later.value for _, later in nodes.parse(text).duplicates]
    assert found == [name for name, _ in expected], reason


@given(st.randoms(use_true_random=False))
def test_nodes_agree_with_pyyaml(random: Random) -> None:
    text = Texts(random).document()
    try:
        expected = yaml.load(text, yaml.CBaseLoader)
    except yaml.YAMLError:
        return
    tree = nodes.parse(text)
    assert tree.root is not None
    assert plain(tree.root) == expected
    check_spans(text, tree.root)


def plain(node: nodes.Node) -> Any:
    """The tree with every scalar as its text."""
    node = nodes.resolve(node)
    if node.kind == nodes.MAPPING:
        return {plain(key): plain(child) for key, child in node.value}
    return [plain(child) for child in node.value] if node.kind == nodes.SEQUENCE else node.value


def check_spans(text: str, node: nodes.Node) -> None:
    """Children lie inside of their parents, in order, and every place is that of its offset."""
    lines = text[: node.start].replace("\r\n", "\n").split("\n")
    assert (node.line, node.column) == (len(lines) - 1, len(lines[-1]))
    children = [part for pair in node.value for part in pair] if node.kind == nodes.MAPPING else node.value
    position = node.start
    for child in children if node.kind in (nodes.MAPPING, nodes.SEQUENCE) else ():
        assert position <= child.start <= child.end <= node.end
        position = child.end
        check_spans(text, child)


@given(st.randoms(use_true_random=False))
def test_the_pure_parser_gives_the_same_nodes(random: Random) -> None:
    text = Texts(random).document()
    if "\t" in text:
        return  # PyYAML's own parser refuses tabs before comments
    fast = shape(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "_c_parser", None)
        assert shape(text) == fast


def shape(text: str) -> Any:
    """All that a node knows, as plain data; None where the text is refused."""
    try:
        tree = nodes.parse(text)
    except nodes.ParseError:
        return None
    return None if tree.root is None else all_of(tree.root)


def all_of(node: nodes.Node) -> Any:
    """A node and everything below it."""
    below: Any = node.value
    if node.kind == nodes.MAPPING:
        below = [(all_of(key), all_of(child)) for key, child in node.value]
    elif node.kind == nodes.SEQUENCE:
        below = [all_of(child) for child in node.value]
    return (node.kind, node.start, node.end, node.line, node.column, node.style, node.tag, node.anchor, below)
