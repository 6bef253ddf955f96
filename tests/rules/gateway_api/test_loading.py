"""The family is loaded only beside an old mesh, and changes nothing where nothing is Istio's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.real_tools import ROOT
from transformer.options import Options
from transformer.transform import transform

ANNOTATED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {sidecar.istio.io/inject: "false"}
    spec:
      containers: [{name: web, image: web}]
"""
ROUTE = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: web}]
  rules: [{filters: [{type: URLRewrite, urlRewrite: {hostname: a.example}}], backendRefs: [{name: web, port: 80}]}]
"""


@pytest.mark.parametrize(
    ("stream", "loaded"), [(ANNOTATED, False), (ANNOTATED + ROUTE, True)], ids=["no route", "a route"]
)
def test_the_rules_are_loaded_only_where_there_are_objects_of_gateway_api(stream: str, loaded: bool) -> None:
    program = (
        "import sys; from transformer.options import Options; from transformer.transform import transform\n"
        "transform(sys.stdin.buffer.read(), Options({}))\n"
        "print([name for name in sys.modules if name.startswith('transformer.rules.gateway_api.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=stream, capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )  # fmt: skip
    assert ("mesh_route" in done.stdout) == loaded


def test_objects_of_gateway_api_pass_where_nothing_names_a_mesh() -> None:
    result = transform(ROUTE.encode(), Options({}))
    assert b"".join(result.output) == ROUTE.encode()
    assert not result.report.findings


def test_routes_pass_beside_objects_that_move_nothing() -> None:
    result = transform((ANNOTATED + ROUTE).encode(), Options({}))
    assert ROUTE.encode() in b"".join(result.output)
    assert not [found for found in result.report.findings if found.code.startswith("MS7")]
