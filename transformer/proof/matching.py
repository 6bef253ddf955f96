"""How Linkerd's proxy matches a request to a route and ranks what matches.

Rank: host (exact, then suffix, longer first, none last), matched path length, headers, query parameters,
method; the first of equals wins (linkerd2-proxy, `linkerd/http/route/src`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qsl

from .objects import Obj, items
from .rust_regex import matches_whole

Rank = tuple[int, ...]

DEFAULT_HTTP: Rank = (1, 0, 0, 0)
"""Rank of a rule without matches: a prefix of `/`."""

DEFAULT_GRPC: Rank = (0, 0, 0)


class Request(NamedTuple):
    """An HTTP request as it is on the wire."""

    method: str
    path: str
    query: str
    host: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Request:
        """From a question; a query may stand in `path` or in `query`, headers in a mapping or in pairs."""
        path, _, query = str(request.get("path") or "/").partition("?")
        headers = request.get("headers") or {}
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        return cls(
            str(request.get("method") or "GET"),
            path,
            query or str(request.get("query") or ""),
            str(request.get("host") or ""),
            tuple((str(name).lower(), str(value)) for name, value in pairs),
        )


def without_port(host: str) -> str:
    """The host of an authority."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if ":" in host else host


def host_rank(hostnames: Iterable[str], authority: str) -> Rank | None:
    """Best rank of the hostnames for the authority, None where none of them matches; never empty."""
    host = without_port(authority).lower()
    found: list[Rank] = []
    for hostname in (name.lower() for name in hostnames):
        asked = host if hostname.endswith(".") else host.removesuffix(".")
        if hostname.startswith("*."):
            if asked.endswith(hostname[1:]) and asked != hostname[1:]:
                found.append((1, len(hostname) - 1))
        elif asked == hostname:
            found.append((2, len(hostname)))
    return max(found, default=None)


def prefix_length(prefix: str, path: str) -> int | None:
    """Length that a segment-wise prefix matches, None for no match; trailing slashes never count."""
    if prefix == "/":
        return 1
    bare = prefix.rstrip("/")
    asked = path.rstrip("/")
    if asked == bare or asked.startswith(bare + "/"):
        return len(bare)
    return None


def path_length(match: Obj, path: str) -> int | None:
    """Matched length of an HTTPRoute path match, None for no match; a regex counts as the whole path."""
    kind, value = match.get("type") or "PathPrefix", str(match.get("value") or "/")
    if kind == "Exact":
        return len(value) if path == value else None
    if kind == "RegularExpression":
        return len(path) if matches_whole(value, path) else None
    return prefix_length(value, path)


def _value_matches(match: Obj, value: str) -> bool:
    wanted = str(match.get("value") if match.get("value") is not None else "")
    if match.get("type") == "RegularExpression":
        return value.isascii() and matches_whole(wanted, value)
    return value == wanted


def header_matches(match: Obj, request: Request) -> bool:
    """Whether any value of the header satisfies the match."""
    name = str(match.get("name")).lower()
    return any(have == name and _value_matches(match, value) for have, value in request.headers)


def query_matches(match: Obj, request: Request) -> bool:
    """Whether any value of the (decoded) query parameter satisfies the match."""
    name = str(match.get("name"))
    wanted = str(match.get("value") if match.get("value") is not None else "")
    for have, value in parse_qsl(request.query, keep_blank_values=True):
        if have == name:
            if match.get("type") == "RegularExpression":
                if matches_whole(wanted, value):
                    return True
            elif value == wanted:
                return True
    return False


def http_rank(match: Obj, request: Request) -> Rank | None:
    """Rank of one HTTPRoute match, None where it does not match."""
    method = match.get("method")
    if method is not None and method != request.method:
        return None
    path = match.get("path")
    length = path_length(path, request.path) if isinstance(path, Mapping) else 1
    headers, queries = items(match, "headers"), items(match, "queryParams")
    if length is None or not all(header_matches(header, request) for header in headers):
        return None
    if not all(query_matches(query, request) for query in queries):
        return None
    return (length, len(headers), len(queries), int(method is not None))


def grpc_rank(match: Obj, request: Request) -> Rank | None:
    """Rank of one GRPCRoute match, None where it does not match; only POST /service/method can."""
    if request.method != "POST":
        return None
    parts = request.path.split("/")
    if len(parts) < 3 or parts[0]:
        return None
    wanted = match.get("method")
    method = wanted if isinstance(wanted, Mapping) else {}
    lengths = []
    for key, have in (("service", parts[1]), ("method", parts[2])):
        value = str(method.get(key) or "")
        if value and value != have:
            return None
        lengths.append(len(value))
    headers = items(match, "headers")
    if not all(header_matches(header, request) for header in headers):
        return None
    return (*lengths, len(headers))


def rule_rank(rule: Obj, request: Request, *, grpc: bool) -> tuple[Rank, Obj | None] | None:
    """Best rank of a rule's matches and the match that has it (None for a rule without matches)."""
    matches = items(rule, "matches")
    if not matches:
        return (DEFAULT_GRPC if grpc else DEFAULT_HTTP), None
    best: tuple[Rank, Obj | None] | None = None
    for match in matches:
        rank = grpc_rank(match, request) if grpc else http_rank(match, request)
        # Of equals the last counts for a rule; it only matters to what a redirect takes for the prefix.
        if rank is not None and (best is None or rank >= best[0]):
            best = (rank, match)
    return best


class Routed(Protocol):
    """What has hostnames and rules."""

    @property
    def hostnames(self) -> Sequence[str]:
        """Hosts that the route is for; every host where there is none."""

    @property
    def rules(self) -> Sequence[Obj]:
        """The rules in their order."""


R = TypeVar("R", bound=Routed)


def best_rule(routes: Iterable[R], request: Request, *, grpc: bool) -> tuple[R, int, Obj | None] | None:
    """The route, the index of its rule and the match that win; the first of equals does.

    The match is None for a rule without matches; None for everything where nothing matches.
    """
    best: tuple[tuple[Rank, Rank], R, int, Obj | None] | None = None
    for route in routes:
        host = host_rank(route.hostnames, request.host) if route.hostnames else ()
        if host is None:
            continue
        for index, rule in enumerate(route.rules):
            found = rule_rank(rule, request, grpc=grpc)
            if found is not None and (best is None or (host, found[0]) > best[0]):
                best = ((host, found[0]), route, index, found[1])
    return best and best[1:]
