"""WorkloadEntries and WorkloadGroups are machines outside the cluster; in Linkerd they need an identity of their own.

https://istio.io/latest/docs/reference/config/networking/workload-entry/
https://linkerd.io/2/features/non-kubernetes-workloads/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj
from transformer.rules.istio.destinations import ISTIO
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="workload-entry",
    kinds=[(ISTIO, "WorkloadEntry"), (ISTIO, "WorkloadGroup")],
    order=30,
    summary="machines outside the cluster are held: their identity in Linkerd cannot be told from manifests",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every WorkloadEntry and WorkloadGroup of the stream."""
    for obj in objs:
        run.account(obj, [obj.view])
        run.drop(obj)
        what = "a machine" if obj.ref.kind == "WorkloadEntry" else "machines that join the mesh by themselves"
        if not run.hold("MS328", obj, f"stands for {what}, whose proxy is Istio's"):
            run.mark(obj.view, Fate(ACCEPTED, "MS328"))
