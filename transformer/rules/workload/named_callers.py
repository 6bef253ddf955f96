"""Policies that stay and name callers that move: these lose their identity, so what refuses them by name lets them in.

At the boundary of the meshes calls are plaintext. A DENY of an identity no longer matches then, and an ALLOW of everyone but
an identity does. Where the pods require mutual TLS such calls are refused anyway.
https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules import reach, root_policies
from transformer.rules.registry import rule
from transformer.rules.workload import policy_names
from transformer.rules.workload.posture import STRICT, posture
from transformer.run import Run

_POLICY = ("security.istio.io", "AuthorizationPolicy")


@rule(
    id="named-callers",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=51,
    summary="policies that stay and refuse callers by name hold the callers that they name",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold what would become nameless for a policy that stays, after the injection rules have said what moves."""
    for policy in run.context.objects(*_POLICY) if run.clients else ():
        named = set(policy_names.refused(policy))
        movers = [obj for obj in run.clients.values() if _is_named(_space(obj), named)] if named else []
        if not movers or _refuses_the_nameless(run, policy):
            continue
        if policy.context or root_policies.stands(run, policy):
            run.objects[policy.uid] = policy
            run.hold(
                "MS437",
                policy,
                f"refuses callers by name, such as those of {_space(movers[0]) or 'the release'}, which have no identity "
                "for it once they move",
            )
        for obj in movers:
            # A policy of the run is translated, and knows them again, unless it is held.
            run.units.link(policy.uid, obj.uid)


def _refuses_the_nameless(run: Run, policy: Obj) -> bool:
    """Whether all pods that the policy may reach surely refuse callers without an identity, on every port.

    Objects that count by their age, or for one revision of Istio, and objects for pods that nobody has seen are
    taken to be the weaker ones.
    """
    # Only meshes with policies need it.
    from transformer.rules.istio.peer_authentication import weakest

    root = run.options["mesh.root-namespace"]
    found = run.context.objects("security.istio.io", "PeerAuthentication")
    spaces = {policy.namespace}
    if policy.namespace == root:
        known = (*run.context.objects("", "Namespace"), *run.context.workloads(), *found)
        spaces |= {_space(obj) for obj in known}
    for space in sorted(spaces):
        mode = weakest(found, root, space, reach.selector(policy))
        if mode != "STRICT" and (mode or posture(run, space, policy) != STRICT):
            return False
    return True


def _space(obj: Obj) -> str:
    return obj.name if obj.ref.kind == "Namespace" else obj.namespace


def _is_named(space: str, values: set[str]) -> bool:
    return any("*" in value or not space or space in value for value in values)
