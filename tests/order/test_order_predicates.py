"""Relations between conditions: exact for literals and prefixes, conservative for what cannot be read."""

from __future__ import annotations

from itertools import product

import pytest

from transformer.order.paths import Path, difference, path_contains, path_subsumes, paths_meet
from transformer.order.precedence import GATEWAY_API, LINKERD, LINKERD_ALIGNED, Precedence, prefers
from transformer.order.predicates import (
    INEXPRESSIBLE,
    Match,
    Request,
    Value,
    conjunction,
    matches,
    overlap,
    subsumes,
)
from transformer.order.regular import automaton, contains, meets

TEXTS = ["/" + "".join(letters) for size in range(6) for letters in product("/ab", repeat=size)]
LITERALS = ["/", "/a", "/a/", "/ab", "/a/b", "/b", "/a/a/"]
PATHS = [
    Path("any", ""),
    *(Path(kind, literal) for kind in ("exact", "prefix") for literal in LITERALS),
    *(Path("regex", literal + ".*") for literal in LITERALS),
    Path("regex", "/a(?:/.*)?"),
    Path("regex", "^(?:/ab)$"),
]


def test_literals_and_prefixes_relate_exactly() -> None:
    accepted = {path: {text for text in TEXTS if path_contains(path, text)} for path in PATHS}
    for one, two in product(PATHS, PATHS):
        assert path_subsumes(one, two) == (accepted[one] >= accepted[two]), (one, two)
        assert paths_meet(one, two) == bool(accepted[one] & accepted[two]), (one, two)
        left = difference(one, two)
        if left is not None:
            assert {text for text in TEXTS if path_contains(left, text)} == accepted[one] - accepted[two]


@pytest.mark.parametrize(
    ("one", "two", "meet", "inside", "reason"),
    [
        ("/a[0-9]+", "/a1", True, True, "a literal is evaluated"),
        ("/a[0-9]+", "/a[a-z]", False, False, "classes apart"),
        ("/.*", "/[ab]/.*", True, True, "everything contains"),
        ("(?i)/API", "/api", True, True, "case folded"),
        ("^/a|/b$", "/b", True, True, "anchors at the edges of alternatives say nothing"),
        ("[0-9]{2,3}", "[0-9]{4}", False, False, "counted repetition"),
        ("a{2,}", "a{3,5}", True, True, "bounds inside bounds"),
        (r"[\w.]+", r"[a-z]+\.[a-z]+", True, True, "escapes in a bracket"),
        ("[[:alpha:]]+", "[a-z]", True, True, "a POSIX class"),
        ("a(?=b).*", "c", True, False, "look-around is unreadable: may meet, contains nothing"),
        (r"\pL", "c", True, False, "a Unicode class is unreadable"),
    ],
)
def test_expressions(one: str, two: str, meet: bool, inside: bool, reason: str) -> None:
    assert meets(one, two) == meets(two, one) == meet, reason
    assert contains(one, two) == inside, reason


@pytest.mark.parametrize(
    "expression", ["a(?=b)", r"\bx", "a$b", "x^", "a++", "é", "[a&&b]", "(", "a{2,1}", "{2}"]
)
def test_what_is_unreadable(expression: str) -> None:
    assert automaton(expression) is None


def test_hosts_cover_their_subdomains_without_the_apex() -> None:
    wide, exact = Match("*.example"), Match("a.Example")
    assert subsumes(wide, exact)
    assert not overlap(wide, Match("example"))
    assert [
        host
        for host in ("a.example:80", "A.EXAMPLE.", "b.a.example", "example", "aexample")
        if matches(wide, Request(host, "/", "GET"))
    ] == ["a.example:80", "A.EXAMPLE.", "b.a.example"]
    assert conjunction(wide, exact) == exact


