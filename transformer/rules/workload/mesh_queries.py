"""Objects that read the metrics of Istio's proxies: after the move their series end.

https://istio.io/latest/docs/reference/config/metrics/ and Linkerd's: https://linkerd.io/2/reference/proxy-metrics/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.objects import Obj, View
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.stream.patterns import pattern

_METRIC = pattern(
    r"\bistio_(?:requests_total|request_duration_|request_bytes|response_bytes|request_messages_total|"
    r"response_messages_total|tcp_(?:sent|received)_bytes|tcp_connections_)\w*"
)
_ENDPOINT = pattern(r"^(?:http-envoy-prom|/stats/prometheus|15020|15090)$")
_QUERIES = (
    ("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject"), ("keda.sh", "ScaledJob"),
    ("monitoring.coreos.com", "PrometheusRule"), ("flagger.app", "MetricTemplate"), ("flagger.app", "Canary"),
    ("argoproj.io", "AnalysisTemplate"), ("argoproj.io", "ClusterAnalysisTemplate"),
    ("grafana.integreatly.org", "GrafanaDashboard"), ("integreatly.org", "GrafanaDashboard"),
    ("", "ConfigMap"),
)  # fmt: skip
_SCRAPES = (("monitoring.coreos.com", "ServiceMonitor"), ("monitoring.coreos.com", "PodMonitor"))


@rule(
    id="mesh-queries",
    kinds=[*_QUERIES, *_SCRAPES],
    order=80,
    summary="objects that query Istio's metrics are named",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """One finding for every object that reads metrics of Istio's proxies; nothing is changed."""
    for obj in objs:
        scrapes = (obj.ref.group, obj.ref.kind) in _SCRAPES
        for view in _scalars(obj.view):
            found = _ENDPOINT.match(view.text()) if scrapes else _METRIC.search(view.text())
            if found:
                what = f"scrapes {found.group()} of Istio's proxies" if scrapes else f"reads {found.group()}"
                run.say("MS150", view, f"{obj.ref.kind} {what}, which nothing produces after the move")
                break


def _scalars(view: View) -> Iterator[View]:
    if view.is_mapping:
        for _, child in view.items():
            yield from _scalars(child)
    elif view.is_sequence:
        for child in view.each():
            yield from _scalars(child)
    elif view:
        yield view
