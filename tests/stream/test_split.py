"""Documents are cut where libyaml sees its markers, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml import events
from yaml._yaml import CParser

from transformer.stream import split

PIECES = [
    "---", "...", "--- ", "---\t", "--- |", "--- # c", "---foo", "... x", "----", "\n", "\r\n", "\r", "\x85", "\u2028",
    "\ufeff", " ", "\t", "a", "a: b", "- x", "# c", "%YAML 1.1", "%TAG ! x:", "|", ">", "'", '"', "{", "}", "[", "]",
    "k: |", "  text", "&a", "*a", "!t", "? q", ": ", "é",
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)

CASES = [
    ("", [], "nothing in, nothing out"),
    ("a\n", ["a\n"], "one bare document"),
    ("---\na\n---\nb\n", ["---\na\n", "---\nb\n"], "separators open documents"),
    ("a\n---\nb", ["a\n", "---\nb"], "no final break"),
    ("# Source: x\n---\na\n", ["# Source: x\n---\na\n"], "a comment before the separator goes with it"),
    (
        "---\n# Source: x\na\n---\n# Source: y\nb\n",
        ["---\n# Source: x\na\n", "---\n# Source: y\nb\n"],
        "Helm's comments",
    ),
    (
        "a\n...\n# c\n---\nb\n",
        ["a\n...\n", "# c\n---\nb\n"],
        "after an end marker a comment goes with what follows",
    ),
    ("a\n...\n...\n---\nb\n", ["a\n...\n...\n", "---\nb\n"], "a repeated end marker belongs to what it ends"),
    ("a\n...\n\n", ["a\n...\n\n"], "trailing blanks belong to the last document"),
    (
        "%YAML 1.1\n---\na\n...\n%YAML 1.1\n---\nb\n",
        ["%YAML 1.1\n---\na\n...\n", "%YAML 1.1\n---\nb\n"],
        "directives",
    ),
    ("a: |\n  x\n ---\nb\n", ["a: |\n  x\n ---\nb\n"], "an indented marker is content"),
    ("a\n---", ["a\n", "---"], "a separator ends the stream"),
    ("a\n...\n---", ["a\n...\n", "---"], "and after an end marker"),
    ("---a\n----\n", ["---a\n----\n"], "markers stand alone"),
    ("a\r---\rb\r", ["a\r", "---\rb\r"], "a carriage return is a break"),
    ("a\r\n---\r\nb\r\n...\r\nc", ["a\r\n", "---\r\nb\r\n...\r\n", "c"], "CRLF"),
    ("\ufeff---\na\n---\nb", ["\ufeff---\na\n", "---\nb"], "a byte order mark before the first marker"),
    ("--- a\n--- b\n", ["--- a\n", "--- b\n"], "content on the marker's line"),
    ("---\n---\n", ["---\n", "---\n"], "empty documents"),
    ("# only a comment\n", ["# only a comment\n"], "a comment is kept as a document"),
    ("---\t\na", ["---\t\na"], "a tab is blank"),
    ("a\n...\nb\n...\nc\n", ["a\n...\n", "b\n...\n", "c\n"], "bare documents after end markers"),
    ("a\n... # c\nb\n", ["a\n... # c\n", "b\n"], "a comment on an end marker's line"),
]


@pytest.mark.parametrize(("stream", "documents", "reason"), CASES)
def test_cuts(stream: str, documents: list[str], reason: str) -> None:
    data = stream.encode()
    assert [data[start:end].decode() for start, end in split.split(data)] == documents, reason


@given(st.binary() | STREAMS.map(str.encode))
def test_nothing_is_lost(data: bytes) -> None:
    documents = split.split(data)
    assert b"".join(data[start:end] for start, end in documents) == data
    assert all(start < end for start, end in documents)


def parsed(text: str) -> list[tuple[Any, ...]] | None:
    """Content events of a stream, None where libyaml refuses it."""
    parser = CParser(text)
    found: list[tuple[Any, ...]] = []
    try:
        while (event := parser.get_event()) is not None:
            if isinstance(event, events.NodeEvent):
                value = getattr(event, "value", None)
                found.append((type(event).__name__, event.anchor, getattr(event, "tag", None), value))
            elif isinstance(event, events.DocumentStartEvent):
                found.append(("document",))
            elif isinstance(event, events.CollectionEndEvent):
                found.append((type(event).__name__,))
    except yaml.YAMLError:
        return None
    return found


@given(STREAMS)
def test_documents_mean_what_the_stream_means(stream: str) -> None:
    data = stream.encode()
    whole = parsed(stream)
    documents = split.split(data)
    if whole is None or any(split.ambiguities(data, document) for document in documents):
        return
    parts = [parsed(data[start:end].decode()) for start, end in documents]
    assert None not in parts, (documents, parts)
    assert [event for part in parts for event in part or ()] == whole


AMBIGUOUS = [
    ("a: b\n---foo\n", [("glued-separator", 2, "---foo")], "Helm 3 would cut here"),
    ("a: |\n  x\n-----\n", [("glued-separator", 3, "-----")], "more than three dashes"),
    ("a: 1\n--- {a: 1}\n", [("content-after-separator", 2, "--- {a: 1}")], "kubectl drops it or fails"),
    ("--- |\n  x\n", [("content-after-separator", 1, "--- |")], "a block scalar on the separator's line"),
    ("--- # c\na\n", [], "a comment is fine everywhere"),
    ("---\t \na\n", [], "blanks are fine"),
    ("a\n...\nb\n", [("content-after-end", 3, "b")], "kubectl ignores it"),
    ("a\n...\n# c\n\nb\n", [("content-after-end", 5, "b")], "comments do not hide it"),
    ("a\n... b\n", [("content-after-end", 2, "... b")], "on the line of the marker"),
    ("a\n...\n---\nb\n", [], "a separator makes it clear"),
    (
        "a: b\u2028---\nc\n",
        [("unicode-break-before-separator", 1, "---")],
        "libyaml sees a line here, Go does not",
    ),
    ("a: b\x85--- x\n", [("unicode-break-before-separator", 1, "--- x")], "next line"),
    ("%YAML 1.1\n---\na\n", [("directive", 1, "%YAML 1.1")], "kubectl takes 1.1 only"),
    ("a:\n%x\n", [], "a percent sign in the content is none"),
    ("a\n---\n# c\nb: '---'\n", [], "an ordinary stream"),
    ("a\r\n---x\r\n", [("glued-separator", 2, "---x")], "CRLF"),
]


@pytest.mark.parametrize(("stream", "expected", "reason"), AMBIGUOUS)
def test_ambiguities(stream: str, expected: list[tuple[str, int, str]], reason: str) -> None:
    data = stream.encode()
    found = [each for document in split.split(data) for each in split.ambiguities(data, document)]
    assert [(each.kind, each.line, each.text) for each in found] == expected, reason
    for each in found:
        assert data[each.offset :].decode().startswith(each.text)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_is_told(codec: str) -> None:
    data = "\ufeffa: b\n".encode(codec)
    found = split.ambiguities(data, split.split(data)[0])
    assert [each.kind for each in found] == ["utf-16"]
