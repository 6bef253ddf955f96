"""Several files read as one stream, so that they are context for each other, and places in it told as places
in files.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from transformer.findings import Finding
from transformer.stream.patterns import pattern

_BOM = b"\xef\xbb\xbf"
_DIRECTIVE = pattern(rb"(?:[ \t]*(?:#[^\r\n]*)?\r?\n)*%")


class Joined:
    """A stream made of files; `data` are its bytes, `name` is what it is called in findings."""

    __slots__ = ("_lines", "_names", "data", "name")

    def __init__(self, files: Sequence[tuple[str, bytes]]) -> None:
        self.name = "<files>"
        self._names: list[str] = []
        self._lines: list[int] = []
        chunks: list[bytes] = []
        line = 1
        for name, raw in files:
            body = raw.removeprefix(_BOM)
            # Directives are only allowed after the end of the document before.
            head = b"" if not chunks else b"...\n" if _DIRECTIVE.match(body) else b"---\n"
            if chunks and not chunks[-1].endswith(b"\n"):
                head = b"\n" + head
            line += head.count(b"\n")
            self._names.append(name)
            self._lines.append(line)
            line += body.count(b"\n")
            chunks += [head, body] if body else [head, b"\n"]
            line += 0 if body else 1
        self.data = b"".join(chunks)

    def locate(self, line: int) -> tuple[str, int]:
        """The file and the line in it (from 1) of a line of the stream."""
        number = bisect_right(self._lines, line) - 1
        if number < 0:
            return self.name, line
        return self._names[number], line - self._lines[number] + 1

    def located(self, finding: Finding) -> Finding:
        """The finding with its place in a file; one without a line, or about another file, stays as it is."""
        if not finding.line or finding.file in self._names:
            return finding
        file, line = self.locate(finding.line)
        return finding._replace(file=file, line=line)

    def in_files(self, message: str) -> str:
        """A message that starts with `<files>:line:` with its place in a file instead."""
        match = re.match(re.escape(self.name) + r":(\d+):", message)
        if match is None:
            return message
        file, line = self.locate(int(match[1]))
        return f"{file}:{line}:{message[match.end() :]}"
