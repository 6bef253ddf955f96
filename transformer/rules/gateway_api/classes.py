"""Which Gateways are Istio's, and what for: by the controller of their class.

https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/ and the classes of
istio/istio pilot/pkg/config/kube/gatewaycommon/classinfo.go.
"""

from __future__ import annotations

from transformer.objects import Obj
from transformer.rules.parents import GATEWAY_API
from transformer.run import Run

INGRESS, WAYPOINT, BETWEEN = "ingress", "waypoint", "between networks"
WAYPOINT_CLASS = "istio-waypoint"

_CONTROLLERS = {
    "istio.io/gateway-controller": INGRESS,
    "istio.io/agentgateway-controller": INGRESS,
    "istio.io/mesh-controller": WAYPOINT,
    "istio.io/agentgateway-waypoint-controller": WAYPOINT,
}
#: Classes that Istio makes by itself, so that no manifest of them needs to exist.
_CLASSES = {
    "istio": INGRESS,
    "istio-agentgateway": INGRESS,
    WAYPOINT_CLASS: WAYPOINT,
    "istio-agentgateway-waypoint": WAYPOINT,
    "istio-remote": BETWEEN,
    "istio-east-west": BETWEEN,
}


def role_of_controller(name: str) -> str:
    """What Gateways of a controller are for: one of the roles, or an empty string where it is not Istio's."""
    # Further controllers of Istio join networks, or are not known: what cannot be told apart is left alone.
    return _CONTROLLERS.get(name, BETWEEN) if name.startswith("istio.io/") else ""


def role(run: Run, gateway: Obj) -> str:
    """What the Gateway is for in Istio; empty where another controller serves it."""
    return role_of_class(run, gateway.spec.get("gatewayClassName").text())


def role_of_class(run: Run, name: str) -> str:
    """The same for a class by name; a GatewayClass of stream or context decides over the names that Istio gives."""
    known: dict[str, str] | None = run.memo.get("gateway-class-roles")
    if known is None:
        known = run.memo["gateway-class-roles"] = dict(_CLASSES)
        for found in run.context.objects(GATEWAY_API, "GatewayClass"):
            known[found.name] = role_of_controller(found.spec.get("controllerName").text())
    return known.get(name, "")
