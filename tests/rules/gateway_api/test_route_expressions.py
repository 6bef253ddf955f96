"""Which expressions mean the same to Istio (the whole value) and to Linkerd (the first match, compared with the whole)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer.rules.gateway_api.route_rules import is_whole

PIECES = st.sampled_from(
    ["a", "b", "ab", "(a|ab)", "(?:b|)", "a?", "b*?", "[ab]", ".*", "\\.", "|", "[ab]+", ".+"]
)
VALUES = ("", "a", "b", "ab", "aab", "abb", "abab", "aba", ".")


@pytest.mark.parametrize(
    ("text", "whole", "reason"),
    [
        ("/api/v1", True, "a literal"),
        ("/api/.*", True, "a literal with an open end"),
        ("^/api/.*$", True, "the same with anchors"),
        ("/a|/ab", False, "the first alternative is taken"),
        ("^/a|/ab$", False, "the end belongs to one alternative only"),
        ("^(?:/a|/ab)$", True, "the end belongs to both"),
        ("/(a|ab)/x$", True, "the end is fixed"),
        ("/(a|ab)", False, "the first alternative is shorter"),
        ("/a[|$]", True, "one character of a class"),
        ("/a[|]b$", True, "a bar inside of a class is no alternative"),
        ("/a\\$", True, "a literal dollar"),
        ("/v[0-9]+\\$", False, "a literal dollar fixes no end"),
        ("/v[0-9]+/.*", True, "the rest is taken whatever came before"),
        ("/v[0-9]+", True, "the longest is the only one that is tried"),
        ("/v[0-9]+?", False, "the shortest is tried first"),
        ("/v[0-9]+/x\\.*", False, "a literal dot repeats"),
        ("gold|silver", True, "none is the beginning of another"),
        ("gold|golden", False, "the first is the beginning of the second"),
        ("golden|gold", True, "the longer one is tried first"),
        ("a|b.*", False, "an alternative that is no literal"),
    ],
)
def test_expressions(text: str, whole: bool, reason: str) -> None:
    assert is_whole(text) == whole, reason


@given(st.lists(PIECES, min_size=1, max_size=5), st.booleans(), st.booleans())
def test_what_counts_as_whole_is_found_whole(pieces: list[str], start: bool, end: bool) -> None:
    text = ("^" if start else "") + "".join(pieces) + ("$" if end else "")
    try:
        pattern = re.compile(text)
    except re.error:
        return
    for value in VALUES if is_whole(text) else ():
        found = pattern.search(value)
        spans = found is not None and (found.start(), found.end()) == (0, len(value))
        assert spans == (pattern.fullmatch(value) is not None), (text, value)
