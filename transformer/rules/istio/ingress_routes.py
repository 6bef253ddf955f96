"""Routes of a VirtualService that is bound to gateways, as HTTPRoutes attached to the Gateways' listeners.

On a gateway Istio merges the VirtualServices of one host, older ones first, rules without conditions last (observed I2,
I20). A manifest has no age: what depends on it is held. Every host has a list of its own; one without a last resort
answers 404, where Gateway API may fall through to a wider host.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from transformer.ir.routes import Action, Route, RouteRule
from transformer.ledger import NO_OP, TRANSLATED, Fate, Mark
from transformer.objects import Obj, View
from transformer.order import compile as order
from transformer.order.predicates import Match, overlap
from transformer.rules.istio import (
    authority,
    delegates,
    edges,
    ingress_action,
    kept_ingress,
    mapped_gateway,
    virtual_service_match,
)
from transformer.rules.istio import ingress_bindings as bindings
from transformer.rules.istio.held import Held
from transformer.rules.istio.ingress_bindings import Bound
from transformer.rules.istio.mesh_hosts import MESH
from transformer.rules.istio.mesh_routes import account_shadowed, wholly_shadowed
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api import http_route, reference_grant


class _Asked(NamedTuple):
    """Which requests a list is for: those to a server port, and to one of the hosts, or None for all of them alike."""

    port: int
    host: str | None
    names: authority.Names | None


Compiled = dict[int, tuple[Route, tuple[Mark, ...], tuple[Obj, ...]]]


def plan(run: Run, obj: Obj, reached: set[int]) -> None:
    """Plan the routes of every gateway that the VirtualService names. Raises `Held` with the finding made."""
    names = list(kept_ingress.moving_gateways(run, obj))
    mapped_gateway.refuse_unknown(run, names)
    if not delegates.rules(run, obj):
        run.hold("MS218", obj, "no rule is left: every request gets 404, which no route can say")
        raise Held
    hostnames = tuple(bindings.hostnames(run, obj))
    found = [bound for name in names if (bound := bindings.bind(run, obj, name, hostnames)) is not None]
    bounds = bindings.merged(run, found, delegates.rules(run, obj))
    suffix = "" if len(names) == len(list(obj.spec.get("gateways").each())) else "-ingress"
    if bounds and any(
        match.get("uri") for http in delegates.rules(run, obj) for match in http.get("match").each()
    ):
        run.once("MS228", obj.spec.get("http"), "whether `/a/../b` and `/%61` count as `/b` and `/a`, as at "
        "Istio's gateways, depends on the "
                 "implementation that serves the Gateway")  # fmt: skip
    for bound in bounds:
        alike = [one for one in bounds if one.edge.name == bound.edge.name]
        section = f"-{bound.edge.section}" if len(alike) > 1 and bound.edge.section else ""
        several = f"-{bound.edge.name}{section}" if len(bounds) > 1 else ""
        _plan_edge(run, obj, bound, hostnames, f"{obj.name}{suffix}{several}", reached)


def _plan_edge(
    run: Run, obj: Obj, bound: Bound, hostnames: tuple[str, ...], name: str, reached: set[int]
) -> None:
    rivals = _rivals(run, obj, bound.edge, hostnames)
    hostnames = bound.hosts or hostnames
    groups: dict[tuple[Any, ...], tuple[list[str], Compiled]] = {}
    for part in _parts(run, (obj, *rivals), hostnames):
        lists: Compiled = {}
        for port in bound.ports or (80,):
            names = authority.of_hosts(hostnames, port)
            found = _compile_port(run, obj, bound, _Asked(port, part, names), rivals, reached)
            if found[0].rules:
                lists[port] = found
        if lists:
            key = tuple((port, found[0].rules) for port, found in lists.items())
            groups.setdefault(key, ([], lists))[0].extend(hostnames if part is None else [part])
    if not groups:
        # Every rule is hidden by one of another VirtualService for the same host.
        run.mark(obj.spec.get("http"), Fate(NO_OP, "never reached"))
    first = {served[0].partition(".")[0] for served, _ in groups.values()}
    for number, (served, lists) in enumerate(groups.values()):
        label = served[0].partition(".")[0] if len(first) == len(groups) else str(number + 1)
        _plan_hosts(run, obj, bound, tuple(served), lists, name if len(groups) == 1 else f"{name}-{label}")


def _parts(run: Run, objs: Sequence[Obj], hostnames: Sequence[str]) -> Sequence[str | None]:
    """The hosts one by one where some rule tells them apart, otherwise None for all of them together."""
    matches = [
        match for obj in objs for rule in delegates.rules(run, obj) for match in rule.get("match").each()
    ]
    apart = (
        any(match.get("authority") for match in matches) and all(hostnames) and "*" not in "".join(hostnames)
    )
    return hostnames if apart else (None,)


def _plan_hosts(
    run: Run, obj: Obj, bound: Bound, hostnames: tuple[str, ...], compiled: Compiled, name: str
) -> None:
    """Routes of hosts that have the same lists: one for all ports, or one for each list."""
    lists: dict[tuple[Any, ...], list[int]] = {}
    for port, found in compiled.items():
        lists.setdefault(found[0].rules, []).append(port)
    for ports in lists.values():
        route, marks, owners = compiled[ports[0]]
        marks += tuple(mark for port in ports[1:] for mark in compiled[port][1])
        parents = tuple(bindings.attachments(bound, ports, hostnames))
        named = name if len(lists) == 1 else f"{name}-{ports[0]}"
        wanted = tuple(hostname for hostname in hostnames if hostname) if "" not in hostnames else ()
        _derive(run, obj, route._replace(parents=parents, hostnames=wanted), named, marks, owners)


def _rivals(run: Run, obj: Obj, edge: edges.Edge, hostnames: Sequence[str]) -> list[Obj]:
    """Other VirtualServices with one of the hosts on the same edge; hosts that merely overlap are looked at, too."""
    found = []
    for other in run.context.objects("networking.istio.io", "VirtualService"):
        if other.uid == obj.uid:
            continue
        names = [name.text() for name in other.spec.get("gateways").each()]
        same = any(_same_edge(edges.find(run, name, other.namespace), edge) for name in names if name != MESH)
        if not same:
            continue
        theirs = list(bindings.hostnames(run, other))
        if set(theirs) & set(hostnames):
            if set(theirs) != set(hostnames):
                run.hold(
                    "MS206",
                    obj,
                    f"{other.ref} has some of the same hosts on the gateway, and others: their lists cannot be told apart",
                )
                raise Held
            run.units.bind([obj.uid, other.uid])
            found.append(other)
        elif any(edges.meets(mine, one) for mine in hostnames for one in theirs):
            run.units.bind([obj.uid, other.uid])
            if any(
                edges.covers(one, mine) and not _has_last_resort(run, obj)
                for mine in hostnames
                for one in theirs
            ):
                run.hold(
                    "MS284",
                    obj,
                    f"requests that no rule takes get 404 today; as a route they may fall through to the wider "
                    f"host of {other.ref}",
                )
                raise Held
    return found


def _same_edge(found: edges.Edge | None, edge: edges.Edge) -> bool:
    return found is not None and (found.namespace, found.name) == (edge.namespace, edge.name)


def _has_last_resort(run: Run, obj: Obj) -> bool:
    """Whether some rule takes every request."""
    for http in delegates.rules(run, obj):
        matches = list(http.get("match").each())
        if not matches or any(not set(dict(m.items())) - {"name"} or (m.get("uri", "prefix").text() == "/" and
                              not set(dict(m.items())) - {"name", "uri"}) for m in matches):  # fmt: skip
            return True
    return False


def _compile_port(
    run: Run, obj: Obj, bound: Bound, asked: _Asked, rivals: Sequence[Obj], reached: set[int]
) -> tuple[Route, tuple[Mark, ...], tuple[Obj, ...]]:
    own, marks, owners = _entries(run, obj, bound, asked, reached)
    others = [entry for rival in rivals for entry in _entries(run, rival, bound, asked, set())[0]]
    for mine in own:
        for theirs in others:
            if (
                mine.action != theirs.action
                and overlap(mine.match, theirs.match)
                and (_takes_all(mine) == _takes_all(theirs))
            ):
                run.hold(
                    "MS206",
                    obj,
                    f"{rivals[0].ref} has rules for the same host that overlap; which one wins depends on their age",
                )
                raise Held
    if not own:
        return Route((), ()), (), ()
    specific = [entry for entry in (*own, *others) if not _takes_all(entry)]
    last = [entry for entry in (*own, *others) if _takes_all(entry)]
    entries = specific + last
    result = order.compile(entries, order.GATEWAY_API, order.Limits())
    if isinstance(result, order.Refusal):
        witness = f": {result.witness.method} {result.witness.path}" if result.witness is not None else ""
        run.hold(
            "MS219",
            obj.spec.get("http"),
            f"the order of the rules cannot be kept at gateway {bound.edge.name}: {result.reason}{witness}",
        )
        raise Held
    rules = tuple(
        RouteRule(found.matches, cast(Action, found.action))
        for found in result.rules
        if found.group == obj.uid
    )
    for uid, index, leaves in wholly_shadowed(entries, result) if asked.host is None else ():
        if uid == obj.uid:
            account_shadowed(run, obj, delegates.rules(run, obj)[index], index, leaves)
    return Route((), rules), marks, owners


def _takes_all(entry: order.Entry) -> bool:
    return entry.match == Match()


def _entries(
    run: Run, obj: Obj, bound: Bound, asked: _Asked, reached: set[int]
) -> tuple[list[order.Entry], tuple[Mark, ...], tuple[Obj, ...]]:
    entries: list[order.Entry] = []
    marks: list[Mark] = []
    owners: list[Obj] = []
    number = 0
    for index, http in enumerate(delegates.rules(run, obj)):
        stop = False
        for uri, lowered in _matches(run, obj, bound, http, asked):
            marks += lowered.marks if not lowered.matches else ()
            for match in lowered.matches:
                if match.hostname not in (None, asked.host):
                    marks += lowered.marks
                    continue
                match = match._replace(hostname=None)
                action = ingress_action.lower(run, http, match, uri, asked.port)
                reached.add(index)
                number += 1
                marks += [*action.marks, *lowered.marks]
                owners += action.owners
                leaves = tuple((mark.uid, mark.path) for mark in lowered.marks)
                rule = 1000 + number if action.keep_path else index
                entries.append(
                    order.Entry(
                        match, action.action, obj.uid, (obj.uid, index, leaves), rule, action.keep_path
                    )
                )
                stop |= match == Match()
        if stop:
            break
    return entries, tuple(marks), tuple(dict.fromkeys(owners))


def _matches(
    run: Run, obj: Obj, bound: Bound, http: View, asked: _Asked
) -> Iterator[tuple[View, virtual_service_match.Lowered]]:
    matches = list(http.get("match").each())
    if not matches:
        run.no_op(http.get("match"), "an empty list matches everything, as no list does")
        yield http.get("none"), virtual_service_match.Lowered((Match(),), ())
    for match in matches:
        gateways = [name.text() for name in match.get("gateways").each()]
        if gateways and not any(
            _same_edge(edges.find(run, name, obj.namespace), bound.edge) for name in gateways if name != MESH
        ):
            continue
        for name in ("port", "gateways"):
            run.mark(match.get(name), Fate(TRANSLATED, "parentRefs"))
        wanted = match.get("port").value()
        if wanted is not None and wanted != asked.port:
            if bound.listeners is None:
                run.hold(
                    "MS270",
                    match.get("port"),
                    "the rule is for one port of a gateway whose listeners are not known here",
                    remedy="Delete the condition if all requests to the hosts come in on this port.",
                )
                raise Held
            if wanted not in bound.ports and not _on_mesh(obj):
                run.mark(match, Fate(NO_OP, "no server of the gateway has this port"))
            continue
        if _has_scheme(run, obj, bound, match, asked.port):
            yield match.get("uri"), virtual_service_match.lower(run, match, ingress=True, names=asked.names)


def _has_scheme(run: Run, obj: Obj, bound: Bound, match: View, port: int) -> bool:
    """Whether requests to the port have the scheme: a server speaks one of the two."""
    field = match.get("scheme")
    if not field:
        return True
    given = {listener.protocol.lower() for listener in bound.listeners or () if listener.port == port}
    if len(given) != 1 or not field.get("exact").text():
        run.hold(
            "MS210", field, "the match depends on the scheme of the request, which no listener here decides"
        )
        raise Held
    wanted = field.get("exact").text()
    run.mark(field, Fate(TRANSLATED, "parentRefs"))
    if all(wanted != listener.protocol.lower() for listener in bound.listeners or ()) and not _on_mesh(obj):
        run.mark(match, Fate(NO_OP, "no server of the gateway speaks it"))
    return wanted in given


def _on_mesh(obj: Obj) -> bool:
    return any(name.text() == MESH for name in obj.spec.get("gateways").each())


def _derive(
    run: Run, obj: Obj, route: Route, name: str, marks: tuple[Mark, ...], owners: tuple[Obj, ...]
) -> None:
    meta = metadata.metadata(obj, name)

    def value(hidden: bool) -> dict[str, Any]:
        del hidden  # a route of a gateway is no business of the mesh
        return http_route.build(route, meta, run.target, hidden=False, release_namespace=obj.namespace)

    run.derive(value, [obj, *owners], marks)
    for namespace in reference_grant.needed(route, obj.namespace):
        run.derive(reference_grant.build(obj, namespace), [obj])
