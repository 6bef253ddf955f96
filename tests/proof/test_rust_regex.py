"""Rust patterns on Python's engine."""

from __future__ import annotations

import pytest

from transformer.proof.rust_regex import (
    InvalidRegex,
    UnsupportedRegex,
    compiled,
    matches_fully,
    matches_whole,
)

CANONICAL = (
    r"^.*(?:/\.{1,2}(?:[/;].*)?|\\.*"
    r"|%(?:2[dDeEfF]|3[0-9]|4[1-9a-fA-F]|5[0-9aAcCfF]|6[1-9a-fA-F]|7[0-9aAeE]).*)$"
)

READ: list[tuple[str, str, bool, str]] = [
    ("/a|/ab", "/ab", False, "leftmost-first finds /a and stops"),
    ("^(?:/a|/ab)$", "/ab", True, "anchors make the search go on"),
    ("b", "ab", False, "a match that starts later is no match"),
    ("a$", "a\n", False, "$ is the very end"),
    ("a*+", "aaa", True, "a second operator repeats, it does not possess"),
    ("(?:a*+)a", "aaa", True, "so the first gives back"),
    ("a(?i)b", "aB", True, "a flag in the middle holds for the rest"),
    ("a(?i)b", "AB", False, "and not for what stands before it"),
    ("(?i)(?s)/a|/b", "/B", True, "at the start it holds for every alternative"),
    ("(?:(?i)a)b", "AB", False, "it ends with its group"),
    ("(?<name>x)(?P<other>y)", "xy", True, "both spellings of named groups"),
    ("[[:alpha:]_]+", "ab_", True, "POSIX classes"),
    ("[]a]+", "]a", True, "a bracket that comes first is a character"),
    ("[a-c-]+", "b-", True, "a hyphen that comes last is a character"),
    (r"\x{41}\x42\u0043", "ABC", True, "hexadecimal escapes"),
    (r"a\z", "a", True, "the end of text"),
    ("a.c", "a\nc", False, "a dot is no line feed"),
    ("(?s)a.c", "a\nc", True, "unless asked for"),
    (r"/v[0-9]+/.*", "/v12/x", True, "the common form"),
    ("a{2,}", "aaa", True, "open repetition"),
    (CANONICAL, "/api/../x", True, "dot segments"),
    (CANONICAL, "/api/%2e%2e/x", True, "encoded dots"),
    (CANONICAL, r"/api/a\b", True, "backslashes"),
    (CANONICAL, "/api/x;v=1", False, "a matrix parameter"),
    (CANONICAL, "/api/a%20b", False, "an escape that must stay"),
]


@pytest.mark.parametrize(("pattern", "text", "wanted", "reason"), READ)
def test_patterns_are_read_as_rust_does(pattern: str, text: str, wanted: bool, reason: str) -> None:
    assert matches_whole(pattern, text) is wanted, reason


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(?=b)", "look-ahead"),
        ("(?<!a)b", "look-behind"),
        (r"(a)\1", "back reference"),
        ("/u/{id}", "a brace that opens no repetition"),
        ("*a", "nothing to repeat"),
        ("(a", "an open group"),
        ("a)", "a bracket too many"),
        ("[a", "an open class"),
        (r"a\Z", "not an escape of Rust's"),
        (r"\q", "not an escape at all"),
        ("a{3,2}", "an empty range"),
        ("(?>a)", "an atomic group"),
    ],
)
def test_patterns_that_rust_refuses(pattern: str, reason: str) -> None:
    with pytest.raises(InvalidRegex):
        compiled(pattern)
    assert reason


@pytest.mark.parametrize(
    "pattern",
    [r"\pL", "[a&&b]", "(?x)a", "(?m)^a$", "a|(?i)b", "a(?i)b|c", "[a[b]]", r"\<a", "a{1001}", "a{,3}"],
)
def test_patterns_that_are_not_modelled_are_never_guessed(pattern: str) -> None:
    with pytest.raises(UnsupportedRegex):
        compiled(pattern)


def test_a_language_has_no_preferred_alternative() -> None:
    assert matches_fully("/a|/ab", "/ab")
