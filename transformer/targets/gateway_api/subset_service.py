"""A subset of a DestinationRule as a Service of its own: routes can only send to Services.

A plain ClusterIP Service with the same ports and a narrower selector; none of the source Service's labels, annotations,
node ports or load balancer fields, which a ServiceMonitor or external-dns would otherwise take twice.
"""

from __future__ import annotations

import re
from typing import Any

from transformer.objects import Obj
from transformer.service_protocol import APP_PROTOCOLS
from transformer.targets import metadata
from transformer.targets.versions import Target


def name(service: str, subset: str) -> str:
    """`<service>-<subset>` as a valid Service name."""
    return metadata.fit(f"{service}-{re.sub(r'[^a-z0-9-]+', '-', subset.lower()).strip('-')}")


def build(service: Obj, owner: Obj, subset: str, labels: dict[str, str], target: Target) -> dict[str, Any]:
    """The Service for a subset; `owner` is the object whose place and delivery annotations it takes."""
    ports = []
    for port in service.spec.get("ports").each():
        copied = {
            key: field.value()
            for key, field in port.items()
            if key in ("name", "port", "targetPort", "protocol", "appProtocol")
        }
        declared = copied.get("appProtocol")
        if target.reads_app_protocol and isinstance(declared, str):
            copied["appProtocol"] = APP_PROTOCOLS.get(declared.lower(), declared)
        ports.append(copied)
    meta = metadata.metadata(owner, name(service.name, subset), namespace=service.namespace)
    meta.pop("labels", None)
    selector = {str(key): str(value) for key, value in (service.spec.get("selector").value() or {}).items()}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": selector | labels, "ports": ports},
    }
