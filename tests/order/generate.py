"""Random first-match lists and requests over small alphabets, so that conditions meet often."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

from transformer.order.model import Entry
from transformer.order.predicates import Match, Path, Request, Value


class Shape(NamedTuple):
    """How a list looks: shares of entries with each condition, and whether group or host may differ."""

    name: str
    header: float
    query: float
    method: float
    without: float
    regex: float
    groups: int
    hosts: bool
    catch_all: float
    strings: float = 0.2


#: `plausible` is what route lists of real services look like; `wild` is everything at once.
PLAUSIBLE = Shape("plausible", 0.2, 0.05, 0.1, 0.03, 0.05, 1, False, 0.8)
GROUPED = Shape("grouped", 0.2, 0.05, 0.1, 0.0, 0.05, 2, False, 0.8)
WILD = Shape("wild", 0.4, 0.2, 0.3, 0.15, 0.15, 1, True, 0.3)
WILD_GROUPED = Shape("wild-grouped", 0.4, 0.2, 0.3, 0.1, 0.15, 3, True, 0.3)
#: The same lists where string prefixes are taken as segment prefixes.
SEGMENTS = PLAUSIBLE._replace(name="segments", regex=0.0, strings=0.0)
SHAPES = (PLAUSIBLE, GROUPED, WILD, WILD_GROUPED, SEGMENTS)

LITERALS = ("/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/b", "/b.c")
EXPRESSIONS = (
    "/a[0-9]+",
    "^/a/[^/]+$",
    "/.*\\.png",
    "(?:/a|/b)(?:/.*)?",
    "^(?:/a/b|/a/b/c)$",
    "/[ab]/.*",
    "(?i)/A",
    ".*",
)
PATHS = tuple(
    dict.fromkeys(
        [literal + tail for literal in LITERALS for tail in ("", "x", "/", "/x", "/b", "/x.png")]
        + ["/a1", "/a/1", "/A", "/bxc", "/a/b/c/d", "/other", "/a.png", "/b/a/"]
    )
)
HEADERS = {
    "x": (Value("exact", "1"), Value("exact", "2"), Value("regex", "[0-9]+"), Value("regex", ".*")),
    "y": (Value("exact", "on"), Value("regex", "o.*"), Value("regex", ".*n"), Value("exact", "off")),
    "z": (Value("exact", "1"),),
}
HEADER_TEXTS = {"x": ("1", "2", "33", "no", ""), "y": ("on", "off", "in", "oon"), "z": ("1", "2")}
QUERIES = {
    "q": (Value("exact", "1"), Value("regex", "[0-9]")),
    "r": (Value("exact", ""), Value("regex", ".+")),
}
QUERY_TEXTS = {"q": ("1", "2", "x"), "r": ("", "v")}
METHODS = ("GET", "POST")
HOSTNAMES = (None, None, None, "a.example", "*.example", "*.b.example")
HOSTS = ("a.example", "b.example", "x.b.example", "elsewhere.test", "A.EXAMPLE:80")


def entries(draw: random.Random, shape: Shape) -> list[Entry]:
    """One to eight entries with one to four actions; neighbours sometimes belong to one source rule."""
    found: list[Entry] = []
    rule = -1
    action = group = ""
    for index in range(draw.randint(1, 8)):
        if not found or draw.random() > 0.2:
            rule += 1
            action, group = draw.choice("ABCD"), draw.choice("123"[: shape.groups])
        found.append(Entry(_match(draw, shape), action, group, (f"entry-{index}",), rule))
    if draw.random() < shape.catch_all:
        found.append(
            Entry(Match(), draw.choice("ABCD"), draw.choice("123"[: shape.groups]), ("last",), rule + 1)
        )
    return found


def _match(draw: random.Random, shape: Shape) -> Match:
    return Match(
        draw.choice(HOSTNAMES) if shape.hosts and draw.random() < 0.3 else None,
        _path(draw, shape),
        draw.choice(METHODS) if draw.random() < shape.method else None,
        _named(draw, HEADERS, shape.header),
        _named(draw, QUERIES, shape.query),
        _named(draw, HEADERS, shape.without),
    )


def _path(draw: random.Random, shape: Shape) -> Path:
    if draw.random() < shape.regex:
        return Path("regex", draw.choice(EXPRESSIONS))
    literal = draw.choice(LITERALS)
    kind = "string" if draw.random() < shape.strings else draw.choice(("any", "exact", "prefix", "prefix"))
    if kind == "any":
        return Path("any", "")
    if kind == "string":
        # How a string prefix is written where whole segments do not say it.
        return Path("prefix", "/") if literal == "/" else Path("regex", literal.replace(".", "\\.") + ".*")
    return Path("exact", literal) if kind == "exact" else Path("prefix", literal)


def _named(
    draw: random.Random, choices: Mapping[str, tuple[Value, ...]], share: float
) -> tuple[tuple[str, Value], ...]:
    if draw.random() >= share:
        return ()
    names = draw.sample(sorted(choices), draw.choice((1, 1, 1, 2)))
    return tuple((name, draw.choice(choices[name])) for name in names)


def request(draw: random.Random, hosts: bool) -> Request:
    """A request over the same alphabets, with values that no condition names too."""
    return Request(
        draw.choice(HOSTS) if hosts else HOSTS[3],
        draw.choice(PATHS),
        draw.choice((*METHODS, "DELETE")),
        tuple((name, draw.choice(texts)) for name, texts in HEADER_TEXTS.items() if draw.random() < 0.6),
        tuple((name, draw.choice(texts)) for name, texts in QUERY_TEXTS.items() if draw.random() < 0.6),
    )
