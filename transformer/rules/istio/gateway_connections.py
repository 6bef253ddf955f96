"""`tcp` and `tls` rules of a VirtualService on gateways, as TCPRoutes and TLSRoutes attached to listeners.

A server for TCP, or one that terminates TLS for something other than HTTP, gives all connections to the first tcp rule;
one that passes TLS through tells them apart by server name. A server name that two matches claim belongs to the first;
between VirtualServices that is the older, so both are held.
https://istio.io/latest/docs/reference/config/networking/virtual-service/#TLSRoute
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from transformer.ir.routes import Attachment, Backend, Forward, Listener, Route, RouteRule
from transformer.ledger import Mark
from transformer.objects import Obj, View
from transformer.rules.istio import connections, edges, hosts, kept_ingress, mapped_gateway
from transformer.rules.istio import virtual_service_action as shared
from transformer.rules.istio.connections import Used
from transformer.rules.istio.edges import Edge
from transformer.rules.istio.held import Held
from transformer.rules.istio.mesh_hosts import MESH
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api import connection_route, reference_grant


class _Claim(NamedTuple):
    """What a VirtualService makes of one listener: a rule, the matches that say so, and the server names asked for."""

    edge: Edge
    listener: Listener
    rule: View
    matches: tuple[View, ...]
    names: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The list that the rule stands in."""
        return str(self.rule.path[1])


class _Planned(NamedTuple):
    """One route object: its kind, hostnames and backends, and where it attaches."""

    kind: str
    hostnames: tuple[str, ...]
    backends: tuple[Backend, ...]


def plan(run: Run, obj: Obj, used: Used) -> None:
    """Plan the routes of every gateway that the VirtualService names. Raises `Held` with the finding made."""
    names = list(kept_ingress.moving_gateways(run, obj))
    if not names:
        return
    exported = [entry.text() for entry in obj.spec.get("exportTo").each()]
    if exported not in ([], ["*"]):
        message = "exported to some namespaces only, which may not include the gateway's"
        run.hold("MS216", obj.spec.get("exportTo"), message)
        raise Held
    claims: list[_Claim] = []
    for edge in _edges(run, obj, names):
        found = list(_claims(run, obj, edge))
        _refuse_rivals(run, obj, edge, found)
        claims += found
    for claim in claims:
        connections.use(used, claim.rule, list(claim.matches))
    _emit(run, obj, claims)


def _edges(run: Run, obj: Obj, names: Sequence[View]) -> Iterator[Edge]:
    """The gateways that the VirtualService names and that do not stay; their listeners must be known."""
    mapped_gateway.refuse_unknown(run, names)
    for name in names:
        edge = edges.find(run, name.text(), obj.namespace)
        if edge is None:
            raise Held  # told before
        if edge.listeners is None:
            message = f"Gateway {name.text()} is mapped, and which of its listeners takes the connections is not known"
            run.hold("MS270", name, message, remedy="Write the route by hand, then delete the rule.")
            raise Held
        if edge.source is not None:
            run.units.bind([obj.uid, edge.source.uid])
        yield edge


def _claims(run: Run, obj: Obj, edge: Edge) -> Iterator[_Claim]:
    """What the VirtualService makes of the listeners of one gateway."""
    wanted = list(_hosts(run, obj))

    def here(name: str) -> bool:
        found = edges.find(run, name, obj.namespace) if name != MESH else None
        return found is not None and (found.namespace, found.name) == (edge.namespace, edge.name)

    bound = [listener for listener in edge.listeners or () if _binds(listener, obj.namespace, wanted)]
    for listener in bound:
        if listener.takes_requests or listener.passes_through:
            continue
        found = connections.first(obj, listener.port, here)
        if found is not None:
            if not listener.admits(obj.namespace):
                message = f"listener {listener.name} takes no routes of namespace {obj.namespace}; Istio uses the rule there"
                run.hold("MS609", found[0], message)
                raise Held
            yield _Claim(edge, listener, found[0], tuple(found[1]), (listener.hostname,))
    for port in dict.fromkeys(listener.port for listener in bound if listener.passes_through):
        open_ = [
            one
            for one in edge.listeners or ()
            if one.passes_through and one.port == port and one.admits(obj.namespace)
        ]
        yield from _by_server_name(run, obj, edge, open_, here)


