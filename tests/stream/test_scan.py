"""The scan never misses a needle that a scalar holds once it is decoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer.stream import nodes, scan, split

NEEDLES = (b"istio", b"smi-spec.io", b"a/b")

CASES = [
    ("a: istio\n", True, "plain"),
    ("a: other\n", False, "not there"),
    ("# istio\n", True, "a comment costs a parse only"),
    ('a: "\\x69stio"\n', True, "escaped letter"),
    ('a: "\\u0069stio"\n', True, "escaped letter"),
    ('a: "is\\\n  tio"\n', True, "escaped line break"),
    ('a: "is\\\r\n  tio"\n', True, "escaped line break, CRLF"),
    ('a: "a\\/b"\n', True, "escaped slash, as JSON writers like it"),
    ('a: "x\\ny"\n', False, "an escape that hides no letter"),
    ("a: is\n  tio\n", False, "folding puts a blank there"),
    ("a: 'is\n  tio'\n", False, "folding puts a blank there"),
    ("a: C:\\users\n", True, "looks like an escape"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found", "reason"), CASES)
def test_contains(text: str, found: bool, reason: str) -> None:
    assert scan.contains(text.encode(), NEEDLES) is found, reason


def test_candidates_are_told_document_by_document() -> None:
    data = b"---\na: 1\n---\na: istio\n---\na: 2\n"
    assert scan.candidates(data, split.split(data), NEEDLES) == [False, True, False]
    assert scan.candidates(data, split.split(data), (b"absent",)) == [False, False, False]


def test_bounds_are_kept() -> None:
    data = b"istio a istio"
    assert not scan.contains(data, (b"istio",), 1, 12)
    assert scan.contains(data, (b"istio",), 8)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_always_counts(codec: str) -> None:
    assert scan.contains("\ufeffa: istio".encode(codec), NEEDLES)


@st.composite
def hidden(draw: st.DrawFn) -> str:
    """A double-quoted scalar in which a needle is written with escapes and line breaks."""
    needle = draw(st.sampled_from(NEEDLES)).decode()
    written = []
    for character in needle:
        code = ord(character)
        forms = [character, f"\\x{code:02x}", f"\\u{code:04X}", f"\\U{code:08x}", "\\\n   " + character]
        written.append(draw(st.sampled_from(forms + (["\\/"] if character == "/" else []))))
    return 'a: "' + draw(st.sampled_from(["", "x", "\\n", "é"])) + "".join(written) + '"\n'


@given(
    hidden()
    | st.lists(st.sampled_from([*"istio\\x69u00'\"\n: -|#", "istio", "a/b", "  ", "\\/"])).map("".join)
)
def test_every_needle_in_a_decoded_scalar_is_found(text: str) -> None:
    try:
        root = nodes.parse(text).root
    except nodes.ParseError:
        return
    decoded = list(scalar_texts(root)) if root is not None else []
    if any(needle.decode() in value for needle in NEEDLES for value in decoded):
        assert scan.contains(text.encode(), NEEDLES)


def scalar_texts(node: nodes.Node) -> list[str]:
    """Texts of all scalars below, keys included."""
    if node.kind == nodes.SCALAR:
        return [node.value]
    children = [part for pair in node.value for part in pair] if node.kind == nodes.MAPPING else node.value
    return [text for child in children for text in scalar_texts(child)] if node.kind != nodes.ALIAS else []
