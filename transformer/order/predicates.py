"""Request predicates of routes and the relations between them that order compilation needs.

All relations are sound: `overlap` is false and `subsumes` is true only where that is proved. A request
carries at most one value per header and query name. Matching follows Linkerd's proxy (linkerd/http/route)
and the Gateway API.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from transformer.order import regular
from transformer.order.paths import Path, path_contains, path_subsumes, paths_meet
from transformer.order.syntax import Unreadable

__all__ = [
    "INEXPRESSIBLE",
    "Inexpressible",
    "Match",
    "Path",
    "Request",
    "Value",
    "conjunction",
    "matches",
    "overlap",
    "subsumes",
]


class Value(NamedTuple):
    """A condition on a header or query value; `regex` must match the whole value."""

    kind: Literal["exact", "regex"]
    value: str


Named = tuple[tuple[str, Value], ...]


class Match(NamedTuple):
    """All conditions hold together; None and empty mean no condition.

    Header names are lower-case. A pair in `without_headers` holds where the header is absent or its value
    does not match; `Value("regex", ".*")` there means that the header must be absent.
    """

    hostname: str | None = None
    path: Path = Path("any")
    method: str | None = None
    headers: Named = ()
    query: Named = ()
    without_headers: Named = ()


class Request(NamedTuple):
    """A request as the predicates see it: the raw path without query, lower-case header names."""

    host: str
    path: str
    method: str
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


class Inexpressible(NamedTuple):
    """The conjunction may match requests, but no single match says exactly it."""

    reason: str


INEXPRESSIBLE = Inexpressible("two expressions on one field have no common form")


def value_matches(condition: Value, text: str | None) -> bool:
    """Whether a value, or its absence, satisfies the condition. Raises Unreadable."""
    if text is None:
        return False
    if condition.kind == "exact":
        return text == condition.value
    return condition.value == ".*" or regular.full_match(condition.value, text)


@lru_cache(maxsize=8192)
def value_subsumes(outer: Value, inner: Value) -> bool:
    """True only where every value that satisfies `inner` satisfies `outer`."""
    if outer == inner or outer == ("regex", ".*"):
        return True
    if inner.kind == "exact":
        return outer.kind == "regex" and _evaluates(outer, inner.value, False)
    return outer.kind == "regex" and regular.contains(outer.value, inner.value)


@lru_cache(maxsize=8192)
def values_meet(first: Value, second: Value) -> bool:
    """False only where no value satisfies both."""
    if first.kind == "exact":
        return first == second if second.kind == "exact" else _evaluates(second, first.value, True)
    if second.kind == "exact":
        return _evaluates(first, second.value, True)
    return regular.meets(first.value, second.value)


def _evaluates(condition: Value, text: str, unreadable: bool) -> bool:
    try:
        return value_matches(condition, text)
    except Unreadable:
        return unreadable


def host_matches(hostname: str | None, host: str) -> bool:
    """Exact or `*.suffix` (without the apex), in any case, the request's port and trailing dot ignored."""
    if hostname is None:
        return True
    wanted, given = hostname.lower(), host.lower().rsplit(":", 1)[0].rstrip(".")
    return (
        given.endswith(wanted[1:]) and len(given) > len(wanted) - 1 if wanted[:2] == "*." else given == wanted
    )


def host_subsumes(outer: str | None, inner: str | None) -> bool:
    """Whether every host of `inner` is one of `outer`."""
    if outer is None or outer == inner:
        return True
    if inner is None:
        return False
    out, low = outer.lower(), inner.lower()
    return out == low or (out[:2] == "*." and low.removeprefix("*").endswith(out[1:]) and low != out[2:])


def _named_subsumes(outer: Named, inner: Named) -> bool:
    if not outer:
        return True
    given = dict(inner)
    return all(name in given and value_subsumes(value, given[name]) for name, value in outer)


