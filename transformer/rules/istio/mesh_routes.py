"""The http rules of a VirtualService compiled for clients that dial one port of a Service.

Istio keeps the dialled port where a destination names none (observed I4), so each port has its own list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from transformer import service_protocol
from transformer.findings import FieldPath
from transformer.ir.routes import Action, Forward, Parent, Retry, Route, RouteRule
from transformer.ledger import NO_OP, TRANSLATED, Fate, Mark
from transformer.objects import Obj, View
from transformer.order import compile as order
from transformer.order.precedence import Precedence
from transformer.order.predicates import Match
from transformer.rules import ingress
from transformer.rules.istio import (
    authority,
    delegates,
    destinations,
    grpc_calls,
    virtual_service_action,
    virtual_service_match,
)
from transformer.rules.istio.held import Held
from transformer.rules.istio.mesh_hosts import MESH, services
from transformer.run import Run


class Planned(NamedTuple):
    """Route objects for one Service port, with what they account for and stand on."""

    parent: Parent
    routes: tuple[Route, ...]
    marks: tuple[Mark, ...]
    owners: tuple[Obj, ...]


class Group(NamedTuple):
    """What Linkerd keeps per route object: rules that differ in it stand in different objects."""

    retry: Retry | None
    timeout_ms: int | None


def plan_port(run: Run, obj: Obj, service: Obj, port: int, reached: set[int]) -> Planned:
    """Compile the list for clients that dial one port of the Service."""
    field = next(field for number, field in destinations.http_ports(service) if number == port)
    if grpc_calls.only(run, field, delegates.rules(run, obj)):
        told = len(run.while_hidden)
        planned = _plan(run, obj, service, field, reached, grpc=True)
        if planned.routes and all(route.grpc for route in planned.routes):
            return planned
        del run.while_hidden[told:]
    return _plan(run, obj, service, field, reached, grpc=False)


def _plan(run: Run, obj: Obj, service: Obj, field: View, reached: set[int], *, grpc: bool) -> Planned:
    """The routes of one port; with `grpc` as GRPCRoutes, too, or none where the order of the rules cannot be kept there."""
    entries: list[order.Entry] = []
    calls: list[order.Entry] = []
    marks: list[Mark] = []
    stands_on: list[Obj] = []
    port = field.get("port").value()
    per_rule = run.target.rule_timeouts and run.target.reads_gateway_api and not grpc
    rules = delegates.rules(run, obj)
    names = authority.of_service(service, field, run.options["mesh.cluster-domain"])
    for index, http in enumerate(rules):
        taken = list(_matches(run, obj, http, port, names))
        if not any(lowered.matches for _, lowered in taken):
            continue
        reached.add(index)
        action = virtual_service_action.lower(run, http, port, grpc=grpc)
        marks += action.marks
        stands_on += action.owners
        timeout = action.action.timeout_ms if isinstance(action.action, Forward) and not per_rule else None
        for uri, lowered in taken:
            leaves = tuple((mark.uid, mark.path) for mark in lowered.marks)
            marks += lowered.marks
            source = (index, leaves)
            made = [
                order.Entry(match, action.action, Group(action.retry, timeout), source, index)
                for match in lowered.matches
            ]
            entries += made
            calls += [entry._replace(match=grpc_calls.as_call(entry.match, uri)) for entry in made if grpc]
        if any(match == Match() for _, lowered in taken for match in lowered.matches):
            break
    # Apart by timeout, as GRPCRoutes have to be, HTTPRoutes may not keep an order that they keep in one object.
    refused = grpc and isinstance(_ordered(run, entries), order.Refusal)
    routes = () if refused else _compile(run, obj, rules, service, port, entries)
    if grpc and routes:
        said = grpc_calls.rules(run, calls, precedence(run))
        if said is not None and [group for group, _ in said] == [_group(route) for route in routes]:
            routes = tuple(route._replace(grpc=one) for route, (_, one) in zip(routes, said, strict=True))
    _edit_protocol(run, obj, service, port)
    return Planned(
        Parent(service.namespace, service.name, port), routes, tuple(marks), tuple(dict.fromkeys(stands_on))
    )


def _matches(
    run: Run, obj: Obj, http: View, port: int, names: authority.Names
) -> Iterator[tuple[View, virtual_service_match.Lowered]]:
    matches = list(http.get("match").each())
    if not matches:
        if http.get("match").present:
            run.no_op(http.get("match"), "an empty list matches everything, as no list does")
        yield http.get("none"), virtual_service_match.Lowered((Match(),), ())
    for match in matches:
        gateways = [name.text() for name in match.get("gateways").each()]
        wanted = match.get("port").value()
        if gateways and MESH not in gateways:
            # Decided where routes of gateways are planned, or never where the VirtualService names none of them.
            named = {name.text() for name in obj.spec.get("gateways").each()}
            if not named & set(gateways):
                run.mark(match, Fate(NO_OP, "matches on gateways that the VirtualService does not name"))
            elif all(ingress.keeps_gateway(run, name, obj.namespace) for name in gateways):
                run.mark(match, Fate(NO_OP, "for a gateway that stays in Istio"))
            continue
        for name in ("port", "gateways"):
            if match.get(name).present:
                run.mark(match.get(name), Fate(TRANSLATED, "parentRefs"))
        if wanted is not None and wanted != port:
            _account_elsewhere(run, match, obj, wanted)
            continue
        yield match.get("uri"), virtual_service_match.lower(run, match, names=names)


def _account_elsewhere(run: Run, match: View, obj: Obj, wanted: Any) -> None:
    """A match for another port: decided on that port, or never where no host has it."""
    if all(wanted not in destinations.port_numbers(service) for service in services(run, obj)):
        run.mark(match, Fate(NO_OP, "no Service of its hosts has this port"))
        run.say(
            "MS217", match.get("port"), f"no Service of the hosts has port {wanted}, so the match never fires"
        )


def _compile(
    run: Run, obj: Obj, rules: Sequence[View], service: Obj, port: int, entries: list[order.Entry]
) -> tuple[Route, ...]:
    """Route objects that give every request Istio's outcome; raises `Held` with a witness where there are none."""
    where = f"{service.namespace}/{service.name}".lstrip("/")
    if not entries:
        run.hold(
            "MS218",
            obj,
            f"no rule applies to port {port} of {where}: every request gets 404, which no route can say",
        )
        raise Held
    result = _ordered(run, entries)
    if isinstance(result, order.Refusal):
        at = obj.spec.get("http")
        witness = f": {_request(result.witness)}" if result.witness is not None else ""
        run.hold(
            "MS219",
            at,
            f"the order of the rules cannot be kept on port {port} of {where}: {result.reason}{witness}",
        )
        raise Held
    for index, leaves in wholly_shadowed(entries, result):
        account_shadowed(run, obj, rules[index], index, leaves)
    return tuple(_objects(rules, result, Parent(service.namespace, service.name, port)))


