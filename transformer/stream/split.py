"""Cuts a YAML stream into documents as byte offsets, exactly where libyaml sees its markers.

A line at column 0 with `---` or `...` followed by a blank, a break or the end is never content (YAML 1.2.2 §9.1),
so no parser is needed. Where helm, kubectl or kyaml cut elsewhere, `ambiguities` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from transformer.stream.patterns import pattern

# A literal prefix is nine times as fast as a line anchor.
_AFTER_LF = pattern(rb"\n(?:---|\.\.\.)(?=[ \t\r\n]|\Z)")
_AFTER_CR = pattern(rb"\r(?:---|\.\.\.)(?=[ \t\r\n]|\Z)")
_AT_START = pattern(rb"(?:\xef\xbb\xbf)?(---|\.\.\.)(?=[ \t\r\n]|\Z)")
_LINE_END = pattern(rb"\r\n|\r|\n|\Z")
# Lines that cannot be content: blank ones, comments, and before `---` also directives.
_BREAK = rb"(?:\r\n|\r|\n|\Z)"
_PRELUDE = pattern(
    rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\r\n]*)?" + _BREAK + rb"|%[^\r\n]*" + _BREAK + rb")*+\Z"
)
_DIRECTIVE = pattern(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])(%[^\r\n]*)")
_SEPARATOR_LINE = pattern(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])(---[^\r\n]*)")
_END_LINE = pattern(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])(\.\.\.(?:[ \t][^\r\n]*)?)(?=[\r\n]|\Z)")
_UNICODE_BREAK = pattern(rb"(?:\xc2\x85|\xe2\x80[\xa8\xa9])((?:---|\.\.\.)(?=[ \t\r\n]|\Z)[^\r\n]*)")
_BLANK_OR_COMMENT = pattern(rb"[ \t]*(?:[ \t]#.*)?\Z", re.S)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Document(NamedTuple):
    """One document of a stream, as byte offsets."""

    start: int
    end: int


class Ambiguity(NamedTuple):
    """A line that other tools read differently: where it is (`line` is 1-based in the stream), kind and text.

    Kinds: glued-separator, content-after-separator, content-after-end, unicode-break-before-separator,
    utf-16, directive.
    """

    offset: int
    line: int
    kind: str
    text: str


def split(data: bytes) -> list[Document]:
    """The documents of a stream; together they are all of its bytes, in order.

    What stands before a `---` without being content (comments, blanks, directives) belongs to the document
    that follows; what follows the last one, repeated `...` included, belongs to that.
    """
    documents: list[Document] = []
    start = 0  # of the document being collected
    region = 0  # of the text since the last marker line
    closed = True  # no document is open: stream start, or a `...` was seen
    for position in _markers(data):
        if data.startswith(b"-", position):
            if closed and _PRELUDE.match(data, region, position):
                if region > start and region > 0:
                    documents.append(Document(start, region))
                    start = region
            else:
                documents.append(Document(start, position))
                start = position
            region, closed = position + 3, False
            continue
        if closed and region > 0 and not _PRELUDE.match(data, region, position):
            documents.append(Document(start, region))
            start = region
        found = _LINE_END.search(data, position)
        region, closed = found.end() if found else len(data), True
    if closed and region > 0 and not _PRELUDE.match(data, region):
        documents.append(Document(start, region))
        start = region
    if start < len(data):
        documents.append(Document(start, len(data)))
    return documents


def _markers(data: bytes) -> Iterator[int]:
    """Offsets of all `---` and `...` markers, in order."""
    first = _AT_START.match(data)
    if first:
        yield first.start(1)
    if data.find(b"\r") < 0:
        for match in _AFTER_LF.finditer(data):
            yield match.start() + 1
        return
    positions = [match.start() + 1 for match in _AFTER_LF.finditer(data)]
    positions += [match.start() + 1 for match in _AFTER_CR.finditer(data)]
    positions.sort()
    yield from positions


def ambiguities(data: bytes, document: Document) -> list[Ambiguity]:
    """Lines of a document that helm, kubectl or kyaml cut or read differently from libyaml, in order."""
    start, end = document
    found: list[tuple[int, str, bytes]] = []
    if data[:2] in _UTF16:
        found.append((start, "utf-16", data[:2]))
    chunk = data[start:end]
    if b"---" in chunk:
        for match in _SEPARATOR_LINE.finditer(chunk):
            rest = match.group(1)[3:]
            if rest[:1] not in (b"", b" ", b"\t"):
                found.append((start + match.start(1), "glued-separator", match.group(1)))
            elif not _BLANK_OR_COMMENT.match(rest):
                found.append((start + match.start(1), "content-after-separator", match.group(1)))
        if b"\xc2\x85" in chunk or b"\xe2\x80" in chunk:
            for match in _UNICODE_BREAK.finditer(chunk):
                found.append((start + match.start(1), "unicode-break-before-separator", match.group(1)))
    found += _after_end(data, document)
    if b"%" in chunk:
        found += _directives(chunk, start)
    found.sort()
    return [Ambiguity(at, _line(data, at), kind, text.decode("utf-8", "replace")) for at, kind, text in found]


def _after_end(data: bytes, document: Document) -> list[tuple[int, str, bytes]]:
    start, end = document
    chunk = data[start:end]
    found = []
    if b"..." in chunk:
        for match in _END_LINE.finditer(chunk):
            if not _BLANK_OR_COMMENT.match(match.group(1)[3:]):
                found.append((start + match.start(1), "content-after-end", match.group(1)))
    # `split` starts a document elsewhere than at a separator only after a `...`.
    if start > 0 and not _opens_with_separator(chunk):
        content = _first_content(chunk)
        found.append(
            (start + content, "content-after-end", chunk[content:].partition(b"\n")[0].rstrip(b"\r"))
        )
    return found


def _first_content(chunk: bytes) -> int:
    """Offset of the first line that is neither blank nor comment nor directive."""
    position = 0
    while position < len(chunk):
        found = _LINE_END.search(chunk, position)
        end = found.end() if found else len(chunk)
        if not _PRELUDE.match(chunk, position, end):
            return position
        position = end
    return position


def _opens_with_separator(chunk: bytes) -> bool:
    return _AT_START.match(chunk, _first_content(chunk)) is not None


def _directives(chunk: bytes, start: int) -> list[tuple[int, str, bytes]]:
    """Directive lines: `%` at column 0 counts as one only before the content."""
    lines = _DIRECTIVE.finditer(chunk, 0, _first_content(chunk))
    return [(start + match.start(1), "directive", match.group(1)) for match in lines]


def _line(data: bytes, offset: int) -> int:
    return 1 + data.count(b"\n", 0, offset) + data.count(b"\r", 0, offset) - data.count(b"\r\n", 0, offset)
