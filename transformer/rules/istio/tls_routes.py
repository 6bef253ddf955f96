"""TLS rules of a VirtualService on gateways that pass TLS through, as TLSRoutes by SNI (istio-surface §2.10).

TLSRoute is in the standard channel from Gateway API 1.5 (v1, one rule); before that only in the experimental one.
"""

from __future__ import annotations

from typing import Any

from transformer.ir.routes import Attachment, Forward, Route, RouteRule
from transformer.ledger import TRANSLATED, Fate, Mark
from transformer.objects import Obj, View
from transformer.rules.istio import edges
from transformer.rules.istio import virtual_service_action as shared
from transformer.rules.istio.held import Held
from transformer.rules.istio.mesh_hosts import MESH
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api import reference_grant, tls_route


def plan(run: Run, obj: Obj) -> None:
    """Plan a TLSRoute for every tls rule. Raises `Held` with the finding made."""
    if not run.target.tls_route:
        run.hold(
            "MS272",
            obj.spec.get("tls"),
            "TLS routes need a TLSRoute, which the standard channel has from Gateway API 1.5",
        )
        raise Held
    names = [name for name in obj.spec.get("gateways").each() if name.text() != MESH]
    if len(names) != len(list(obj.spec.get("gateways").each())) or not names:
        run.hold("MS203", obj.spec.get("tls"), "tls rules for meshed clients are not translated yet")
        raise Held
    rules = list(obj.spec.get("tls").each())
    for number, rule in enumerate(rules):
        name = obj.name if len(rules) == 1 else f"{obj.name}-tls-{number + 1}"
        _plan_rule(run, obj, rule, names, name)


def _plan_rule(run: Run, obj: Obj, rule: View, names: list[View], name: str) -> None:
    marks: list[Mark] = []
    owners: list[Obj] = []
    hosts: list[str] = []
    ports: set[int] = set()
    for match in rule.get("match").each():
        for key, field in match.items():
            if key not in ("sniHosts", "port", "gateways"):
                run.hold("MS210", field, f"{key} of a tls match has no equivalent")
                raise Held
            run.mark(field, Fate(TRANSLATED, "parentRefs and hostnames"))
        hosts += [host.text().lower() for host in match.get("sniHosts").each()]
        if match.get("port"):
            ports.add(match.get("port").value())
    parents: list[Attachment] = []
    for gateway in names:
        edge = edges.find(run, gateway.text(), obj.namespace)
        if edge is None or edge.listeners is None:
            run.hold("MS270", gateway, f"Gateway {gateway.text()} is not known here, or is held itself")
            raise Held
        if edge.source is not None:
            run.units.bind([obj.uid, edge.source.uid])
        for listener in edge.listeners:
            meets = any(edges.meets(listener.hostname, host) for host in hosts)
            open_to = listener.namespaces in ("*", obj.namespace)
            if listener.protocol == "TLS" and meets and open_to and (not ports or listener.port in ports):
                parents.append(Attachment(edge.namespace, edge.name, listener.name))
    if not parents:
        run.say("MS279", rule, "no server that passes TLS through serves these hosts; the rule has no effect")
        return
    server = next(iter(ports), 443)
    backends = shared.lower_backends(run, rule, server, marks, owners, ingress=True)
    route = Route(tuple(parents), (RouteRule((), Forward(backends)),), hostnames=tuple(dict.fromkeys(hosts)))
    value: dict[str, Any] = tls_route.build(route, metadata.metadata(obj, name), run.target, obj.namespace)
    run.derive(value, [obj, *owners], marks)
    for namespace in reference_grant.needed(route, obj.namespace):
        run.derive(reference_grant.build(obj, namespace, "TLSRoute"), [obj])
