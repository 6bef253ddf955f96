"""Where in a text an edit goes: turns operations into spans to replace, and refuses whatever is not certain."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from transformer.stream import emit, scalars
from transformer.stream.lines import BREAK, DASHES, REST_IS_COMMENT, Change, Path, Refused, refuse
from transformer.stream.nodes import FLOW, MAPPING, SCALAR, SEQUENCE, Node
from transformer.stream.routes import Entry, Routes


class Site(Routes):
    """A parsed text that is to be edited."""

    def set(self, path: Path, value: Any) -> list[Change]:
        """Replace a scalar by a scalar."""
        entries = self._walk(path)
        node = entries[-1].value if entries else self.root
        if isinstance(value, dict | list | tuple):
            raise refuse("only a scalar can be set", node)
        if node.kind != SCALAR:
            raise refuse("the value is not a scalar", node)
        if node.anchor is not None:
            raise refuse("the value has an anchor", node)
        if node.style in ("|", ">") and "#" in self._rest_of_line(node.start):
            raise refuse("the block scalar's header has a comment", node)
        quote = node.style if node.style in ("'", '"') else ""
        if not quote and entries and entries[-1].parent.style == FLOW and _is_json(entries[-1].parent):
            quote = '"'
        text = emit.scalar(value, str(quote))
        if node.start == node.end:
            text = self._gap(node) + text
        return [Change(node.start, node.end, text)]

    def rename(self, path: Path, new: str) -> list[Change]:
        """Replace a key."""
        entry = self._entry(path)
        key = entry.key
        if key is None:
            raise refuse("an item has no key", entry.value)
        if key.kind != SCALAR or key.anchor is not None or key.tag is not None or key.style in ("|", ">"):
            raise refuse("the key is not a simple one", key)
        if key.start == key.end:
            raise refuse("the key is empty", key)
        return [Change(key.start, key.end, emit.scalar(new, key.style if key.style in ("'", '"') else ""))]

    def insert(self, path: Path, key: str, value: Any) -> list[Change]:
        """Append an entry, creating mappings that are missing on the way."""
        entries: list[Entry] = []
        node = self.root
        for depth, step in enumerate(path):
            entry = self._find(node, step) if node.kind != SCALAR else None
            if entry is None:
                missing = (*path[depth:], key)
                if not all(isinstance(part, str) for part in missing):
                    raise refuse(f"there is no {step!r}", node)
                for part in reversed(missing[1:]):
                    value = {part: value}
                return self._into(node, entries, str(missing[0]), value)
            entries.append(entry)
            node = entry.value
        self._check_shared(node)
        return self._into(node, entries, key, value)

    def remove(self, path: Path, prune: bool) -> list[Change]:
        """Remove an entry of a mapping."""
        entries = self._walk(path)
        if not entries or entries[-1].key is None:
            raise Refused("only an entry of a mapping can be removed")
        while (
            prune and len(entries) > 1 and len(entries[-1].parent.value) == 1 and entries[-2].key is not None
        ):
            entries.pop()
        self._check_anchors(entries[-1].value)
        if entries[-1].key is not None:
            self._check_anchors(entries[-1].key)
        return self._without(entries)

    def remove_item(self, path: Path) -> list[Change]:
        """Remove an item of a sequence."""
        entries = self._walk(path)
        if not entries or entries[-1].key is not None:
            raise Refused("only an item of a sequence can be removed")
        self._check_anchors(entries[-1].value)
        return self._without(entries)

    def insert_item(self, path: Path, index: int, value: Any) -> list[Change]:
        """Insert an item into a sequence."""
        entries = self._walk(path)
        node = entries[-1].value if entries else self.root
        self._check_shared(node)
        if node.kind == SCALAR or (node.kind == SEQUENCE and not node.value):
            return self._filled(node, entries, [value])
        if node.kind != SEQUENCE or not 0 <= index <= len(node.value):
            raise refuse("an item can be inserted into a sequence only, within its length", node)
        if node.style == FLOW:
            text = self._flow_value(value, json=_is_json(node))
            if index < len(node.value):
                at = node.value[index].start
                return [Change(at, at, text + ", ")]
            at = self._flow_end(node.value[-1])
            return [Change(at, at, ", " + text)]
        if node.anchor is not None or node.tag is not None:
            raise refuse("the sequence has a tag or an anchor", node)
        if index == len(node.value):
            return [
                self._after(node.value[-1], value, lambda style: emit.render_item(value, style, node.column))
            ]
        dash = self._dash(node, index)
        at = self._line_start(dash)
        if self.text[at:dash].strip(" "):
            raise refuse("the item does not start its line", node.value[index])
        at = self._above_comments(at, dash - at)
        return [Change(at, at, emit.render_item(value, self._style(value), node.column))]

    def _into(self, node: Node, entries: list[Entry], key: str, value: Any) -> list[Change]:
        if node.kind == SCALAR or (node.kind == MAPPING and not node.value):
            return self._filled(node, entries, {key: value})
        if node.kind != MAPPING:
            raise refuse("a key can be inserted into a mapping only", node)
        if self._find(node, key) is not None:
            raise refuse(f"key {key!r} exists already", node)
        first, last = node.value[0], node.value[-1]
        if node.style != FLOW:
            self._check_line_start(first[0])
            self._check_line_start(last[0])
            return [
                self._after(
                    last[1], value, lambda style: emit.render_entry(key, value, style, first[0].column)
                )
            ]
        json = _is_json(node)
        text = f"{emit.scalar(key, json)}: {self._flow_value(value, json=json)}"
        at = self._flow_end(last[1])
        pad = self.text[self._line_start(last[0].start) : last[0].start]
        own_line = not pad.strip(" \t") and first[0].line != last[0].line
        return [Change(at, at, f",{self._newline(at)}{pad}{text}" if own_line else f", {text}")]

    def _filled(self, node: Node, entries: list[Entry], value: Any) -> list[Change]:
        """Put content into a null or an empty collection."""
        empty = node.kind != SCALAR
        if not empty and scalars.resolve(node.value, node.style, node.tag) is not None:
            raise refuse("the value is a scalar", node)
        written = self.text[node.start : node.end]
        if node.anchor is not None or node.tag is not None or any(mark in written for mark in "#\r\n"):
            raise refuse("the empty value has a tag, an anchor, a comment or several lines", node)
        entry = entries[-1] if entries else None
        if entry is None or entry.key is None or entry.parent.style == FLOW:
            gap = self._gap(node) if node.start == node.end else ""
            json = _is_json(entry.parent) if entry is not None and entry.parent.style == FLOW else ""
            text = self._flow_value(value, json=json or '"')
            return [Change(node.start, node.end, gap + text)]
        column = entry.key.column
        self._check_line_start(entry.key)
        after_colon = self._after_colon(entry.key)
        if self.text[after_colon : node.start].strip(" \t"):
            raise refuse("the value is not on the line of its key", node)
        deeper = column + (2 if isinstance(value, dict) or self._style(value).indent_sequences else 0)
        lines = self._after(node, value, lambda style: emit.render(value, style, indent=deeper))
        return [Change(after_colon, node.end, ""), lines] if after_colon < node.end else [lines]

    def _after(self, last: Node, value: Any, render: Callable[[emit.Style], str]) -> Change:
        """Whole lines behind the line on which `last` ends."""
        if not REST_IS_COMMENT.match(self.text, last.end):
            raise refuse("something else stands on the last line", last)
        end = self._line_end(last.end)
        found = BREAK.match(self.text, end)
        style = self._style(value)
        if found:
            return Change(found.end(), found.end(), render(style._replace(newline=found.group())))
        leaf = _last_leaf(last)
        if leaf.kind == SCALAR and leaf.style in ("|", ">") and "-" not in self._rest_of_line(leaf.start):
            raise refuse("a block scalar ends the document without a line break", leaf)
        lines = render(style)
        # A block scalar of ours needs the break that the text lacks.
        return Change(
            end, end, style.newline + (lines if "|" in lines else lines.removesuffix(style.newline))
        )

    def _style(self, value: Any) -> emit.Style:
        """The text's style, as far as it matters to the value: sequences are looked at only if it has one."""
        newline = "\r\n" if "\r\n" in self.text else "\n"
        style = emit.Style(indent_sequences=False, newline=newline)
        return emit.detect(self.text, style) if isinstance(value, dict | list | tuple) else style

    def _flow_value(self, value: Any, *, json: str) -> str:
        if json or isinstance(value, dict | list | tuple):
            return emit.render_flow(value)
        return emit.scalar(value)

    def _flow_end(self, node: Node) -> int:
        if node.start == node.end:
            raise refuse("the last value is empty", node)
        return node.end

    def _without(self, entries: list[Entry]) -> list[Change]:
        entry = entries[-1]
        if len(entry.parent.value) == 1:
            return self._emptied(entries[:-1], "[]" if entry.key is None else "{}")
        if entry.parent.style == FLOW:
            return [self._flow_cut(entry)]
        start = self._start(entry)
        line = self._line_start(start)
        if not REST_IS_COMMENT.match(self.text, entry.value.end):
            raise refuse("something else stands on the last line", entry.value)
        end = self._line_end(entry.value.end)
        after = BREAK.match(self.text, end)
        end = after.end() if after else end
        if not self.text[line:start].strip(" "):
            return [Change(line, end, "")]
        # The first of several on a line such as `- name: x`: the next one moves up into its place.
        if entry.position or not DASHES.match(self.text[line:start]):
            raise refuse("the entry does not start its line", entry.value)
        following = self._start(self._next(entry))
        if self.text[end:following].strip(" \t\r\n"):
            raise refuse("a comment stands between the entry and the next one", entry.value)
        return [Change(start, following, "")]

    def _next(self, entry: Entry) -> Entry:
        index = entry.position + 1
        if entry.key is None:
            return Entry(entry.parent, index, None, entry.parent.value[index])
        key, value = entry.parent.value[index]
        return Entry(entry.parent, index, key, value)

    def _start(self, entry: Entry) -> int:
        """Where an entry of a block collection starts: its key or its dash."""
        return entry.key.start if entry.key is not None else self._dash(entry.parent, entry.position)

    def _dash(self, sequence: Node, index: int) -> int:
        if sequence.anchor is not None or sequence.tag is not None:
            raise refuse("the sequence has a tag or an anchor", sequence)
        if index == 0:
            return sequence.start
        pattern = re.compile(rf"[\r\n] {{{sequence.column}}}-(?=[ \t\r\n]|\Z)")
        start, end = sequence.value[index - 1].end, sequence.value[index].start + 1
        found = list(pattern.finditer(self.text, start, end))
        if not found:
            raise refuse("the item's dash was not found", sequence.value[index])
        return found[-1].end() - 1

    def _flow_cut(self, entry: Entry) -> Change:
        parts = entry.parent.value
        starts = [part[0].start if entry.key is not None else part.start for part in parts]
        ends = [part[1].end if entry.key is not None else part.end for part in parts]
        index = entry.position
        last = index + 1 == len(parts)
        start, end = (ends[index - 1], ends[index]) if last else (starts[index], starts[index + 1])
        gap = self.text[start : starts[index]] if last else self.text[ends[index] : end]
        if gap.strip(" \t\r\n") != ",":
            raise refuse("a comment or something else stands between the entries", entry.value)
        return Change(start, end, "")

    def _emptied(self, entries: list[Entry], empty: str) -> list[Change]:
        """Leave an empty collection where the last entry or item goes."""
        entry = entries[-1] if entries else None
        node = entry.value if entry is not None else self.root
        if node.anchor is not None or node.tag is not None:
            raise refuse("the collection has a tag or an anchor", node)
        if node.style == FLOW and "#" in self.text[node.start : node.end]:
            raise refuse("the collection may hold a comment", node)
        if entry is None or entry.key is None or node.style == FLOW:
            return [Change(node.start, node.end, empty)]
        line = self._line_start(node.start)
        after_colon = self._after_colon(entry.key)
        if self.text[line : node.start].strip(" ") or line <= after_colon:
            raise refuse("the collection does not start its line", node)
        if not REST_IS_COMMENT.match(self.text, node.end):
            raise refuse("something else stands on the last line", node)
        end = self._line_end(node.end)
        found = BREAK.match(self.text, end)
        return [
            Change(after_colon, after_colon, " " + empty),
            Change(line, found.end() if found else end, ""),
        ]


def _is_json(node: Node) -> str:
    """The double quote where a flow collection is written as JSON, nothing otherwise."""
    if node.kind == MAPPING:
        return '"' if all(key.style == '"' for key, _ in node.value) and node.value else ""
    return '"' if any(item.style == '"' for item in node.value) else ""


def _last_leaf(node: Node) -> Node:
    while node.kind in (MAPPING, SEQUENCE) and node.value:
        node = node.value[-1][1] if node.kind == MAPPING else node.value[-1]
    return node