def _by_server_name(
    run: Run, obj: Obj, edge: Edge, listeners: list[Listener], here: connections.Here
) -> Iterator[_Claim]:
    """Matches on server names for one port. One that claims a name again is passed over whole, as Istio does."""
    taken: set[str] = set()
    found: list[tuple[View, View, tuple[str, ...]]] = []
    for rule in obj.spec.get("tls").each():
        for match in rule.get("match").each():
            names = connections.server_names(match)
            if not connections.applies(match, listeners[0].port, here) or taken & set(names):
                continue
            taken.update(names)
            for name in names:
                bare = "" if name == "*" else name
                if not any(edges.covers(one.hostname, bare) for one in listeners):
                    message = f"server name {name} is none of the server's hosts, or wider; Istio serves it all the same"
                    run.hold("MS609", match.get("sniHosts"), message)
                    raise Held
            found.append((rule, match, names))
    for one in listeners:
        for rule, match, names in _for_listener(run, one, found):
            yield _Claim(edge, one, rule, (match,), names)


def _for_listener(
    run: Run, listener: Listener, found: list[tuple[View, View, tuple[str, ...]]]
) -> list[tuple[View, View, tuple[str, ...]]]:
    """Matches for the names of one listener. Where it narrows two names to one, Istio takes the more specific of them.

    Two routes with one name left would be told apart by age, so only that match attaches there.
    """
    best: dict[str, tuple[tuple[bool, int], int]] = {}
    for number, (_, _, names) in enumerate(found):
        for name in names:
            left = _left(listener, name)
            rank = (not name.startswith("*"), len(name))
            if left is not None and (left not in best or rank > best[left][0]):
                best[left] = rank, number
    chosen = sorted({number for _, number in best.values()})
    for number in chosen:
        _, match, names = found[number]
        if any(best[left][1] != number for name in names if (left := _left(listener, name)) is not None):
            message = f"listener {listener.name} narrows server names of several matches to one"
            run.hold("MS609", match.get("sniHosts"), message)
            raise Held
    return [found[number] for number in chosen]


def _left(listener: Listener, name: str) -> str | None:
    """What a listener leaves of a server name (`*` and empty: all); None where they have nothing in common."""
    bare = "" if name == "*" else name
    if edges.covers(listener.hostname, bare):
        return bare
    return listener.hostname if edges.meets(listener.hostname, bare) else None


def _hosts(run: Run, obj: Obj) -> Iterator[str]:
    """Hosts of the VirtualService as servers may name them; `*` is empty."""
    for host in obj.spec.get("hosts").each():
        text = host.text().lower()
        resolved = hosts.resolve(text, obj.namespace, run.options["mesh.cluster-domain"])
        short = resolved.kind == "service" and "." not in text
        domain = run.options["mesh.cluster-domain"]
        yield "" if text == "*" else f"{text}.{obj.namespace}.svc.{domain}" if short else text


def _binds(listener: Listener, namespace: str, wanted: list[str]) -> bool:
    """Whether the server of a listener takes VirtualServices of a namespace for some of the hosts."""
    return any(
        scope in ("*", namespace) and any(edges.meets(host, one) for one in wanted)
        for scope, host in listener.hosts
    )


def _refuse_rivals(run: Run, obj: Obj, edge: Edge, claims: list[_Claim]) -> None:
    """Two VirtualServices for one listener, or one server name: the older wins, and a manifest has no age."""
    mine = set(_contested(claims))
    for other in run.context.objects("networking.istio.io", "VirtualService"):
        if other.uid == obj.uid or not (other.spec.get("tcp") or other.spec.get("tls")):
            continue
        if not any(_is(run, name.text(), other, edge) for name in other.spec.get("gateways").each()):
            continue
        try:
            theirs = set(_contested(_claims(run, other, edge)))
        except Held:
            run.units.bind([obj.uid, other.uid])  # it may claim the same, and stays for another reason
            continue
        if not mine & theirs:
            continue
        run.units.bind([obj.uid, other.uid])
        alike = other.namespace == obj.namespace and all(
            other.spec.get(name).value() == obj.spec.get(name).value() for name in ("hosts", "tcp", "tls")
        )
        if not alike:
            kind, listener, _ = min(mine & theirs)
            message = f"{other.ref} has a {kind} rule for listener {listener}, too; which one wins depends on their age"
            run.hold("MS206", obj, message)
            raise Held


