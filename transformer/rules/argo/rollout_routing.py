"""The traffic routing of one Argo Rollout, rewritten for the Gateway API plugin, or held with what it steers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj, View
from transformer.rules.argo import rollout_routes, rollout_steps
from transformer.rules.istio import destinations, kept_ingress, owners
from transformer.rules.istio.held import Held
from transformer.run import Run

PLUGIN = "argoproj-labs/gatewayAPI"
_CANARY = ("spec", "strategy", "canary")
_ROUTING = (*_CANARY, "trafficRouting")


def hand_over(run: Run, obj: Obj, istio: View) -> None:
    """Plan the edit of the Rollout; raises `Held` with the finding made where it stays."""
    entries = owners.virtual_services(obj)
    if not entries:
        _hold(run, "MS902", istio, "names no VirtualService, so there is nothing whose weights are set")
    rollout_steps.refuse(run, obj)
    found = [(entry, _virtual_service(run, istio, entry)) for entry in entries]
    for entry, virtual in found:
        if kept_ingress.serves(run, virtual):
            _hold(
                run,
                "MS903",
                entry,
                f"{virtual.ref} stays for a gateway in Istio, which the plugin does not steer",
            )
    rule = _destination_rule(run, istio)
    others = [virtual for _, virtual in found] + ([rule] if rule is not None else [])
    if any(run.units.asked(one.uid) for one in others):
        # The finding is there, and this edit is given up with them.
        run.edit(obj, _ROUTING, remove=["istio"], owners=[obj, *others])
        raise Held
    pair = _pair(run, obj, istio, found, rule)
    routes: list[rollout_routes.Steered] = []
    for entry, virtual in found:
        routes += rollout_routes.steered(run, entry, virtual, pair.stable, pair.canary)
    _refuse_scattered(run, obj, routes)
    rollout_steps.refuse_headers(run, obj, [one.value for one in routes])
    _edit(run, obj, istio, pair, routes, others)


def _hold(run: Run, code: str, at: View | Obj, message: str) -> None:
    run.hold(code, at, message)
    raise Held


def _virtual_service(run: Run, istio: View, entry: View) -> Obj:
    namespace, name = owners.identity(entry)
    found = run.context.find(destinations.ISTIO, "VirtualService", namespace, name).obj
    where = f"VirtualService {namespace}/{name}"
    if found is None or found.context:
        raise _missing(run, istio, entry, where)
    for kind in ("tls", "tcp"):
        routes = entry.get(f"{kind}Routes")
        if routes or found.spec.get(kind):
            at = routes if routes else entry
            _hold(run, "MS903", at, f"{where} has {kind} routes; only http routes are handed over")
    return found


def _destination_rule(run: Run, istio: View) -> Obj | None:
    named = istio.get("destinationRule")
    if not named:
        return None
    namespace, name = istio.obj.namespace, named.get("name").text()
    found = run.context.find(destinations.ISTIO, "DestinationRule", namespace, name).obj
    if found is None or found.context:
        raise _missing(run, istio, named, f"DestinationRule {namespace}/{name}")
    return found


def _missing(run: Run, istio: View, at: View, what: str) -> Held:
    """Something that the Rollout steers is elsewhere; what is here stays, even where a person accepts that."""
    if not run.hold("MS900", at, f"{what} is not in the stream, so nothing takes its place here"):
        run.mark(istio, Fate(ACCEPTED, "MS900"))
        for kind, namespace, name in owners.written_by_rollout(istio.obj):
            found = run.context.find(destinations.ISTIO, kind, namespace, name).obj
            if found is not None and not found.context:
                run.hold(
                    "MS200", found, f"{istio.obj.ref} edits this object while it runs, and other objects too"
                )
    return Held()


def _pair(
    run: Run, obj: Obj, istio: View, found: Sequence[tuple[View, Obj]], rule: Obj | None
) -> rollout_routes.Pair:
    """The two Services that the plugin is to find in the routes."""
    canary = obj.view.get(*_CANARY)
    stable, new = canary.get("stableService"), canary.get("canaryService")
    if rule is None:
        if not stable.text() or not new.text() or stable.text() == new.text():
            _hold(
                run,
                "MS902",
                istio,
                "stableService and canaryService are not two Services, as the plugin needs them",
            )
        return rollout_routes.Pair(stable.text(), new.text(), False)
    if stable or new:
        at = stable if stable else new
        _hold(run, "MS904", at, "subsets and Services are both given; the plugin shifts between Services only, "
              "and these need not be what the subsets select")  # fmt: skip
    return rollout_routes.subsets(
        run, obj, istio.get("destinationRule"), rule, [virtual for _, virtual in found]
    )


def _refuse_scattered(run: Run, obj: Obj, routes: Sequence[rollout_routes.Steered]) -> None:
    namespaces = {one.namespace for one in routes}
    if len(namespaces) > 1:
        _hold(
            run,
            "MS903",
            obj,
            f"its routes would lie in {', '.join(sorted(namespaces))}; the plugin takes one namespace",
        )


def _edit(
    run: Run,
    obj: Obj,
    istio: View,
    pair: rollout_routes.Pair,
    routes: Sequence[rollout_routes.Steered],
    others: Iterable[Obj],
) -> None:
    plugins = obj.view.get(*_ROUTING, "plugins")
    if plugins.get(PLUGIN).present:
        _hold(run, "MS902", plugins.get(PLUGIN), "the Gateway API plugin is configured beside istio")
    holders = [obj, *others]
    names = [one.name for one in routes]
    config: dict[str, Any] = (
        {"httpRoute": names[0]}
        if len(names) == 1
        else {"httpRoutes": [{"name": name, "useHeaderRoutes": True} for name in names]}
    )
    if routes[0].namespace:
        config["namespace"] = routes[0].namespace
    write = {} if plugins.is_mapping else {"plugins": {PLUGIN: config}}
    marks = run.translated(istio)
    run.edit(obj, _ROUTING, write=write, remove=["istio"], owners=holders, marks=marks)
    if plugins.is_mapping:
        run.edit(obj, (*_ROUTING, "plugins"), write={PLUGIN: config}, owners=holders)
    if pair.by_subset:
        run.edit(
            obj, _CANARY, write={"canaryService": pair.canary, "stableService": pair.stable}, owners=holders
        )
        run.say(
            "MS905",
            istio,
            f"subsets become Services {pair.stable} and {pair.canary}, whose selectors Argo Rollouts edits",
        )
    run.once("MS901", istio, f"weights are set through the plugin {PLUGIN}, which the controller must have")
    for one in routes:
        if one.on_mesh:
            run.gateway_only.append((istio, "the plugin sets weights of Gateway API HTTPRoutes only, which Istio's "
            "clients would obey too"))  # fmt: skip
