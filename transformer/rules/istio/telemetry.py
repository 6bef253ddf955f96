"""Telemetry configures Istio's access logs, traces and metrics; Linkerd's are its own, so the loss is told.

https://istio.io/latest/docs/reference/config/telemetry/ and https://linkerd.io/2/features/access-logging/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj, View
from transformer.rules.istio import proxy_tuning
from transformer.rules.registry import rule
from transformer.run import Run

_OFF = {"accessLogging": "disabled", "tracing": "disableSpanReporting"}
#: What is lost, and what to do instead.
_LOST = {
    "accessLogging": (
        "Linkerd's proxies write no access log unless config.linkerd.io/access-log says so, and know no filters",
        "Set config.linkerd.io/access-log: json (or apache) on the Namespace or the pods whose requests must be logged.",
    ),
    "tracing": (
        "Linkerd's proxies export spans only where tracing is set up in the Linkerd install",
        "Configure tracing in the Linkerd install; sampling is up to the application or the ingress.",
    ),
    "metrics": (
        "Linkerd's proxies have metrics of their own, whose labels cannot be changed",
        "Query Linkerd's metrics instead; drop labels where Prometheus scrapes them.",
    ),
}


@rule(
    id="telemetry",
    kinds=[("telemetry.istio.io", "Telemetry")],
    order=50,
    summary="access logs, traces and metrics of Istio's proxies end, which is told",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Drop every Telemetry of the stream with a warning for what it sets."""
    for name, block in proxy_tuning.settings(run, objs, "Telemetry"):
        if name not in _LOST:
            run.no_op(block, "names what the rest is about")
        elif _is_off(block, _OFF.get(name, "")):
            run.no_op(block, "switched off, as it is in Linkerd")
        else:
            message, remedy = _LOST[name]
            run.degrade("MS330", block, f"{name}: {message}", remedy=remedy)


def _is_off(block: View, switch: str) -> bool:
    """Whether every entry of a block only switches something off."""
    return bool(switch) and all(entry.get(switch).value() is True for entry in block.each())
