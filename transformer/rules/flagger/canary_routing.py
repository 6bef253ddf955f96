"""One Canary of the provider istio, field by field: what Flagger's HTTPRoute says as its VirtualService did, or not.

https://github.com/fluxcd/flagger/blob/main/pkg/router/gateway_api.go against istio.go beside it.
"""

from __future__ import annotations

from transformer.ledger import NO_OP, Fate, Mark
from transformer.objects import Obj, View
from transformer.rules import parents
from transformer.rules.flagger import canary_matches, canary_parents, canary_service
from transformer.rules.flagger.canary_service import refuse
from transformer.rules.istio import mesh_hosts, owners
from transformer.run import Run

_BUILT_IN = frozenset({"request-success-rate", "request-duration"})
_TARGETS = frozenset({"Deployment", "DaemonSet"})
PROVIDER = "gatewayapi:v1"


def move(run: Run, obj: Obj) -> None:
    """Plan the change of the Canary; raises `Held` with the finding made where it stays."""
    run.account(obj, [obj.spec])
    for name, field in obj.spec.items():
        if name not in ("provider", "service"):
            run.mark(field, Fate(NO_OP, "Flagger reads it as before"))
    target = obj.spec.get("targetRef")
    if target.get("kind").text() not in _TARGETS or not owners.apex(obj):
        refuse(run, target if target else obj, "targets neither a Deployment nor a DaemonSet")
    plan = canary_service.Plan()
    canary_parents.translate(run, obj, plan)
    if not plan.ingress:
        _refuse_surroundings(run, obj)
    canary_service.translate(run, obj, plan)
    analysis = obj.spec.get("analysis") if obj.spec.get("analysis") else obj.spec.get("canaryAnalysis")
    canary_matches.translate(run, obj, analysis, plan)
    _analysis(run, obj, analysis)
    _edit(run, obj, plan)


def _refuse_surroundings(run: Run, obj: Obj) -> None:
    """What else there is about the Service that clients dial."""
    name = owners.apex(obj)
    if not run.target.reads_gateway_api:
        refuse(
            run,
            obj.spec.get("provider"),
            "Linkerd before 2.18 reads policy.linkerd.io HTTPRoutes, which Flagger does not write",
        )
    route = parents.foreign_route_to(run, obj.namespace, name)
    if route is not None:
        refuse(run, obj, f"{route.ref} routes Service {name} already; Flagger's route would compete with it")
    profile = parents.profile_of(run, obj.namespace, name)
    if profile is not None:
        refuse(
            run, obj, f"ServiceProfile {profile.name} makes Linkerd ignore every HTTPRoute of Service {name}"
        )
    for virtual in mesh_hosts.claims(run).get((obj.namespace, name), ()):
        if (virtual.namespace, virtual.name) != (obj.namespace, name):
            run.units.bind([obj.uid, virtual.uid])
            refuse(
                run,
                obj,
                f"{virtual.ref} claims Service {name} too; which one is in effect depends on their age",
            )


def _analysis(run: Run, obj: Obj, analysis: View) -> None:
    if analysis.get("mirror").value() is True:
        refuse(
            run,
            analysis.get("mirror"),
            "Linkerd drops a route that mirrors requests, and Flagger mirrors all of them in one",
        )
    if analysis.get("sessionAffinity"):
        refuse(
            run,
            analysis.get("sessionAffinity"),
            "how Linkerd serves the routes of session affinity has not been established",
        )
    if obj.spec.get("skipAnalysis").value() is True:
        return
    for metric in analysis.get("metrics").each():
        plain = not metric.get("templateRef") and not metric.get("query").text()
        if plain and metric.get("name").text() in _BUILT_IN:
            run.say(
                "MS913",
                metric.get("name"),
                f"{metric.get('name').text()} will query the application's own metrics, not the mesh's",
            )


def _edit(run: Run, obj: Obj, plan: canary_service.Plan) -> None:
    name = owners.apex(obj)
    provider = obj.spec.get("provider")
    marks: list[Mark] = [*run.translated(provider), *plan.marks]
    run.edit(obj, ("spec",), write={"provider": PROVIDER}, owners=[obj], marks=marks)
    run.edit(
        obj,
        ("spec", "service"),
        write={"gatewayRefs": plan.parents, **plan.write},
        remove=plan.remove,
        owners=[obj],
    )
    if plan.annotations:
        run.edit(obj, ("spec", "service", "apex", "annotations"), write=dict(plan.annotations), owners=[obj])
    for path, write, remove in plan.below:
        run.edit(obj, path, write=write, remove=remove, owners=[obj])
    if plan.ingress:
        run.say("MS917", provider, f"Flagger will write HTTPRoute {name} at {plan.parents[0]['name']}; requests there whose "
                f"Host is {name} itself, which the VirtualService took too, get no route")  # fmt: skip
        return
    run.once("MS916", provider, f"Flagger will write HTTPRoute {name} on Service {name}")
    run.gateway_only.append(
        (provider, "Flagger writes Gateway API HTTPRoutes only, which Istio's clients would obey too")
    )
