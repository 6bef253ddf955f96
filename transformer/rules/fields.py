"""Known fields of source kinds, from their custom resource definitions, and the check of an object against them.

A field that is not listed is pruned by the API server and has no effect today; one of a wrong type would be refused.
Shapes are written compactly: `{name:type}`, `[type]`, `map<type>`, `A|B` for enumerations, `*` after a required name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from transformer.findings import FieldPath
from transformer.objects import View
from transformer.stream.patterns import pattern

if TYPE_CHECKING:
    from transformer.run import Run


class Problem(NamedTuple):
    """A field that is unknown (`pruned`) or malformed, and why."""

    at: View
    pruned: bool
    why: str


Shape = Any  # str (scalar type or enumeration) | dict (fields, required names end in *) | list (one item shape) | tuple (map)

_TOKEN = pattern(r"\s*([{}\[\],:]|map<|>|[^{}\[\],:<>\s]+)")


def parse(text: str) -> Shape:
    """Read the compact notation."""
    tokens = _TOKEN.findall(text)
    shape, rest = _shape(tokens)
    if rest:
        raise ValueError(f"left over: {rest[:3]}")
    return shape


def _shape(tokens: list[str]) -> tuple[Shape, list[str]]:
    head, rest = tokens[0], tokens[1:]
    if head == "[":
        inner, rest = _shape(rest)
        return [inner], rest[1:]
    if head == "map<":
        inner, rest = _shape(rest)
        return (inner,), rest[1:]
    if head == "{":
        fields: dict[str, Shape] = {}
        while rest[0] != "}":
            name, rest = rest[0], rest[2:]
            fields[name], rest = _shape(rest)
            if rest[0] == ",":
                rest = rest[1:]
        return fields, rest[1:]
    return head, rest


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "num": (int, float),
    "bool": (bool,),
    "dur": (str,),
}


def check(view: View, shape: Shape) -> Iterator[Problem]:
    """Problems of a field and everything below it; null counts as absent."""
    if not view:
        return
    if isinstance(shape, dict):
        yield from _check_fields(view, shape)
    elif isinstance(shape, list):
        if not view.is_sequence:
            yield Problem(view, False, "must be a list")
        for item in view.each():
            yield from check(item, shape[0]) if item else [Problem(item, False, "is null")]
    elif isinstance(shape, tuple):
        if not view.is_mapping:
            yield Problem(view, False, "must be a mapping")
        for _, item in view.items():
            # A null or `{}` StringMatch is how presence is written.
            yield from check(item, shape[0])
    elif shape != "any":
        yield from _check_scalar(view, shape)


def _check_fields(view: View, shape: dict[str, Shape]) -> Iterator[Problem]:
    if not view.is_mapping:
        yield Problem(view, False, "must be a mapping")
        return
    known = {name.rstrip("*"): below for name, below in shape.items()}
    for name, item in view.items():
        if name not in known:
            yield Problem(item, True, "is not a field of this kind")
        else:
            yield from check(item, known[name])
    for name in shape:
        if name.endswith("*") and not view.get(name[:-1]):
            yield Problem(view, False, f"lacks the required field {name[:-1]}")


def _check_scalar(view: View, shape: str) -> Iterator[Problem]:
    value = view.value()
    if shape in _TYPES:
        if not isinstance(value, _TYPES[shape]) or (isinstance(value, bool) and shape != "bool"):
            yield Problem(view, False, f"must be {_NAMES[shape]}, not {value!r}")
    elif value not in shape.split("|"):
        yield Problem(view, False, f"must be one of {shape.replace('|', ', ')}, not {value!r}")


_NAMES = {
    "str": "text",
    "int": "a whole number",
    "num": "a number",
    "bool": "true or false",
    "dur": "a duration",
}


def effective(run: Run, view: View) -> Iterator[tuple[str, View]]:
    """Fields of a mapping without those that the check found unknown: the API server drops them."""
    pruned: set[tuple[int, FieldPath]] = run.memo.get("pruned", set())
    for name, item in view.items():
        if (item.obj.uid, item.path) not in pruned:
            yield name, item