def test_conjunction_of_headers() -> None:
    some, one = (Match(headers=(("x", wanted),)) for wanted in (Value("regex", "a.*"), Value("exact", "ab")))
    assert conjunction(some, one) == one
    assert conjunction(some, Match(headers=(("x", Value("exact", "b")),))) is None
    assert conjunction(some, Match(headers=(("x", Value("regex", ".*b")),))) == INEXPRESSIBLE
    assert conjunction(Match(path=Path("prefix", "/a")), Match(path=Path("regex", "/.*x"))) == INEXPRESSIBLE


def test_negative_headers() -> None:
    absent = Match(without_headers=(("x", Value("regex", ".*")),))
    other = Match(without_headers=(("x", Value("exact", "1")),))
    given, missing = Request("h", "/", "GET", (("x", "2"),)), Request("h", "/", "GET")
    assert (matches(absent, given), matches(absent, missing)) == (False, True)
    assert (matches(other, given), matches(other, missing)) == (True, True)
    assert subsumes(other, absent)
    assert not subsumes(absent, other)
    assert not overlap(absent, Match(headers=(("x", Value("exact", "1")),)))


X = (("x", Value("exact", "1")),)


@pytest.mark.parametrize(
    ("one", "two", "precedence", "preferred", "reason"),
    [
        (
            Match(path=Path("exact", "/foo")),
            Match(path=Path("prefix", "/foo")),
            LINKERD,
            "tie",
            "same length",
        ),
        (
            Match(path=Path("exact", "/foo")),
            Match(path=Path("prefix", "/foo/")),
            LINKERD,
            "tie",
            "slash ignored",
        ),
        (
            Match(path=Path("exact", "/foo/")),
            Match(path=Path("prefix", "/foo")),
            LINKERD,
            "first",
            "one longer",
        ),
        (
            Match(path=Path("exact", "/a")),
            Match(path=Path("prefix", "/a")),
            LINKERD_ALIGNED,
            "first",
            "exact",
        ),
        (Match(path=Path("regex", "/a.*")), Match(path=Path("regex", "/.*b")), LINKERD, "tie", "both whole"),
        (
            Match(path=Path("regex", "/a.*")),
            Match(path=Path("prefix", "/")),
            LINKERD,
            "first",
            "never just /",
        ),
        (Match(path=Path("regex", "/.*")), Match(path=Path("any")), LINKERD, "depends", "a tie on / alone"),
        (
            Match(path=Path("regex", "/a.*")),
            Match(None, Path("prefix", "/a"), None, X),
            LINKERD,
            "depends",
            "on /a",
        ),
        (
            Match(path=Path("regex", "/a/.*")),
            Match(None, Path("prefix", "/a"), None, X),
            LINKERD,
            "first",
            "below",
        ),
        (
            Match(path=Path("any")),
            Match(path=Path("prefix", "/")),
            LINKERD,
            "tie",
            "no path is the root prefix",
        ),
        (Match(method="GET"), Match(headers=X), LINKERD, "second", "headers before the method"),
        (Match(method="GET"), Match(headers=X), GATEWAY_API, "first", "the method before headers"),
        (Match(query=X), Match(method="GET"), LINKERD, "first", "queries before the method"),
        (
            Match("*.b.c"),
            Match("*.c", Path("exact", "/a")),
            LINKERD,
            "first",
            "longer suffix before any path",
        ),
        (Match("a.c"), Match("*.b.a.c"), LINKERD, "first", "an exact name before a longer suffix"),
        (Match(None), Match("*.c"), LINKERD, "second", "no hostname ranks last"),
        (Match(path=Path("regex", "/a")), Match(path=Path("exact", "/a")), GATEWAY_API, "depends", "unknown"),
        (
            Match(path=Path("regex", "/.+")),
            Match(None, Path("regex", "/.+"), "GET"),
            GATEWAY_API,
            "second",
            "equal",
        ),
    ],
)
def test_preference(one: Match, two: Match, precedence: Precedence, preferred: str, reason: str) -> None:
    assert prefers(precedence, one, two) == preferred, reason
    turned = {"first": "second", "second": "first"}.get(preferred, preferred)
    assert prefers(precedence, two, one) == turned, reason
