"""What closes the way out of the mesh: Istio's REGISTRY_ONLY for a workload, Linkerd's EgressNetwork for a namespace.

Sidecar: https://istio.io/latest/docs/reference/config/networking/sidecar/ (observed I21).
EgressNetwork: https://linkerd.io/2/reference/egress-network/ (linkerd-surface §1.3).
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import Obj, View
from transformer.run import Run

SIDECAR = ("networking.istio.io", "Sidecar")
_GLOBAL = "linkerd-egress"


def refusals(run: Run, sidecar: Obj) -> Iterator[tuple[View, str]]:
    """Fields by which a Sidecar does more than choose what its pods are told, with a sentence on each."""
    spec = sidecar.spec
    policy = spec.get("outboundTrafficPolicy")
    if refuses_unknown(sidecar):
        yield policy, "hosts that the pods are not told of are refused"
    elif policy:
        if policy.get("egressProxy"):
            yield policy.get("egressProxy"), "hosts that the pods are not told of are called through a proxy"
    elif run.options["mesh.outbound-policy"] == "registry-only" and list(spec.get("egress").each()):
        yield spec.get("egress"), "the mesh refuses unknown hosts, so the list says which the pods may call"
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


def is_closed(run: Run, namespace: str) -> bool:
    """Whether stream or context have an EgressNetwork that refuses what the namespace's pods call outside the cluster.

    A namespace with an EgressNetwork of its own does not look at the global ones; 2.16 knows none.
    """
    if run.target.linkerd < (2, 17):
        return False
    networks = run.context.objects("policy.linkerd.io", "EgressNetwork")
    mine = [found for found in networks if found.namespace == namespace]
    consulted = mine or [found for found in networks if found.namespace == _GLOBAL]
    denying = all(found.spec.get("trafficPolicy").text() == "Deny" for found in consulted)
    return denying and any(not found.spec.get("networks").present for found in consulted)
