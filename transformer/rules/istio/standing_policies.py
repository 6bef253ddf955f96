"""Policies of the root namespace that stay (`transformer.rules.root_policies`), read for the pods that leave Istio.

They get no account and are never dropped: what stays in Istio is still under them. One that cannot be said holds what it
reaches; one that reaches nothing that moves is not even read.
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import MARKER, Obj, View
from transformer.rules import reach, root_policies
from transformer.rules.istio import authorization_rules as rules
from transformer.rules.istio import ingress_identity, written_twice
from transformer.rules.istio.authorization_callers import Known
from transformer.rules.istio.authorization_pods import Pods
from transformer.rules.istio.authorization_rules import Policy, Unsayable
from transformer.rules.istio.authorization_scope import Group, Scope
from transformer.rules.workload import injection_settings
from transformer.run import Run


def read(run: Run, scope: Scope, known: Known, policies: list[Policy]) -> None:
    """Add the standing policies that reach something that moves to those that are combined, or hold what they reach."""
    for obj in root_policies.standing(run):
        run.objects.setdefault(obj.uid, obj)
        if not obj.context:
            run.keep(obj)
        untouched = scope.untouched(obj)
        root_policies.settle(run, obj, untouched)
        reached = [
            other for other in reach.of(run, obj) if other not in untouched and _may_leave(scope, other)
        ]
        if not _concerns(scope, obj, reached):
            _settle_namespaces(run, obj, reached)
            continue
        for other in reached:
            run.units.link(obj.uid, other.uid)
        try:
            policies += _read(run, obj, scope, known)
            _settle_namespaces(run, obj, reached)
        except Unsayable as problem:
            root_policies.settle(run, obj, reached)
            at = problem.at.obj if isinstance(problem.at, View) else problem.at
            run.objects.setdefault(at.uid, at)
            if run.hold(problem.code, problem.at, problem.message, remedy=problem.remedy):
                run.units.hold(obj.uid)  # the problem may be a probe's
                scope.failed.append(obj)


def _may_leave(scope: Scope, obj: Obj) -> bool:
    return obj.ref.kind != "Namespace" or scope.flips(obj.name)


def note(run: Run, scope: Scope, namespace: str, group: Group) -> None:
    """Note that the group's workloads are under their standing policies in Linkerd, too, or held."""
    standing = [policy.obj for policy in group.policies if root_policies.stands(run, policy.obj)]
    space = scope.setting(namespace).obj
    for obj in standing:
        root_policies.combine(run, obj, [pods.obj for pods in group.pods])
        root_policies.settle(run, obj, [space] if space else [])
    if standing:
        run.memo.setdefault("told-of-policies", []).append(group.at)


def tell_unsaid(
    run: Run, scope: Scope, policies: Sequence[Policy], groups: Sequence[tuple[str, Group]]
) -> None:
    """Tell of policies that go and are not said for pods in Linkerd, unless an earlier run has written something there."""
    grouped = {pods.obj.uid for _, group in groups for pods in group.pods}
    for obj in (policy.obj for policy in policies):
        if obj.namespace != scope.root or root_policies.stands(run, obj):
            continue
        unsaid = [
            str(pods.obj.ref)
            for pods in scope.reached(obj)
            if pods.arrived and pods.obj.uid not in grouped and not _has_policies(run, scope, pods)
        ]
        if unsaid:
            more = f" and {len(unsaid) - 1} more" if unsaid[1:] else ""
            run.say(
                "MS441",
                obj,
                f"goes, and is not said for {unsaid[0]}{more}, in Linkerd already and without policies",
            )


def _has_policies(run: Run, scope: Scope, pods: Pods) -> bool:
    """Whether pods in Linkerd have a default or Servers that a run may have written for its policies."""
    space = scope.setting(pods.obj.namespace).obj
    wide = space is not None and injection_settings.DEFAULT_POLICY in space.annotations
    marked = any(
        server.namespace == pods.obj.namespace and MARKER in server.annotations
        for server in run.context.objects("policy.linkerd.io", "Server")
    )
    return wide or marked or pods.pod.annotations.get(injection_settings.DEFAULT_POLICY).present


def _concerns(scope: Scope, obj: Obj, reached: list[Obj]) -> bool:
    """Whether the policy is in force for something that moves, as far as manifests tell."""
    if not rules.selector(obj):
        return any(scope.flips(name) for name in scope.namespaces) or bool(scope.leaving(obj))
    written = {pods.obj.uid for pods in scope.reached(obj)}
    workloads = (other for other in reached if (other.ref.group, other.ref.kind) in WORKLOAD_KINDS)
    # A workload that is reached by labels which its template does not show is a doubt, and `check_standing` says so.
    return bool(scope.leaving(obj)) or any(other.uid not in written for other in workloads)


def _settle_namespaces(run: Run, obj: Obj, reached: list[Obj]) -> None:
    """A selector picks no pods of a namespace of which everything is known, but those that are grouped."""
    if rules.selector(obj):
        whole = [
            other
            for other in reached
            if other.ref.kind == "Namespace" and run.context.is_complete(other.name)
        ]
        root_policies.settle(run, obj, whole)


def _read(run: Run, obj: Obj, scope: Scope, known: Known) -> list[Policy]:
    written_twice.refuse(run, obj)
    rules.check(obj)
    if rules.action(obj) == rules.AUDIT:
        run.say("MS420", obj, "only logs: calls to what moves are not logged any more")
        run.memo.setdefault("told-of-policies", []).append(obj)
        root_policies.settle(run, obj, reach.of(run, obj))
        return []
    policy = ingress_identity.replaced(run, rules.read(obj, known))
    scope.check_standing(obj)
    return [policy]
