"""Matches of an HTTPRouteGroup as target matches (smi-osm-surface §1.3).

Header values are regular expressions that must match the whole value. `pathRegex` must match the whole path for Open
Service Mesh (Envoy's safe_regex), and only its beginning by the specification and for Traefik Mesh, which adds the slash.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from transformer.findings import field_text
from transformer.objects import Obj, View
from transformer.order.predicates import Match, Path, Value
from transformer.rules.istio import expressions

METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})


class Unsupported(Exception):
    """A match that cannot be expressed, and why; the finding is made for the object that uses the group."""


def entries(group: Obj) -> list[View]:
    """The group's matches: under spec since v1alpha3, at the top before; shape decides, not the version."""
    return list((group.spec.get("matches") or group.view.get("matches")).each())


def lower(entry: View, reading: str = "osm") -> tuple[Match, ...]:
    """One match of a group, as an implementation reads it; several target matches where it names several methods.

    Raises `Unsupported`.
    """
    _refuse_malformed(entry)
    path = Path("any")
    pattern = entry.get("pathRegex").text()
    if pattern and pattern not in (".*", "/.*"):
        path = Path("regex", _as_read(_expression(entry.get("pathRegex"), pattern), reading))
    headers: dict[str, Value] = {}
    for name, field in _headers(entry.get("headers")):
        if name.lower() == "host":
            _refuse(
                field,
                "the `host` header is matched against the authority, which a mesh route cannot tell",
            )
        if name.lower() in headers:
            _refuse(field, f"`{name}` is matched twice")
        text = field.text()
        headers[name.lower()] = Value("regex", _expression(field, text))
    methods = [method.text() for method in entry.get("methods").each()]
    unknown = [method for method in methods if method != "*" and method not in METHODS]
    if unknown:
        _refuse(entry.get("methods"), f"method {unknown[0]} is not one that a route can match")
    named: list[str | None] = [None] if not methods or "*" in methods else list(dict.fromkeys(methods))
    for name, field in entry.items():
        if name not in ("name", "pathRegex", "methods", "headers"):
            _refuse(field, f"`{name}` is not a field of a route group's match")
    return tuple(Match(path=path, method=method, headers=tuple(headers.items())) for method in named)


def _as_read(expression: str, reading: str) -> str:
    """The expression that must match the whole path."""
    if reading == "spec":
        return f"(?:{expression}).*"
    if reading == "traefik-mesh":
        return f"/(?:{expression.removeprefix('/')}).*"
    return expression


def _refuse_malformed(entry: View) -> None:
    """A condition of the wrong type must not count as none: the rule would take more requests."""
    path, methods, headers = (entry.get(name) for name in ("pathRegex", "methods", "headers"))
    if path and not isinstance(path.value(), str):
        _refuse(path, "must be text")
    if methods and not methods.is_sequence:
        _refuse(methods, "must be a list")
    if headers and not (headers.is_sequence or headers.is_mapping):
        _refuse(headers, "must be a list of headers")
    for header in headers.each():
        if not header.is_mapping:
            _refuse(header, "must be a header and its expression")


def _headers(field: View) -> Iterator[tuple[str, View]]:
    """Headers are a list of one-entry maps in every version that has them, a map in the specification's prose."""
    if field.is_mapping:
        yield from field.items()
    for entry in field.each():
        yield from entry.items()


def _expression(field: View, text: str) -> str:
    pattern, reason = expressions.rust(text)
    if reason:
        _refuse(field, f"the regular expression `{text}` cannot be carried over: {reason}")
    return pattern


def _refuse(field: View, message: str) -> NoReturn:
    raise Unsupported(f"{field.obj.ref} {field_text(field.path)}: {message}")
