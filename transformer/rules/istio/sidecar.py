"""A Sidecar that only lists hosts saves memory in Istio and goes; one that refuses or redirects is held with its workloads.

Under ALLOW_ANY the list blocks nothing: other hosts are called as plaintext (observed I21). One that refuses unknown hosts
for a whole namespace that moves becomes an EgressNetwork (`rules.closing`, planned before).
https://istio.io/latest/docs/reference/config/networking/sidecar/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj
from transformer.rules import closing, egress, reach
from transformer.rules.istio.check import check_fields
from transformer.rules.istio.held import Held
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata


@rule(
    id="sidecar",
    kinds=[egress.SIDECAR],
    order=47,
    summary="lists of hosts need nothing; one that refuses hosts for a namespace becomes an EgressNetwork; others that "
    "refuse or redirect are held with every workload that they reach",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Drop every Sidecar of the stream that blocks nothing, hold the others with their workloads."""
    for obj in objs:
        metadata.account(run, obj)
        run.drop(obj)
        blocks = _blocks(run, obj)
        # It configures pods of its own namespace: where that moves as a whole nobody obeys it any more.
        alone = (
            run.stage.partial and run.scope.moves(obj) and obj.namespace != run.options["mesh.root-namespace"]
        )
        if not run.units.asked(obj.uid) and not alone:
            run.client_config[obj.uid] = obj
        if not blocks and closing.takes_over(run, obj):
            run.say(
                "MS808", obj, "hosts that no entry permits are refused by an EgressNetwork of the namespace"
            )
            run.no_op(obj.spec, "MS808")
            continue
        if not blocks:
            run.say(
                "MS326",
                obj,
                "lists what Istio tells the pods, and blocks nothing: Linkerd's proxies ask for what they need",
            )
            run.no_op(obj.spec, "MS326")
            continue
        for reached in reach.of(run, obj):
            run.units.bind([obj.uid, reached.uid])


def _blocks(run: Run, obj: Obj) -> bool:
    """Whether the Sidecar decides what its pods may call or how they are reached; then it is held, unless accepted."""
    try:
        check_fields(run, obj, "Sidecar")
    except Held:
        return True
    found = list(egress.redirections(obj) if closing.takes_over(run, obj) else egress.refusals(run, obj))
    if not found and closing.differs(run, obj):
        why = "its pods may call other hosts than the rest of the namespace, which an EgressNetwork cannot tell apart"
        found.append((obj.spec.get("workloadSelector"), why))
    for view, why in found:
        run.hold("MS327", view, f"{why}, which Linkerd would not do")
    if found:
        run.no_op(obj.spec, "goes with what was accepted")
    return bool(found)
