"""Writes plain data as block YAML: deterministic, keys in their order, strings quoted where any reader needs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from transformer.stream import scalars
from transformer.stream.patterns import pattern

# A line `key:` and the first dash below it; blank lines and comments may stand between.
_KEY_OVER_DASH = pattern(
    r"^(?P<key>[ ]*(?:- +)*)[^\s#'\"\[{&*!|>-][^\r\n#]*:[ \t]*(?:#[^\r\n]*)?"
    r"(?:\r?\n[ \t]*(?:#[^\r\n]*)?)*?\r?\n(?P<dash> *)-[ \r\n]",
    re.MULTILINE,
)
# YAML wants these escaped; tabs are escaped too, so that they can be seen.
_ESCAPED = pattern('[\x00-\x1f"\\\\\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
_CONTROL = pattern("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = pattern("[\ud800-\udfff]")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NOT_LITERAL = pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_LONGEST_KEY = 1000  # a simple key has at most 1024 characters


class Style(NamedTuple):
    """Choices in which YAML files differ: dashes deeper than their key or not, and the line break."""

    indent_sequences: bool
    newline: str


def detect(text: str, default: Style) -> Style:
    """The style of the majority of a text; the default where it shows none."""
    deeper = compact = 0
    for match in _KEY_OVER_DASH.finditer(text):
        if len(match["dash"]) > len(match["key"]):
            deeper += 1
        elif len(match["dash"]) == len(match["key"]):
            compact += 1
    indent = default.indent_sequences if deeper == compact else deeper > compact
    breaks = text.count("\n")
    if not breaks:
        return Style(indent, default.newline)
    return Style(indent, "\r\n" if 2 * text.count("\r\n") > breaks else "\n")


def render(value: Any, style: Style, *, indent: int = 0) -> str:
    """Block YAML of dicts, lists, strings, ints, floats, bools and None, at column `indent` or deeper.

    Ends with a line break. Raises TypeError for other types or keys that are not strings, ValueError for what
    YAML readers of Kubernetes cannot take (infinities, integers beyond 64 bits, lone surrogates, keys over
    1,000 characters).
    """
    return "".join(line + style.newline for line in _lines(value, indent, style))


def render_item(value: Any, style: Style, indent: int) -> str:
    """The value as an item of a block sequence with its dashes at column `indent`. Ends with a line break."""
    return "".join(line + style.newline for line in _item_lines(value, indent, style))


def render_entry(key: str, value: Any, style: Style, indent: int) -> str:
    """One entry of a block mapping whose keys stand at column `indent`. Ends with a line break."""
    return "".join(line + style.newline for line in _entry_lines(key, value, indent, style))


def render_flow(value: Any) -> str:
    """The value on one line, as JSON (which is YAML), without a line break."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_double_quoted(_key(key))}: {render_flow(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(render_flow(item) for item in value) + "]"
    return _double_quoted(value) if isinstance(value, str) else scalar(value)


def scalar(value: str | int | float | bool | None, quote: str = "") -> str:
    """A scalar on one line; `quote` is the quote character to keep where the value is a string."""
    if isinstance(value, str):
        if quote == '"' or _CONTROL.search(value):
            return _double_quoted(value)
        if quote == "'" or scalars.needs_quotes(value):
            return _single_quoted(value)
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise ValueError(f"{value} has more than 64 bits")
        return str(value)
    if isinstance(value, float):
        return _float(value)
    raise TypeError(f"cannot write a {type(value).__name__}")


def _lines(value: Any, indent: int, style: Style) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry_lines(key, item, indent, style)
    elif isinstance(value, list | tuple) and value:
        for item in value:
            yield from _item_lines(item, indent, style)
    else:
        head, *rest = _scalar_lines(value, indent)
        yield " " * indent + head
        yield from rest


def _entry_lines(key: Any, value: Any, indent: int, style: Style) -> Iterator[str]:
    start = " " * indent + scalar(_key(key)) + ":"
    if isinstance(value, dict) and value:
        yield start
        yield from _lines(value, indent + 2, style)
    elif isinstance(value, list | tuple) and value:
        yield start
        yield from _lines(value, indent + 2 if style.indent_sequences else indent, style)
    else:
        head, *rest = _scalar_lines(value, indent)
        yield f"{start} {head}"
        yield from rest


def _item_lines(value: Any, indent: int, style: Style) -> Iterator[str]:
    if value and isinstance(value, dict | list | tuple):
        nested = _lines(value, indent + 2, style)
        yield " " * indent + "- " + next(nested)[indent + 2 :]
        yield from nested
        return
    head, *rest = _scalar_lines(value, indent)
    yield f"{' ' * indent}- {head}"
    yield from rest


def _scalar_lines(value: Any, indent: int) -> list[str]:
    """A scalar or an empty collection; the first line comes without its indentation."""
    if isinstance(value, str):
        return _literal(value, indent) or [scalar(value)]
    if isinstance(value, dict):
        return ["{}"]
    return ["[]"] if isinstance(value, list | tuple) else [scalar(value)]


def _literal(value: str, indent: int) -> list[str]:
    """A literal block scalar, or nothing where it would not be read back exactly or not be seen as it is."""
    body = value.rstrip("\n")
    if "\n" not in value or not body or _NOT_LITERAL.search(value) or _SURROGATE.search(value):
        return []
    lines = body.split("\n")
    if any(line.isspace() for line in lines) or body.lstrip("\n")[0] in " \t":
        return []
    trailing = len(value) - len(body)
    pad = " " * (indent + 2)
    header = "|-" if trailing == 0 else "|" if trailing == 1 else "|+"
    return [header, *(pad + line if line else "" for line in lines), *[""] * (trailing - 1)]


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"keys are strings, not {type(key).__name__}")
    if len(key) > _LONGEST_KEY:
        raise ValueError("key too long")
    return key


def _float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("Kubernetes has no infinities")
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    # YAML 1.1 sees a float only where there is a dot.
    return f"{mantissa}.0e{exponent}" if mark and "." not in mantissa else text


def _single_quoted(value: str) -> str:
    _refuse_surrogates(value)
    return "'" + value.replace("'", "''") + "'"


def _double_quoted(value: str) -> str:
    _refuse_surrogates(value)
    return (
        '"'
        + _ESCAPED.sub(lambda match: _SHORT.get(match.group()) or f"\\u{ord(match.group()):04x}", value)
        + '"'
    )


def _refuse_surrogates(value: str) -> None:
    if _SURROGATE.search(value):
        raise ValueError("the text holds a lone surrogate")
