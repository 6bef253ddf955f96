"""Istio Gateways as listeners of Gateway API Gateways (istio-surface §3; observed I20).

One Istio server host becomes one listener. Servers that only redirect to https, pass TLS through, or terminate it keep
apart, because routes attach to listeners.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from transformer.ir.routes import Listener
from transformer.ledger import Mark
from transformer.objects import Obj, View
from transformer.rules import ingress
from transformer.rules.istio import server_tls
from transformer.rules.istio.held import Held
from transformer.run import Run
from transformer.targets.gateway_api import listener_set


class Edge(NamedTuple):
    """Where routes of an Istio gateway attach: the Gateway API Gateway, and its listeners if they are known."""

    namespace: str
    name: str
    section: str
    listeners: tuple[Listener, ...] | None
    source: Obj | None


def listeners(run: Run, gateway: Obj) -> tuple[tuple[Listener, ...], tuple[Mark, ...]]:
    """All listeners of an Istio Gateway and what they account for. Raises `Held` with the finding made."""
    found: list[Listener] = []
    marks: list[Mark] = []
    for server in gateway.spec.get("servers").each():
        for listener in _server(run, gateway, server, marks):
            _refuse_clash(run, server, listener, found)
            found.append(listener._replace(name=_unique(listener.name, {other.name for other in found})))
    if not found:
        run.hold("MS004", gateway, "has no servers, so it listens nowhere")
        raise Held
    return listener_set.divided(tuple(found), gateway.name, run.target), tuple(marks)


def _server(run: Run, gateway: Obj, server: View, marks: list[Mark]) -> Iterator[Listener]:
    port, tls = server.get("port"), server.get("tls")
    number = port.get("number").value()
    for name in ("bind", "defaultEndpoint"):
        field = server.get(name)
        if name == "bind" and field and run.hold("MS271", field, "the server listens on one address only"):
            raise Held
        run.no_op(field, "not implemented by Istio, or accepted as lost")
    run.no_op(server.get("name"), "names the server in logs only")
    run.no_op(port.get("targetPort"), "has no effect: Istio has deprecated it")
    terms = server_tls.lower(run, server)
    marks += run.translated(
        port, server.get("hosts"), *(tls.get(name) for name in ("mode", "credentialName", "httpsRedirect"))
    )
    marks += run.translated(tls.get("credentialNames"))
    if terms.clients is not None:
        marks += run.translated(tls.get("caCertCredentialName"), tls.get("insecureSkipVerify"))
    hosts = _hosts(gateway, server)
    all_hosts = tuple((space, name) for name, spaces in hosts.items() for space in spaces)
    if terms.protocol == "TCP":
        hosts = {"": _one_scope(run, server, hosts)}
    for hostname, namespaces in hosts.items():
        base = (
            port.get("name").text() if len(hosts) == 1 else f"{terms.protocol}-{number}-{hostname or 'any'}"
        )
        yield Listener(
            _slug(base or f"{terms.protocol}-{number}"), number, terms.protocol, hostname, namespaces,
            terms.redirect, terms.certificates, terms.clients, all_hosts,
        )  # fmt: skip


def _hosts(gateway: Obj, server: View) -> dict[str, tuple[str, ...]]:
    """Hosts of a server (an empty one is every host), each with the namespaces whose VirtualServices may have it."""
    found: dict[str, dict[str, None]] = {}
    for host in server.get("hosts").each():
        space, _, name = host.text().rpartition("/")
        namespace = {"": "*", "*": "*", ".": gateway.namespace}.get(space, space)
        found.setdefault("" if name == "*" else name.lower(), {})[namespace] = None
    return {name: ("*",) if "*" in spaces else tuple(sorted(spaces)) for name, spaces in found.items()}


def _one_scope(run: Run, server: View, hosts: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Connections name no host, so a TCP server is one listener; its hosts only say whose routes may attach."""
    scopes = set(hosts.values())
    if len(scopes) != 1:
        run.hold(
            "MS276", server, "the hosts of a TCP server name several namespaces, which one listener cannot"
        )
        raise Held
    return scopes.pop()


