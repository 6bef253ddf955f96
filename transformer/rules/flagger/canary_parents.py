"""Where Flagger's HTTPRoute is to hang: on the Canary's own Service, or on the Gateways that take the place of Istio's.

The VirtualService's hosts say both whom a rule is for and, at a gateway, which Host headers it takes. A route on a Service
takes every request to it; one at a Gateway takes its hostnames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from transformer.objects import Obj, View
from transformer.rules import ingress
from transformer.rules.flagger.canary_service import Plan, refuse
from transformer.rules.istio import edges, hosts, mapped_gateway, owners
from transformer.rules.istio.mesh_hosts import MESH
from transformer.run import Run


def translate(run: Run, obj: Obj, plan: Plan) -> None:
    """Decide about `gateways` and `hosts`, and plan `gatewayRefs`; raises `Held` with the finding made."""
    service = obj.spec.get("service")
    gateways = [name for name in service.get("gateways").each() if name.text() != MESH]
    plan.ingress = bool(gateways)
    for name in ("gateways", "hosts"):
        plan.marks += run.translated(service.get(name))
    if service.get("gateways").present:
        plan.remove.append("gateways")
    if gateways:
        _at_gateways(run, obj, gateways, plan)
    else:
        _on_service(run, obj, plan)


def _on_service(run: Run, obj: Obj, plan: Plan) -> None:
    """Hostnames would narrow a route of the Service, which takes every request to it whatever the Host header."""
    service, name = obj.spec.get("service"), owners.apex(obj)
    for host in service.get("hosts").each():
        found = hosts.resolve(host.text(), obj.namespace, run.options["mesh.cluster-domain"])
        if (found.kind, found.namespace, found.name) != ("service", obj.namespace, name):
            refuse(run, host, f"host `{host.text()}` is not the Canary's own Service")
    if service.get("hosts").present:
        plan.remove.append("hosts")
    ref: dict[str, Any] = {"group": "core", "kind": "Service", "name": name}
    if obj.writes_namespace:
        ref["namespace"] = obj.namespace
    plan.parents.append(ref | {"port": service.get("port").value()})


def _at_gateways(run: Run, obj: Obj, gateways: list[View], plan: Plan) -> None:
    service = obj.spec.get("service")
    if len(gateways) < len(list(service.get("gateways").each())):
        refuse(
            run,
            service.get("gateways"),
            "the Canary serves the mesh and a gateway; one HTTPRoute has hostnames for both",
        )
    wanted = _hostnames(run, obj)
    if wanted == [""]:
        plan.remove.append("hosts")
    for name in gateways:
        if ingress.keeps_gateway(run, name.text(), obj.namespace):
            refuse(run, name, "the gateway stays in Istio, where Flagger's VirtualService has to steer it")
        edge = edges.find(run, name.text(), obj.namespace)
        if edge is None:
            refuse(run, name, f"Gateway {name.text()} is neither in stream nor context; name the one that takes its place "
                   "with gateway-map")  # fmt: skip
        assert edge is not None
        _refuse_rivals(run, obj, name, edge, wanted)
        plan.parents += [ref for ref in _refs(run, obj, name, edge, wanted) if ref not in plan.parents]


def _hostnames(run: Run, obj: Obj) -> list[str]:
    """Hosts at a gateway; the empty one is every host."""
    service = obj.spec.get("service")
    found = [host.text().lower() for host in service.get("hosts").each()]
    if found == ["*"]:
        return [""]
    for host in service.get("hosts").each():
        text = host.text().lower().removeprefix("*.")
        if hosts.resolve(text, obj.namespace, "").kind not in ("external", "half-name"):
            refuse(run, host, f"host `{host.text()}` is no hostname of a route")
    if not found:
        refuse(
            run,
            service.get("gateways"),
            "the Canary names no hosts, so the gateway serves its Service's own name only",
        )
    return found


def _refs(run: Run, obj: Obj, name: View, edge: edges.Edge, wanted: list[str]) -> Iterator[dict[str, Any]]:
    ref = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": edge.name,
        "namespace": edge.namespace,
    }
    if not edge.namespace:
        del ref["namespace"]
    if edge.listeners is None:
        if set(mapped_gateway.takes(run, edge, name, wanted)) != set(wanted):
            refuse(
                run,
                name,
                f"Gateway {name.text()} serves some of the hosts only, which gatewayRefs cannot tell apart",
            )
        yield ref | ({"sectionName": edge.section} if edge.section else {})
        return
    serving = [
        one for one in edge.listeners
        if not one.redirect and one.takes_requests and one.admits(obj.namespace)
        and any(edges.meets(one.hostname, host) for host in wanted)
    ]  # fmt: skip
    unserved = [host for host in wanted if not any(edges.meets(one.hostname, host) for one in serving)]
    if unserved:
        refuse(
            run, name, f"no server of Gateway {name.text()} serves `{unserved[0] or '*'}` for this namespace"
        )
    if any(one.listener_set for one in edge.listeners):
        refuse(run, name, "the Gateway's listeners are in several objects, which gatewayRefs do not name")
    if len(serving) == len(edge.listeners):
        yield ref
    else:
        yield from (ref | {"sectionName": one.name} for one in serving)


def _refuse_rivals(run: Run, obj: Obj, name: View, edge: edges.Edge, wanted: list[str]) -> None:
    """What else serves the hosts there: Istio merges the lists of a gateway, and Gateway API ranks across routes."""
    others = [(one, one.spec) for one in run.context.objects("networking.istio.io", "VirtualService")]
    others += [(one, one.spec.get("service")) for one in run.context.objects(*owners.CANARY)]
    for other, spec in others:
        own = other.uid == obj.uid or (other.namespace, other.name) == (obj.namespace, owners.apex(obj))
        places = (
            edges.find(run, text.text(), other.namespace)
            for text in spec.get("gateways").each()
            if text.text() != MESH
        )
        same = any(
            place is not None and (place.namespace, place.name) == (edge.namespace, edge.name)
            for place in places
        )
        theirs = [host.text().lower() for host in spec.get("hosts").each()]
        if same and not own and any(edges.meets(_open(host), mine) for host in theirs for mine in wanted):
            run.units.bind([obj.uid, other.uid])
            refuse(
                run,
                name,
                f"{other.ref} serves hosts of the Canary at the same gateway; their rules would be ranked anew",
            )


def _open(host: str) -> str:
    return "" if host == "*" else host
