"""All TrafficTargets of a ServiceAccount, combined into who may call one port of its pods, and laid out for Linkerd.

OSM asks twice: the connection needs a target that names its port (or no port at all), a request needs the callers of the
one route that it matches (pkg/envoy/generator/lds/rbac.go, rds/route_config.go). The specification adds targets up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from transformer.ir import authorization as ir
from transformer.ir.authorization import SourceSet
from transformer.ir.request_classes import OTHER
from transformer.order import compile as order
from transformer.order.paths import plainest
from transformer.order.precedence import Precedence
from transformer.order.predicates import Inexpressible, Match, Path, Value, conjunction, overlap, subsumes
from transformer.rules.smi.protocols import CLOSED, HTTP, TCP
from transformer.rules.smi.target_reading import OSM, SPEC, Key, Target
from transformer.targets.gateway_api.http_route import expression
from transformer.targets.linkerd.inbound_plan import Plan, RoutePlan
from transformer.targets.linkerd.request_paths import Unwritable

_MOST_ADDED = 64
_LIMITS = order.Limits(matches_per_rule=8)


class Callers(NamedTuple):
    """Who gets a route: a set of callers, or everybody for the kubelet's probes."""

    sources: SourceSet
    probes: bool = False


class Wanted(NamedTuple):
    """What is let in at a port: connections by their callers alone, and requests by callers and match."""

    base: SourceSet
    requests: tuple[tuple[Match, SourceSet], ...] = ()


def at_port(targets: Sequence[Target], port: int, protocol: str, reading: str) -> Wanted:
    """Who may call a port that is read as HTTP, TCP or not at all. Raises `Unwritable` where that is not decided."""
    mine = [target for target in targets if target.opens(port)]
    if protocol == CLOSED:
        return Wanted(ir.NOBODY)
    if reading == OSM:
        return _by_osm(targets, mine, protocol)
    without_requests = ir.union(target.sources for target in mine if not target.http)
    if protocol == TCP:
        return Wanted(without_requests)
    found = [(match, target.sources) for target in mine for key in target.keys for match in key.matches]
    return Wanted(without_requests if reading == SPEC else ir.NOBODY, _added_up(found))


def _by_osm(targets: Sequence[Target], mine: Sequence[Target], protocol: str) -> Wanted:
    connections = ir.union(target.sources for target in mine)
    if protocol != HTTP:
        return Wanted(connections)
    by_key: dict[tuple[object, ...], tuple[Key, SourceSet]] = {}
    for target in targets:
        for key in target.keys:
            known = by_key.get(key.written, (key, ir.NOBODY))
            by_key[key.written] = key, known[1] | target.sources
    found = [(key, sources & connections) for key, sources in by_key.values()]
    for index, (key, sources) in enumerate(found):
        for other, others in found[index + 1 :]:
            if sources != others and _meet(key, other):
                raise Unwritable(
                    f"the matches {_said(key)} and {_said(other)} have requests in common and different callers, and which "
                    "of the two counts in OSM depends on the order in which it learned of them"
                )
    return Wanted(ir.NOBODY, tuple((match, sources) for key, sources in found for match in key.matches))


def _meet(key: Key, other: Key) -> bool:
    return any(overlap(a, b) for a in key.matches for b in other.matches)


def _said(key: Key) -> str:
    return f"{key.written[0]} {key.written[1]}"


def _added_up(found: Iterable[tuple[Match, SourceSet]]) -> tuple[tuple[Match, SourceSet], ...]:
    """The same with common parts of matches that have other callers as matches of their own, the narrowest first."""
    callers: dict[Match, SourceSet] = {}
    for match, sources in found:
        callers[match] = callers.get(match, ir.NOBODY) | sources
    queue = list(callers)
    while queue:
        match = queue.pop()
        for other in list(callers):
            both = None if callers[other] == callers[match] else conjunction(match, other)
            if isinstance(both, Inexpressible):
                raise Unwritable(f"of requests that two matches share {both.reason}")
            wanted = callers[match] | callers[other]
            if both is not None and not wanted <= callers.get(both, ir.NOBODY):
                callers[both] = callers.get(both, ir.NOBODY) | wanted
                queue.append(both)
        if len(callers) > _MOST_ADDED:
            raise Unwritable(f"more than {_MOST_ADDED} matches")
    ranked: list[Match] = []
    for match in callers:
        at = next((i for i, other in enumerate(ranked) if subsumes(other, match)), len(ranked))
        ranked.insert(at, match)
    return tuple((match, callers[match]) for match in ranked)


def plan(wanted: Wanted, probes: Sequence[str], precedence: Precedence, *, opaque: bool) -> Plan:
    """Lay out a port. `probes` are paths that the kubelet GETs. Raises `Unwritable` where no order of routes says it."""
    requests = [(_plain(match), sources) for match, sources in wanted.requests if not sources <= wanted.base]
    everything = next((sources for match, sources in requests if match == Match()), None)
    if everything is not None and all(sources <= everything for _, sources in requests):
        return Plan(wanted.base | everything, opaque)
    if opaque or not requests:
        return Plan(wanted.base, opaque)
    entries = [
        order.Entry(Match(path=Path("exact", path), method="GET"), found, found)
        for path in dict.fromkeys(probes)
        for found in (Callers(ir.ANYONE, True),)
    ]
    for match, sources in requests:
        callers = Callers(sources)
        entries.append(order.Entry(match, callers, callers, rule=len(entries)))
    rest = Callers(wanted.base)
    refused = order.Entry(Match(), rest, rest, rule=len(entries))
    compiled = order.compile([*entries, refused], precedence, _LIMITS)
    if isinstance(compiled, order.Refusal):
        # The path `/` ties with everything below it. Without the last route the rest gets 404, as from OSM itself.
        compiled = order.compile(entries, precedence, _LIMITS)
    if isinstance(compiled, order.Refusal):
        raise Unwritable(f"the matches cannot be ranked: {compiled.reason}")
    return Plan(wanted.base, False, tuple(_routes(compiled.rules)))


def _plain(match: Match) -> Match:
    """The match without an expression where its path has a plainer form."""
    path = plainest(match.path)
    return match._replace(path=Path("any") if path == Path("prefix", "/") else path)


def _routes(rules: Iterable[order.Rule]) -> Iterable[RoutePlan]:
    """Routes of the compiled rules, one for every route object that the ranking needs."""
    by_object: dict[int, list[order.Rule]] = {}
    for rule in rules:
        by_object.setdefault(rule.object, []).append(rule)
    for found in by_object.values():
        callers = cast(Callers, found[0].action)
        matches = [match for rule in found for match in rule.matches]
        headers = tuple(_headers(match) for match in matches)
        yield RoutePlan(
            (), tuple(map(_written, matches)), callers.sources, callers.probes, headers if any(headers) else ()
        )  # fmt: skip


def _written(match: Match) -> tuple[str, str, str]:
    method = OTHER if match.method is None else match.method
    kinds = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}
    if match.path.kind == "any":
        return "PathPrefix", "/", method
    value = expression(match.path.value) if match.path.kind == "regex" else match.path.value
    return kinds[match.path.kind], value, method


def _headers(match: Match) -> tuple[tuple[str, str, str], ...]:
    return tuple((*_condition(value)[:1], name, _condition(value)[1]) for name, value in match.headers)


def _condition(value: Value) -> tuple[str, str]:
    if value.kind == "exact":
        return "Exact", value.value
    return "RegularExpression", expression(value.value)