def _named_meet(first: Named, second: Named) -> bool:
    if not first or not second:
        return True
    given = dict(second)
    return all(name not in given or values_meet(value, given[name]) for name, value in first)


def _contradicts(positive: Named, negative: Named) -> bool:
    """Whether some positive header condition implies one that must not hold."""
    given = dict(positive)
    return any(name in given and value_subsumes(value, given[name]) for name, value in negative)


def overlap(a: Match, b: Match) -> bool:
    """False only where provably no request matches both."""
    if a.method is not None and b.method is not None and a.method != b.method:
        return False
    if not paths_meet(a.path, b.path):
        return False
    if not (host_subsumes(a.hostname, b.hostname) or host_subsumes(b.hostname, a.hostname)):
        return False
    if not (_named_meet(a.headers, b.headers) and _named_meet(a.query, b.query)):
        return False
    negative = a.without_headers + b.without_headers
    return not (negative and _contradicts(a.headers + b.headers, negative))


def subsumes(a: Match, b: Match) -> bool:
    """True only where every request that matches `b` provably matches `a`."""
    if a.method is not None and a.method != b.method:
        return False
    if not (path_subsumes(a.path, b.path) and host_subsumes(a.hostname, b.hostname)):
        return False
    if not (_named_subsumes(a.headers, b.headers) and _named_subsumes(a.query, b.query)):
        return False
    return all(_excludes(b, name, value) for name, value in a.without_headers)


def _excludes(match: Match, name: str, value: Value) -> bool:
    """True only where no request of the match satisfies the header condition."""
    if any(key == name and value_subsumes(other, value) for key, other in match.without_headers):
        return True
    return any(key == name and not values_meet(other, value) for key, other in match.headers)


def never(match: Match) -> bool:
    """True only where no request can match, because its header conditions exclude each other."""
    return bool(match.without_headers) and _contradicts(match.headers, match.without_headers)


def narrower_path(first: Path, second: Path) -> Path | None:
    """The common part of two overlapping paths, or None where it has no form; of equal ones the higher
    ranked."""
    inner, outer = path_subsumes(first, second), path_subsumes(second, first)
    if inner and outer:
        order = ("any", "prefix", "regex", "exact")
        return first if order.index(first.kind) >= order.index(second.kind) else second
    return second if inner else first if outer else None


def _named_conjunction(first: Named, second: Named) -> Named | Inexpressible:
    merged = dict(first)
    for name, value in second:
        mine = merged.get(name)
        if mine is None or value_subsumes(mine, value):
            merged[name] = value
        elif not value_subsumes(value, mine):
            return INEXPRESSIBLE
    return tuple(merged.items())


def conjunction(a: Match, b: Match) -> Match | Inexpressible | None:
    """What both match: a match, None where that is provably nothing, Inexpressible where no match says it."""
    if not overlap(a, b):
        return None
    path = narrower_path(a.path, b.path)
    headers = _named_conjunction(a.headers, b.headers)
    query = _named_conjunction(a.query, b.query)
    if path is None or isinstance(headers, Inexpressible) or isinstance(query, Inexpressible):
        return INEXPRESSIBLE
    without = tuple(dict.fromkeys(a.without_headers + b.without_headers))
    hostname = b.hostname if host_subsumes(a.hostname, b.hostname) else a.hostname
    return Match(hostname, path, a.method or b.method, headers, query, without)


def matches(match: Match, request: Request) -> bool:
    """Whether the request satisfies the match. Raises Unreadable for an unreadable expression."""
    if match.method is not None and match.method != request.method:
        return False
    if not (path_contains(match.path, request.path) and host_matches(match.hostname, request.host)):
        return False
    if match.headers or match.without_headers:
        given = dict(request.headers)
        if not all(value_matches(value, given.get(name)) for name, value in match.headers):
            return False
        if any(value_matches(value, given.get(name)) for name, value in match.without_headers):
            return False
    if match.query:
        asked = dict(request.query)
        return all(value_matches(value, asked.get(name)) for name, value in match.query)
    return True
