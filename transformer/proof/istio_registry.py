"""What Istio lets a client's sidecar call outside the cluster: the registry under REGISTRY_ONLY (istio-surface §5).

Sidecar: the client's own selector, then its namespace, then the root namespace; its list narrows what is known.
ServiceEntry: exportTo, and per port HTTP by Host, TLS by server name, TCP by address or by the port alone.
https://istio.io/latest/docs/reference/config/networking/sidecar/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from .linkerd_egress import Call
from .objects import Obj, Objects, items, namespace_of, spec

_ISTIO = "networking.istio.io"
_BY_HOST = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
_BY_SERVER_NAME = frozenset({"HTTPS", "TLS"})


class Registry:
    """Answers about calls to addresses outside the cluster."""

    def __init__(
        self,
        objects: Iterable[Obj],
        *,
        refuses_unknown: bool,
        root: str = "istio-system",
        labels: Mapping[str, str],
    ) -> None:
        """`labels` are those of the client's pods; `refuses_unknown` is the mesh's own outbound policy."""
        self._objects = Objects(objects)
        self._mesh_refuses = refuses_unknown
        self._root = root
        self._labels = labels

    def passes(self, call: Call) -> bool:
        """Whether the client's sidecar lets the call pass, wherever it then takes it."""
        sidecar = self._sidecar(call.namespace)
        if not self._refuses(sidecar):
            return True
        return any(
            _takes(entry, port, hosts, call)
            for entry, hosts in self._known(sidecar, call.namespace)
            for port in items(spec(entry), "ports")
        )

    def _sidecar(self, namespace: str) -> Obj | None:
        sidecars = self._objects.of(_ISTIO, "Sidecar")
        mine = [found for found in sidecars if namespace_of(found) == namespace]
        wide = [found for found in mine if not spec(found).get("workloadSelector")]
        selecting = [found for found in mine if found not in wide and self._selects(found)]
        default = [
            found
            for found in sidecars
            if namespace_of(found) == self._root and not spec(found).get("workloadSelector")
        ]
        return next(iter([*selecting, *wide, *default]), None)

    def _selects(self, sidecar: Obj) -> bool:
        selector = spec(sidecar)["workloadSelector"].get("labels") or {}
        return all(self._labels.get(key) == value for key, value in selector.items())

    def _refuses(self, sidecar: Obj | None) -> bool:
        policy = spec(sidecar).get("outboundTrafficPolicy") if sidecar is not None else None
        if policy is None:
            return self._mesh_refuses
        return bool(policy.get("mode") != "ALLOW_ANY")  # REGISTRY_ONLY is the zero value

    def _known(self, sidecar: Obj | None, namespace: str) -> Iterator[tuple[Obj, list[str]]]:
        """Entries that the client is told of, with the hosts of each."""
        for entry in self._objects.of(_ISTIO, "ServiceEntry"):
            own = namespace_of(entry)
            exported = {own if to == "." else to for to in spec(entry).get("exportTo") or ["*"]}
            hosts = [str(host).lower() for host in spec(entry).get("hosts") or []]
            if sidecar is not None and items(spec(sidecar), "egress"):
                listed = [text for one in items(spec(sidecar), "egress") for text in one.get("hosts") or []]
                hosts = [host for host in hosts if any(_lists(text, own, namespace, host) for text in listed)]
            if exported & {"*", namespace} and hosts:
                yield entry, hosts


def _lists(text: str, entry_namespace: str, namespace: str, host: str) -> bool:
    """Whether an item of a Sidecar's list, `namespace/host`, names a host of an entry."""
    space, _, name = text.rpartition("/")
    allowed = {"*": entry_namespace, ".": namespace, "": namespace}.get(space, space)
    return allowed == entry_namespace and (name == host or (name.startswith("*") and host.endswith(name[1:])))


def _takes(entry: Obj, port: Obj, hosts: list[str], call: Call) -> bool:
    if port.get("number") != call.port:
        return False
    protocol = str(port.get("protocol") or "").upper()
    if protocol in _BY_HOST:
        return call.speaks == "http" and _is_one_of(call.name, hosts)
    if protocol in _BY_SERVER_NAME:
        return call.speaks == "tls" and _is_one_of(call.name, hosts)
    if protocol == "UDP":
        return False
    addresses = [str(text) for text in spec(entry).get("addresses") or []]
    asked = ipaddress.ip_address(call.address)
    return not addresses or any(asked in ipaddress.ip_network(text, strict=False) for text in addresses)


def _is_one_of(name: str, hosts: list[str]) -> bool:
    asked = name.lower()
    return any(asked == host or (host.startswith("*.") and asked.endswith(host[1:])) for host in hosts)
