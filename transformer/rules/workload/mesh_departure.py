"""What a run says once when pods leave Istio: headers and traces that its proxies took care of.

https://istio.io/latest/docs/tasks/observability/distributed-tracing/
https://linkerd.io/2/features/distributed-tracing/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="mesh-departure",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=90,
    summary="headers and traces that the old mesh's proxies took care of are named once",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """One finding on the first object that moves, if any does."""
    for obj in run.clients.values():
        if not obj.context:
            run.once(
                "MS151",
                obj,
                "Istio's proxies no longer set or strip headers of requests to and from these pods",
            )
