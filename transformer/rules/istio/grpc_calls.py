"""Whether the http rules for a port are about gRPC calls and nothing else, so that a GRPCRoute says them better.

A call is a POST of `/package.Service/Method`. A GRPCRoute retries on gRPC statuses, which an HTTPRoute cannot; it has no
redirects, and HTTPRoutes of the same port are ignored beside it (observed L20, L24).
https://gateway-api.sigs.k8s.io/reference/spec/#grpcroute
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import cast

from transformer import service_protocol
from transformer.ir.routes import Action, RouteRule
from transformer.objects import View
from transformer.order import compile as order
from transformer.order.paths import Path
from transformer.order.precedence import Precedence
from transformer.order.predicates import Match
from transformer.rules import fields
from transformer.rules.istio import connections, virtual_service_action
from transformer.rules.istio.mesh_hosts import MESH
from transformer.run import Run
from transformer.stream.patterns import pattern

_SERVICE = pattern(r"/[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/\Z")
_METHOD = pattern(r"/[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/[A-Za-z_][A-Za-z0-9_]*\Z")
_SAYABLE = frozenset({"uri", "method", "headers", "port", "gateways", "name", "statPrefix"})


def only(run: Run, port: View, rules: Iterable[View]) -> bool:
    """Whether each of the rules, with the matches that count for the port, is one that a GRPCRoute can say as well.

    Conditions on HTTP statuses stay with an HTTPRoute, which retries on these.
    """
    if service_protocol.istio_protocol(port) != "grpc" or not run.target.reads_gateway_api:
        return False
    found = [(rule, matches) for rule in rules if (matches := _for_port(rule, port)) is not None]
    return (
        bool(found)
        and run.options["prefix-mode"] != "segment"
        and all(
            matches and all(_is_call(run, match) for match in matches) and _forwards(rule)
            for rule, matches in found
        )
    )


def _for_port(rule: View, port: View) -> list[View] | None:
    """Matches of a rule that count for clients of the port; None where it has others only, empty where it has none."""
    matches = list(rule.get("match").each())
    number = port.get("port").value()
    found = [match for match in matches if connections.applies(match, number, lambda name: name == MESH)]
    return found if found or not matches else None


def rules(
    run: Run, entries: list[order.Entry], ranks: Precedence
) -> list[tuple[Hashable, tuple[RouteRule, ...]]] | None:
    """Group and rules of GRPCRoutes that give every call Istio's outcome, by route object; None where there are none.

    Calls that two matches take are to one service, so the length of the path ranks them as Linkerd does: a method before
    the whole service, then by the number of headers.
    """
    limits = order.Limits(matches_per_rule=8 if run.target.gateway_api < (1, 3) else 64)
    result = order.compile(entries, ranks, limits)
    if isinstance(result, order.Refusal):
        return None
    by_object: dict[int, list[RouteRule]] = {}
    groups: dict[int, Hashable] = {}
    for found in result.rules:
        if not all(
            _METHOD.match(one.path.value) or _SERVICE.match(f"{one.path.value}/") for one in found.matches
        ):
            return None
        groups[found.object] = found.group
        by_object.setdefault(found.object, []).append(RouteRule(found.matches, cast(Action, found.action)))
    return [(groups[number], tuple(by_object[number])) for number in sorted(by_object)]


def _is_call(run: Run, match: View) -> bool:
    if not {name for name, field in fields.effective(run, match) if field} <= _SAYABLE:
        return False
    method = match.get("method")
    if method and (method.get("exact").text() != "POST" or len(list(method.items())) != 1):
        return False
    uri = match.get("uri")
    return bool(_METHOD.match(uri.get("exact").text()) or _SERVICE.match(uri.get("prefix").text()))


def _forwards(rule: View) -> bool:
    """Whether the rule forwards without changing responses, and retries on no HTTP status."""
    changed = [rule, *rule.get("route").each()]
    return not (
        rule.get("redirect")
        or any(block.get("headers", "response") for block in changed)
        or virtual_service_action.retries_on_statuses(rule.get("retries"))
    )


def as_call(match: Match, uri: View) -> Match:
    """The match with its path as a method (exact) or a service (prefix); POST goes without saying."""
    exact, prefix = uri.get("exact"), uri.get("prefix")
    path = Path("exact", exact.text()) if exact else Path("prefix", prefix.text().rstrip("/"))
    return match._replace(path=path, method=None)
