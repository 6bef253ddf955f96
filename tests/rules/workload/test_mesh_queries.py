"""Objects that read Istio's metrics are named, and only those."""

from __future__ import annotations

import pytest

from tests.rules.workload.running import namespace, run, workload

RULE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: r, namespace: shop}
spec: {groups: [{name: g, rules: [{alert: a, expr: 'sum(rate(%s[1m])) > 1'}]}]}
"""
HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h, namespace: shop, labels: {origin: istio}}
spec: {metrics: [{type: External, external: {metric: {name: %s}}}]}
"""
DASHBOARD = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: d, namespace: shop}
data:
  d.json: '{"panels": [{"targets": [{"expr": "histogram_quantile(0.9, %s)"}]}], "title": "istio"}'
"""
MONITOR = """\
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: m, namespace: shop, labels: {by: istio}}
spec: {podMetricsEndpoints: [%s]}
"""
KEDA = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: k, namespace: shop, labels: {by: istio}}
spec: {triggers: [{type: prometheus, metadata: {query: 'sum(%s)'}}]}
"""


@pytest.mark.parametrize(
    ("text", "value", "found", "reason"),
    [
        (RULE, "istio_requests_total", True, "requests"),
        (RULE, "istio_request_duration_milliseconds_bucket", True, "latency"),
        (RULE, "istio_agent_pilot_proxies", False, "not of the proxies"),
        (RULE, "my_istio_requests_total", False, "another metric"),
        (HPA, "istio_requests_total", True, "scaling"),
        (HPA, "requests_total", False, "the application's own"),
        (DASHBOARD, "istio_tcp_sent_bytes_total", True, "a dashboard"),
        (DASHBOARD, "up", False, "no mesh metric"),
        (KEDA, "istio_requests_total", True, "KEDA"),
        (MONITOR, "{port: http-envoy-prom, path: /stats/prometheus}", True, "the proxy's port"),
        (MONITOR, "{port: metrics}", False, "the application's port"),
    ],
)
def test_queries(text: str, value: str, found: bool, reason: str) -> None:
    outcome = run(text % value)
    assert outcome.codes == (["MS150"] if found else []), reason
    assert outcome.text == text % value, "nothing is changed"
    assert outcome.report.exit_code == 0


def test_headers_are_named_once_and_only_when_pods_move() -> None:
    moving = namespace(labels={"istio-injection": "enabled"}) + workload() + workload(name="other")
    assert run(moving).finding("MS151")
    assert "MS151" not in run(namespace(labels={"istio-injection": "disabled"}) + workload()).codes
