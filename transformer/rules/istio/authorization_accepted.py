"""Policies that cannot be said only together with others, and of which a person accepted the loss: they count as absent.

Which policy is meant depends on what cannot be said: callers by pattern, or requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj
from transformer.rules import reach, root_policies
from transformer.rules.istio import authorization_emission as emission
from transformer.rules.istio.authorization_rules import Policy, Unsayable
from transformer.rules.istio.authorization_scope import Group, Scope
from transformer.run import Run

_MEANT: dict[str, Callable[[Policy], bool]] = {
    "MS404": lambda policy: policy.patterns,
    "MS405": lambda policy: any(rule.http_only for rule in policy.rules),
}


def without(run: Run, scope: Scope, policies: Sequence[Policy], settings: Sequence[Obj]) -> list[Policy]:
    """The policies without those that cannot be said and whose loss is accepted; the others are combined anew."""
    left = list(policies)
    if not any(run.accepts(code, policy.obj) for code in _MEANT for policy in left):
        return left
    while found := _accepted(run, scope, left, settings):
        problem, lost = found
        for policy in lost:
            run.hold(problem.code, policy.obj, problem.message, remedy=problem.remedy)
            if root_policies.stands(run, policy.obj):
                root_policies.settle(run, policy.obj, reach.of(run, policy.obj))
            else:
                run.mark(policy.obj.spec, Fate(ACCEPTED, problem.code))
        left = [policy for policy in left if policy not in lost]
    # Who may call was noted with the policies that are lost as well.
    run.memo.pop("access", None)
    return left


def meant(problem: Unsayable, group: Group) -> Unsayable:
    """The problem, told of the first policy of the group that it comes from."""
    suspects = _suspects(problem, group)
    if not suspects or problem.at is not group.at:
        return problem
    return Unsayable(problem.code, suspects[0].obj, problem.message, problem.remedy)


def _suspects(problem: Unsayable, group: Group) -> list[Policy]:
    is_meant = _MEANT.get(problem.code)
    return [policy for policy in group.policies if is_meant is not None and is_meant(policy)]


def _accepted(
    run: Run, scope: Scope, policies: Sequence[Policy], settings: Sequence[Obj]
) -> tuple[Unsayable, list[Policy]] | None:
    """The first problem of which all or some that it comes from are accepted, and these."""
    for _, group in scope.groups(policies, settings):
        for pods in group.pods:
            try:
                emission.needed(run, scope, group, pods.obj)
            except Unsayable as problem:
                lost = [one for one in _suspects(problem, group) if run.accepts(problem.code, one.obj)]
                if lost:
                    return problem, lost
    return None
