"""Rust `regex` patterns run on Python's engine, with Linkerd's reading: leftmost-first search, then whole
length.

Both engines prefer the leftmost match and, in it, the first alternative that works, so the search itself
agrees. What differs is syntax and a few defaults, and it is rewritten here:

* `$` is the very end in Rust, in Python also the place before a last line feed;
* `x*+` is a repeated repetition in Rust, in Python a possessive one;
* flags such as `(?i)` may stand anywhere in Rust and hold to the end of the group;
* `(?<n>…)`, `\\z`, `\\x{…}`, `\\u{…}` and POSIX classes are spelled otherwise;
* `{` that does not open a repetition, look-around, back references, `\\Z`, octal and unknown escapes are
  errors.

`\\d`, `\\w`, `\\s` and `\\b` are Unicode-aware on both sides. The text is a header, a query value or a raw
path, so ASCII in practice. Nested classes and class set operations, `\\p{…}`, `(?U)`, `(?x)`, `(?R)` and
`(?-u)` are not modelled: they raise `UnsupportedRegex`, never a guess. (regex crate documentation,
"Syntax".)
"""

from __future__ import annotations

import re
from functools import lru_cache

from transformer.stream.patterns import pattern

_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7F", "blank": r"\t ", "digit": "0-9",
    "cntrl": r"\x00-\x1F\x7F", "graph": "!-~", "lower": "a-z", "print": " -~", "upper": "A-Z",
    "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\v\f\r ", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_CONTROL = {"a": r"\x07", "f": r"\f", "t": r"\t", "n": r"\n", "r": r"\r", "v": r"\v"}
_REPEAT = pattern(r"\{\s*([0-9]*)\s*(,?)\s*([0-9]*)\s*\}", re.ASCII)
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_MAX_REPEAT = 1000


class InvalidRegex(ValueError):
    """A pattern that Rust's `regex` refuses; Linkerd's admission then refuses the route."""


class UnsupportedRegex(ValueError):
    """A pattern that Rust accepts and that this module does not model."""


