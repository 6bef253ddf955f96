"""Existing Gateways that take the place of Istio's (`gateway-map`): usually neither is in the stream.

What is known is compared: the servers of Istio's Gateway, which decide what its VirtualServices serve, and the listeners
of the one that takes its place. The rest is told. https://gateway-api.sigs.k8s.io/concepts/security-model/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from transformer.ir.routes import Listener
from transformer.objects import Obj, View
from transformer.rules import ingress
from transformer.rules.istio import edges
from transformer.rules.istio.held import Held
from transformer.run import Run

_GATEWAY = ("gateway.networking.k8s.io", "Gateway")


def refuse_unknown(run: Run, names: Sequence[View]) -> None:
    """Hold a VirtualService at gateways that give its routes nothing to attach to; all are told, then `Held` is raised."""
    unknown = [name for name in names if edges.find(run, name.text(), name.obj.namespace) is None]
    for name in unknown:
        space, short = ingress.full_name(name.text(), name.obj.namespace)
        key = f"{space}/{short}".lstrip("/")
        here = run.context.find(*ingress.GATEWAY, space, short).obj is not None
        first = "Resolve what holds it" if here else "Render it in the same stream, add it as --context"
        run.hold(
            "MS270",
            name,
            f"Gateway {key} is {'held itself' if here else 'not in the stream or its context'}",
            remedy=f"{first}, or say which existing Gateway takes its place: gateway-map: [{key}=NAMESPACE/NAME#LISTENER].",
        )
    if unknown:
        raise Held


def takes(run: Run, edge: edges.Edge, name: View, hostnames: Sequence[str]) -> tuple[str, ...]:
    """The hosts that routes take there; none (told) where Istio's Gateway serves none of them. May raise `Held`."""
    served = tuple(hostnames)
    if edge.source is not None:
        served = _served(run, edge, name, hostnames, _servers(run, edge.source))
    target = run.context.find(*_GATEWAY, edge.namespace, edge.name).obj
    if target is not None and served:
        _compare(edge, name, served, target, run)
    elif served:
        listener = f"listener {edge.section}" if edge.section else "its listeners"
        run.once("MS297", name, f"Gateway {edge.namespace}/{edge.name} is not known here: {listener} must have the hosts, "
                 f"allow routes of namespace {name.obj.namespace or 'of the release'}, and redirect to https what Istio "
                 "redirects", about=f"{edge.namespace}/{edge.name}#{edge.section} {name.obj.namespace}")  # fmt: skip
    return served


def _servers(run: Run, source: Obj) -> tuple[Listener, ...]:
    known: dict[int, tuple[Listener, ...] | None] = run.memo.setdefault("edges", {})
    if source.uid not in known:
        known[source.uid] = None
        known[source.uid] = edges.listeners(run, source)[0]
    found = known[source.uid]
    if found is None:
        raise Held
    return found


def _served(
    run: Run, edge: edges.Edge, name: View, hostnames: Sequence[str], servers: Sequence[Listener]
) -> tuple[str, ...]:
    """The hosts that Istio's Gateway, which goes, serves for the namespace: the narrower of a server's and a rule's."""
    mine = [
        server
        for server in servers
        if server.takes_requests
        and server.admits(name.obj.namespace)
        and any(edges.meets(server.hostname, host) for host in hostnames)
    ]
    serving = [server for server in mine if not server.redirect]
    if not serving:
        run.say("MS279", name, f"no server of Gateway {name.text()} serves these hosts for this namespace with a route; "
                "it has no effect there")  # fmt: skip
        return ()
    if len(serving) < len(mine) and not edge.section:
        _refuse(run, name, "plaintext requests are redirected to https today, and a route at every listener would answer them",
                f"Name the listener: {edge.namespace}/{edge.name}#LISTENER.")  # fmt: skip
    if any(server.clients is not None for server in serving):
        _refuse(run, name, "clients must show a certificate today, and what the listener that takes the place asks of them is "
                "not compared", "Check the listener, and write the route by hand.")  # fmt: skip
    if not edge.section and all(server.protocol == "HTTPS" for server in serving):
        _refuse(run, name, "the hosts are served with TLS only, and a route at every listener may answer in plaintext",
                f"Name the listener: {edge.namespace}/{edge.name}#LISTENER.")  # fmt: skip
    found: dict[str, None] = {}
    for host in hostnames:
        for server in serving:
            if edges.covers(server.hostname, host):
                found[host] = None
            elif edges.covers(host, server.hostname):
                found[server.hostname] = None
    return tuple(found)


def _refuse(run: Run, name: View, message: str, remedy: str) -> NoReturn:
    run.hold("MS299", name, message, remedy=remedy)
    raise Held


def _compare(edge: edges.Edge, name: View, hostnames: Sequence[str], target: Obj, run: Run) -> None:
    """Compare with the listeners of the Gateway that takes the place, where it is known."""
    where = f"{edge.namespace}/{edge.name}"
    found = [
        one for one in target.spec.get("listeners").each() if edge.section in ("", one.get("name").text())
    ]
    if not found:
        _refuse(
            run, name, f"Gateway {where} has no listener {edge.section}", "Correct the name in gateway-map."
        )
    meeting = [
        one
        for one in found
        if any(edges.meets(one.get("hostname").text().lower(), host) for host in hostnames)
        and one.get("protocol").text() in ("HTTP", "HTTPS")
    ]
    if not meeting:
        _refuse(run, name, f"no listener of Gateway {where} takes http requests to these hosts",
                "Add a listener, or name another one with gateway-map.")  # fmt: skip
    if not any(_admits(one, edge.namespace, name.obj.namespace) for one in meeting):
        _refuse(run, name, f"the listeners of Gateway {where} take routes of its own namespace only",
                "Set allowedRoutes.namespaces on the listener.")  # fmt: skip


def _admits(listener: View, here: str, namespace: str) -> bool:
    """Whether a listener may take routes of a namespace; labels of namespaces are not looked at."""
    wanted = listener.get("allowedRoutes", "namespaces", "from").text() or "Same"
    return wanted in ("All", "Selector") or here == namespace
