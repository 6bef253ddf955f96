"""Path matches of inbound routes, such that no two of them that differ can tie.

Linkerd ranks by matched length and takes a regular expression for the whole path (linkerd2-proxy `linkerd/http/route`).
It does not normalise paths, Istio does (https://istio.io/latest/docs/ops/best-practices/security/#understand-path-normalization):
expressions here match canonical paths only, and beside prefixes one expression refuses the others.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from transformer.ir.request_classes import METHODS, OTHER, ROOT, Cells, Path, parent
from transformer.stream.patterns import pattern

#: Paths that Istio would rewrite before it looks at them, or that an application may: dot segments, backslashes, and
#: encoded letters, digits, `-`, `.`, `_`, `~`, slashes and backslashes; and `%` that encodes nothing.
NON_CANONICAL = (
    r"^.*(?:/\.{1,2}(?:[/;].*)?|\\.*|%(?:2[dDeEfF]|3[0-9]|4[1-9a-fA-F]|5[0-9aAcCfF]|6[1-9a-fA-F]|7[0-9aAeE]"
    r"|[^0-9a-fA-F]|[0-9a-fA-F][^0-9a-fA-F]).*|%[0-9a-fA-F]?)$"
)
#: The same where paths are told apart by more than texts and prefixes: also segments that begin with `;`, `..` or `.;`.
NOT_PLAIN = NON_CANONICAL.replace(r"/\.{1,2}(?:[/;].*)?|", r"/(?:;.*|\.(?:[./;].*)?)|", 1)
_ESCAPE = "%(?:[0189a-fA-F][0-9a-fA-F]|2[0-9a-cA-C]|3[a-fA-F]|40|5[bBdDeE]|60|7[b-dB-DfF])"
_ANY = rf"(?:[^%/\\]|{_ESCAPE})*"
_SEGMENT = rf"(?:(?:\.{{0,2}}(?:[^%/\\.;]|{_ESCAPE})|;|\.{{3,}}){_ANY})?"
_PLAIN = pattern(r"/[A-Za-z0-9/\-_~!$&'()*+,;=:@.]*\Z")
_SPECIAL = pattern(r"([\\.+*?()|\[\]{}^$])")


class Unwritable(Exception):
    """The cells cannot be written as routes; the text says why, the code what about it is at fault."""

    def __init__(self, why: str, code: str = "MS408") -> None:
        super().__init__(why)
        self.code = code


class Match(NamedTuple):
    """One match of a route: the cell it is for, how its path is written, and its method (OTHER for all)."""

    cell: Path
    type: str
    value: str
    method: str


def is_canonical(path: str) -> bool:
    """Whether Istio leaves the path as it is and a route can say it."""
    inner = re.search(r"//|/\.{1,2}(?:[/;]|$)|[\\#?]", path)
    return bool(_PLAIN.match(path)) and inner is None


def matches(cells: Cells) -> list[Match]:
    """Matches for all cells of one class of hosts. Raises `Unwritable` where two matches that differ would tie."""
    pairs = _pairs(cells)
    found = []
    named: dict[Path, list[str]] = {}
    for path in sorted(cells, key=lambda path: (path.text, not path.prefix)):  # the broader ones first
        if path in pairs:
            continue
        kind, value = _written(path, path in pairs.values())
        outer = _outer_expressions(cells, path, pairs)
        named[path] = _top(cells) if path == Path("/") else _methods(cells, path, inside=bool(outer))
        for above in outer:
            if OTHER in named[path] or set(named[path]) & set(named[above]):
                raise Unwritable(f"{path.text} lies within {above.text}*, and no route ranks between the two")
        found += [Match(path, kind, value, method) for method in named[path]]
    return found


def _pairs(cells: Cells) -> dict[Path, Path]:
    """Paths that a prefix by segments stands for, together with all that is below them."""
    return {
        Path(path.text.rstrip("/")): path
        for path in cells
        if path.prefix and path != ROOT and path.text.endswith("/")
        and cells.get(Path(path.text[:-1])) == cells[path]
        and not _outer_expressions(cells, path, {})
    }  # fmt: skip


def _outer_expressions(cells: Cells, path: Path, pairs: dict[Path, Path]) -> list[Path]:
    """Broader conditions that are written as expressions: they rank like this path, and only a method ranks above them."""
    return [
        other for other in cells
        if other.prefix and other not in (ROOT, path) and other not in pairs.values() and other.covers(path)
    ]  # fmt: skip


def _written(path: Path, segments: bool) -> tuple[str, str]:
    if path == ROOT:
        return "PathPrefix", "/"
    if not is_canonical(path.text):
        raise Unwritable(f"{path.text} is no path that Istio leaves as it is")
    if not path.prefix:
        return "Exact", path.text
    if segments:
        return "PathPrefix", path.text[:-1]
    stem, _, last = path.text.rpartition("/")
    if last and not last.strip(".;"):
        raise Unwritable(f"{path.text}* may continue as a dot segment")
    rest = rf"/{_literal(last)}{_ANY}(?:/{_SEGMENT})*" if last else rf"(?:/{_SEGMENT})+"
    return "RegularExpression", f"^{_literal(stem)}{rest}$"


def _literal(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _methods(cells: Cells, path: Path, *, inside: bool) -> list[str]:
    """Methods that the path's matches must name; OTHER only where falling through would say something else.

    `inside` an expression every method is named instead, where those without a name lose nothing by it.
    """
    row = cells[path]
    named = [method for method in row if method != OTHER]
    if path == ROOT:
        return [*named, OTHER]
    above = cells[parent(path, cells)]
    open_methods = (set(above) | {OTHER}) - set(named)
    if all(above.get(method, above[OTHER]) == row[OTHER] for method in open_methods):
        return named
    if inside and above[OTHER] <= row[OTHER]:
        return [m for m in METHODS if row.get(m, row[OTHER]) != above.get(m, above[OTHER])]
    return [*named, OTHER]


def _top(cells: Cells) -> list[str]:
    """Methods of the path `/` alone, which ties with the prefix `/`: it wins by naming every method."""
    row, above = cells[Path("/")], cells[ROOT]
    named = [m for m in METHODS if row.get(m, row[OTHER]) != above.get(m, above[OTHER])]
    for method in named:
        if method in above:
            raise Unwritable(f"/ with {method} ties with every path with {method}")
    if not above[OTHER] <= row[OTHER]:
        raise Unwritable(
            "/ is refused to callers that may call every other path, and methods without a name exist"
        )
    return named
