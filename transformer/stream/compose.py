"""Composes nodes from libyaml's events, under limits of its own: a hostile document ends in a ParseError.

Where libyaml refuses what Kubernetes (go-yaml v2) reads, the text is parsed again with stand-in characters.
"""

from __future__ import annotations

import re
from typing import Any

from yaml import error as yaml_error
from yaml import events

from transformer.stream import scalars, scan
from transformer.stream.patterns import pattern
from transformer.stream.tree import (
    ALIAS,
    BLOCK,
    FLOW,
    MAPPING,
    PLAIN,
    SCALAR,
    SEQUENCE,
    Node,
    ParseError,
    Tree,
    is_merge,
)  # fmt: skip

_c_parser: Any
try:
    from yaml._yaml import CParser as _c_parser
except ImportError:  # a PyYAML without libyaml: the same positions, many times slower; see Tree.pure
    _c_parser = None

# Deep enough for every schema seen, shallow enough for readers that recurse a few Python frames per level.
MAX_DEPTH = 250

_BOM = b"\xef\xbb\xbf"
_MERGE = object()
_REST_OF_LINE = pattern(r"[^\r\n]*")
_FORBIDDEN = pattern("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A ':' in a plain scalar right before a flow indicator: `[fe80::]`.
_INNER_COLON = pattern(r"(?<![\s\"'\[\]{},]):(?=[,\[\]{}?])")
_SURROGATES = pattern(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


def decode(raw: bytes) -> tuple[str, bool]:
    """The text of a document without its byte order mark, and whether there was one. Raises ParseError."""
    if scan.is_wide(raw):
        raise ParseError("the document is UTF-16 or UTF-32; only UTF-8 is read")
    marked = raw.startswith(_BOM)
    try:
        return (raw[3:] if marked else raw).decode("utf-8"), marked
    except UnicodeDecodeError as error:
        at = error.start + (3 if marked else 0)
        column = at - raw.rfind(b"\n", 0, at)
        raise ParseError("the document is not UTF-8", raw.count(b"\n", 0, at) + 1, column) from error


def parse(text: str) -> Tree:
    """Parse the text of one document (separators and comments may stand around it). Raises ParseError.

    Plain scalars such as `fe80::` in flow collections, which libyaml refuses and Kubernetes reads, are
    accepted, and so are surrogate pairs in documents that are JSON.
    """
    if text.startswith("\ufeff"):
        raise ParseError("unexpected byte order mark")
    source, stand_ins = text, _StandIns(text)
    while True:
        try:
            composer = _Composer(source, stand_ins)
            root = composer.compose()
        except _Repairable as found:
            source = stand_ins.repair(source, found)
            continue
        return Tree(text, root, composer.duplicates, pure=_c_parser is None, aliased=composer.aliased)


class _Repairable(Exception):
    """Something that libyaml refuses or misreads and for which a stand-in may help."""

    def __init__(self, error: ParseError, *, colon: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.colon = colon


class _StandIns:
    """Characters that take the place of a ':' or pad an escape while parsing; positions stay as they are."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.colon = ""
        self.padding = ""

    def repair(self, source: str, found: _Repairable) -> str:
        """The source with stand-ins put in; raises the original error where that does not help."""
        if found.colon and not self.colon:
            self.colon = self._unused()
            return _INNER_COLON.sub(self.colon, source)
        if not found.colon and not self.padding and source.lstrip()[:1] in ("{", "["):
            self.padding = self._unused()
            return _SURROGATES.sub(self._join, source)
        raise found.error

    def restore(self, value: str) -> str:
        """A scalar's value with what was replaced put back."""
        if self.colon:
            value = value.replace(self.colon, ":")
        return value.replace(self.padding, "") if self.padding else value

    def _unused(self) -> str:
        taken = (self.colon, self.padding)
        return next(
            chr(code)
            for code in range(0xE000, 0xF8FF)
            if chr(code) not in self._text and chr(code) not in taken
        )

    def _join(self, match: re.Match[str]) -> str:
        high, low = int(match.group()[2:6], 16), int(match.group()[8:], 16)
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}{self.padding * 2}"


def _pure_parser(text: str) -> Any:
    from yaml import parser, reader, scanner

    class Pure(reader.Reader, scanner.Scanner, parser.Parser):
        def __init__(self, stream: str) -> None:
            reader.Reader.__init__(self, stream)
            scanner.Scanner.__init__(self)
            parser.Parser.__init__(self)

    return Pure(text)


class _Composer:
    """Builds the nodes of one document from events, without recursion."""

    def __init__(self, text: str, stand_ins: _StandIns) -> None:
        self.text = text
        self.stand_ins = stand_ins
        self.anchors: dict[str, Node] = {}
        self.duplicates: list[tuple[Node, Node]] = []
        self.aliased = False

    def compose(self) -> Node | None:
        """The root node; None where there is no content."""
        try:
            root = self._read(_c_parser(self.text) if _c_parser is not None else _pure_parser(self.text))
        except yaml_error.MarkedYAMLError as error:
            raise _translated(error) from error
        except yaml_error.YAMLError as error:  # a ReaderError: characters that YAML forbids
            match = _FORBIDDEN.search(self.text)
            at = match.start() if match else 0
            column = at - self.text.rfind("\n", 0, at)
            raise ParseError(
                str(getattr(error, "reason", error)), self.text.count("\n", 0, at) + 1, column
            ) from error
        except UnicodeEncodeError as error:
            raise ParseError("the text holds a lone surrogate") from error
        nothing = root is not None and root.start == root.end and root.kind == SCALAR
        return None if nothing else root

    def _read(self, parser: Any) -> Node | None:
        next_event, text, restore = parser.get_event, self.text, self.stand_ins.restore
        repaired = bool(self.stand_ins.colon or self.stand_ins.padding)
        scalar_event, roots = events.ScalarEvent, list[Node]()
        children, stack = roots, list[tuple[Node, list[Node]]]()
        while True:
            event = next_event()
            what = event.__class__
            if what is scalar_event:
                mark, style, anchor = event.start_mark, event.style, event.anchor
                node = Node(
                    SCALAR, mark.index, event.end_mark.index, mark.line, mark.column,
                    style or PLAIN, event.tag, anchor, restore(event.value) if repaired else event.value,
                )  # fmt: skip
                if style == "|" or style == ">":
                    node.end = _block_scalar_end(text, node)
                if anchor is not None:
                    self.anchors[anchor] = node
                children.append(node)
            elif what is events.MappingStartEvent or what is events.SequenceStartEvent:
                stack.append((self._open(event, children, len(stack)), children))
                children = []
            elif what is events.MappingEndEvent or what is events.SequenceEndEvent:
                node, outer = stack.pop()
                self._close(node, children, event)
                children = outer
            elif what is events.AliasEvent:
                children.append(self._alias(event))
            elif what is events.DocumentStartEvent and roots:
                mark = event.start_mark
                raise ParseError("more than one document", mark.line + 1, mark.column + 1)
            elif event is None or what is events.StreamEndEvent:
                return roots[0] if roots else None

    def _open(self, event: Any, children: list[Node], depth: int) -> Node:
        mark = event.start_mark
        if depth >= MAX_DEPTH:
            raise ParseError(f"nested deeper than {MAX_DEPTH} levels", mark.line + 1, mark.column + 1)
        kind = MAPPING if event.__class__ is events.MappingStartEvent else SEQUENCE
        style = FLOW if event.flow_style else BLOCK
        node = Node(kind, mark.index, -1, mark.line, mark.column, style, event.tag, event.anchor, ())
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        children.append(node)
        return node

    def _close(self, node: Node, children: list[Node], event: Any) -> None:
        node.end = (
            event.end_mark.index if node.style == FLOW else children[-1].end if children else node.start
        )
        if node.kind == SEQUENCE:
            node.value = children
            return
        keys = children[::2]
        node.value = list(zip(keys, children[1::2], strict=True))
        if _c_parser is None:
            self._check_flow_keys(node)
        seen: dict[Any, Node] = {}
        for key in keys:
            text = key.value
            if (
                key.kind == SCALAR
                and key.tag is None
                and text
                and text[0] not in scalars.HINTS
                and text != "<<"
            ):
                identity = key.name = text
            else:
                key.name = _name(key)
                identity = _MERGE if is_merge(key) else key.name
            if seen.setdefault(identity, key) is not key and identity is not None:
                self.duplicates.append((seen[identity], key))

    def _check_flow_keys(self, node: Node) -> None:
        """The pure parser ends a plain scalar at ':' + flow indicator, Kubernetes does not."""
        for key, _ in node.value:
            plain = key.kind == SCALAR and key.style == PLAIN and key.start < key.end
            if node.style == FLOW and plain and _INNER_COLON.match(self.text, key.end):
                raise _Repairable(ParseError("unexpected ':'", key.line + 1, key.column + 1), colon=True)

    def _alias(self, event: Any) -> Node:
        mark, name = event.start_mark, event.anchor
        target = self.anchors.get(name)
        # The name is not told: an unquoted password that begins with `*` is an alias.
        if target is None:
            raise ParseError("undefined alias", mark.line + 1, mark.column + 1)
        if target.end < 0:
            raise ParseError("an anchor contains itself", mark.line + 1, mark.column + 1)
        node = Node(ALIAS, mark.index, event.end_mark.index, mark.line, mark.column, None, None, None, name)
        node.target = target
        self.aliased = True
        return node


def _name(key: Node) -> str | None:
    """The JSON key that Kubernetes makes of a key; None where it refuses it."""
    target = key.target if key.kind == ALIAS else key
    if target.kind != SCALAR:
        return None
    try:
        return scalars.key_text(target.value, target.style, target.tag)
    except scalars.ScalarError:
        return None


def _translated(error: yaml_error.MarkedYAMLError) -> Exception:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    found = ParseError(
        " ".join(part for part in (error.context, error.problem) if part) or "not YAML", line, column
    )
    if error.problem == "found unexpected ':'" or (_c_parser is None and "':'" in (error.problem or "")):
        return _Repairable(found, colon=True)
    if error.problem == "found invalid Unicode character escape code":
        return _Repairable(found, colon=False)
    return found


def _block_scalar_end(text: str, node: Node) -> int:
    """End of a block scalar before its last break; libyaml's mark stands after trailing blank lines."""
    header = _REST_OF_LINE.match(text, node.start)
    header_end = header.end() if header else node.end
    if "+" not in re.split(r"[ \t]#", text[node.start : header_end], maxsplit=1)[0]:
        last = header_end + len(text[header_end : node.end].rstrip(" \t\r\n"))
        rest = _REST_OF_LINE.match(text, last)
        return rest.end() if rest else last
    if text.endswith("\r\n", header_end, node.end):
        return node.end - 2
    return node.end - 1 if text[max(node.end - 1, header_end) : node.end] in ("\n", "\r") else node.end