def _group(route: Route) -> Group:
    return Group(route.retry, route.timeout_ms)


def _ordered(run: Run, entries: list[order.Entry]) -> order.Compiled | order.Refusal:
    limits = order.Limits(matches_per_rule=64 if run.target.reads_gateway_api else 8)
    return order.compile(entries, precedence(run), limits)


def precedence(run: Run) -> Precedence:
    """How Linkerd ranks matches. Edge releases may take over the order of Gateway API: what is written holds in both."""
    return order.LINKERD_EITHER if run.options["linkerd"] == "edge" else order.LINKERD


def _objects(source: Sequence[View], compiled: order.Compiled, parent: Parent) -> Iterator[Route]:
    by_object: dict[int, list[order.Rule]] = {}
    for found in compiled.rules:
        by_object.setdefault(found.object, []).append(found)
    alike: dict[Route, list[str]] = {}
    for _, rules in sorted(by_object.items()):
        group = cast(Group, rules[0].group)
        hostname = rules[0].matches[0].hostname
        names = [delegates.label(source[index]) for found in rules for index, _ in found.sources]
        label = names[0] if len(set(names)) == 1 else ""
        route = Route((parent,), tuple(map(_rule, rules)), group.retry, group.timeout_ms, label)
        # Rules of one hostname never tie with those of another: what is said of several names is said once.
        alike.setdefault(route._replace(hostnames=() if hostname is None else ("",)), []).append(
            hostname or ""
        )
    for route, hostnames in alike.items():
        yield route._replace(hostnames=tuple(hostnames) if route.hostnames else ())


