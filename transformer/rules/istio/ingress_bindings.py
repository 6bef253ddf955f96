"""Where the routes of a gateway-bound VirtualService attach: the listeners that serve its hosts for its namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer.ir.routes import Attachment, Listener
from transformer.objects import Obj, View
from transformer.rules.istio import edges, hosts, mapped_gateway
from transformer.rules.istio.held import Held
from transformer.run import Run
from transformer.targets.gateway_api import listener_set


class Bound(NamedTuple):
    """An edge with the listeners that serve the VirtualService's hosts; None where the Gateway is only mapped.

    `hosts` are those that are served where no listener limits them.
    """

    edge: edges.Edge
    listeners: tuple[Listener, ...] | None
    hosts: tuple[str, ...] = ()

    @property
    def ports(self) -> tuple[int, ...]:
        """Server ports, of which each may have its own list."""
        return tuple(dict.fromkeys(listener.port for listener in self.listeners or ()))


def hostnames(run: Run, obj: Obj) -> Iterator[str]:
    """Hosts as Host headers: short names are Services in full, `*` is every host (an empty hostname)."""
    for host in obj.spec.get("hosts").each():
        text = host.text().lower()
        resolved = hosts.resolve(text, obj.namespace, run.options["mesh.cluster-domain"])
        if resolved.kind == "address":
            run.hold("MS205", host, f"host `{text}` is an address, which is no hostname of a route")
            raise Held
        short = resolved.kind == "service" and "." not in text
        yield (
            ""
            if text == "*"
            else f"{text}.{obj.namespace}.svc.{run.options['mesh.cluster-domain']}"
            if short
            else text
        )


def bind(run: Run, obj: Obj, name: View, names: Sequence[str]) -> Bound | None:
    """Where routes for a gateway attach; None (told) where no listener serves the hosts."""
    edge = edges.find(run, name.text(), obj.namespace)
    if edge is None:
        raise Held  # told before
    if edge.source is not None:
        run.units.bind([obj.uid, edge.source.uid])
    exported = [entry.text() for entry in obj.spec.get("exportTo").each()]
    if exported not in ([], ["*"]):
        run.hold(
            "MS216",
            obj.spec.get("exportTo"),
            "exported to some namespaces only, which may not include the gateway's",
        )
        raise Held
    if edge.listeners is None:
        served = mapped_gateway.takes(run, edge, name, names)
        return Bound(edge, None, served) if served else None
    found = tuple(
        listener
        for listener in edge.listeners
        if not listener.redirect
        and listener.takes_requests
        and listener.admits(obj.namespace)
        and any(edges.meets(listener.hostname, hostname) for hostname in names)
    )
    if not found:
        run.say(
            "MS279",
            name,
            f"no server of Gateway {name.text()} serves these hosts for this namespace with a route; it has no effect there",
        )
        return None
    return Bound(edge, found)


def merged(run: Run, found: Sequence[Bound], rules: Sequence[View]) -> list[Bound]:
    """The same with one entry for several Gateways that are mapped to one. Raises `Held` where rules tell these apart."""
    places: dict[tuple[str, str, str], Bound] = {}
    for one in found:
        key = (one.edge.namespace, one.edge.name, one.edge.section)
        hosts = places[key].hosts if key in places else ()
        places[key] = one._replace(hosts=tuple(dict.fromkeys((*hosts, *one.hosts))))
    if len({(one.edge.namespace, one.edge.name) for one in found}) < len(found):
        apart = [match.get("gateways") for rule in rules for match in rule.get("match").each()]
        for field in filter(None, apart):
            run.hold("MS299", field, "the rule is for some of several Gateways that are mapped to one")
            raise Held
    return list(places.values())


def attachments(bound: Bound, ports: Sequence[int], names: Sequence[str]) -> Iterator[Attachment]:
    """ParentRefs for the listeners of some ports that serve the hosts; the whole Gateway where these are all of it."""
    edge = bound.edge
    if bound.listeners is None:
        yield Attachment(edge.namespace, edge.name, edge.section)
        return
    everything = (
        edge.listeners is not None
        and set(bound.listeners) == set(edge.listeners)
        and set(ports) == set(bound.ports)
    )
    if everything:
        yield Attachment(edge.namespace, edge.name)
        for name in listener_set.names(bound.listeners):
            yield Attachment(edge.namespace, name, kind="ListenerSet")
        return
    for listener in bound.listeners:
        if listener.port in ports and any(edges.meets(listener.hostname, name) for name in names):
            yield listener.attachment(edge.namespace, edge.name)
