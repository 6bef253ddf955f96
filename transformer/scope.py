"""Which part of the cluster moves in a run: the option `only`. Everything else passes untouched and serves as context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import MARKER

if TYPE_CHECKING:
    from transformer.context.index import Context
    from transformer.objects import Obj, View
    from transformer.options import Options

_NETWORKING = "networking.istio.io"
_CLUSTER_WIDE = frozenset({("", "Namespace"), ("gateway.networking.k8s.io", "GatewayClass")})
#: Rules that clients obey, wherever the client is.
_FOR_CLIENTS = frozenset(
    {
        (_NETWORKING, "VirtualService"),
        (_NETWORKING, "DestinationRule"),
        (_NETWORKING, "ServiceEntry"),
        ("split.smi-spec.io", "TrafficSplit"),
        ("specs.smi-spec.io", "HTTPRouteGroup"),
    }
)

_GATEWAY_API = "gateway.networking.k8s.io"
#: Routes of Services, and policies for them, which Linkerd's clients read as well: told or held, wherever they are.
_ROUTES = frozenset((_GATEWAY_API, kind) for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"))
_READ_BY_CLIENTS = frozenset(
    {(_GATEWAY_API, "BackendTLSPolicy"), ("gateway.networking.x-k8s.io", "XBackendTrafficPolicy")}
)
_MESH = "mesh"


class Scope:
    """What `only` names: whole namespaces, and workloads by the labels of their pods. Nothing named is everything.

    Services are always in it: what moving clients need may be written on them. So is what an earlier run made.
    """

    def __init__(self, options: Options, context: Context) -> None:
        entries: tuple[str, ...] = options["only"]
        self._context = context
        self._mapped = frozenset(entry.partition("=")[0].strip() for entry in options["gateway-map"])
        self.everything = not entries
        self.namespaces = frozenset(entry for entry in entries if "=" not in entry)
        self._picks = tuple(selector(entry) for entry in entries if "=" in entry)
        self._moving: frozenset[str] | None = None

    def includes(self, obj: Obj) -> bool:
        """Whether the run is about the object; otherwise it passes as it is and serves as context."""
        if self.moves(obj):
            return True
        kind = (obj.ref.group, obj.ref.kind)
        if kind == ("", "Service") or MARKER in obj.annotations:
            return True
        if kind in WORKLOAD_KINDS:
            return self.picks(obj)
        if kind in _ROUTES:
            return any(ref.get("kind").text() == "Service" for ref in obj.spec.get("parentRefs").each())
        return kind in _READ_BY_CLIENTS or (kind in _FOR_CLIENTS and self._concerns_movers(obj))

    def moves(self, obj: Obj) -> bool:
        """Whether the object is, or is in, a namespace that moves as a whole."""
        if self.everything:
            return True
        kind = (obj.ref.group, obj.ref.kind)
        if kind in _CLUSTER_WIDE:
            return kind == ("", "Namespace") and obj.name in self.namespaces
        return obj.namespace in self.namespaces

    def picks(self, workload: Obj) -> bool:
        """Whether the workload moves by itself: its pods' labels are named, and not its whole namespace."""
        if not self._picks or workload.namespace in self.namespaces:
            return False
        template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
        labels = template.get("metadata", "labels").texts()
        return any(
            namespace in ("", workload.namespace) and wanted.items() <= labels.items()
            for namespace, wanted in self._picks
        )

    def moving(self) -> frozenset[str]:
        """Namespaces of which something moves."""
        if self._moving is None:
            picked = (obj.namespace for obj in self._context.workloads() if self.picks(obj))
            self._moving = self.namespaces | frozenset(picked if self._picks else ())
        return self._moving

    def keeps_gateway(self, namespace: str) -> bool:
        """Whether an Istio Gateway of the namespace stays where it is."""
        return not self.everything and namespace not in self.namespaces

    def _concerns_movers(self, obj: Obj) -> bool:
        """Whether clients that move obey the object today, or a Gateway that moves serves it."""
        gateways = list(obj.spec.get("gateways").each())
        # What a gateway is told of depends on where its pods are, not on who moves.
        if any(self._serves_movers(name, obj.namespace) for name in gateways):
            return True
        if gateways and all(name.text() != _MESH for name in gateways):
            return False
        exported = [entry.text() for entry in obj.spec.get("exportTo").each()] or ["*"]
        places = {obj.namespace if name == "." else name for name in exported}
        return "*" in places or bool(places & self.moving())

    def _serves_movers(self, gateway: View, namespace: str) -> bool:
        name = gateway.text()
        if name == _MESH:
            return False
        space, _, short = name.rpartition("/")
        space = namespace if space in ("", ".") else space
        return f"{space}/{short}" in self._mapped or not self.keeps_gateway(space)


def selector(entry: str) -> tuple[str, dict[str, str]]:
    """Namespace (empty for any) and pod labels of an entry `key=value&key=value` or `namespace:key=value`.

    Label keys hold slashes and never colons, so a colon ends the namespace.
    """
    namespace, _, conditions = entry.rpartition(":")
    pairs = (condition.partition("=") for condition in conditions.split("&"))
    return namespace.strip(), {key.strip(): value.strip() for key, _, value in pairs}


def without_namespace(objs: Iterable[Obj]) -> Iterator[Obj]:
    """Objects that carry no namespace and are of a kind that needs one, so that `only` cannot tell where they belong."""
    for obj in objs:
        kind = (obj.ref.group, obj.ref.kind)
        namespaced = kind in WORKLOAD_KINDS or obj.ref.group.endswith(
            (".istio.io", ".smi-spec.io", ".openservicemesh.io")
        )
        if namespaced and not obj.namespace:
            yield obj


def needles(only: Sequence[str]) -> tuple[bytes, ...]:
    """Byte strings of which one is in every document with a workload that entries of `only` name by its labels."""
    texts = (next(iter(selector(entry)[1].items())) for entry in only if "=" in entry)
    return tuple((value or key).encode() for key, value in texts)