def _rule(found: order.Rule) -> RouteRule:
    """The rule; all matches of an object have its hostname, which the object writes."""
    return RouteRule(
        tuple(match._replace(hostname=None) for match in found.matches), cast(Action, found.action)
    )


def wholly_shadowed(entries: Sequence[order.Entry], compiled: order.Compiled) -> Iterator[tuple[Any, ...]]:
    """Sources of matches of which no part ever fires; a match may stand for several methods or hostnames."""
    hidden, total = Counter(compiled.shadowed), Counter(entry.source for entry in entries)
    return (source for source, count in hidden.items() if count == total[source])


def account_shadowed(
    run: Run, obj: Obj, rule: View, index: int, leaves: Sequence[tuple[int, FieldPath]]
) -> None:
    """Tell a match that never fires, at its rule's list; `leaves` are the fields that said it."""
    for uid, leaf in leaves:
        run.ledger.enter(Mark(uid, leaf, Fate(NO_OP, "never reached: an earlier rule takes these requests")))
    at = obj.spec.get("http") if rule.obj is obj else rule
    run.say(
        "MS226",
        at,
        f"rule {index} has a match that is never reached, because an earlier rule takes its requests; it is left out",
    )


def _request(witness: Any) -> str:
    parts = [witness.method, witness.path]
    if witness.query:
        parts[1] += "?" + "&".join(f"{name}={value}" for name, value in witness.query)
    return " ".join(parts) + "".join(f", {name}: {value}" for name, value in witness.headers)


def _edit_protocol(run: Run, obj: Obj, service: Obj, port: int) -> None:
    """Linkerd ignores routes on a port whose appProtocol it does not know: write the one that it does (observed L9)."""
    for index, field in enumerate(service.spec.get("ports").each()):
        declared = field.get("appProtocol").text()
        wanted = service_protocol.APP_PROTOCOLS.get(declared.lower())
        if field.get("port").value() != port or not run.target.reads_app_protocol or not declared:
            continue
        if wanted is None and declared.lower() not in service_protocol.KNOWN_TO_LINKERD:
            run.hold(
                "MS227",
                obj,
                f"Linkerd takes appProtocol {declared} of port {port} of {service.ref} for opaque TCP and ignores routes there",
            )
            raise Held
        if wanted is not None and service.context:
            run.hold(
                "MS227",
                obj,
                f"{service.ref} must say appProtocol {wanted} on port {port}, but it is only in the context",
            )
            raise Held
        if wanted is not None:
            run.edit(service, ("spec", "ports", index), write={"appProtocol": wanted}, owners=[obj])


def tell_normalization(run: Run, obj: Obj, planned: Sequence[Planned]) -> None:
    """Once per run: Istio's proxies resolve dot segments and decode unreserved characters before they match (I28)."""
    paths = any(
        m.path.kind != "any"
        for plan in planned
        for route in plan.routes
        for r in route.rules
        for m in r.matches
    )
    if paths:
        run.once("MS228", obj.spec.get("http"), "paths are matched as they are sent: Istio's proxies read "
        "`/a/../b` as `/b` and `/%61` as `/a` "
                "before they match, Linkerd's do not; this holds for every route of this run")  # fmt: skip
