"""SMI's metrics API: TrafficMetrics are answers and never applied, its APIService goes with the adapter.

https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-metrics/v1alpha1/traffic-metrics.md
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import NO_OP, Fate
from transformer.objects import Obj
from transformer.rules.registry import rule
from transformer.run import Run

_METRICS = "metrics.smi-spec.io"
_API = ("apiregistration.k8s.io", "APIService")


@rule(
    id="smi-metrics",
    kinds=[(_METRICS, "TrafficMetrics"), (_METRICS, "TrafficMetricsList"), _API],
    order=50,
    summary="TrafficMetrics go, and an APIService of SMI's metrics is named",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Drop metrics objects, and name registrations of their API."""
    for obj in objs:
        if (obj.ref.group, obj.ref.kind) != _API:
            run.account(obj, [obj.view])
            run.drop(obj)
            run.say("MS545", obj, "nothing applies or reads it")
            run.mark(obj.view, Fate(NO_OP, "MS545"))
        elif obj.spec.get("group").text().endswith("smi-spec.io"):
            run.say("MS546", obj.spec.get("group"), f"registers {obj.spec.get('group').text()}")
