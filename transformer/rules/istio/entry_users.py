"""What names the hosts of a ServiceEntry: VirtualServices, DestinationRules, other entries, routes and policies.

Rules for a host and its entry only mean something together, so they move together or not at all.
https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.istio import hosts, mesh_hosts
from transformer.rules.istio.destinations import ISTIO
from transformer.rules.parents import GATEWAY_API
from transformer.run import Run

_ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")


class Mention(NamedTuple):
    """An object that names a host, and whether that is all it is about (a wider wildcard is about much more)."""

    host: str
    obj: Obj
    exact: bool


def bind(run: Run, entry: Obj) -> Obj | None:
    """Tie the entry to what names its hosts; returns what will go on naming them outside this stream, if anything."""
    foreign: Obj | None = None
    for mention in _mentions(run, entry):
        if mention.obj.context:
            foreign = foreign or mention.obj
            continue
        run.units.link(mention.obj.uid, entry.uid)
        if mention.exact:
            run.units.link(entry.uid, mention.obj.uid)
    return foreign


def route(run: Run, entry: Obj) -> Obj | None:
    """A Gateway API route or a policy of stream or context that has the entry, or its host, as parent, backend or target."""
    index: dict[tuple[str, str], Obj] | None = run.memo.get("entry-references")
    if index is None:
        index = run.memo["entry-references"] = {}
        for obj in _referrers(run):
            for kind, space, name in _references(obj):
                key = ("", name) if kind == "Hostname" else (space or obj.namespace, name)
                if kind in ("ServiceEntry", "Hostname"):
                    index.setdefault(key, obj)
    names = [(entry.namespace, entry.name), *(("", host) for host in _hosts(entry))]
    return next((index[key] for key in names if key in index), None)


def _referrers(run: Run) -> Iterator[Obj]:
    for kind in _ROUTES:
        yield from run.context.objects(GATEWAY_API, kind)
    for group, kind in (*reach.ISTIO_KINDS, ("telemetry.istio.io", "Telemetry")):
        yield from run.context.objects(group, kind)


def _references(obj: Obj) -> Iterator[tuple[str, str, str]]:
    refs = [*obj.spec.get("parentRefs").each(), *obj.spec.get("targetRefs").each(), obj.spec.get("targetRef")]
    for rule in obj.spec.get("rules").each():
        refs += rule.get("backendRefs").each()
        refs += [found.get("requestMirror", "backendRef") for found in rule.get("filters").each()]
    for ref in refs:
        yield ref.get("kind").text(), ref.get("namespace").text(), ref.get("name").text()


def _hosts(entry: Obj) -> list[str]:
    return [host.text().lower().rstrip(".") for host in entry.spec.get("hosts").each()]


def _mentions(run: Run, entry: Obj) -> Iterator[Mention]:
    exact, wild = _index(run)
    for host in _hosts(entry):
        # A wildcard entry is also about every single host below it.
        for name, found in exact.items() if host.startswith("*") else [(host, exact.get(host, []))]:
            if name == host or (host.startswith("*") and name.endswith(host[1:])):
                yield from (mention for mention in found if mention.obj.uid != entry.uid)
        for mention in wild:
            if mention.obj.uid != entry.uid and _meets(mention.host, host):
                yield mention._replace(exact=mention.host.endswith(host.removeprefix("*")))


def _meets(wildcard: str, host: str) -> bool:
    """Whether some name is one of both; `wildcard` starts with an asterisk, `host` may."""
    if host.startswith("*") and wildcard.endswith(host[1:]):
        return True
    return host.endswith(wildcard[1:])


def _index(run: Run) -> tuple[dict[str, list[Mention]], list[Mention]]:
    """Mentions of single hosts by host, and those of wildcards."""
    if "entry-mentions" not in run.memo:
        exact: dict[str, list[Mention]] = {}
        wild: list[Mention] = []
        for host, obj in _all(run):
            mention = Mention(host, obj, True)
            if host.startswith("*"):
                wild.append(mention)
            else:
                exact.setdefault(host, []).append(mention)
        run.memo["entry-mentions"] = (exact, wild)
    found: tuple[dict[str, list[Mention]], list[Mention]] = run.memo["entry-mentions"]
    return found


def _all(run: Run) -> Iterator[tuple[str, Obj]]:
    domain = run.options["mesh.cluster-domain"]

    def full(text: str, obj: Obj) -> str:
        resolved = hosts.resolve(text, obj.namespace, domain)
        if resolved.kind == "service":
            return f"{resolved.name}.{resolved.namespace}.svc.{domain}"
        return text.lower().rstrip(".")

    for rule in run.context.objects(ISTIO, "DestinationRule"):
        yield full(rule.spec.get("host").text(), rule), rule
    for virtual in run.context.objects(ISTIO, "VirtualService"):
        for name in _named(virtual):
            yield full(name, virtual), virtual
    for entry in run.context.objects(ISTIO, "ServiceEntry"):
        if not entry.context:  # the oldest entry of a host wins, and a manifest has no age
            yield from ((host, entry) for host in _hosts(entry))


def _named(virtual: Obj) -> Iterator[str]:
    """Hosts and destinations of a VirtualService; a wildcard host of an ingress is about requests from outside."""
    gateways = [name.text() for name in virtual.spec.get("gateways").each()]
    on_mesh = not gateways or mesh_hosts.MESH in gateways
    for host in virtual.spec.get("hosts").each():
        if on_mesh or not host.text().startswith("*"):
            yield host.text()
    for kind in ("http", "tls", "tcp"):
        for rule in virtual.spec.get(kind).each():
            destinations = [entry.get("destination") for entry in rule.get("route").each()]
            destinations += [entry.get("destination") for entry in rule.get("mirrors").each()]
            for destination in (*destinations, rule.get("mirror")):
                if destination.get("host").text():
                    yield destination.get("host").text()
