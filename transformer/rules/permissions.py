"""What a ServiceEntry permits where unknown hosts are refused, as routes of an EgressNetwork.

Istio knows an HTTP request by its Host header, TLS by the server name, and TCP by address and port alone; the port is
the one that the client dials. https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from transformer import service_protocol
from transformer.objects import Obj, View
from transformer.rules import closing as closings
from transformer.rules import mesh_config
from transformer.rules.closing import Closing
from transformer.rules.istio import destinations
from transformer.run import Run
from transformer.stream.patterns import pattern
from transformer.targets import metadata
from transformer.targets.linkerd import egress as target
from transformer.targets.linkerd.egress import HTTP, TCP, TLS, Permission

_KINDS = {
    **dict.fromkeys(("HTTP", "HTTP2", "GRPC", "GRPC-WEB"), HTTP), **dict.fromkeys(("HTTPS", "TLS"), TLS),
    **dict.fromkeys(("TCP", "MONGO", "MYSQL", "REDIS"), TCP),
}  # fmt: skip
_BY_DNS = ("DNS", "DNS_ROUND_ROBIN")
_HOST = pattern(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")


class Refusal(NamedTuple):
    """What no route says: the field, and why."""

    at: View
    why: str
    remedy: str = ""


Shape = frozenset[tuple[str, str]]


class Visible(NamedTuple):
    """Entries that a namespace sees: for each port one per kind of route, for each host one per set of ports."""

    ports: dict[int, dict[str, Obj]]
    shapes: dict[str, dict[Shape, Obj]]


def stay(run: Run, entry: Obj) -> None:
    """An entry that cannot be read is held: with it every namespace that it may permit hosts to."""
    for closing in closings.of(run).values():
        run.units.link(entry.uid, closing.anchor.uid)


def plan(run: Run, entry: Obj) -> bool:
    """Plan routes in every namespace of the run that is closed and sees the entry; whether there is one.

    An entry that cannot be said is held, and with it these namespaces.
    """
    seeing = [(found, *_seen(run, found, entry)) for found in closings.of(run).values()]
    seeing = [(found, hosts, doubt) for found, hosts, doubt in seeing if hosts or doubt]
    for closing, hosts, doubt in seeing:
        run.units.link(entry.uid, closing.anchor.uid)
        if len(seeing) == 1:
            # With several namespaces it stays for the clients that stay, beside the routes of those that move.
            run.units.link(closing.anchor.uid, entry.uid)
        refusals = [Refusal(entry.spec.get("hosts"), doubt)] if doubt else []
        refusals += _refusals(run, closing, entry)
        accepted = [not run.hold("MS803", at, why, remedy=remedy) for at, why, remedy in refusals]
        # A person who accepts it accepts that calls are refused, never that more of them pass.
        if all(accepted):
            _derive(run, closing, entry, hosts, frozenset(refusal.at.path for refusal in refusals))
    return bool(seeing)


def plan_context(run: Run) -> None:
    """Entries of context files permit hosts too, and stay where they are: their routes belong to the namespace."""
    for entry in run.context.objects(destinations.ISTIO, "ServiceEntry"):
        for closing in closings.of(run).values() if entry.context else ():
            hosts, doubt = _seen(run, closing, entry)
            if not hosts and not doubt:
                continue
            refusals = [*([doubt] if doubt else []), *(found.why for found in _refusals(run, closing, entry))]
            refusals += [why for _, why in beyond_permission(entry)]
            for why in refusals:
                run.hold("MS803", closing.anchor, f"{entry.ref} of the context: {why}")
            if not refusals:
                _derive(run, closing, entry, hosts, frozenset())


def beyond_permission(entry: Obj) -> Iterator[tuple[View, str]]:
    """Fields by which an entry does more than permit names, for entries that no other rule looks at."""
    spec = entry.spec
    for name in ("endpoints", "workloadSelector"):
        if spec.get(name):
            yield spec.get(name), f"it has {name}"
    if spec.get("location").text() == "MESH_INTERNAL":
        yield spec.get("location"), "it is MESH_INTERNAL"
    if spec.get("resolution").text() == "STATIC":
        yield spec.get("resolution"), "its resolution is STATIC"
    for port in spec.get("ports").each():
        if port.get("targetPort").text() not in ("", port.get("number").text()):
            yield port.get("targetPort"), f"connections go on to port {port.get('targetPort').text()}"


def _derive(
    run: Run, closing: Closing, entry: Obj, hosts: tuple[str, ...], left_out: frozenset[tuple[str | int, ...]]
) -> None:
    owners = [closing.anchor] if entry.context else [entry, closing.anchor]
    name = (
        entry.name if entry.namespace == closing.namespace else f"{entry.name}-{entry.namespace}"
    ) + "-egress"
    spec = entry.spec
    said = (spec.get("hosts"), spec.get("ports"), spec.get("exportTo"))
    marks = () if entry.context else run.translated(*said, target=f"routes of {target.NAME}")
    if any(spec.get(field).path in left_out for field in ("hosts", "addresses", "ports")):
        return
    refused = {host.text().lower() for host in spec.get("hosts").each() if host.path in left_out}
    named = tuple(host for host in hosts if host not in refused)
    for port, kind in _ports(entry):
        of_kind = () if kind == TCP else named
        if not kind or port.path in left_out or not (of_kind or kind == TCP):
            continue
        number = port.get("number").value()
        meta = metadata.metadata(entry, f"{name}-{number}", namespace=closing.namespace)
        for value in target.routes(Permission(kind, of_kind, number), meta, run.target):
            run.derive(value, owners, marks)


def _ports(entry: Obj) -> Iterator[tuple[View, str]]:
    """Ports with the kind of route that they need, empty for a protocol that Istio has to detect; UDP is not taken."""
    for port in entry.spec.get("ports").each():
        protocol = port.get("protocol").text().upper()
        if protocol != "UDP":
            yield port, _KINDS.get(protocol, "")


def _refusals(run: Run, closing: Closing, entry: Obj) -> Iterator[Refusal]:
    spec = entry.spec
    addresses, resolution = spec.get("addresses"), spec.get("resolution").text()
    if list(addresses.each()):
        yield Refusal(addresses, "permits by address, which a route by name does not look at")
    for host in spec.get("hosts").each():
        why = _host_refusal(host.text().lower(), resolution)
        if why:
            yield Refusal(host, why)
    numbers = [port.get("number").value() for port in spec.get("ports").each()]
    if len(set(numbers)) < len(numbers):
        yield Refusal(spec.get("ports"), "Istio refuses an entry with two ports of one number")
    for port, kind in _ports(entry):
        number = port.get("number").value()
        why, remedy = _port_refusal(run, spec, number, kind) or (
            _rivals(run, closing, entry, number, kind),
            "",
        )
        if why:
            yield Refusal(port, why, remedy)


def _host_refusal(host: str, resolution: str) -> str:
    if not _HOST.match(host):
        return f"`{host}` is no name or `*.` before one, which is all that a route takes"
    # Istio's admission refuses such an entry, so that it permits nothing today.
    dynamic = resolution == "DYNAMIC_DNS"
    if (dynamic or resolution in _BY_DNS) and host.startswith("*") != dynamic:
        return f"Istio refuses `{host}` with resolution {resolution}"
    return ""


def _port_refusal(run: Run, spec: View, number: object, kind: str) -> tuple[str, str] | None:
    if not isinstance(number, int) or not 1 <= number <= 65535:
        return f"port {number} is no port", ""
    if not kind:
        return f"the protocol of port {number} is left to detection", "Write the port's protocol."
    if kind == TCP and spec.get("resolution").text() not in ("", "NONE"):
        return (
            f"every TCP connection on port {number} is taken to the host, whatever address was dialled",
            "Use a TLS or HTTP port if the host speaks it, or write an EgressNetwork for its addresses by hand.",
        )
    if not target.has_route(kind, run.target):
        return (
            f"port {number} takes a {kind}, which Linkerd reads as v1alpha2: the experimental channel of Gateway API serves it",
            "Install Gateway API's experimental channel and say channel: experimental.",
        )
    ranges = service_protocol.port_ranges(run.options["linkerd-install.opaque-ports"])
    if kind != TCP and service_protocol.is_opaque(number, ranges):
        return f"port {number} is opaque for Linkerd, which sees no names there", ""
    return None


def _rivals(run: Run, closing: Closing, entry: Obj, number: int, kind: str) -> str:
    """Other entries of the namespace that make the port or the host ambiguous."""
    visible = _visible(run, closing)
    for another, other in visible.ports.get(number, {}).items():
        if another != kind:
            protocols = f"{kind[:-5]} here and {another[:-5] or 'detected'} in {other.ref}"
            return f"port {number} is {protocols}, and a port takes one kind of route"
    mine = _shape(entry)
    for host in entry.spec.get("hosts").each():
        for shape, other in visible.shapes.get(host.text().lower(), {}).items():
            if shape != mine:
                return f"{other.ref} names the same host with other ports; which is in effect depends on their age"
    if kind == TCP:
        for service in run.context.objects("", "Service"):
            if number in destinations.port_numbers(service):
                return f"port {number} is also one of {service.ref}, and TCP without addresses takes the whole port"
    return ""


def _shape(entry: Obj) -> Shape:
    return frozenset((port.get("number").text(), kind) for port, kind in _ports(entry))


def _visible(run: Run, closing: Closing) -> Visible:
    """What every entry of stream and context says that the namespace sees."""
    known: dict[str, Visible] = run.memo.setdefault("entries-seen", {})
    if closing.namespace not in known:
        found = known[closing.namespace] = Visible({}, {})
        for entry in run.context.objects(destinations.ISTIO, "ServiceEntry"):
            hosts, _ = _seen(run, closing, entry)
            for port, kind in _ports(entry) if hosts else ():
                found.ports.setdefault(port.get("number").value(), {}).setdefault(kind, entry)
            for host in hosts:
                found.shapes.setdefault(host, {}).setdefault(_shape(entry), entry)
    return known[closing.namespace]


def _seen(run: Run, closing: Closing, entry: Obj) -> tuple[tuple[str, ...], str]:
    """Hosts of an entry that pods of the namespace are told of, and a doubt about that."""
    if not is_exported(run, entry, closing.namespace):
        return (), ""
    hosts = tuple(dict.fromkeys(host.text().lower() for host in entry.spec.get("hosts").each()))
    listed = closings.entries(closing.sidecar) if closing.sidecar is not None else []
    if not listed:
        return hosts, ""
    found = []
    for host in hosts:
        names = [name for space, name in listed if space in ("*", entry.namespace) or
                 (space == "." and entry.namespace == closing.namespace)]  # fmt: skip
        if any(_within(host, name) for name in names):
            found.append(host)
        elif any(_within(name, host) for name in names):
            return (), f"the Sidecar's list names a part of `{host}` only"
    return tuple(found), ""


def is_exported(run: Run, entry: Obj, namespace: str) -> bool:
    """Whether an entry is for clients of a namespace; `~` is no namespace."""
    exported = [name.text() for name in entry.spec.get("exportTo").each()]
    exported = exported or mesh_config.exported_by_default(run, "defaultServiceExportTo")
    return bool({entry.namespace if name == "." else name for name in exported} & {"*", namespace})


def _within(host: str, name: str) -> bool:
    """Whether every host of the first name, which may be a wildcard, is one of the second."""
    if name == "*" or host == name:
        return True
    return name.startswith("*") and host.removeprefix("*").endswith(name[1:])
