"""Istio networking objects that are still among the emitted ones and can have a say in a host.

Half names count by their spelling alone, short names resolve in the object's own namespace
(Istio, `VirtualService.hosts`, `DestinationRule.host`).
"""

from __future__ import annotations

from collections.abc import Iterator

from .objects import Obj, Objects, name_of, namespace_of, spec

NETWORKING = "networking.istio.io"


def _covers(written: str, owner: Obj, spellings: frozenset[str], cluster_domain: str) -> bool:
    host = written.lower().rstrip(".")
    if host.startswith("*"):
        return any(name.endswith(host[1:]) for name in spellings)
    if "." not in host:
        host = f"{host}.{namespace_of(owner)}.svc.{cluster_domain}"
    return host in spellings


def _names(obj: Obj) -> list[str]:
    found = spec(obj).get("hosts")
    names = [str(name) for name in found] if isinstance(found, list) else []
    single = spec(obj).get("host")
    return [*names, str(single)] if single else names


def _exported_to(obj: Obj, namespace: str) -> bool:
    found = spec(obj).get("exportTo")
    scopes = {str(scope) for scope in found} if isinstance(found, list) and found else {"*"}
    return "*" in scopes or namespace in scopes or ("." in scopes and namespace_of(obj) == namespace)


def kept_for_host(
    objects: Objects, spellings: frozenset[str], client_namespace: str, cluster_domain: str
) -> Iterator[Obj]:
    """VirtualServices of the mesh and DestinationRules that can concern a client of one of the spellings of
    a host.
    """
    for kind in ("VirtualService", "DestinationRule"):
        for obj in objects.of(NETWORKING, kind):
            gateways = spec(obj).get("gateways")
            if kind == "VirtualService" and gateways and "mesh" not in gateways:
                continue
            if not _exported_to(obj, client_namespace):
                continue
            if any(_covers(name, obj, spellings, cluster_domain) for name in _names(obj)):
                yield obj


def kept_for_gateway(objects: Objects, gateway: str, host: str) -> Iterator[Obj]:
    """The Istio Gateway itself, and VirtualServices bound to it whose hosts the request can meet."""
    namespace, _, name = gateway.partition("/")
    own = objects.get(NETWORKING, "Gateway", namespace, name)
    if own is not None:
        yield own
    asked = frozenset({host.rpartition(":")[0].lower() if ":" in host else host.lower()})
    for obj in objects.of(NETWORKING, "VirtualService"):
        bound = spec(obj).get("gateways")
        refs = [str(ref) for ref in bound] if isinstance(bound, list) else []
        full = {ref if "/" in ref else f"{namespace_of(obj)}/{ref}" for ref in refs}
        if gateway in full and any(_covers(written, obj, asked, "") for written in _names(obj)):
            yield obj


def shown(obj: Obj) -> str:
    """`Kind ns/name`."""
    return f"{obj['kind']} {namespace_of(obj)}/{name_of(obj)}"
