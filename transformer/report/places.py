"""Where findings are, and which is which, as tools outside of the terminal want to know it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from transformer.report import text
from transformer.stream.patterns import pattern

STREAM, NOWHERE = "<stdin>", "<manifests>"
_INDEX = pattern(r"\[\d+\]")


class Place(NamedTuple):
    """A file and a line in it.

    `path` is relative with `/`, absolute where the file is outside of the current folder, or a stand-in in angle brackets
    where no file is known. `line` starts at 1; 0 is unknown. `stream_line` is the line of the stream that a template's
    document was rendered to, 0 where `line` tells it.
    """

    path: str
    line: int
    stream_line: int = 0

    @property
    def known(self) -> bool:
        """Whether `path` is a file that a reader could open."""
        return not self.path.startswith("<")


def of(entry: Mapping[str, Any], *, command: str) -> Place:
    """The place of a finding, or of an object of the report, of a run of `command`."""
    path = entry["file"] or (STREAM if command in text.OF_STREAM else NOWHERE)
    if path.startswith("<"):
        return Place(path, entry["line"])
    if command in text.OF_STREAM:
        # Helm and kustomize name the file that a document was made from; the line is one of the stream.
        return Place(_relative(path), 0, entry["line"])
    return Place(_relative(path), entry["line"])


def _relative(path: str) -> str:
    near = os.path.relpath(path)
    outside = near == os.pardir or near.startswith(os.pardir + os.sep)
    return (os.path.abspath(path) if outside else near).replace(os.sep, "/")


def ordered(findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Findings with the gravest first, in their own order otherwise."""
    return [entry for severity in text.ORDER for entry in findings if entry["severity"] == severity]


def fingerprints(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """A text for every finding that stays the same while lines, files and other list entries around it change.

    Findings that differ in nothing else are numbered in their order.
    """
    import hashlib

    seen: Counter[str] = Counter()
    found = []
    for entry in findings:
        key = "\n".join([entry["code"], identity(entry["object"]), _INDEX.sub("[]", entry["field"])])
        seen[key] += 1
        found.append(hashlib.sha256(f"{key}\n{seen[key]}".encode(errors="backslashreplace")).hexdigest())
    return found


def identity(ref: Mapping[str, str] | None) -> str:
    """`VirtualService.networking.istio.io/shop/cart`; the version is left out, so that it may change; empty for None."""
    if ref is None:
        return ""
    kind = f"{ref['kind']}.{ref['group']}" if ref["group"] else ref["kind"]
    return "/".join(part for part in (kind, ref["namespace"], ref["name"]) if part)


def one_line(message: str) -> str:
    """A message without line breaks and runs of blanks, its control characters written out."""
    return text.visible(re.sub(r"\s+", " ", message).strip())
