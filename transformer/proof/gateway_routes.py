"""What a request to a Gateway API Gateway meets, in any controller that conforms to the specification.

Hostname first, then the precedence of `HTTPRouteRule.matches` (exact path, longest prefix, method, headers,
queries), then age, namespace and name, then rule order. Where the specification leaves regular expressions
to the implementation, `regex_rank` says which implementation is asked (Gateway API v1, HTTPRoute and
GRPCRoute).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

from .gateway_filters import limits, redirected, rewritten
from .gateway_listeners import (
    Gateways,
    Listener,
    effective_hostnames,
    granted,
    hostname_matches,
    specificity,
)
from .matching import Request, prefix_length, without_port
from .objects import Obj, Objects, items, meta, name_of, namespace_of, spec
from .routes import header_changes, is_service_backend
from .rust_regex import matches_fully

RegexRank = Literal["lowest", "prefix", "path", "highest"]
"""A regex loses to every prefix; competes with prefixes by its own or by the path's length; beats exact
paths.
"""


class Chosen(NamedTuple):
    """The rule that serves a request, and the match of it that did."""

    route: Obj
    number: int
    rule: Obj
    match: Obj | None
    listener: Listener


def _path_rank(match: Obj, path: str, regex_rank: RegexRank) -> tuple[int, int] | None:
    found = match.get("path")
    entry: Obj = found if isinstance(found, Mapping) else {}
    kind, value = entry.get("type") or "PathPrefix", str(entry.get("value") or "/")
    if kind == "Exact":
        return (2, len(value)) if path == value else None
    if kind == "PathPrefix":
        length = prefix_length(value, path)
        return None if length is None else (1, length)
    if not matches_fully(value, path):
        return None
    return {
        "lowest": (0, len(value)),
        "prefix": (1, len(value)),
        "path": (1, len(path)),
        "highest": (3, len(value)),
    }[regex_rank]


def _value_matches(match: Obj, value: str) -> bool:
    wanted = str(match.get("value") if match.get("value") is not None else "")
    return matches_fully(wanted, value) if match.get("type") == "RegularExpression" else value == wanted


def _fields_match(match: Obj, request: Request) -> bool:
    for header in items(match, "headers"):
        values = [value for name, value in request.headers if name == str(header.get("name")).lower()]
        if not values or not _value_matches(header, ",".join(values)):
            return False
    asked: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        asked.setdefault(name, value)
    return all(
        str(query.get("name")) in asked and _value_matches(query, asked[str(query.get("name"))])
        for query in items(match, "queryParams")
    )


def _http_rank(match: Obj, request: Request, regex_rank: RegexRank) -> tuple[int, ...] | None:
    method = match.get("method")
    path = _path_rank(match, request.path, regex_rank)
    if path is None or method not in (None, request.method) or not _fields_match(match, request):
        return None
    return (*path, int(method is not None), len(items(match, "headers")), len(items(match, "queryParams")))


def _grpc_rank(match: Obj, request: Request) -> tuple[int, ...] | None:
    parts = request.path.split("/")
    if request.method != "POST" or len(parts) != 3 or parts[0]:
        return None
    block = match.get("method")
    method: Obj = block if isinstance(block, Mapping) else {}
    lengths = []
    for key, have in (("service", parts[1]), ("method", parts[2])):
        value = str(method.get(key) or "")
        if value and not (
            matches_fully(value, have) if method.get("type") == "RegularExpression" else value == have
        ):
            return None
        lengths.append(len(value))
    return (3, *lengths, len(items(match, "headers")), 0) if _fields_match(match, request) else None


class Ingress:
    """The Gateways of one address over a set of objects."""

    def __init__(
        self, objects: Iterable[Obj] | Objects, gateways: Iterable[str], *, regex_rank: RegexRank = "lowest"
    ) -> None:
        self.objects = objects if isinstance(objects, Objects) else Objects(objects)
        self._gateways = Gateways(self.objects, gateways)
        self._regex_rank = regex_rank

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request.

        `request` has `port`, `tls`, `sni`, `host`, `method`, `path`, `query`, `headers`, and `protocol:
        tls` for TLS that is not meant to be terminated. `action` of the answer is `route`, `redirect`,
        `not-found`, `fails` (500) or `refused`; a `route` has `destinations` of `{service, port, share,
        fails?, request_headers, response_headers}`, `path_after`, `authority_after`, `timeout_ms`,
        `backend_timeout_ms`, `retry`, `request_headers`, `response_headers`, `mirror` and `cors`. For
        passed-through TLS it has `destinations` only.
        """
        port, tls = int(request["port"]), bool(request.get("tls"))
        host = without_port(str(request.get("host") or "")).lower()
        name = str(request.get("sni") or "").lower() if tls else host
        listener = self._gateways.choose(port, name, tls=tls)
        if listener is None:
            # Plain HTTP is accepted before its host is known.
            return {
                "action": "not-found" if not tls and self._gateways.has_port(port, tls=False) else "refused"
            }
        if listener.protocol == "TLS":
            return self._passed_through(listener, name)
        if request.get("protocol") == "tls":
            return {"action": "terminated"}
        asked = Request.of(request)
        chosen = self._choose(listener, asked, host)
        if chosen is None:
            return {"action": "not-found"}
        return self._served(chosen, asked, tls=tls)

    def _choose(self, listener: Listener, asked: Request, host: str) -> Chosen | None:
        best: tuple[tuple[Any, ...], Chosen] | None = None
        for kind in ("HTTPRoute", "GRPCRoute"):
            for route in sorted(self._gateways.routes(listener, kind), key=_age):
                fitting = [h for h in effective_hostnames(listener, route) if hostname_matches(h, host)]
                if not fitting:
                    continue
                hostname = max(specificity(name) for name in fitting)
                for index, rule in enumerate(items(spec(route), "rules")):
                    for match in items(rule, "matches") or [{}]:
                        rank = (
                            _grpc_rank(match, asked)
                            if kind == "GRPCRoute"
                            else _http_rank(match, asked, self._regex_rank)
                        )
                        if rank is not None and (best is None or (hostname, rank) > best[0]):
                            best = ((hostname, rank), Chosen(route, index, rule, match, listener))
        return None if best is None else best[1]

    def _passed_through(self, listener: Listener, name: str) -> dict[str, Any]:
        if not listener.passthrough:
            return {"action": "refused"}
        best: tuple[tuple[int, int], Obj] | None = None
        for route in sorted(self._gateways.routes(listener, "TLSRoute"), key=_age):
            fitting = [
                specificity(h) for h in effective_hostnames(listener, route) if hostname_matches(h, name)
            ]
            if fitting and (best is None or max(fitting) > best[0]):
                best = (max(fitting), route)
        if best is None:
            return {"action": "refused"}
        rules = items(spec(best[1]), "rules")
        refs = items(rules[0], "backendRefs") if rules else []
        return {"action": "route", "destinations": self.destinations(refs, best[1])}

    def _served(self, chosen: Chosen, asked: Request, *, tls: bool) -> dict[str, Any]:
        filters = items(chosen.rule, "filters")
        by_kind = {str(entry.get("type")): entry for entry in filters}
        route = f"{chosen.route['kind']} {namespace_of(chosen.route)}/{name_of(chosen.route)}"
        base = {"route": route, "rule": chosen.number}
        if unknown := sorted(set(by_kind) - _KNOWN_FILTERS):
            return {**base, "action": "fails", "why": f"filter {', '.join(unknown)}"}
        redirect = by_kind.get("RequestRedirect")
        if redirect is not None:
            found = redirected(
                redirect["requestRedirect"], asked, chosen.match, chosen.listener.port, tls=tls
            )
            return {**base, "action": "redirect", "redirect": found}
        refs = items(chosen.rule, "backendRefs")
        destinations = self.destinations(refs, chosen.route)
        if all(entry.get("fails") for entry in destinations):
            return {**base, "action": "fails"}
        return {
            **base,
            "action": "route",
            "destinations": destinations,
            **rewritten(by_kind.get("URLRewrite"), asked, chosen.match),
            **limits(chosen.rule),
            "request_headers": header_changes(filters, "RequestHeaderModifier", "requestHeaderModifier"),
            "response_headers": header_changes(filters, "ResponseHeaderModifier", "responseHeaderModifier"),
            "mirror": [
                self._mirror(f["requestMirror"], chosen.route)
                for f in filters
                if f["type"] == "RequestMirror"
            ],
            "cors": by_kind["CORS"].get("cors") if "CORS" in by_kind else None,
        }

    def destinations(self, refs: list[Obj], route: Obj) -> list[dict[str, Any]]:
        weights = [float(1 if ref.get("weight") is None else ref["weight"]) for ref in refs]
        total = sum(weights)
        found = []
        for ref, weight in zip(refs, weights, strict=True):
            if not weight:
                continue
            entry = {**self._backend(ref, route), "share": weight / total}
            filters = items(ref, "filters")
            for side in ("Request", "Response"):
                entry[f"{side.lower()}_headers"] = header_changes(
                    filters, f"{side}HeaderModifier", f"{side.lower()}HeaderModifier"
                )
            if {str(f.get("type")) for f in filters} - {"RequestHeaderModifier", "ResponseHeaderModifier"}:
                # Support for the other filters on a backend is rare, so they must not be relied upon.
                entry["fails"] = True
            found.append(entry)
        return found

    def _backend(self, ref: Obj, route: Obj) -> dict[str, Any]:
        namespace, name = str(ref.get("namespace") or namespace_of(route)), str(ref.get("name"))
        known = is_service_backend(ref) and self.objects.service(namespace, name) is not None
        if (
            not known
            or not isinstance(ref.get("port"), int)
            or not granted(self.objects, route, namespace, name)
        ):
            return {"service": None, "port": None, "fails": True}
        return {"service": f"{namespace}/{name}", "port": ref["port"]}

    def _mirror(self, block: Obj, route: Obj) -> dict[str, Any]:
        found = block.get("backendRef")
        percent = block.get("percent")
        fraction = block.get("fraction")
        if isinstance(fraction, Mapping):
            percent = 100 * float(fraction.get("numerator") or 0) / float(fraction.get("denominator") or 100)
        backend = self._backend(found if isinstance(found, Mapping) else {}, route)
        return {**backend, "percent": 100.0 if percent is None else float(percent)}


_KNOWN_FILTERS = frozenset(
    {
        "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect",
        "URLRewrite", "RequestMirror", "CORS",
    }
)  # fmt: skip


def _age(route: Obj) -> tuple[bool, str, str, str]:
    created = meta(route).get("creationTimestamp")
    return (created is None, str(created or ""), namespace_of(route), name_of(route))
