"""What closes the way out of the mesh: Istio's REGISTRY_ONLY for a workload, Linkerd's EgressNetwork for a namespace.

Sidecar: https://istio.io/latest/docs/reference/config/networking/sidecar/ (observed I21).
EgressNetwork: https://linkerd.io/2/reference/egress-network/ (linkerd-surface §1.3).
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import Obj, View
from transformer.rules import mesh_config
from transformer.run import Run
from transformer.targets.metadata import MARKER

SIDECAR = ("networking.istio.io", "Sidecar")
_GLOBAL = "linkerd-egress"
_SINCE = (2, 17)


def refusals(run: Run, sidecar: Obj) -> Iterator[tuple[View, str]]:
    """Fields by which a Sidecar does more than choose what its pods are told, with a sentence on each."""
    spec = sidecar.spec
    policy = spec.get("outboundTrafficPolicy")
    if refuses_unknown(sidecar):
        yield policy, "hosts that the pods are not told of are refused"
    elif not policy and mesh_config.registry_only(run) and list(spec.get("egress").each()):
        yield spec.get("egress"), "the mesh refuses unknown hosts, so the list says which the pods may call"
    yield from redirections(sidecar)


def redirections(sidecar: Obj) -> Iterator[tuple[View, str]]:
    """Fields by which a Sidecar changes how its pods call or are called, whoever may be called."""
    spec = sidecar.spec
    proxy = spec.get("outboundTrafficPolicy", "egressProxy")
    if proxy:
        yield proxy, "hosts that the pods are not told of are called through a proxy"
    if list(spec.get("ingress").each()):
        yield spec.get("ingress"), "the pods are reached through listeners of their own"
    if spec.get("inboundConnectionPool"):
        yield spec.get("inboundConnectionPool"), "connections to the pods are limited"
    for listener in spec.get("egress").each():
        for name in ("bind", "port"):
            if listener.get(name):
                yield listener.get(name), "the application calls through a listener of its own"
        if listener.get("captureMode").text() == "NONE":
            yield listener.get("captureMode"), "calls of the application are not captured"


def refuses_unknown(sidecar: Obj) -> bool:
    """Whether the Sidecar itself says REGISTRY_ONLY, the zero value of the mode: an empty block does (istio-surface §0)."""
    policy = sidecar.spec.get("outboundTrafficPolicy")
    return bool(policy) and policy.get("mode").text() != "ALLOW_ANY"


def sees(sidecar: Obj, namespace: str) -> bool:
    """Whether the Sidecar's pods are told of hosts of a namespace; without a list they are told of all."""
    lists = list(sidecar.spec.get("egress").each())
    spaces = {host.text().rpartition("/")[0] for listener in lists for host in listener.get("hosts").each()}
    return (
        not lists or bool(spaces & {"*", "", namespace}) or ("." in spaces and sidecar.namespace == namespace)
    )


def whole_sidecars(run: Run, namespace: str) -> list[Obj]:
    """Sidecars without a selector that govern a namespace: its own, else those of the root namespace."""
    wide = [found for found in run.context.objects(*SIDECAR) if not found.spec.get("workloadSelector")]
    own = [found for found in wide if found.namespace == namespace]
    return own or [found for found in wide if found.namespace == run.options["mesh.root-namespace"]]


def refuses(run: Run, sidecars: list[Obj]) -> bool:
    """Whether unknown hosts are refused where these Sidecars govern; one without a policy leaves it to the mesh.

    Which of several is in effect depends on their age: then one that refuses counts.
    """
    said = [refuses_unknown(found) for found in sidecars if found.spec.get("outboundTrafficPolicy")]
    silent = len(said) < len(sidecars) or not sidecars
    return any(said) or (silent and mesh_config.registry_only(run))


def by_hand(run: Run, namespace: str) -> list[Obj]:
    """EgressNetworks that clients of the namespace look at and that no run made.

    A namespace with an EgressNetwork of its own does not look at the global ones.
    """
    networks = run.context.objects("policy.linkerd.io", "EgressNetwork")
    foreign = [found for found in networks if MARKER not in found.annotations]
    mine = [found for found in foreign if found.namespace == namespace]
    return mine or [found for found in foreign if found.namespace == _GLOBAL]


def is_closed(run: Run, namespace: str) -> bool:
    """Whether EgressNetworks written by hand refuse what the namespace's pods call outside the cluster; 2.16 knows none."""
    consulted = by_hand(run, namespace) if knows_networks(run) else []
    denying = all(found.spec.get("trafficPolicy").text() == "Deny" for found in consulted)
    return denying and any(not found.spec.get("networks").present for found in consulted)


def knows_networks(run: Run) -> bool:
    """Whether the target has EgressNetworks."""
    return run.target.linkerd >= _SINCE
