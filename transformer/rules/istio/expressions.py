"""RE2 expressions (Istio) as expressions of Rust's regex crate (Linkerd), or why they cannot be carried over.

Both are linear-time engines of one family; they differ in a few spellings: RE2 knows `\\C`, `\\Q…\\E`, octal escapes and
literal brackets inside classes, Rust gives `&&`, `--`, `~~`, `[` in classes and `\\<`, `\\>`, `\\b{` a meaning of their own.
"""

from __future__ import annotations

import re

_REFUSED_ESCAPES = {"C": "\\C", "Q": "\\Q…\\E", "E": "\\Q…\\E"}


def rust(pattern: str) -> tuple[str, str]:
    """(expression, "") for Rust, or ("", reason) where there is none. The whole value must match; no anchors needed."""
    out: list[str] = []
    index, inside = 0, False
    while index < len(pattern):
        char = pattern[index]
        if char == "\\":
            piece, reason = _escape(pattern, index)
            if reason:
                return "", reason
            out.append(piece)
            index += 2
            continue
        if inside:
            piece, inside, reason = _in_class(pattern, index)
            if reason:
                return "", reason
            out.append(piece)
            index += len("[:alpha:]") if piece.startswith("[:") else 1
            continue
        if char == "[":
            inside = True
            start = re.match(r"\[\^?\]?", pattern[index:])
            assert start is not None
            out.append(start.group().replace("]", "\\]"))
            index += start.end()
            continue
        if char == "{" and not re.match(r"\{[0-9]+(,[0-9]*)?\}", pattern[index:]):
            out.append("\\{")
            index += 1
            continue
        if pattern.startswith("(?", index) and not re.match(
            r"\(\?(?:P?<[A-Za-z_]\w*>|[imsU-]*[:)])", pattern[index:]
        ):
            return "", f"the group at character {index + 1} is not one that both engines know"
        out.append(char)
        index += 1
    text = "".join(out)
    try:
        re.compile(
            re.sub(r"\\[pP](?:\{\^?\w+\}|\w)|\(\?[imsU-]*\)|\\z|\[:\w+:\]", "x", text).replace("(?U", "(?i")
        )
    except re.error as error:
        return "", f"it is not a regular expression ({error.msg})"
    return text, ""


def _escape(pattern: str, index: int) -> tuple[str, str]:
    char = pattern[index + 1 : index + 2]
    if not char:
        return "", "it ends with a backslash"
    if char in _REFUSED_ESCAPES:
        return "", f"{_REFUSED_ESCAPES[char]} is known to RE2 only"
    if char.isdigit():
        return "", f"\\{char} is an octal escape in RE2 and an error in Rust"
    if char == "b" and pattern[index + 2 : index + 3] == "{":
        return "", "\\b{ has a meaning of its own in Rust"
    return (char if char in "<>" else f"\\{char}"), ""


def _in_class(pattern: str, index: int) -> tuple[str, bool, str]:
    """One character of a class: what to write, whether the class goes on, or why not."""
    char = pattern[index]
    if char == "]":
        return "]", False, ""
    if char == "[":
        named = re.match(r"\[:\^?[a-z]+:\]", pattern[index:])
        if named:
            return (
                ("", True, "a named class is not carried over")
                if named.end() != len("[:alpha:]")
                else (named.group(), True, "")
            )
        return "\\[", True, ""
    if pattern[index : index + 2] in ("&&", "--", "~~"):
        return "", True, f"{char * 2} inside a class has a meaning of its own in Rust"
    return char, True, ""
