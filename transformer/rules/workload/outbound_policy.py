"""Where the mesh refuses unknown hosts, pods that move could call them all: they wait for an EgressNetwork that refuses.

https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/
https://linkerd.io/2/features/egress/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules import egress
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="outbound-policy",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=50,
    summary="under mesh.outbound-policy registry-only, what moves needs an EgressNetwork with trafficPolicy Deny",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold what would move out of a mesh that refuses unknown hosts into a namespace where nothing does."""
    if run.options["mesh.outbound-policy"] != "registry-only":
        return
    for obj in run.clients.values():
        namespace = obj.name if obj.ref.kind == "Namespace" and not obj.ref.group else obj.namespace
        if not obj.context and not egress.is_closed(run, namespace):
            run.hold("MS329", obj, "the mesh refuses hosts that it does not know, Linkerd would let all pass")
