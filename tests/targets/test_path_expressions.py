"""Expressions for classes of paths: every plain path meets those of its own class and of no other."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer.ir import authorization as ir
from transformer.ir import path_conditions
from transformer.ir.path_conditions import ANYTHING, SEGMENT, SEGMENTS, TEXT, Condition, Glob, Row, Truth
from transformer.ir.request_classes import OTHER, Path
from transformer.proof import istio_authorization_values
from transformer.proof.rust_regex import matches_whole
from transformer.targets.linkerd import path_expressions
from transformer.targets.linkerd.path_expressions import Found
from transformer.targets.linkerd.request_paths import NON_CANONICAL, NOT_PLAIN, Unwritable

#: As policies write them.
WRITTEN = (
    "/a", "/a*", "/a/*", "/a/b", "/ab*", "*.js", "*/b", "/a/{*}", "/a/{*}/b", "/{**}", "/a/{**}/b", "/{*}", "/b/c*", "/", "*c",
)  # fmt: skip
CALLERS = (ir.NOBODY, ir.ANYONE, ir.account("a", "x"), ir.ANY_IDENTITY)
PIECES = ("/", "a", "b", "c", ".", ".js", "..", ";", "=", "%20", "%2e", "%zz", "\\", "[")
PATHS = [
    *sorted({"/" + "".join(parts) for length in range(5) for parts in product(PIECES, repeat=length)})[::7],
    "/", "/a", "/a/", "/a/b", "/ab", "/x.js", "/a/x.js", "/a/x/b", "/a//b", "/a/b/b", "/b/c", "/b/cd", "/a/=/b", "/a/%20/b",
]  # fmt: skip


def condition(text: str) -> Condition:
    """A condition from what a policy writes."""
    kinds = {"{*}": SEGMENT, "{**}": SEGMENTS}
    if "{" in text:
        pieces = [piece for piece in re.split(r"(\{\*\*?\})", text) if piece]
        return Glob(tuple((kinds[piece], "") if piece in kinds else (TEXT, piece) for piece in pieces))
    if text.startswith("*"):
        return Glob(((ANYTHING, ""), (TEXT, text[1:])))
    return Path(text.removesuffix("*"), text.endswith("*"))


def meets(text: str, path: str) -> bool:
    """Whether Istio takes the path for the pattern, by the evaluator."""

    class Seen:
        pass

    seen = Seen()
    seen.path = path  # type: ignore[attr-defined]
    return istio_authorization_values.path(text)(seen)  # type: ignore[arg-type]


def of_path(found: list[Found], path: str) -> set[ir.SourceSet]:
    """Callers of all matches that rank highest for a request with any method."""
    whole = [
        match.sources for match in found
        if (match.type == "Exact" and match.value == path)
        or (match.type == "RegularExpression" and matches_whole(match.value, path))
    ]  # fmt: skip
    return set(whole) or {match.sources for match in found if match.type == "PathPrefix"}


@given(
    st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(CALLERS), min_size=8, max_size=8),
)
def test_every_path_meets_its_own_class_only(written: list[str], callers: list[ir.SourceSet]) -> None:
    def row(truth: Truth) -> Row:
        return {OTHER: callers[sum(1 << at for at, holds in enumerate(truth) if holds)]}

    found = path_conditions.classes([condition(text) for text in written], row)
    try:
        matches = list(path_expressions.matches(found))
    except Unwritable:
        return
    for path in PATHS:
        if path == "/" or matches_whole(NOT_PLAIN, path):
            continue
        truth = tuple(meets(text, path) for text in written)
        assert of_path(matches, path) == set(row(truth).values()), (written, path)


@pytest.mark.parametrize("text", WRITTEN)
def test_an_open_pattern_takes_no_path_that_is_not_plain(text: str) -> None:
    def row(truth: Truth) -> Row:
        return {OTHER: ir.ANYONE if truth[0] else ir.NOBODY}

    if text == "/":
        return  # a path of its own, which wins by its methods
    matches = list(path_expressions.matches(path_conditions.classes([condition(text)], row)))
    for path in PATHS:
        if matches_whole(NOT_PLAIN, path):
            assert ir.ANYONE not in of_path(matches, path), path


def test_what_is_not_canonical_is_not_plain() -> None:
    for path in PATHS:
        if matches_whole(NON_CANONICAL, path):
            assert matches_whole(NOT_PLAIN, path), path


def test_expressions_fit_into_a_route() -> None:
    def row(truth: Truth) -> Row:
        return {OTHER: ir.ANYONE if truth[0] else ir.NOBODY}

    for text in ("*.json", "/users/{*}/orders", "/files/{**}/meta"):
        for match in path_expressions.matches(path_conditions.classes([condition(text)], row)):
            assert len(match.value) <= 1024


def test_too_many_conditions_are_refused() -> None:
    many = [Glob(((ANYTHING, ""), (TEXT, f"a{at}b{at}"), (ANYTHING, ""))) for at in range(14)]
    with pytest.raises(path_conditions.TooManyStates):
        path_conditions.product(many)


def test_prefixes_within_prefixes_that_cannot_be_told_apart_are_unwritable() -> None:
    def row(truth: Truth) -> Row:
        return {OTHER: ir.account("a", "x") if truth == (True, False) else ir.NOBODY}

    found = path_conditions.classes([condition("/api/*"), condition("*.json")], row)
    with pytest.raises(Unwritable):
        list(path_expressions.matches(found))
