"""Which HTTPRoutes a Rollout's plugin may be given: those in which it changes what Argo changes in the VirtualService.

Argo sets the weights of the named http routes. The plugin sets those of every rule that has the stable or the canary
Service as a backend, so no other rule may have either.
https://github.com/argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi/blob/main/pkg/plugin/httproute.go
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from transformer.objects import Obj, View
from transformer.rules.istio import delegates, destinations
from transformer.rules.istio.held import Held
from transformer.run import Run
from transformer.targets.gateway_api import subset_service

HASH = "rollouts-pod-template-hash"
_GATEWAY_API = "gateway.networking.k8s.io/"


class Pair(NamedTuple):
    """The Services that stand for the stable and the canary version; `by_subset` where they were subsets."""

    stable: str
    canary: str
    by_subset: bool


class Steered(NamedTuple):
    """A planned HTTPRoute whose weights the plugin is to set."""

    namespace: str
    name: str
    on_mesh: bool
    value: dict[str, Any]


def _hold(run: Run, code: str, at: View | Obj, message: str) -> None:
    run.hold(code, at, message)
    raise Held


def named(run: Run, entry: View, virtual: Obj) -> list[View]:
    """The http routes whose weights Argo sets: the named ones, or the only one."""
    rules = list(virtual.spec.get("http").each())
    names = [name.text() for name in entry.get("routes").each()]
    if delegates.is_delegate(virtual) or any(one.get("delegate") for one in rules):
        _hold(run, "MS903", entry, f"{virtual.ref} delegates; which route holds which rule is not followed")
    if not names and len(rules) != 1:
        _hold(run, "MS903", entry, f"no routes are named and {virtual.ref} has {len(rules)}")
    found = [one for one in rules if not names or one.get("name").text() in names]
    missing = set(names) - {one.get("name").text() for one in rules}
    if missing or len(found) != max(len(names), 1):
        what = f"has no http route {sorted(missing)[0]}" if missing else "has several http routes of one name"
        _hold(run, "MS903", entry.get("routes"), f"{virtual.ref} {what}")
    return found


def steered(run: Run, entry: View, virtual: Obj, stable: str, canary: str) -> list[Steered]:
    """The planned routes of a VirtualService that hold the pair. Raises `Held` where the plugin would do something else."""
    allowed = {one.path for one in named(run, entry, virtual)}
    wanted = {(entry.obj.namespace, stable), (entry.obj.namespace, canary)}
    for index, one in enumerate(virtual.spec.get("http").each()):
        backends = [_backend(run, destination) for destination in one.get("route").each()]
        if one.path in allowed and (set(backends) != wanted or len(backends) != 2):
            _hold(run, "MS903", entry, f"the destinations of http[{index}] of {virtual.ref} are not {stable} and "
                  f"{canary}, once each")  # fmt: skip
        if one.path not in allowed and {name for _, name in backends} & {stable, canary}:
            _hold(run, "MS903", entry, f"http[{index}] of {virtual.ref} is not among the routes, but sends to {stable} or "
                  f"{canary}: the plugin would set its weights too")  # fmt: skip
    found = [
        one
        for plan in run.derived
        if plan.owners[0].uid == virtual.uid
        for one in _steered(
            plan.value(False) if callable(plan.value) else plan.value, virtual, {stable, canary}
        )
    ]
    if not found:
        _hold(run, "MS903", entry, f"no HTTPRoute of {virtual.ref} sends to {stable} and {canary}")
    if any(not one.value["apiVersion"].startswith(_GATEWAY_API) for one in found):
        _hold(
            run,
            "MS903",
            entry,
            "Linkerd before 2.18 reads policy.linkerd.io HTTPRoutes, whose weights the plugin cannot set",
        )
    return found


def _steered(value: dict[str, Any], virtual: Obj, pair: set[str]) -> list[Steered]:
    if value["kind"] != "HTTPRoute":
        return []
    rules = value["spec"]["rules"]
    if not any(backend["name"] in pair for rule in rules for backend in rule.get("backendRefs", ())):
        return []
    meta = value["metadata"]
    on_mesh = any(parent["kind"] == "Service" for parent in value["spec"]["parentRefs"])
    return [Steered(meta.get("namespace", virtual.namespace), meta["name"], on_mesh, value)]


def _backend(run: Run, entry: View) -> tuple[str, str]:
    """Namespace and name of the Service that a destination becomes."""
    destination = entry.get("destination")
    key = destinations.of(run).key(destination.get("host").text(), entry.obj.namespace)
    subset = destination.get("subset").text()
    return (key[0], subset_service.name(key[1], subset)) if subset else key


def subsets(run: Run, rollout: Obj, at: View, rule: Obj, virtuals: Sequence[Obj]) -> Pair:
    """The Services that stand for the stable and the canary subset."""
    names = {kind: at.get(f"{kind}SubsetName").text() for kind in ("stable", "canary")}
    known = destinations.of(run)
    namespace, service = known.key(rule.spec.get("host").text(), rule.namespace)
    if not all(names.values()) or len(set(names.values())) < 2:
        _hold(run, "MS904", at, "does not name two subsets")
    if namespace != rollout.namespace:
        _hold(
            run,
            "MS904",
            at,
            "the Service lies in another namespace; Argo Rollouts edits selectors in its own only",
        )
    for subset in rule.spec.get("subsets").each():
        if subset.get("labels", HASH).present:
            _hold(
                run,
                "MS904",
                at,
                f"subset {subset.get('name').text()} has {HASH}, which the controller wrote once; a Service with it "
                "would be stale",
            )
    found = known.service(namespace, service)
    if found is None or found.spec.get("selector", HASH).present:
        _hold(
            run, "MS904", at, f"Service {namespace}/{service} is not known, or selects one ReplicaSet already"
        )
    if not virtuals:
        _hold(run, "MS904", at, "no VirtualService uses the subsets")
    return Pair(
        subset_service.name(service, names["stable"]), subset_service.name(service, names["canary"]), True
    )
