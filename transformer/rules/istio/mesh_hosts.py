"""Which Services the hosts of a VirtualService on `mesh` are, and whether Linkerd would honour a route on them.

On the mesh one VirtualService wins a host whole, the oldest; objects of one host form a migration unit (observed I2, L13, L14).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from transformer import service_protocol, torn_names
from transformer.objects import Obj, View
from transformer.rules import ingress, parents
from transformer.rules.istio import destinations, hosts
from transformer.rules.istio.held import Held
from transformer.run import Run

MESH = "mesh"


class Bound(NamedTuple):
    """A host of a VirtualService that is a Service, with the ports that take HTTP routes."""

    service: Obj
    ports: tuple[int, ...]


def claims(run: Run) -> dict[tuple[str, str], list[Obj]]:
    """Which VirtualServices of stream and context claim a Service on the mesh."""
    domain = run.options["mesh.cluster-domain"]
    found: dict[tuple[str, str], list[Obj]] = {}
    for obj in run.context.objects(destinations.ISTIO, "VirtualService"):
        names = [name.text() for name in obj.spec.get("gateways").each()]
        if names and MESH not in names:
            continue
        for host in obj.spec.get("hosts").each():
            resolved = hosts.resolve(host.text(), obj.namespace, domain)
            claimants = found.setdefault((resolved.namespace, resolved.name or host.text()), [])
            if obj not in claimants:
                claimants.append(obj)
    return found


def bind_host(run: Run, host: View, claims: dict[tuple[str, str], list[Obj]]) -> Bound:
    """The Service that a host means; raises `Held` where there is none to attach an HTTP route to."""
    service = find_service(run, host, claims)
    _refuse_parent(run, host, service)
    return Bound(service, tuple(number for number, _ in destinations.http_ports(service)))


def find_service(run: Run, host: View, claims: dict[tuple[str, str], list[Obj]]) -> Obj:
    """The Service that a host means, which no other VirtualService claims. Raises `Held` where there is none."""
    obj = host.obj
    resolved = hosts.resolve(host.text(), obj.namespace, run.options["mesh.cluster-domain"])
    if resolved.kind != "service":
        why = {
            "half-name": "is half a name, or outside the cluster: Istio matches it literally, no name of a Service",
            "wildcard": "is a wildcard; a route needs Services as parents",
            "address": "is an address; a route needs Services as parents",
            "external": "is outside the cluster; a route of the mesh needs a Service as parent",
        }[resolved.kind]
        run.hold("MS205", host, f"host `{host.text()}` {why}")
        raise Held
    where = f"{resolved.namespace}/{resolved.name}".lstrip("/")
    rivals = [other for other in claims.get((resolved.namespace, resolved.name), []) if other.uid != obj.uid]
    for other in rivals:
        run.units.bind([obj.uid, other.uid])
    # Short destinations are read in the VirtualService's own namespace, so equal texts are alike only there.
    for other in rivals:
        if other.namespace != obj.namespace or other.spec.value() != obj.spec.value():
            again = "is written twice, with different rules; the one that is applied last would be in effect"
            claims_it = f"claims {where} too; which one is in effect depends on their age in the cluster"
            run.hold(
                "MS206",
                host,
                f"{other.ref} {again if other.name == obj.name and other.namespace == obj.namespace else claims_it}",
            )
            raise Held
    service = run.context.service(resolved.namespace, resolved.name).obj
    if service is None:
        run.hold("MS202", host, f"Service {where} is not in the stream or its context, so its ports are unknown",
                 remedy=torn_names.unknown_service(run, obj, resolved.namespace, resolved.name))  # fmt: skip
        raise Held
    return service


def refuse_address(run: Run, host: View, service: Obj) -> None:
    """Services without a cluster IP, to which Linkerd attaches no route; raises `Held`."""
    if service.spec.get("type").text() == "ExternalName" or service.spec.get("clusterIP").text() == "None":
        kind = "headless" if service.spec.get("clusterIP").text() == "None" else "an ExternalName"
        run.hold(
            "MS225",
            host,
            f"Service {_where(service)} is {kind}; Linkerd attaches routes to Services with a cluster IP only",
        )
        raise Held


def refuse_opaque(run: Run, host: View, service: Obj, ports: Iterable[int]) -> None:
    """Ports on which Linkerd looks into no connection; raises `Held`."""
    ranges = service_protocol.opaque_ports(service, run.options["linkerd-install.opaque-ports"])
    for number in ports:
        if service_protocol.is_opaque(number, ranges):
            run.hold(
                "MS208",
                host,
                f"port {number} of Service {_where(service)} is opaque for Linkerd, which ignores routes there",
                remedy="Set config.linkerd.io/opaque-ports on the Service (and its pods) to a list without the port.",
            )
            raise Held


def refuse_others(run: Run, host: View, service: Obj) -> None:
    """What else steers clients of the Service; raises `Held` (observed L14, L20)."""
    profile = parents.profile(run, service)
    where = _where(service)
    if profile is not None:
        run.hold(
            "MS209", host, f"ServiceProfile {profile.name} makes Linkerd ignore every HTTPRoute of {where}"
        )
        raise Held
    other = parents.foreign_route(run, service)
    if other is not None:
        why = (
            "Istio prefers it over the VirtualService"
            if other.ref.group == parents.GATEWAY_API
            else "Linkerd obeys both"
        )
        run.hold("MS215", host, f"{other.ref} ({other.ref.group}) already routes {where}; {why}")
        raise Held


def _where(service: Obj) -> str:
    return f"{service.namespace}/{service.name}".lstrip("/")


def _refuse_parent(run: Run, host: View, service: Obj) -> None:
    """Services on which Linkerd would not honour an HTTP route (observed L9, L13, L14)."""
    refuse_address(run, host, service)
    ports = [number for number, _ in destinations.http_ports(service)]
    if not ports:
        run.hold(
            "MS207",
            host,
            f"no port of Service {_where(service)} speaks HTTP by its name or appProtocol, so the rules have no effect today",
        )
        raise Held
    refuse_opaque(run, host, service, ports)
    refuse_others(run, host, service)


def consumer_namespace(run: Run, obj: Obj, bound: Sequence[Bound]) -> str | None:
    """The namespace whose clients alone the routes are for, or None for all clients."""
    exported = [entry.text() for entry in obj.spec.get("exportTo").each()]
    if exported in ([], ["*"]):
        return None
    namespaces = {obj.namespace if name == "." else name for name in exported}
    if namespaces == {obj.namespace} and all(b.service.namespace != obj.namespace for b in bound):
        return obj.namespace
    run.hold(
        "MS216",
        obj.spec.get("exportTo"),
        "exported to some namespaces only; a route beside the Service applies to all clients",
    )
    raise Held


def services(run: Run, obj: Obj) -> Iterator[Obj]:
    for host in obj.spec.get("hosts").each():
        resolved = hosts.resolve(host.text(), obj.namespace, run.options["mesh.cluster-domain"])
        found = run.context.service(resolved.namespace, resolved.name).obj
        if found is not None:
            yield found


def bind_unit(run: Run, obj: Obj) -> None:
    """VirtualService, DestinationRules and Gateways of its hosts move together or not at all."""
    known = destinations.of(run)
    named = [host.text() for host in obj.spec.get("hosts").each()]
    for kind in ("http", "tls", "tcp"):
        for http in obj.spec.get(kind).each():
            named += [entry.get("destination", "host").text() for entry in http.get("route").each()]
    for name in dict.fromkeys(named):
        host = known.key(name, obj.namespace)
        for other in known.rules(*host):
            run.units.bind([obj.uid, other.uid])
            known.routed.add(other.uid)
        for other in known.wildcards(*host) if host[0] else ():
            # It configures what the VirtualService sends to; but it may hold for many more hosts.
            run.units.link(obj.uid, other.uid)
    for gateway in obj.spec.get("gateways").each():
        if ingress.keeps_gateway(run, gateway.text(), obj.namespace):
            continue  # it stays alone; what holds the mesh part does not concern it
        found = run.context.find(*ingress.GATEWAY, *ingress.full_name(gateway.text(), obj.namespace)).obj
        if found is not None:
            run.units.bind([obj.uid, found.uid])
