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


def refuse_unknown(run: Run, name: View) -> NoReturn:
    """Hold a VirtualService at a gateway that gives its routes nothing to attach to; raises `Held`."""
    space, short = ingress.full_name(name.text(), name.obj.namespace)
    key = f"{space}/{short}".lstrip("/")
    if run.context.find(*ingress.GATEWAY, space, short).obj is not None:
        run.hold("MS270", name, f"Gateway {key} is held itself",
                 remedy="Resolve what holds it, or say which existing Gateway takes its place: "
                 f"gateway-map: [{key}=NAMESPACE/NAME#LISTENER].")  # fmt: skip
    else:
        run.hold("MS270", name, f"Gateway {key} is not in the stream or its context",
                 remedy="Render it in the same stream, add it as --context, or say which existing Gateway takes its place: "
                 f"gateway-map: [{key}=NAMESPACE/NAME#LISTENER].")  # fmt: skip
    raise Held


def takes(run: Run, edge: edges.Edge, name: View, hostnames: Sequence[str]) -> bool:
    """Whether routes attach there; False (told) where Istio's Gateway serves none of the hosts. May raise `Held`."""
    source = edge.source
    if source is not None and not _is_served(run, edge, name, hostnames, _servers(run, source)):
        return False
    target = run.context.find(*_GATEWAY, edge.namespace, edge.name).obj
    if target is not None:
        _compare(edge, name, hostnames, target, run)
        return True
    listener = f"listener {edge.section}" if edge.section else "its listeners"
    run.once("MS297", name, f"Gateway {edge.namespace}/{edge.name} is not known here: {listener} must have the hosts, allow "
             f"routes of namespace {name.obj.namespace or 'of the release'}, and redirect to https what Istio redirects",
             about=f"{edge.namespace}/{edge.name}#{edge.section} {name.obj.namespace}")  # fmt: skip
    return True


def _servers(run: Run, source: Obj) -> tuple[Listener, ...]:
    known: dict[int, tuple[Listener, ...] | None] = run.memo.setdefault("edges", {})
    if source.uid not in known:
        known[source.uid] = None
        known[source.uid] = edges.listeners(run, source)[0]
    found = known[source.uid]
    if found is None:
        raise Held
    return found


def _is_served(
    run: Run, edge: edges.Edge, name: View, hostnames: Sequence[str], servers: Sequence[Listener]
) -> bool:
    """Compare with the servers of Istio's Gateway, which goes."""
    mine = [
        server
        for server in servers
        if server.protocol != "TLS"
        and server.admits(name.obj.namespace)
        and any(edges.meets(server.hostname, host) for host in hostnames)
    ]
    if all(server.redirect for server in mine):
        run.say("MS279", name, f"no server of Gateway {name.text()} serves these hosts for this namespace with a route; "
                "it has no effect there")  # fmt: skip
        return False
    serving = [server for server in mine if not server.redirect]
    wider = [host for host in hostnames if not any(edges.covers(one.hostname, host) for one in serving)]
    if wider:
        text = f"Gateway {name.text()} serves only some hosts of `{wider[0] or '*'}`"
        remedy = "Name the hosts one by one in the VirtualService."
        _refuse(run, name, f"{text}, and {edge.namespace}/{edge.name} may have others", remedy)
    if len(serving) < len(mine) and not edge.section:
        _refuse(run, name, "plaintext requests are redirected to https today, and a route at every listener would answer them",
                f"Name the listener: {edge.namespace}/{edge.name}#LISTENER.")  # fmt: skip
    return True


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