class _Translation:
    """One pass over a pattern; `text` is the equivalent Python pattern."""

    def __init__(self, pattern: str) -> None:
        self._in = pattern
        self._at = 0
        self._depth = 0
        self.text = self._alternatives()
        if self._at < len(pattern):
            raise InvalidRegex("unopened group")

    def _peek(self) -> str:
        return self._in[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise InvalidRegex("unexpected end of pattern")
        self._at += 1
        return char

    def _alternatives(self) -> str:
        """Everything up to the closing bracket of the group, or the end; inline flags wrap what follows
        them.
        """
        out: list[str] = []
        atom: str | None = None
        open_flags = 0
        while self._peek() not in ("", ")"):
            char = self._peek()
            if char in "*+?{":
                atom = self._repeated(atom)
                continue
            if atom is not None:
                out.append(atom)
                atom = None
            if char == "|":
                self._at += 1
                out.append("|")
            elif self._in.startswith("(?", self._at) and (flags := self._inline_flags()) is not None:
                # In Rust a flag set in one alternative also holds in those that follow in the group; a Python
                # group opened here would swallow the bar, which is right only at the start of everything.
                if "|" in out or (len(out) > open_flags and "|" in self._group_rest()):
                    raise UnsupportedRegex("inline flags beside alternatives")
                out.append(f"(?{flags}:")
                open_flags += 1
            else:
                atom = self._atom()
        if atom is not None:
            out.append(atom)
        return "".join(out) + ")" * open_flags

    def _group_rest(self) -> str:
        """The top-level rest of the current group, for the search of a bar (classes and escapes skipped)."""
        depth, index, in_class, found = 0, self._at, 0, []
        while index < len(self._in):
            char = self._in[index]
            if char == "\\":
                index += 2
                continue
            if char == "[":
                in_class += 1
            elif char == "]" and in_class:
                in_class -= 1
            elif not in_class:
                if char == ")" and depth == 0:
                    break
                depth += {"(": 1, ")": -1}.get(char, 0)
                if depth == 0:
                    found.append(char)
            index += 1
        return "".join(found)

    def _inline_flags(self) -> str | None:
        found = re.compile(r"\(\?([a-zA-Z-]+)\)").match(self._in, self._at)
        if found is None:
            return None
        self._at = found.end()
        return _flags(found[1])

    def _atom(self) -> str:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape(in_class=False)
        if char == "$":
            # Only without (?m), which `_flags` refuses.
            return r"\Z"
        if char in ".^":
            return char
        return re.escape(char)

    def _group(self) -> str:
        self._depth += 1
        if self._depth > 100:
            raise UnsupportedRegex("nested too deeply")
        head = "("
        if self._peek() == "?":
            found = re.compile(r"\?(?:P?<([A-Za-z_][A-Za-z0-9_.\[\]]*)>|([a-zA-Z-]*):)").match(
                self._in, self._at
            )
            if found is None:
                raise InvalidRegex("look-around or unrecognised group")
            self._at = found.end()
            # Names carry no meaning here, and Python allows fewer characters in them.
            head = "(" if found[1] is not None else f"(?{_flags(found[2])}:"
        inner = self._alternatives()
        if self._take() != ")":
            raise InvalidRegex("unclosed group")
        self._depth -= 1
        return f"{head}{inner})"

    def _repeated(self, atom: str | None) -> str:
        if atom is None:
            raise InvalidRegex("repetition operator missing expression")
        char = self._take()
        operator = char
        if char == "{":
            found = _REPEAT.match(self._in, self._at - 1)
            if found is None or not (found[1] or found[3]):
                raise InvalidRegex("invalid repetition")
            if not found[1]:
                # Versions of the crate disagree about a missing lower bound, and RE2 takes it literally.
                raise UnsupportedRegex("repetition without a lower bound")
            self._at = found.end()
            low, comma, high = found[1], found[2], found[3]
            if high and int(low) > int(high):
                raise InvalidRegex("invalid repetition range")
            if max(int(low), int(high or "0")) > _MAX_REPEAT:
                raise UnsupportedRegex("repetition count above 1000")
            operator = "{" + low + comma + high + "}"
        if self._peek() == "?":
            self._at += 1
            operator += "?"
        # The brackets keep a second operator from turning the first into Python's possessive form.
        return f"(?:{atom}{operator})"

    def _escape(self, *, in_class: bool) -> str:
        char = self._take()
        if char in "dDsSwW":
            return "\\" + char
        if char in _CONTROL:
            return _CONTROL[char]
        if char in _HEX_DIGITS:
            return self._code_point(char)
        if char in "pP":
            raise UnsupportedRegex("Unicode property class")
        if not in_class:
            if char == "b" and self._peek() == "{":
                raise UnsupportedRegex("half word boundary")
            if char in "bB":
                return "\\" + char
            if char == "A":
                return r"\A"
            if char == "z":
                return r"\Z"
            if char in "<>":
                raise UnsupportedRegex("word start or end")
        if char.isascii() and not char.isalnum() and char.isprintable() and char not in " <>":
            return re.escape(char) if char not in "/-" else "\\" + char
        raise InvalidRegex(f"unrecognised escape \\{char}")

    def _code_point(self, kind: str) -> str:
        if self._peek() == "{":
            end = self._in.find("}", self._at)
            digits = self._in[self._at + 1 : end] if end > 0 else ""
            self._at = end + 1
        else:
            digits = self._in[self._at : self._at + _HEX_DIGITS[kind]]
            self._at += len(digits)
            if len(digits) < _HEX_DIGITS[kind]:
                digits = ""
        if not re.fullmatch(r"[0-9A-Fa-f]+", digits) or int(digits, 16) > 0x10FFFF:
            raise InvalidRegex("invalid hexadecimal escape")
        return f"\\U{int(digits, 16):08x}"

    def _class(self) -> str:
        out = ["[^"] if self._peek() == "^" else ["["]
        if out[0] == "[^":
            self._at += 1
        first = True
        while True:
            char = self._take()
            if char == "]" and not first:
                return "".join([*out, "]"])
            if self._in[self._at - 1 : self._at + 1] in ("&&", "--", "~~") and not (char == "-" and first):
                raise UnsupportedRegex("class set operation")
            first = False
            if char == "[":
                out.append(self._posix_class())
            elif char == "\\":
                out.append(self._escape(in_class=True))
            elif char == "-":
                out.append("-" if self._is_range(out) else r"\-")
            else:
                out.append("\\" + char if char in "]^&~|[" else char)

    def _is_range(self, out: list[str]) -> bool:
        return len(out) > 1 and self._peek() not in ("", "]")

    def _posix_class(self) -> str:
        found = re.compile(r":(\^?)([a-z]+):\]").match(self._in, self._at)
        if found is None:
            raise UnsupportedRegex("nested class")
        if found[1] or found[2] not in _POSIX:
            raise UnsupportedRegex("POSIX class") if found[1] else InvalidRegex("unknown POSIX class")
        self._at = found.end()
        return _POSIX[found[2]]


def _flags(text: str) -> str:
    """The Python spelling of inline flags; `i` and `s` (and `u`, which is on already) are modelled."""
    on, _, off = text.partition("-")
    if set(on + off) - set("isumUxR"):
        raise InvalidRegex("unrecognised flag")
    if "-" in text and not off:
        raise InvalidRegex("dangling flag negation")
    if set(on + off) & set("mUxR") or "u" in off:
        raise UnsupportedRegex("inline flag")
    wanted = on.replace("u", "")
    return wanted + ("-" + off if off else "")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The Python pattern that finds what Rust's would; raises `InvalidRegex` or `UnsupportedRegex`."""
    translated = _Translation(pattern).text
    try:
        return re.compile(translated)
    except re.error as error:
        raise InvalidRegex(f"{pattern!r}: {error}") from error


def matches_whole(pattern: str, text: str) -> bool:
    """Whether the leftmost-first match of `pattern` in `text` is all of `text` (Linkerd's test)."""
    found = compiled(pattern).search(text)
    return found is not None and found.start() == 0 and found.end() == len(text)


def matches_fully(pattern: str, text: str) -> bool:
    """Whether `text` belongs to the language of `pattern`, as RE2 and Envoy test it."""
    return compiled(pattern).fullmatch(text) is not None
