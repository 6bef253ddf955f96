"""A report with one of everything."""

from __future__ import annotations

from typing import Any

from transformer.findings import Finding, ObjectRef
from transformer.options import Options
from transformer.outcome import ObjectFate, Report
from transformer.report import json

ROUTE = ObjectRef("networking.istio.io", "v1", "VirtualService", "shop", "cart")
POLICY = ObjectRef("security.istio.io", "v1", "AuthorizationPolicy", "", "all")
NEW = ObjectRef("gateway.networking.k8s.io", "v1", "HTTPRoute", "shop", "cart")

FINDINGS = [
    Finding(
        "MS004",
        "error",
        "a.yaml",
        12,
        ROUTE,
        "spec.http[0].fault",
        "what it means\nin two lines",
        "what to do",
    ),
    Finding("MS010", "warning", "a.yaml", 20, POLICY, "", "gone", "keep it", accepted="tested"),
    Finding("MS005", "warning", "a.yaml", 0, ROUTE, "", "no effect", "delete it"),
    Finding("MS008", "info", "", 0, None, "", "needs CRDs", "install them", target="HTTPRoute shop/cart"),
    Finding(
        "MS007", "error", "b.yaml", 3, POLICY, "", "stays", "see there", held_by="VirtualService shop/cart"
    ),
]
OBJECTS = [
    ObjectFate(ROUTE, "translated", "", ("MS004",), {"translated": 4, "no-op": 1}),
    ObjectFate(POLICY, "held", "VirtualService shop/cart", (), {"held": 2}),
]


def report(exit_code: int = 1, **changes: Any) -> Report:
    """A report; `changes` replace fields of it."""
    whole = Report(
        FINDINGS,
        OBJECTS,
        [(NEW, "VirtualService shop/cart")],
        [ROUTE],
        {},
        {"mesh.mtls": "strict"},
        exit_code,
    )
    return whole._replace(**changes)


def data(exit_code: int = 1, *, command: str = "transform", **changes: Any) -> dict[str, Any]:
    """The same as plain data, with a note."""
    return json.as_data(report(exit_code, **changes), Options(), command=command, notes=["a note"])


def fact(key: str = "mesh.mtls", objects: int = 1, reasons: int = 1) -> dict[str, Any]:
    """A missing fact as it stands in a report."""
    entry = {"group": "", "version": "v1", "kind": "Namespace", "file": "ns.yaml", "line": 4, "namespace": ""}
    return {
        "key": key,
        "why": [f"reason {number}" for number in range(reasons)],
        "objects": [entry | {"name": f"ns{number}"} for number in range(objects)],
    }
