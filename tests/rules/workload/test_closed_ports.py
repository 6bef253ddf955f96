"""Every case of pods whose ports close, and which annotations let traffic past Linkerd's proxy."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted
from tests.rules.workload.running import run

CASES = cases("closed-ports")


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata:
      labels: {app: web}
      annotations: {sidecar.istio.io/inject: "true", NOTES}
    spec:
      containers:
      - {name: web, ports: [{containerPort: 8080}, {containerPort: 4568, protocol: PROTOCOL}]}
"""
SKIP = "config.linkerd.io/skip-inbound-ports"


@pytest.mark.parametrize(
    ("notes", "code"),
    [
        (f'{SKIP}: "1-100"', "MS101"),
        (f'{SKIP}: "8000-8100"', "MS101"),
        (f'{SKIP}: "4190,4191"', None),
        (f'{SKIP}: "4190-4192"', "MS101"),
        (f'{SKIP}: "http"', "MS101"),
        (f'{SKIP}: ""', "MS442"),
        ('config.linkerd.io/skip-subnets: ""', "MS442"),
        ('config.linkerd.io/skip-subnets: "10.0.0.0/8"', "MS101"),
        ('traffic.sidecar.istio.io/excludeInboundPorts: "4568"', None),
        ('traffic.sidecar.istio.io/excludeInboundPorts: "9000"', None),
        ('traffic.sidecar.istio.io/excludeInboundPorts: "15020"', "MS442"),
        ('traffic.sidecar.istio.io/includeInboundPorts: "8080,4568"', None),
        ('traffic.sidecar.istio.io/includeInboundPorts: "*"', "MS442"),
    ],
)
def test_what_lets_traffic_past_the_proxy(notes: str, code: str | None) -> None:
    text = POD.replace("NOTES", notes).replace("PROTOCOL", "TCP")
    held = {f.code for f in run(text, mesh_mtls="strict").report.findings if f.severity == "error"}
    assert held == ({code} if code else set())


def test_only_tcp_ports_and_closed_ones_matter() -> None:
    text = POD.replace("NOTES", "app: web")
    strict = run(text.replace("PROTOCOL", "UDP"), mesh_mtls="strict")
    permissive = run(text.replace("PROTOCOL", "TCP"), mesh_mtls="permissive")
    assert not [f for f in (*strict.report.findings, *permissive.report.findings) if f.severity == "error"]
