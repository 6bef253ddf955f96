"""How two path conditions relate as sets of request paths; request paths start with a slash and carry no
query.

Segment prefixes follow the Gateway API's PathPrefix (whole segments, a trailing slash of the value is
ignored).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from transformer.order import regular
from transformer.order.syntax import Unreadable

PathKind = Literal["any", "exact", "prefix", "regex"]


class Path(NamedTuple):
    """One path condition: `prefix` is a path-segment prefix, `regex` must match the whole path."""

    kind: PathKind
    value: str = ""


class _Set(NamedTuple):
    """The same condition as a set: all paths, one path, a segment subtree, a string prefix or an
    expression."""

    form: Literal["all", "one", "segments", "string", "expression"]
    text: str


_ALL = _Set("all", "")
_LITERAL = re.compile(r"(?:[A-Za-z0-9/_~!&',;=:@%<>\"` -]|\\[^A-Za-z0-9])*")
_WRAPPED = re.compile(r"\^?\(\?:(.*)\)\$?")


def plainest(path: Path) -> Path:
    """The same condition without an expression, where there is such a form."""
    if path.kind != "regex":
        return path
    found = _set(path)
    if found.form == "all":
        return Path("prefix", "/")
    if found.form == "one":
        return Path("exact", found.text)
    return Path("prefix", found.text) if found.form == "segments" else path


def escaped(text: str) -> str:
    """The text as a literal for RE2, Rust and Python alike: only metacharacters get a backslash."""
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)


def trimmed(prefix: str) -> str:
    """A segment prefix without trailing slashes; the root stays `/`."""
    return prefix.rstrip("/") or "/"


def prefix_base(path: Path) -> str:
    """The path that a prefix condition is about; the root where there is no condition."""
    return "/" if path.kind == "any" else trimmed(path.value)


def subtree_expression(path: Path) -> str:
    """The expression that matches exactly what a prefix condition, or none, matches."""
    base = prefix_base(path)
    return "/.*" if base == "/" else escaped(base) + "(?:/.*)?"


@lru_cache(maxsize=8192)
def _set(path: Path) -> _Set:
    if path.kind == "any":
        return _ALL
    if path.kind == "exact":
        return _Set("one", path.value)
    if path.kind == "prefix":
        base = trimmed(path.value)
        return _ALL if base == "/" else _Set("segments", base)
    return _expression_set(path.value)


def _expression_set(value: str) -> _Set:
    inner = value
    wrapped = _WRAPPED.fullmatch(value)
    if wrapped and _LITERAL.match(wrapped[1]):
        inner = wrapped[1]
    elif value.startswith("^") or value.endswith("$"):
        inner = value.removeprefix("^")
        inner = inner[:-1] if inner.endswith("$") and not inner.endswith("\\$") else inner
    head = _LITERAL.match(inner)
    literal = re.sub(r"\\(.)", r"\1", head[0]) if head else ""
    rest = inner[head.end() if head else 0 :]
    if rest == "":
        return _Set("one", literal)
    if rest == ".*" and literal in ("", "/"):
        return _ALL
    if rest == ".*" and literal.startswith("/"):
        return _Set("string", literal)
    if rest in ("(?:/.*)?", "(/.*)?") and len(literal) > 1 and literal[0] == "/" and literal[-1] != "/":
        return _Set("segments", literal)
    return _Set("expression", value)


def _expression(paths: _Set) -> str:
    if paths.form == "all":
        return "/.*"
    if paths.form == "one":
        return escaped(paths.text)
    if paths.form == "segments":
        return escaped(paths.text) + "(?:/.*)?"
    return escaped(paths.text) + ".*" if paths.form == "string" else paths.text


def literal_of(path: Path) -> str | None:
    """The literal that a path condition consists of or starts with; None for a general expression."""
    found = _set(path)
    return None if found.form == "expression" else found.text or "/"


def expression_of(path: Path) -> str:
    """The condition as an expression that matches the whole path."""
    return _expression(_set(path))


def _inside(text: str, tree: _Set) -> bool:
    """Whether the literal and all its extensions of its own form lie in a non-expression set."""
    if tree.form == "segments":
        return text == tree.text or text.startswith(tree.text + "/")
    return tree.form == "string" and text.startswith(tree.text)


@lru_cache(maxsize=16384)
def path_subsumes(outer: Path, inner: Path) -> bool:
    """True only where every request path that `inner` matches is matched by `outer`."""
    a, b = _set(outer), _set(inner)
    if a == b or a.form == "all":
        return True
    if b.form == "one" and not b.text.startswith("/"):
        return True
    if a.form == "expression" or b.form == "expression":
        if b.form == "one":
            return _evaluates(a.text, b.text)
        return regular.contains(_expression(a), _expression(b), "/")
    if b.form == "all" or a.form == "one":
        return False
    if b.form == "string" and a.form == "segments":
        return b.text.startswith(a.text + "/")
    return _inside(b.text, a)


@lru_cache(maxsize=16384)
def paths_meet(first: Path, second: Path) -> bool:
    """False only where no request path matches both."""
    a, b = _set(first), _set(second)
    if a.form == "one":
        return a.text.startswith("/") and _may_contain(second, a.text)
    if b.form == "one":
        return b.text.startswith("/") and _may_contain(first, b.text)
    if a.form == "expression" or b.form == "expression":
        return regular.meets(_expression(a), _expression(b), "/")
    # Without expressions the sets form a forest: two of them are nested or disjoint.
    return path_subsumes(first, second) or path_subsumes(second, first)


def _evaluates(expression: str, text: str) -> bool:
    try:
        return regular.full_match(expression, text)
    except Unreadable:
        return False


def _may_contain(path: Path, text: str) -> bool:
    try:
        return path_contains(path, text)
    except Unreadable:
        return True


def path_contains(path: Path, text: str) -> bool:
    """Whether a request path matches. Raises Unreadable for an expression not evaluable here."""
    kind, value = path
    if kind == "any":
        return True
    if kind == "exact":
        return text == value
    if kind == "regex":
        return regular.full_match(value, text)
    base = trimmed(value)
    return base == "/" or text == base or text.startswith(base + "/")


def full_length(path: Path) -> bool:
    """Whether a match of this condition spans the whole request path."""
    return path.kind in ("exact", "regex")


def extends_beyond(expression: Path, base: str) -> bool:
    """False only where the expression matches nothing below the base path."""
    return paths_meet(expression, Path("regex", "/.+" if base == "/" else escaped(base) + "/.*"))


def difference(path: Path, minus: Path) -> Path | None:
    """What `path` matches and `minus` does not, where one condition says it; else None."""
    whole, part = _set(path), _set(minus)
    base = "/" if whole.form == "all" else whole.text
    if whole.form in ("all", "string") and part == _Set("one", base):
        return Path("regex", escaped(base) + ".+")
    if whole.form == "segments" and part == _Set("one", base):
        return Path("regex", escaped(base) + "/.*")
    if whole.form == "segments" and part == _Set("string", base + "/"):
        return Path("exact", base)
    if whole.form == "string" and part == _Set("segments", base):
        return Path("regex", escaped(base) + "[^/].*")
    return None
