"""What Gateway API objects and Istio's policies refer to: parents, backends and targets, with the defaults filled in.

https://gateway-api.sigs.k8s.io/reference/spec/ and https://istio.io/latest/docs/reference/config/type/workload-selector/
(PolicyTargetReference).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from transformer.objects import Obj, View
from transformer.rules import reach
from transformer.rules.parents import GATEWAY_API
from transformer.run import Run

ROUTE_KINDS = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
ISTIO = "networking.istio.io"
#: Kinds that a waypoint or a gateway enforces or applies where they target it.
ATTACHED_KINDS = (*reach.ISTIO_KINDS, ("telemetry.istio.io", "Telemetry"))


class Reference(NamedTuple):
    """One reference: where it is written and what it names."""

    at: View
    group: str
    kind: str
    namespace: str
    name: str

    @property
    def is_service(self) -> bool:
        """Whether Linkerd takes it for a Service (it also reads `core`, which Istio does not)."""
        return self.group in ("", "core") and self.kind == "Service"


def _reference(at: View, group: str, kind: str) -> Reference:
    written = at.get("group")
    return Reference(
        at,
        written.text() if written.present else group,
        at.get("kind").text() or kind,
        at.get("namespace").text() or at.obj.namespace,
        at.get("name").text(),
    )


def parents(route: Obj) -> Iterator[Reference]:
    """The parents of a route; without group and kind a Gateway."""
    for at in route.spec.get("parentRefs").each():
        yield _reference(at, GATEWAY_API, "Gateway")


def backends(rule: View) -> Iterator[Reference]:
    """The backends of a rule; without group and kind a Service."""
    for at in rule.get("backendRefs").each():
        yield _reference(at, "", "Service")


def targets(policy: Obj) -> Iterator[Reference]:
    """What a policy targets, be it one or several; they lie in the policy's namespace unless something else is written."""
    for at in (policy.spec.get("targetRef"), *policy.spec.get("targetRefs").each()):
        if at:
            yield _reference(at, "", "")


def has_targets(policy: Obj) -> bool:
    """Whether the policy is for what it targets, and not for pods by their labels."""
    return any(True for _ in targets(policy))


def attached(run: Run) -> Iterator[tuple[Obj, Reference]]:
    """Every policy or extension of stream and context that targets something, with each target."""
    for group, kind in ATTACHED_KINDS:
        for policy in run.context.objects(group, kind):
            for target in targets(policy):
                yield policy, target


def routes(run: Run) -> Iterator[Obj]:
    """Every route of stream and context."""
    for kind in ROUTE_KINDS:
        yield from run.context.objects(GATEWAY_API, kind)
