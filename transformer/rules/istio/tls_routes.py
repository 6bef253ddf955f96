"""TLS rules of a VirtualService on gateways that pass TLS through, as TLSRoutes by SNI (istio-surface §2.10).

TLSRoute is in the standard channel from Gateway API 1.5 (v1, one rule); before that only in the experimental one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from transformer.ir.routes import Attachment, Forward, Route, RouteRule
from transformer.ledger import NO_OP, TRANSLATED, Fate, Mark
from transformer.objects import Obj, View
from transformer.rules import fields
from transformer.rules.istio import edges, kept_ingress, mapped_gateway
from transformer.rules.istio import virtual_service_action as shared
from transformer.rules.istio.held import Held
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api import reference_grant, tls_route


class _Served(NamedTuple):
    """A listener that takes connections of a rule."""

    namespace: str
    gateway: str
    section: str
    port: int


def plan(run: Run, obj: Obj) -> None:
    """Plan a TLSRoute for every tls rule. Raises `Held` with the finding made."""
    if not run.target.tls_route:
        run.hold(
            "MS272",
            obj.spec.get("tls"),
            "TLS routes need a TLSRoute, which the standard channel has from Gateway API 1.5",
        )
        raise Held
    names = list(kept_ingress.moving_gateways(run, obj))
    if len(names) != len(list(obj.spec.get("gateways").each())) or not names:
        run.hold("MS203", obj.spec.get("tls"), "tls rules for meshed clients are not translated yet")
        raise Held
    exported = [entry.text() for entry in obj.spec.get("exportTo").each()]
    if exported not in ([], ["*"]):
        message = "exported to some namespaces only, which may not include the gateway's"
        run.hold("MS216", obj.spec.get("exportTo"), message)
        raise Held
    rules = list(obj.spec.get("tls").each())
    for number, rule in enumerate(rules):
        name = obj.name if len(rules) == 1 else f"{obj.name}-tls-{number + 1}"
        _plan_rule(run, obj, rule, names, name)


def _plan_rule(run: Run, obj: Obj, rule: View, names: list[View], name: str) -> None:
    lists = _lists(run, obj, rule, names)
    if not lists:
        run.say("MS279", rule, "no server that passes TLS through serves these hosts; the rule has no effect")
        run.mark(rule, Fate(NO_OP, "MS279"))
        return
    if len({hosts for _, hosts in lists}) > 1:
        message = (
            "the matches name different hosts for different ports or gateways, which one route cannot say"
        )
        run.hold("MS210", rule.get("match"), message, remedy="Write one tls rule for each of them.")
        raise Held
    marks: list[Mark] = []
    owners: list[Obj] = []
    backends = shared.lower_backends(run, rule, lists[0][0].port, marks, owners, ingress=True)
    parents = tuple(Attachment(served.namespace, served.gateway, served.section) for served, _ in lists)
    route = Route(parents, (RouteRule((), Forward(backends)),), hostnames=lists[0][1])
    value: dict[str, Any] = tls_route.build(route, metadata.metadata(obj, name), run.target, obj.namespace)
    run.derive(value, [obj, *owners], marks)
    for namespace in reference_grant.needed(route, obj.namespace):
        run.derive(reference_grant.build(obj, namespace, "TLSRoute"), [obj])


def _lists(run: Run, obj: Obj, rule: View, names: list[View]) -> list[tuple[_Served, tuple[str, ...]]]:
    """Listeners that the rule applies to, each with the SNI hosts that its matches name for it."""
    for match in rule.get("match").each():
        for key, field in fields.effective(run, match):
            if key not in ("sniHosts", "port", "gateways"):
                run.hold("MS210", field, f"{key} of a tls match has no equivalent")
                raise Held
            run.mark(field, Fate(TRANSLATED, "parentRefs and hostnames"))
    found: list[tuple[_Served, tuple[str, ...]]] = []
    mapped_gateway.refuse_unknown(run, names)
    for gateway in names:
        edge = edges.find(run, gateway.text(), obj.namespace)
        if edge is None:
            raise Held  # told before
        if edge.listeners is None:
            message = (
                f"Gateway {gateway.text()} is mapped, and which listener passes TLS through is not known"
            )
            run.hold("MS270", gateway, message, remedy="Write the TLSRoute by hand, then delete the rule.")
            raise Held
        if edge.source is not None:
            run.units.bind([obj.uid, edge.source.uid])
        for listener in edge.listeners:
            hosts = tuple(dict.fromkeys(_sni_hosts(run, obj, rule, edge, listener.port)))
            meets = any(edges.meets(listener.hostname, host) for host in hosts)
            if listener.protocol == "TLS" and meets and listener.admits(obj.namespace):
                found.append((_Served(edge.namespace, edge.name, listener.name, listener.port), hosts))
    return found


def _sni_hosts(run: Run, obj: Obj, rule: View, edge: edges.Edge, port: int) -> Iterator[str]:
    """Hosts of the matches that apply to a port of a gateway."""
    for match in rule.get("match").each():
        named = [edges.find(run, name.text(), obj.namespace) for name in match.get("gateways").each()]
        here = [
            one
            for one in named
            if one is not None and (one.namespace, one.name) == (edge.namespace, edge.name)
        ]
        if (here or not named) and match.get("port").value() in (None, port):
            yield from (host.text().lower() for host in match.get("sniHosts").each())
