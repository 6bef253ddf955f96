"""NetworkPolicies that select pods which change meshes: ports that Linkerd needs, and ports of Istio that end.

Proxies of Linkerd reach each other on 4143 and ask the control plane; 4191 serves metrics. Istio's ports end with its sidecar.
https://linkerd.io/2/features/cni/ , https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj, View
from transformer.rules.registry import rule
from transformer.rules.workload.injection_settings import pod_of
from transformer.run import Run

PROXY, METRICS = 4143, 4191
#: Identity, destination and policy of Linkerd's control plane.
CONTROL_PLANE = (8080, 8086, 8090)
OF_ISTIO = frozenset({15001, 15006, 15008, 15009, 15010, 15012, 15014, 15017, 15020, 15021, 15053, 15090})
_KINDS = (("networking.k8s.io", "NetworkPolicy"), ("extensions", "NetworkPolicy"))


class _Side(NamedTuple):
    """One direction of traffic: what NetworkPolicies call it, and ports that pods of Linkerd need there."""

    field: str
    kind: str
    needed: tuple[int, ...]
    told: str


_SIDES = (
    _Side("ingress", "Ingress", (PROXY,), f"{PROXY}, on which proxies reach these pods, and {METRICS}, their metrics"),
    _Side(
        "egress", "Egress", (PROXY, *CONTROL_PLANE),
        f"{PROXY} of other pods and the control plane of Linkerd ({', '.join(map(str, CONTROL_PLANE))})",
    ),
)  # fmt: skip


@rule(
    id="network-policies",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=91,
    summary="NetworkPolicies that close ports which Linkerd needs, or open ports of Istio, are named",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Findings about the NetworkPolicies of moving pods; nothing is changed."""
    moving = [
        obj for obj in run.clients.values()
        if not obj.context and (obj.ref.group, obj.ref.kind) in WORKLOAD_KINDS
    ]  # fmt: skip
    if not moving:
        return
    policies = [obj for group, kind in _KINDS for obj in run.context.objects(group, kind)]
    for obj in moving:
        labels = pod_of(obj).labels.texts()
        mine = [
            p
            for p in policies
            if p.namespace == obj.namespace and _selects(p.spec.get("podSelector"), labels)
        ]
        for side in _SIDES:
            _missing(run, obj, side, [policy for policy in mine if _governs(policy, side)])
        for policy in mine:
            _dying(run, obj, policy)


def _missing(run: Run, pods: Obj, side: _Side, policies: Sequence[Obj]) -> None:
    """A port that none of the policies of these pods lets through, though they let others through.

    Told once a policy, on the first of its workloads that is not held.
    """
    limited = [
        policy for policy in policies if any(rule.get("ports").present for rule in _rules(policy, side))
    ]
    closed = [
        port for port in side.needed
        if not any(_admits(rule, port) for policy in policies for rule in _rules(policy, side))
    ]  # fmt: skip
    if limited and closed:
        ref = limited[0].ref
        run.once("MS434", pods, f"{ref} does not let through {side.told}", about=f"{ref} {side.kind}")


def _dying(run: Run, pods: Obj, policy: Obj) -> None:
    found = sorted(
        {
            number
            for side in _SIDES
            for rule in _rules(policy, side)
            for port in rule.get("ports").each()
            if (number := port.get("port").value()) in OF_ISTIO
        }
    )
    if found:
        ports = ", ".join(map(str, found))
        what = f"{policy.ref} lets through {ports} of Istio, which these pods do not use any more"
        run.once("MS435", pods, what, about=str(policy.ref))


def _rules(policy: Obj, side: _Side) -> Iterator[View]:
    return policy.spec.get(side.field).each()


def _governs(policy: Obj, side: _Side) -> bool:
    """Whether the policy is about this direction; without policyTypes it is about ingress, and egress where it has any."""
    types = [view.text() for view in policy.spec.get("policyTypes").each()]
    if types:
        return side.kind in types
    return side.kind == "Ingress" or policy.spec.get(side.field).present


def _admits(rule: View, wanted: int) -> bool:
    """Whether a rule lets a TCP port through, from or to whomever. A port by name may be any."""
    if not list(rule.get("ports").each()):
        return True
    for port in rule.get("ports").each():
        if (port.get("protocol").text() or "TCP") != "TCP":
            continue
        first, last = port.get("port").value(), port.get("endPort").value()
        if first is None or (
            type(first) is int and first <= wanted <= (last if type(last) is int else first)
        ):
            return True
    return False


def _selects(selector: View, labels: dict[str, str]) -> bool:
    """Whether the selector may pick the pods; expressions count as if they did."""
    return all(labels.get(key) == value.text() for key, value in selector.get("matchLabels").items())
