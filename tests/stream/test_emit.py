"""What is written is read back as the same value by every reader."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.stream.test_scalars import PIECES, QUOTED
from transformer.stream import emit, nodes

WIDE = emit.Style(indent_sequences=True, newline="\n")
COMPACT = emit.Style(indent_sequences=False, newline="\n")

STRINGS = (
    st.lists(
        st.sampled_from([*PIECES, "\n", "\n\n", "  ", "a: b", "- x", "# c", "---", "word"]), max_size=6
    ).map("".join)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
    | st.sampled_from([text for text, _ in QUOTED])
)
SCALARS = (
    STRINGS
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=12,
)
STYLES = st.builds(emit.Style, st.booleans(), st.sampled_from(["\n", "\r\n"]))

CASES = [
    (
        {"a": {"b": 1, "c": [1, {"d": True, "e": None}]}},
        "a:\n  b: 1\n  c:\n  - 1\n  - d: true\n    e: null\n",
        "nesting",
    ),
    ({"a": {}, "b": []}, "a: {}\nb: []\n", "empty collections stay on the line"),
    ({"a": "yes", "b": "1", "c": "x"}, "a: 'yes'\nb: '1'\nc: x\n", "quotes where needed"),
    ({"yes": 1, "a: b": 2}, "'yes': 1\n'a: b': 2\n", "keys too"),
    ({"a": "it's: x"}, "a: 'it''s: x'\n", "a quote inside of quotes"),
    ({"a": "x\ty"}, 'a: "x\\ty"\n', "a tab is shown"),
    ({"a": "x\ny\n"}, "a: |\n  x\n  y\n", "literal"),
    ({"a": "x\ny"}, "a: |-\n  x\n  y\n", "literal without a final break"),
    ({"a": "x\n\n"}, "a: |+\n  x\n\n", "literal with more than one"),
    ({"a": ["x\ny\n", "z"]}, "a:\n- |\n  x\n  y\n- z\n", "literal as an item"),
    ({"a": " x\ny\n"}, 'a: " x\\ny\\n"\n', "a leading blank would need an indentation indicator"),
    ({"a": "x\n  \ny"}, 'a: "x\\n  \\ny"\n', "blanks that nobody sees"),
    ({"a": "\n"}, 'a: "\\n"\n', "breaks only"),
    ({"a": "x\r\ny"}, 'a: "x\\r\\ny"\n', "a carriage return"),
    ([[1, [2]], {}], "- - 1\n  - - 2\n- {}\n", "sequences in sequences"),
    (
        {"a": 1.5, "b": 1e300, "c": 1e-7},
        "a: 1.5\nb: 1.0e+300\nc: 1.0e-07\n",
        "floats that YAML 1.1 takes as such",
    ),
    ({"a": "word " * 60}, f"a: '{'word ' * 60}'\n", "long lines are not wrapped"),
    ("x", "x\n", "a scalar"),
    ({"a": "😀é"}, "a: 😀é\n", "text is not escaped"),
]


@pytest.mark.parametrize(("value", "text", "reason"), CASES, ids=range(len(CASES)))
def test_render(value: Any, text: str, reason: str) -> None:
    assert emit.render(value, COMPACT) == text, reason


def test_sequences_may_be_deeper_than_their_key() -> None:
    assert emit.render({"a": {"b": [1, [2, 3]]}}, WIDE) == "a:\n  b:\n    - 1\n    - - 2\n      - 3\n"


def test_indent_and_newline() -> None:
    style = emit.Style(indent_sequences=False, newline="\r\n")
    assert emit.render({"a": ["x\ny"]}, style, indent=2) == "  a:\r\n  - |-\r\n    x\r\n    y\r\n"
    assert emit.render_item({"a": 1, "b": {"c": 2}}, style, 2) == "  - a: 1\r\n    b:\r\n      c: 2\r\n"
    assert emit.render_entry("a", {"b": []}, style, 4) == "    a:\r\n      b: []\r\n"


@pytest.mark.parametrize("value", [complex(1, 2), {1: 2}, {None: 1}, {"a": {1}}, b"x"], ids=repr)
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        emit.render(value, COMPACT)


@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), 2**64, "\ud800", {"k" * 1001: 1}], ids=range(5)
)
def test_values_without_a_form_are_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        emit.render(value, COMPACT)
    if not isinstance(value, dict):
        with pytest.raises(ValueError):
            emit.render_flow({"a": value})


DETECTED = [
    ("a:\n- b\n", COMPACT, "compact"),
    ("a:\n  - b\n", WIDE, "wide"),
    ("a:\n  - b: c\n    d:\n    - e\nf:\n  - g\n", WIDE, "the majority"),
    ("a:\n- b: c\n  d:\n    - e\n- f:\n  - g\n", COMPACT, "the majority"),
    ("a: b\n", WIDE, "nothing to see"),
    ("- a:\n  - b\n", COMPACT, "below a dash the key's own column counts"),
    ("a: # c\n# d\n\n- b\n", COMPACT, "comments between"),
    ("a:\r\n- b\r\n", emit.Style(False, "\r\n"), "CRLF"),
]


@pytest.mark.parametrize(("text", "style", "reason"), DETECTED)
def test_detect(text: str, style: emit.Style, reason: str) -> None:
    assert emit.detect(text, WIDE) == style, reason


def same(left: Any, right: Any) -> bool:
    """Equal, truth values apart from numbers; floats without a fraction are integers to Kubernetes."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and abs(left) >= 2**53:
        return float(right) == left
    return (
        isinstance(left, bool) == isinstance(right, bool)
        and isinstance(left, str) == isinstance(right, str)
        and left == right
    )


