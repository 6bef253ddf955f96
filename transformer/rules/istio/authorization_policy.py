"""AuthorizationPolicies and PeerAuthentications become Servers, routes and policies of Linkerd, per workload port.

All that reach a workload are combined first; what Linkerd cannot say exactly holds the policies and the workloads.
https://istio.io/latest/docs/reference/config/security/authorization-policy/
https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import ACCEPTED, DEGRADED, TRANSLATED, Fate
from transformer.objects import Obj, View
from transformer.rules import reach, root_policies
from transformer.rules.istio import authorization_callers as callers
from transformer.rules.istio import authorization_emission as emission
from transformer.rules.istio import authorization_rules as rules
from transformer.rules.istio import (
    ingress_identity,
    kept_ingress,
    peer_authentication,
    security,
    standing_policies,
)
from transformer.rules.istio.authorization_callers import Known
from transformer.rules.istio.authorization_rules import Policy, Unsayable
from transformer.rules.istio.authorization_scope import Group, Scope
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
    if run.options["authorization"] == "translate":
        combine(run, objs)
    else:
        security.hold_all(run, objs)


def combine(run: Run, objs: Sequence[Obj]) -> None:
    """Translate policies that move, together with those of the root namespace that stay."""
    scope = Scope(run)
    known = callers.known(run, rules.named(run.context.objects("security.istio.io", "AuthorizationPolicy")))
    policies: list[Policy] = []
    settings: list[Obj] = []
    for obj in sorted(objs, key=lambda obj: (obj.namespace, obj.name, obj.ref.kind)):
        if root_policies.stands(run, obj) or kept_ingress.policy(run, obj):
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
    standing_policies.read(run, scope, known, policies)
    _hold_rivals(run, scope, settings)
    groups = list(scope.groups(policies, settings))
    standing_policies.tell_unsaid(run, scope, policies, groups)
    for namespace, group in groups:
        standing_policies.note(run, scope, namespace, group)
        try:
            emission.emit(run, scope, namespace, group)
        except Unsayable as problem:
            _hold_group(run, problem, group)
    emission.default_of_namespaces(run, scope, policies, settings)


def _hold_group(run: Run, problem: Unsayable, group: Group) -> None:
    """Hold workloads and what moves with them; policies that stand are in force for others too, and hold nobody else."""
    for obj in group.moving or [pods.obj for pods in group.pods]:
        run.units.link(group.at.uid, obj.uid)
        if group.moving:
            run.units.hold(obj.uid)
    run.objects.setdefault(group.at.uid, group.at)
    run.units.hold(group.at.uid)
    hold(run, problem, group.at)


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
    at = problem.at.obj if isinstance(problem.at, View) else problem.at
    run.objects.setdefault(at.uid, at)  # it may be in the context only
    if run.hold(problem.code, problem.at, problem.message, remedy=problem.remedy):
        return True
    run.mark(obj.spec, Fate(ACCEPTED, problem.code))
    return False
