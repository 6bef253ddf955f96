"""Which of two overlapping matches a target prefers.

Linkerd: linkerd2-proxy linkerd/http/route (hostname, matched path length, headers, queries, method).
Gateway API: HTTPRouteRule.matches of gateway.networking.k8s.io/v1 (exact path, longest prefix, method,
headers, queries).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from transformer.order.paths import Path, extends_beyond, full_length, path_contains, prefix_base
from transformer.order.predicates import Match
from transformer.order.syntax import Unreadable

FIRST, SECOND, TIE = 1, 2, 4
Preference = Literal["first", "second", "tie", "depends"]


class Ranking(NamedTuple):
    """One total order: whether exact paths outrank all others, whether regexes have a known rank, and the
    counts compared after the path, most important first."""

    exact_first: bool
    regex_known: bool
    counts: tuple[Literal["headers", "query", "method"], ...]


class Precedence(NamedTuple):
    """A target's order. With several rankings a result holds only where it holds under each of them.

    `hosts_fall_through` is False where a request that no rule of the most specific hostname matches may, or
    may not, go on to rules of less specific hostnames.
    """

    name: str
    rankings: tuple[Ranking, ...]
    hosts_fall_through: bool = True

    @property
    def regex_known(self) -> bool:
        """Whether every ranking says where a regex stands."""
        return all(ranking.regex_known for ranking in self.rankings)


_BY_LENGTH = Ranking(False, True, ("headers", "query", "method"))
_ALIGNED = Ranking(True, True, ("method", "headers", "query"))

LINKERD = Precedence("linkerd", (_BY_LENGTH,))
#: The order that Linkerd's proxy may take over from the Gateway API: exact first, method before headers.
LINKERD_ALIGNED = Precedence("linkerd-aligned", (_ALIGNED,))
#: What holds whichever of the two orders the proxy has.
LINKERD_EITHER = Precedence("linkerd-either", (_BY_LENGTH, _ALIGNED))
GATEWAY_API = Precedence("gateway-api", (Ranking(True, False, ("method", "headers", "query")),), False)


def _by_size(first: int, second: int) -> int:
    return FIRST if first > second else SECOND if first < second else TIE


def _hosts(first: str | None, second: str | None) -> int:
    return _by_size(host_rank(first), host_rank(second))


def host_rank(hostname: str | None) -> int:
    """A number that is higher for more specific hostnames: an exact name above a suffix of any length."""
    if hostname is None:
        return -1
    return len(hostname) if hostname.startswith("*.") else len(hostname) + 1000


def _counts(ranking: Ranking, a: Match, b: Match) -> int:
    for field in ranking.counts:
        if field == "method":
            result = _by_size(a.method is not None, b.method is not None)
        elif field == "headers":
            result = _by_size(len(a.headers), len(b.headers))
        else:
            result = _by_size(len(a.query), len(b.query))
        if result != TIE:
            return result
    return TIE


def prefix_length(path: Path) -> int:
    """The length a prefix match counts for: the value without trailing slashes, 1 where there is no
    condition."""
    return len(prefix_base(path))


def _paths(ranking: Ranking, a: Path, b: Path) -> int:
    """All outcomes of the path comparison over the requests that both match."""
    if not ranking.regex_known and a != b and "regex" in (a.kind, b.kind):
        return FIRST | SECOND | TIE
    if ranking.exact_first and (a.kind == "exact") != (b.kind == "exact"):
        return FIRST if a.kind == "exact" else SECOND
    if full_length(a):
        return TIE if full_length(b) else _full_against_prefix(a, b, FIRST)
    if full_length(b):
        return _full_against_prefix(b, a, SECOND)
    return _by_size(prefix_length(a), prefix_length(b))


def _full_against_prefix(full: Path, prefix: Path, winner: int) -> int:
    # A condition that spans the path is longer than any prefix, except on the path that is the prefix itself.
    base = prefix_base(prefix)
    if full.kind == "exact":
        return TIE if full.value == base else winner
    try:
        on_prefix = path_contains(full, base)
    except Unreadable:
        return winner | TIE
    if not on_prefix:
        return winner
    return winner | TIE if extends_beyond(full, base) else TIE


def outcomes(precedence: Precedence, a: Match, b: Match) -> int:
    """Bits FIRST, SECOND, TIE: everything that may happen on a request that both match."""
    if a.hostname != b.hostname:
        hosts = _hosts(a.hostname, b.hostname)
        if hosts != TIE:
            return hosts
    found = 0
    for ranking in precedence.rankings:
        paths = _paths(ranking, a.path, b.path)
        found |= paths & ~TIE
        if paths & TIE:
            found |= _counts(ranking, a, b)
    return found


def outcomes_on(precedence: Precedence, a: Match, b: Match, path: str) -> int:
    """The same for one request path that both match."""
    hosts = _hosts(a.hostname, b.hostname)
    if hosts != TIE:
        return hosts
    found = 0
    for ranking in precedence.rankings:
        paths = _paths_on(ranking, a.path, b.path, path)
        found |= _counts(ranking, a, b) if paths == TIE else paths
    return found


def _paths_on(ranking: Ranking, a: Path, b: Path, path: str) -> int:
    if not ranking.regex_known and a != b and "regex" in (a.kind, b.kind):
        return FIRST | SECOND  # a tie adds nothing: order and age would then take either
    if ranking.exact_first and (a.kind == "exact") != (b.kind == "exact"):
        return FIRST if a.kind == "exact" else SECOND
    return _by_size(
        len(path) if full_length(a) else prefix_length(a), len(path) if full_length(b) else prefix_length(b)
    )


def prefers(precedence: Precedence, a: Match, b: Match) -> Preference:
    """Which of two overlapping matches wins; `depends` where requests differ or the target's order is
    unknown."""
    names: dict[int, Preference] = {FIRST: "first", SECOND: "second", TIE: "tie"}
    return names.get(outcomes(precedence, a, b), "depends")
