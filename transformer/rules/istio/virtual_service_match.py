"""HTTPMatchRequest of a VirtualService as target matches (istio-surface §2.3; observed I1, I3, I23, L5, L18).

Istio's `prefix` is a prefix of characters; a PathPrefix is one of whole segments. `prefix-mode: exact` writes the regular
expression that says exactly the same, `segment` writes the PathPrefix and tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.ledger import Mark
from transformer.objects import View
from transformer.order.paths import escaped
from transformer.order.predicates import Match, Named, Path, Value
from transformer.rules import fields
from transformer.rules.istio import authority, expressions
from transformer.rules.istio.held import Held
from transformer.run import Run

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_PSEUDO = frozenset({"uri", "scheme", "method", "authority", "host"})


class Lowered:
    """The target matches of one entry and the source leaves that decided them."""

    __slots__ = ("marks", "matches")

    def __init__(self, matches: tuple[Match, ...], marks: tuple[Mark, ...]) -> None:
        self.matches = matches
        self.marks = marks


def lower(run: Run, match: View, *, ingress: bool = False, names: authority.Names | None = None) -> Lowered:
    """Lower one entry of `match`; port and gateways are the caller's business. Raises `Held`.

    `names`: what clients may write into the Host header, without which a condition on it is held.
    At a gateway (`ingress`) a prefix is one of segments by default: there the rank of a regular expression is unknown.
    """
    used: list[View] = []
    result = [Match()]
    if match.present and not list(fields.effective(run, match)):
        run.no_op(match, "an empty match takes everything, as none does")
    for name, field in fields.effective(run, match):
        if not field.present or field.is_null:
            run.no_op(field, "null has no effect")
        elif name == "uri":
            path = _path(run, match, field, ingress)
            result = [] if path is None else [found._replace(path=path) for found in result]
            used += [field, match.get("ignoreUriCase")]
        elif name == "method":
            methods = _methods(run, field)
            result = [found._replace(method=method) for found in result for method in methods]
            used.append(field)
        elif name == "authority" and names is not None:
            wanted = authority.hostnames(run, field, _string_match(field), names)
            result = [found._replace(hostname=hostname) for found in result for hostname in wanted]
            used.append(field)
        elif name in ("headers", "queryParams", "withoutHeaders"):
            conditions = tuple(_conditions(run, field, name))
            result = [_with_conditions(found, name, conditions) for found in result]
            used.append(field)
        elif name in ("name", "statPrefix"):
            run.no_op(field, "names a route in logs and metrics only")
        elif name == "ignoreUriCase" and not match.get("uri"):
            run.no_op(field, "there is no path to compare")
        elif name not in ("port", "gateways", "ignoreUriCase") and not (ingress and name == "scheme"):
            _refuse(run, field, name)
    return Lowered(tuple(result), run.translated(*used))


def _with_conditions(match: Match, name: str, conditions: Named) -> Match:
    if name == "headers":
        return match._replace(headers=conditions)
    return (
        match._replace(query=conditions)
        if name == "queryParams"
        else match._replace(without_headers=conditions)
    )


def _refuse(run: Run, field: View, name: str) -> None:
    meaning = {
        "authority": "the Host header that the client sends",
        "scheme": "the scheme of the request, which Linkerd's routes cannot tell",
        "sourceLabels": "labels of the calling pods; a mesh route applies to all clients, or to those of one namespace",
        "sourceNamespace": "the namespace of the calling pods; a route beside the Service applies to all clients",
    }.get(name, "something that no target match can say")
    run.hold("MS210", field, f"the match depends on {meaning}")
    raise Held


def _path(run: Run, match: View, uri: View, ingress: bool) -> Path | None:
    """The path condition; None where it can never hold (request paths start with a slash)."""
    kind, text = _string_match(uri)
    folded = match.get("ignoreUriCase").value() is True and kind in ("exact", "prefix")
    if (
        kind == "presence"
        or (kind in ("prefix", "regex") and text in ("", ".*"))
        or (kind == "prefix" and text == "/")
    ):
        return Path("any")
    if kind == "regex":
        return Path("regex", _expression(run, uri.get("regex"), text))
    if not text.startswith("/"):
        run.say("MS211", uri, f"the {kind} `{text}` can never match: request paths start with a slash")
        return None
    flag = "(?i)" if folded else ""
    if kind == "exact":
        return Path("regex", flag + escaped(text)) if folded else Path("exact", text)
    mode = run.options["prefix-mode"]
    if (mode == "segment" or (mode == "auto" and ingress)) and not folded:
        run.say("MS212", uri, f"Istio's prefix `{text}` also matches paths such as `{text.rstrip('/')}x`; PathPrefix does not"
                if not text.endswith("/") else f"PathPrefix `{text}` also matches `{text.rstrip('/')}`")  # fmt: skip
        return Path("prefix", text.rstrip("/") or "/")
    return Path("regex", flag + escaped(text) + ".*")


def _methods(run: Run, field: View) -> tuple[str | None, ...]:
    kind, text = _string_match(field)
    if kind == "presence" or (kind == "regex" and text == ".*"):
        run.no_op(field, "matches every method")
        return (None,)
    methods = text.strip("()^$").split("|") if kind == "regex" else [text]
    if kind == "prefix" or not all(method in METHODS for method in methods):
        run.hold("MS213", field, f"the method condition {kind} `{text}` is not one of {', '.join(METHODS)}")
        raise Held
    return tuple(dict.fromkeys(methods))


def _conditions(run: Run, field: View, name: str) -> Iterator[tuple[str, Value]]:
    headers = name != "queryParams"
    seen: set[str] = set()
    for key, condition in field.items():
        spelled = key.lower() if headers else key
        if headers and (spelled in _PSEUDO or spelled.startswith((":", "@"))):
            run.hold("MS210", condition, f"`{key}` is not a header that a route can match")
            raise Held
        if spelled in seen:
            run.hold("MS210", condition, f"`{key}` is matched twice")
            raise Held
        seen.add(spelled)
        yield spelled, _value(run, condition)


def _value(run: Run, condition: View) -> Value:
    kind, text = _string_match(condition)
    if kind == "presence" or (kind == "prefix" and not text) or (kind == "regex" and text == ".*"):
        return Value("regex", ".*")
    if kind == "exact":
        return Value("exact", text) if text else Value("regex", "")
    if kind == "prefix":
        return Value("regex", escaped(text) + ".*")
    return Value("regex", _expression(run, condition.get("regex"), text))


def _expression(run: Run, field: View, text: str) -> str:
    pattern, reason = expressions.rust(text)
    if reason:
        run.hold("MS214", field, f"the regular expression `{text}` cannot be carried over: {reason}")
        raise Held
    return pattern


def _string_match(field: View) -> tuple[str, str]:
    """(exact | prefix | regex | presence, text); `{}` and the regex `*` mean presence."""
    for kind in ("exact", "prefix", "regex"):
        found = field.get(kind)
        if found.present:
            text = found.text()
            return ("presence", "") if kind == "regex" and text == "*" else (kind, text)
    return "presence", ""
