"""Do Istio and Linkerd take the same rule of a Service's HTTPRoutes for every request?

Istio sorts all matches of the routes (exact, prefix, expression; then length, method, headers, query; then age) and takes
the first. Linkerd ranks by the matched length, headers, query and method, then age. Ages are not in a manifest, so
every order of the objects is compared. https://gateway-api.sigs.k8s.io/reference/spec/ (HTTPRouteRule.matches),
istio/istio pilot/pkg/config/kube/gateway/conversion.go, linkerd2-proxy linkerd/http/route.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer.objects import Obj, View
from transformer.order.model import NOT_FOUND, Entry, Rule
from transformer.order.paths import PathKind
from transformer.order.precedence import FIRST, SECOND, TIE, Precedence, outcomes
from transformer.order.predicates import Match, Named, Path, Request, Value, overlap
from transformer.order.syntax import Unreadable
from transformer.order.verify import verify

_KINDS: dict[str, PathKind] = {"Exact": "exact", "RegularExpression": "regex"}
_RANKS = {"exact": 3, "prefix": 2, "regex": 1, "any": 0}
_REQUESTS = 20000
#: Of more objects than this not every order is tried: what holds for each pair in the written order and in its reverse
#: holds in all of them, and nothing else is taken for a proof.
_ALL_ORDERS = 3


class Difference(NamedTuple):
    """A request that the meshes treat differently (None where it is only not proved that there is none)."""

    witness: Request | None


def difference(routes: Sequence[Obj], precedence: Precedence) -> Difference | None:
    """The first difference between the meshes over all HTTPRoutes of one Service port; None where there is none."""
    orders = (
        itertools.permutations(routes)
        if len(routes) <= _ALL_ORDERS
        else iter((tuple(routes), tuple(reversed(routes))))
    )
    for order in orders:
        entries = [entry for route in order for entry in _entries(route)]
        found = _compare(entries, precedence, every=len(routes) <= _ALL_ORDERS)
        if found is not None:
            return found
    return None


def _entries(route: Obj) -> Iterator[Entry]:
    for index, rule in enumerate(route.spec.get("rules").each()):
        action = _action(rule)
        for match in _matches(rule):
            yield Entry(match, action, None, (route.uid, index), index)


def _compare(entries: list[Entry], precedence: Precedence, *, every: bool) -> Difference | None:
    """Compare a list of matches as written with the same list as Istio sorts it; `every` order is compared."""
    order = sorted(range(len(entries)), key=lambda index: _rank(entries[index].match))
    pairs = itertools.combinations(order, 2)
    if all(_agrees(entries, first, second, precedence) for first, second in pairs):
        return None
    rules = [Rule((entry.match,), entry.action, None, (), False, 0) for entry in entries]
    try:
        found = verify([entries[index] for index in order], rules, precedence, NOT_FOUND, _REQUESTS)
    except Unreadable:
        return Difference(None)
    if found.difference is not None or not found.complete or not every:
        return Difference(found.difference)
    return None


def _agrees(entries: list[Entry], first: int, second: int, precedence: Precedence) -> bool:
    """Whether Linkerd surely prefers the one that Istio takes first, or it makes no difference."""
    one, other = entries[first], entries[second]
    if one.action == other.action or not overlap(one.match, other.match):
        return True
    result = outcomes(precedence, one.match, other.match)
    return not result & SECOND and (result == FIRST or (bool(result & TIE) and first < second))


def _rank(match: Match) -> tuple[int, int, bool, int, int]:
    """Istio's order: smaller is earlier."""
    kind, value = match.path
    length = len(value if kind in ("exact", "regex") else (value.rstrip("/") or "/"))
    return -_RANKS[kind], -length, match.method is None, -len(match.headers), -len(match.query)


def _matches(rule: View) -> list[Match]:
    written = rule.get("matches")
    if written and not list(written.each()):
        return [Match()]  # an empty list is not filled in with a default, and Istio puts it last
    return [_match(view) for view in written.each()] or [Match(path=Path("prefix", "/"))]


def _match(view: View) -> Match:
    kind = _KINDS.get(view.get("path", "type").text(), "prefix")
    return Match(
        path=Path(kind, view.get("path", "value").text() or "/"),
        method=view.get("method").text() or None,
        headers=_named(view.get("headers"), lower=True),
        query=_named(view.get("queryParams"), lower=False),
    )


def _named(views: View, *, lower: bool) -> Named:
    found: dict[str, Value] = {}
    for view in views.each():
        name = view.get("name").text()
        expression = view.get("type").text() == "RegularExpression"
        value = Value("regex" if expression else "exact", view.get("value").text())
        found.setdefault(
            name.lower() if lower else name, value
        )  # of two conditions on one name the first counts
    return tuple(found.items())


def _action(rule: View) -> str:
    """What a rule does, as text: equal texts are the same outcome. Linkerd reads retries and timeouts per route."""
    mesh = sorted((key, text) for key, text in rule.obj.annotations.items() if ".linkerd.io/" in key)
    parts = {key: view.value() for key, view in rule.items() if key not in ("matches", "name")}
    return f"{rule.obj.namespace} {sorted(parts.items())!r} {mesh!r}"
