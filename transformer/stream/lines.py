"""Changes of a text, refusals, and questions about the lines of a text."""

from __future__ import annotations

from typing import NamedTuple

from transformer.stream.nodes import Node
from transformer.stream.patterns import pattern

Path = tuple[str | int, ...]

BREAK = pattern(r"\r\n|\r|\n")
REST_IS_COMMENT = pattern(r"(?:[ \t]+#[^\r\n]*|[ \t]*)(?=[\r\n]|\Z)")
DASHES = pattern(r"[ ]*(?:-[ ]+)*\Z")
_REST_OF_LINE = pattern(r"[^\r\n]*")
_COLON = pattern(r"[ \t]*:")


class Change(NamedTuple):
    """Replace `text[start:end]` by `text`; `mapping` is the path of the mapping that a new entry is appended to."""

    start: int
    end: int
    text: str
    mapping: Path | None = None


class Refused(Exception):
    """An edit that is impossible or not certain. `line` is 1-based in the text, 0 where no line is to blame."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line


def refuse(reason: str, node: Node) -> Refused:
    """A refusal that names the node's line."""
    return Refused(reason, node.line + 1)


class Lines:
    """A text and its lines; offsets count code points."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _line_start(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def _rest_of_line(self, at: int) -> str:
        return self.text[at : self._line_end(at)]

    def _line_end(self, at: int) -> int:
        found = _REST_OF_LINE.match(self.text, at)
        return found.end() if found else len(self.text)

    def _newline(self, at: int) -> str:
        """The line break before the line of an offset."""
        start = self._line_start(at)
        return "\r\n" if self.text.endswith("\r\n", 0, start) else "\n"

    def _check_line_start(self, key: Node) -> None:
        if not DASHES.match(self.text[self._line_start(key.start) : key.start]):
            raise refuse("the key does not start its line", key)

    def _gap(self, node: Node) -> str:
        """The blank that a value needs where an empty one stood; its place must be right behind a colon or dash."""
        before = self.text[: node.start].rstrip(" ")
        if not before.endswith((":", "-")):
            raise refuse("the value is not written", node)
        return " " if len(before) == node.start else ""

    def _after_colon(self, key: Node) -> int:
        found = _COLON.match(self.text, key.end)
        if not found:
            raise refuse("the key is not followed by a colon", key)
        return found.end()

    def _above_comments(self, at: int, column: int) -> int:
        """The start of the comment lines at `column` directly above the line that starts at `at`."""
        while at > 0:
            above = self._line_start(at - (2 if self.text.endswith("\r\n", 0, at) else 1))
            if not self.text.startswith(" " * column + "#", above):
                return at
            at = above
        return at
