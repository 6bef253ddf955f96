"""A Flagger Canary of the provider istio comes to write HTTPRoutes: provider gatewayapi:v1, with its Service as parent.

Flagger makes the routes itself, so only the Canary is changed: what its HTTPRoute would say otherwise than its
VirtualService is rewritten, or holds the Canary.
https://docs.flagger.app/tutorials/linkerd-progressive-delivery , https://github.com/fluxcd/flagger/blob/main/pkg/router/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj
from transformer.rules.istio import owners
from transformer.rules.istio.held import Held
from transformer.rules.registry import rule
from transformer.run import Run

#: What only Canaries of other providers have.
_OTHERS = ("ingressRef", "routeRef", "upstreamRef")


@rule(
    id="canary",
    kinds=[owners.CANARY],
    order=60,
    summary="a Flagger Canary of the provider istio becomes one of gatewayapi:v1 with the Service as parent",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Change every Canary of the stream that Flagger serves with Istio's objects, or hold it."""
    for obj in objs:
        provider = obj.spec.get("provider").text()
        if provider in ("", "istio"):
            _bind_unit(run, obj)
        if provider == "istio":
            from transformer.rules.flagger import canary_routing

            try:
                canary_routing.move(run, obj)
            except Held:
                continue
        elif not provider and not _is_of_another(obj):
            run.hold(
                "MS910",
                obj,
                "names no provider; if Flagger's own is istio, or none, it writes VirtualServices",
            )


def _bind_unit(run: Run, obj: Obj) -> None:
    """Pods and Gateways of a Canary that stays stay too: what Flagger writes in the cluster needs them."""
    target = obj.spec.get("targetRef")
    kind, name = target.get("kind").text(), target.get("name").text()
    members = [run.context.find("apps", kind, obj.namespace, name).obj]
    for gateway in obj.spec.get("service", "gateways").each():
        space, _, short = gateway.text().rpartition("/")
        place = obj.namespace if space in ("", ".") else space
        members.append(run.context.find("networking.istio.io", "Gateway", place, short).obj)
    run.units.bind([obj.uid, *(one.uid for one in members if one is not None and not one.context)])


def _is_of_another(obj: Obj) -> bool:
    """Whether the Canary needs a provider other than istio, whatever the controller's own is."""
    kind = obj.spec.get("targetRef", "kind").text()
    return bool(
        kind == "Service"
        or any(obj.spec.get(name) for name in _OTHERS)
        or list(obj.spec.get("service", "gatewayRefs").each())
    )