def _contested(claims: Iterable[_Claim]) -> Iterator[tuple[str, str, str]]:
    """What only one VirtualService can have: all connections of a listener, or what it leaves of a server name."""
    for claim in claims:
        for name in claim.names:
            left = _left(claim.listener, name)
            if left is not None:
                yield claim.kind, claim.listener.name, left


def _is(run: Run, name: str, obj: Obj, edge: Edge) -> bool:
    found = edges.find(run, name, obj.namespace) if name != MESH else None
    return found is not None and (found.namespace, found.name) == (edge.namespace, edge.name)


def _emit(run: Run, obj: Obj, claims: list[_Claim]) -> None:
    """One route for all listeners that connections go on from in the same way."""
    planned: dict[_Planned, tuple[list[Attachment], list[Mark], list[Obj]]] = {}
    for claim in claims:
        marks: list[Mark] = []
        owners: list[Obj] = []
        backends = shared.lower_backends(run, claim.rule, claim.listener.port, marks, owners, ingress=True)
        kind, hostnames = _kind(run, claim)
        key = _Planned(kind, hostnames, backends)
        parents, all_marks, all_owners = planned.setdefault(key, ([], [], []))
        here = claim.listener.attachment(claim.edge.namespace, claim.edge.name)
        parents += [] if here in parents else [here]
        all_marks += marks
        all_owners += owners
    merged = _merge_names(planned)
    count = {kind: sum(one.kind == kind for one in merged) for kind in ("TCPRoute", "TLSRoute")}
    number = dict.fromkeys(count, 0)
    for one, (parents, marks, owners) in merged.items():
        number[one.kind] += 1
        suffix = "-ingress" if any(name.text() == MESH for name in obj.spec.get("gateways").each()) else ""
        suffix += f"-{one.kind[:3].lower()}-{number[one.kind]}" if count[one.kind] > 1 else ""
        _derive(run, obj, one, tuple(parents), f"{obj.name}{suffix}", marks, owners)


def _kind(run: Run, claim: _Claim) -> tuple[str, tuple[str, ...]]:
    """Kind and hostnames of the route; a TLSRoute stands in where TLS is terminated and there is no TCPRoute."""
    if claim.kind == "tls":
        return "TLSRoute", claim.names
    if run.target.tcp_route:
        return "TCPRoute", ()
    return "TLSRoute", claim.names


def _merge_names(
    planned: dict[_Planned, tuple[list[Attachment], list[Mark], list[Obj]]],
) -> dict[_Planned, tuple[list[Attachment], list[Mark], list[Obj]]]:
    """Server names that go to the same place from the same listeners stand in one route."""
    merged: dict[Any, tuple[_Planned, tuple[list[Attachment], list[Mark], list[Obj]]]] = {}
    for one, (parents, marks, owners) in planned.items():
        key = (one.kind, one.backends, tuple(parents))
        if key in merged:
            earlier, kept = merged[key]
            names = tuple(dict.fromkeys(earlier.hostnames + one.hostnames))
            merged[key] = (earlier._replace(hostnames=names), (kept[0], kept[1] + marks, kept[2] + owners))
        else:
            merged[key] = (one, (parents, marks, owners))
    return dict(merged.values())


def _derive(
    run: Run,
    obj: Obj,
    one: _Planned,
    parents: tuple[Attachment, ...],
    name: str,
    marks: list[Mark],
    owners: list[Obj],
) -> None:
    route = Route(parents, (RouteRule((), Forward(one.backends)),), hostnames=one.hostnames)
    version = run.target.tcp_route if one.kind == "TCPRoute" else run.target.tls_route
    meta = metadata.metadata(obj, name)
    value = connection_route.build(route, meta, one.kind, version, obj.namespace)
    run.derive(value, [obj, *dict.fromkeys(owners)], marks)
    for namespace in reference_grant.needed(route, obj.namespace):
        run.derive(reference_grant.build(obj, namespace, one.kind), [obj])
