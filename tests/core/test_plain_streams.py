"""The quick look at a whole stream never hides a line that tools read differently."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transformer import transform
from transformer.stream import split

PIECES = [
    "---", "--- ", "---\t", "--- #", "---#", "--- a", "----", "...", "... #", "... a", "%YAML 1.2", " ", "\t", "#",
    "\n", "\n\n", "\r\n", "\r", "\x85", "\u2028", "\u2029", "\ufeff", "a: 1", "- b", "|", "\x0c", "\x0b", " ---",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(pieces).encode()))
@example(b"---\x0c\na: 1\n")
@example(b"a: 1\n--- \x0b\n")
@example(b"---apiVersion: v1\n")
def test_a_plain_stream_has_no_ambiguities(data: bytes) -> None:
    if transform._is_plain(data):
        assert [found for document in split.split(data) for found in split.ambiguities(data, document)] == []


@pytest.mark.parametrize(
    "data", [b"", b"a: 1\n", b"---\na: 1\n---\nb: 2\n", b"# c\n--- # d\na: -----BEGIN\n"]
)
def test_common_streams_are_plain(data: bytes) -> None:
    assert transform._is_plain(data)