def _refuse_clash(run: Run, server: View, listener: Listener, found: list[Listener]) -> None:
    for other in found:
        same_port = other.port == listener.port
        if same_port and other.protocol == listener.protocol and other.hostname == listener.hostname:
            run.hold(
                "MS276",
                server,
                f"port {listener.port} has two servers for host {listener.hostname or '*'}; listeners must differ",
            )
            raise Held
        if same_port and _layer(other) != _layer(listener):
            run.hold(
                "MS276",
                server,
                f"port {listener.port} speaks both plaintext and TLS, which listeners of one Gateway cannot",
            )
            raise Held
        # Also where each listener could ask for itself: a connection to one host may carry requests for another.
        terminated = other.protocol == listener.protocol == "HTTPS"
        if same_port and terminated and other.clients != listener.clients:
            run.hold(
                "MS276",
                server,
                f"port {listener.port} asks for client certificates for some hosts only, which is said per port",
            )
            raise Held
        if same_port and other.redirect != listener.redirect and _overlap(other.hostname, listener.hostname):
            run.hold(
                "MS276",
                server,
                f"port {listener.port} redirects some requests to https and serves others for overlapping hosts",
            )
            raise Held
        if same_port and _hides(listener, other) | _hides(other, listener):
            run.hold(
                "MS276",
                server,
                f"port {listener.port} serves hosts {other.hostname or '*'} and {listener.hostname or '*'} for different "
                "namespaces, and only the more specific listener would take requests to both",
            )
            raise Held


def _hides(narrow: Listener, wide: Listener) -> bool:
    """Whether a listener takes requests that Istio gives to namespaces which may not attach to it."""
    inside = narrow.hostname != wide.hostname and covers(wide.hostname, narrow.hostname)
    return inside and not all(narrow.admits(space) for space in wide.namespaces)


def _layer(listener: Listener) -> str:
    """What the first bytes of a connection are: HTTP, TLS, or anything."""
    return "TLS" if listener.protocol in ("HTTPS", "TLS") else listener.protocol


def _overlap(first: str, second: str) -> bool:
    return covers(first, second) or covers(second, first)


def covers(outer: str, inner: str) -> bool:
    """Whether every host of `inner` is one of `outer`; empty is every host, `*.x` what ends in `.x`."""
    if not outer or outer == inner:
        return True
    return bool(inner) and outer.startswith("*.") and inner.removeprefix("*").endswith(outer[1:])


def meets(first: str, second: str) -> bool:
    """Whether some host is one of both."""
    return _overlap(first, second)


def _slug(text: str) -> str:
    slug = re.sub(r"[^a-z0-9-]+", "-", text.lower().replace("*.", "wildcard.")).strip("-")
    return slug[:63].rstrip("-") or "listener"


def _unique(name: str, taken: set[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def find(run: Run, name: str, namespace: str) -> Edge | None:
    """The edge that a VirtualService of `namespace` names, or None where it stays in Istio or is neither known nor mapped."""
    if ingress.keeps_gateway(run, name, namespace):
        return None
    space, short = ingress.full_name(name, namespace)
    source = run.context.find("networking.istio.io", "Gateway", space, short).obj
    mapped = ingress.mapped(run, space, short)
    if mapped is not None:
        target, _, section = mapped.partition("#")
        target_space, _, target_name = target.rpartition("/")
        return Edge(target_space or space, target_name, section, None, source)
    if source is None:
        return None
    known: dict[int, tuple[Listener, ...] | None] = run.memo.setdefault("edges", {})
    if source.uid not in known:
        known[source.uid] = None
        try:
            known[source.uid] = listeners(run, source)[0]
        except Held:
            return None
    found = known[source.uid]
    return Edge(space, short, "", found, source) if found is not None else None
