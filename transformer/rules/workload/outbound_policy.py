"""Where unknown hosts are refused, pods that move could call them all: an EgressNetwork refuses them, or they wait.

https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/
https://linkerd.io/2/features/egress/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules import egress, mesh_config
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="outbound-policy",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=46,
    summary="a namespace that refuses unknown hosts gets an EgressNetwork with trafficPolicy Deny, or its pods stay",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Plan EgressNetworks for what moves out of a mesh that refuses unknown hosts, after injection said what moves."""
    if not run.clients:
        return
    if mesh_config.registry_only(run) or any(
        egress.refuses_unknown(found) for found in run.context.objects(*egress.SIDECAR)
    ):
        # Most meshes let every host pass and need none of this.
        from transformer.rules import closing, permissions

        closing.plan(run)
        permissions.plan_context(run)
