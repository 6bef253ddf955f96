"""When a run says that policies for moving pods may be elsewhere (MS439)."""

from __future__ import annotations

from typing import Any

import pytest

from transformer.options import Options
from transformer.transform import transform

SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
"""
OWN = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, sidecar.istio.io/inject: "true"}}
    spec: {containers: [{name: web, image: web}]}
"""
MANY = "---\n".join(SHOP.replace("shop", f"shop-{number}") for number in range(5))
OSM = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {openservicemesh.io/monitored-by: osm}
  annotations: {openservicemesh.io/sidecar-injection: enabled}
"""
SAID = (
    "nothing says that all policies of {} are here: others would be lost with the sidecar that enforces them"
)


def said(text: str, **options: Any) -> list[str]:
    found = transform(text.encode(), Options({"mesh.mtls": "permissive", **options})).report.findings
    return [finding.message for finding in found if finding.code == "MS439"]


@pytest.mark.parametrize(
    ("text", "options", "places"),
    [
        (SHOP, {}, "shop and istio-system"),
        (SHOP, {"complete": ("shop",)}, "istio-system"),
        (SHOP, {"complete": ("istio-system",)}, "shop"),
        (SHOP, {"mesh.root-namespace": "mesh"}, "shop and mesh"),
        (OWN, {}, "the release and istio-system"),
        (MANY, {}, "shop-0, shop-1 and 4 more"),
        (MANY, {"only": ("shop-3",)}, "shop-3 and istio-system"),
    ],
)
def test_namespaces_that_nobody_declared_are_named(text: str, options: dict[str, Any], places: str) -> None:
    assert said(text, **options) == [SAID.format(places)]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (SHOP, {"complete": ("shop", "istio-system")}),
        (SHOP, {"complete": ("*",)}),
        (SHOP, {"phase": "prepare"}),
        (SHOP.replace("enabled", "disabled"), {}),
        (OSM, {"mesh.osm-policy-mode": "permissive"}),
    ],
)
def test_nothing_is_said_where_all_is_declared_or_no_pod_leaves_istio(
    text: str, options: dict[str, Any]
) -> None:
    assert said(text, **options) == []
