"""Callers that move, and policies that stay and let them in by name: there they have no identity any more.

The mirror of `left_callers`. Whether a policy refuses them is told here, what would let them in is held (`named_callers`).
https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer import final_findings, left_callers
from transformer.findings import Finding
from transformer.left_callers import Caller
from transformer.rules import root_policies
from transformer.rules.workload import policy_names
from transformer.run import Run
from transformer.settle import Settlement


def findings(run: Run, settlement: Settlement) -> Iterator[Finding]:
    """One finding for every policy that stays and names callers which move."""
    if not run.stage.flips:
        return
    moving = [obj for uid, obj in run.clients.items() if uid not in settlement.held]
    if not moving:
        return
    movers = [left_callers.caller(obj) for obj in moving]
    for policy in run.context.objects("security.istio.io", "AuthorizationPolicy"):
        stays = policy.context or policy.uid in settlement.held or root_policies.stands(run, policy)
        if not stays or left_callers.in_linkerd(run, policy.namespace):
            continue
        values = list(dict.fromkeys(policy_names.admitted(policy)))
        named = [mover for mover in movers if any(_is_meant(mover, value) for value in values)]
        if named:
            shown = final_findings.listed(list(dict.fromkeys(named)))
            message = f"stays and lets in {shown} by name: once they move they have no identity for it, and are refused"
            yield final_findings.about(policy, "MS445", message)


def _is_meant(mover: Caller, value: str) -> bool:
    """Whether a value may mean the mover; patterns may mean everybody."""
    if "*" in value or not mover.namespace:
        return True
    parts = value.split("/")
    space, account = (parts[2], parts[-1]) if len(parts) > 3 else (parts[0], "".join(parts[1:]))
    return space == mover.namespace and (not account or not mover.account or account == mover.account)
