"""Every case of machines outside the cluster."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted
from transformer.options import Options
from transformer.transform import transform

CASES = cases("workload-entry")


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


ENTRY = """\
apiVersion: networking.istio.io/v1
kind: {kind}
metadata:
  name: vm
  namespace: shop
spec:
{spec}
"""
SELECTING = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: vm
  namespace: {namespace}
spec:
  hosts: [{host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports:
  - {{number: 80, name: http, protocol: HTTP, targetPort: 8080}}
  workloadSelector:
    labels: {{app: vm}}
"""
ADDRESS = "  address: 192.0.2.20\n  labels: {app: vm}"


@pytest.mark.parametrize(
    ("stream", "said", "unsaid", "reason"),
    [
        (ENTRY.format(kind="WorkloadEntry", spec=ADDRESS), "workloadIPs [{ip: 192.0.2.20}]", "these labels:",
         "the address is carried over; no entry says which Service"),
        (ENTRY.format(kind="WorkloadEntry", spec=ADDRESS)
         + SELECTING.format(namespace="shop", host="vm.shop.svc.cluster.local"),
         "ports [{name: http, port: 8080}]", "instead of", "the entry that selects it has the ports"),
        (ENTRY.format(kind="WorkloadEntry", spec=ADDRESS)
         + SELECTING.format(namespace="shop", host="vm.shop.svc.cluster.local"),
         "a Service that selects these labels: vm;", "instead of", "the host is a Service's name"),
        (ENTRY.format(kind="WorkloadEntry", spec=ADDRESS) + SELECTING.format(namespace="shop", host="vm.example.com"),
         "instead of vm.example.com", "labels: vm;", "no Service can be called like that"),
        (ENTRY.format(kind="WorkloadEntry", spec=ADDRESS) + SELECTING.format(namespace="web", host="vm.web.svc.cluster.local"),
         "those that it serves", "8080", "an entry of another namespace does not select it"),
        (ENTRY.format(kind="WorkloadEntry", spec="  address: unix:///run/app.sock"), "no socket", "SPIRE",
         "a socket has no address"),
        (ENTRY.format(kind="WorkloadGroup", spec="  metadata: {labels: {app: vm}}\n  template: {ports: {http: 8080}}"),
         "one ExternalWorkload per machine", "192.0.2.20", "a group stands for several"),
    ],
)  # fmt: skip
def test_the_finding_says_what_to_write(stream: str, said: str, unsaid: str, reason: str) -> None:
    report = transform(stream.encode(), Options()).report
    [finding] = [found for found in report.findings if found.code == "MS328"]
    assert said in finding.remedy, reason
    assert unsaid not in finding.remedy, reason
