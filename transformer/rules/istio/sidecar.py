"""A Sidecar that only lists hosts saves memory in Istio and goes; one that refuses or redirects is held with its workloads.

Under ALLOW_ANY the list blocks nothing: other hosts are called as plaintext (observed I21).
https://istio.io/latest/docs/reference/config/networking/sidecar/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj
from transformer.rules import egress, reach
from transformer.rules.istio.check import check_fields
from transformer.rules.istio.held import Held
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata


@rule(
    id="sidecar",
    kinds=[egress.SIDECAR],
    order=30,
    summary="lists of hosts need nothing; a Sidecar that refuses or redirects is held with every workload that it reaches",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Drop every Sidecar of the stream that blocks nothing, hold the others with their workloads."""
    for obj in objs:
        metadata.account(run, obj)
        run.drop(obj)
        blocks = _blocks(run, obj)
        if not run.units.asked(obj.uid):
            run.client_config[obj.uid] = obj
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
    found = list(egress.refusals(run, obj))
    for view, why in found:
        run.hold("MS327", view, f"{why}, which Linkerd would not do")
    if found:
        run.no_op(obj.spec, "goes with what was accepted")
    return bool(found)