def read(text: str) -> Any:
    """The value of a document as Kubernetes reads it."""
    root = nodes.parse(text).root
    return None if root is None else nodes.to_value(root)


@given(VALUES, STYLES)
def test_block_form_reads_back(value: Any, style: emit.Style) -> None:
    text = emit.render(value, style)
    assert same(value, read(text)), text
    assert text.endswith(style.newline)
    assert emit.render(value, style) == text


@given(VALUES, st.integers(0, 6), STYLES)
def test_items_and_entries_read_back(value: Any, indent: int, style: emit.Style) -> None:
    pad = " " * indent
    item = f"{pad}- before{style.newline}{emit.render_item(value, style, indent)}{pad}- after{style.newline}"
    assert same(["before", value, "after"], read(item)), item
    entry = f"{pad}before: x{style.newline}{emit.render_entry('k', value, style, indent)}{pad}after: x{style.newline}"
    assert same({"before": "x", "k": value, "after": "x"}, read(entry)), entry


@given(VALUES)
def test_flow_form_is_json_and_yaml(value: Any) -> None:
    text = emit.render_flow(value)
    assert "\n" not in text
    assert same(value, read(f"a: [{text}]\n")["a"][0]), text
    assert same(value, json.loads(text)), text


@given(VALUES, STYLES)
def test_pyyaml_reads_the_same(value: Any, style: emit.Style) -> None:
    text = emit.render({"v": value}, style)
    loaded = yaml.load(text, yaml.SafeLoader)  # the pure one: libyaml is what our own parser uses
    assert same({"v": value}, loaded), text


@given(STRINGS)
def test_scalars_keep_quotes_where_they_can(text: str) -> None:
    for quote in ("", "'", '"'):
        written = emit.scalar(text, quote)
        assert read(f"{{k: {written}, l: [{written}]}}\n") == {"k": text, "l": [text]}
        assert "\n" not in written
        if quote == '"':
            assert written.startswith('"')


def test_kubectl_reads_the_same() -> None:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not on PATH")
    source = random.Random(7)
    texts = [
        "".join(source.choices([*PIECES, "\n", "word", " "], k=source.randint(0, 5))) for _ in range(800)
    ]
    value = {
        "texts": texts,
        "keys": dict.fromkeys(texts, 1),
        "numbers": [1, -5, 2**53, 1.5, 1e-7, True, None],
    }
    for style in (WIDE, COMPACT, emit.Style(False, "\r\n")):
        manifest = {"apiVersion": "v1", "kind": "Probe", "metadata": {"name": "a"}, "spec": value}
        command = [program, "label", "--local", "-o", "json", "-f", "-", "probe=x"]
        text = emit.render(manifest, style).encode()
        done = subprocess.run(command, input=text, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        spec = json.loads(done.stdout)["spec"]
        assert spec["texts"] == texts
        assert spec["keys"] == value["keys"]
        assert spec["numbers"] == value["numbers"]
