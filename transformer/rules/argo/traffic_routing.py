"""An Argo Rollout that shifts weights of VirtualServices comes to shift those of the HTTPRoutes that take their place.

`trafficRouting.istio` becomes `trafficRouting.plugins` for the Gateway API plugin, which sets the weights of the stable and
the canary Service in every rule of the routes it is given. Subsets, whose labels the controller edits in the
DestinationRule, become Services whose selectors it edits instead.
https://argo-rollouts.readthedocs.io/en/stable/features/traffic-management/istio/
https://github.com/argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj
from transformer.rules.istio import owners
from transformer.rules.istio.held import Held
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="traffic-routing",
    kinds=[owners.ROLLOUT],
    order=60,
    summary="an Argo Rollout's VirtualServices become HTTPRoutes whose weights it sets through the Gateway API plugin",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Rewrite the traffic routing of every Rollout of the stream that names VirtualServices, or hold it with them."""
    for obj in objs:
        istio = obj.spec.get("strategy", "canary", "trafficRouting", "istio")
        if not istio:
            continue
        # Most Rollouts need none of what routes need.
        from transformer.rules.argo import rollout_routing

        # The pod template of the object has been accounted for already.
        earlier = (leaf for leaf, _ in run.ledger.entries(obj.uid))
        run.ledger.open(obj.uid, dict.fromkeys((*earlier, *istio.leaves())))
        try:
            rollout_routing.hand_over(run, obj, istio)
        except Held:
            continue
