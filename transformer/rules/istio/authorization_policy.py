"""AuthorizationPolicies and PeerAuthentications become Servers, routes and policies of Linkerd, per workload port.

All that reach a workload are combined first; what Linkerd cannot say exactly holds the policies and the workloads.
https://istio.io/latest/docs/reference/config/security/authorization-policy/
https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import ACCEPTED, DEGRADED, TRANSLATED, Fate
from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.istio import authorization_callers as callers
from transformer.rules.istio import authorization_emission as emission
from transformer.rules.istio import authorization_rules as rules
from transformer.rules.istio import ingress_identity, kept_ingress, peer_authentication, security
from transformer.rules.istio.authorization_callers import Known
from transformer.rules.istio.authorization_rules import Policy, Unsayable
from transformer.rules.istio.authorization_scope import Scope
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata


@rule(
    id="authorization-policy",
    kinds=security.TRANSLATED_KINDS,
    order=30,
    summary="Servers, routes and policies for exactly the same callers, or held; `authorization: hold` holds all",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate the policies of the stream together, or hold them with every workload that they reach."""
    if run.options["authorization"] != "translate":
        security.hold_all(run, objs)
        return
    scope = Scope(run)
    known = callers.known(run, rules.named(run.context.objects("security.istio.io", "AuthorizationPolicy")))
    policies: list[Policy] = []
    settings: list[Obj] = []
    for obj in sorted(objs, key=lambda obj: (obj.namespace, obj.name, obj.ref.kind)):
        if kept_ingress.policy(run, obj):
            continue
        metadata.account(run, obj)
        run.drop(obj)
        for reached in reach.of(run, obj):
            run.units.link(obj.uid, reached.uid)
            run.units.link(reached.uid, obj.uid)
        try:
            _read(run, obj, scope, known, policies, settings)
        except Unsayable as problem:
            if hold(run, problem, obj):
                scope.failed.append(obj)
    _hold_rivals(run, scope, settings)
    for namespace, group in scope.groups(policies, settings):
        try:
            emission.emit(run, scope, namespace, group)
        except Unsayable as problem:
            for obj in group.objects:
                run.units.hold(obj.uid)
            hold(run, problem, group.objects[0])
    emission.default_of_namespaces(run, scope, policies, settings)


def _read(
    run: Run, obj: Obj, scope: Scope, known: Known, policies: list[Policy], settings: list[Obj]
) -> None:
    rules.check(obj)
    if obj.ref.kind == "PeerAuthentication":
        if _concerns_nobody(run, obj):
            return
        scope.check(obj)
        settings.append(obj)
    elif rules.action(obj) == rules.AUDIT:
        what = "is a dry run" if rules.is_dry_run(obj) else "only logs"
        run.say("MS420", obj, f"{what}: it refuses nobody today, and Linkerd has nothing in its place")
        run.mark(obj.spec, Fate(DEGRADED, "MS420"))
        return
    else:
        policy = ingress_identity.replaced(run, rules.read(obj, known))
        scope.check(obj)
        policies.append(policy)
    run.mark(obj.spec, Fate(TRANSLATED, "the ports of the pods that it reaches"))


def _hold_rivals(run: Run, scope: Scope, settings: Sequence[Obj]) -> None:
    """Hold the settings of a namespace of which one counts by its age, though no workload is here that it concerns."""
    everything = run.context.objects("security.istio.io", "PeerAuthentication")
    for namespace in sorted({obj.namespace for obj in settings if not rules.selector(obj)}):
        try:
            peer_authentication.modes(everything, scope.root, namespace, {})
        except Unsayable as problem:
            for obj in settings:
                if obj.namespace == namespace and not rules.selector(obj) and hold(run, problem, obj):
                    run.units.hold(obj.uid)
                    scope.failed.append(obj)


def _concerns_nobody(run: Run, obj: Obj) -> bool:
    """A PeerAuthentication with a selector in the root namespace does nothing."""
    if obj.namespace != run.options["mesh.root-namespace"] or not rules.selector(obj):
        return False
    run.say("MS427", obj, "has a selector in the root namespace, which Istio ignores")
    run.no_op(obj.spec, "MS427")
    return True


def hold(run: Run, problem: Unsayable, obj: Obj) -> bool:
    """Hold what cannot be said; False where a person accepted it, and the policy counts as absent."""
    if run.hold(problem.code, problem.at, problem.message, remedy=problem.remedy):
        return True
    run.mark(obj.spec, Fate(ACCEPTED, problem.code))
    return False
