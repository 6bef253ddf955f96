"""Steps and settings of a Rollout that mean something else, or nothing, with the Gateway API plugin.

https://argo-rollouts.readthedocs.io/en/stable/features/traffic-management/ and the plugin's own code: `SetMirrorRoute`
does nothing, ping-pong is not known, header routes copy the rule and leave its timeouts out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformer.objects import Obj, View
from transformer.rules.istio.held import Held
from transformer.run import Run

#: Steps that are the controller's own and do not ask the traffic router for more than weights.
_PLAIN = frozenset({"setWeight", "pause", "analysis", "setCanaryScale", "plugin", "replicaProgressThreshold"})


def _canary(rollout: Obj) -> View:
    return rollout.spec.get("strategy", "canary")


def refuse(run: Run, rollout: Obj) -> None:
    """Hold a Rollout with a step or a setting that the plugin does not carry out; raises `Held`."""
    canary = _canary(rollout)
    _hold(run, canary.get("pingPong"), "pingPong swaps two Services, which the plugin does not know")
    _hold(
        run,
        canary.get("trafficRouting", "maxTrafficWeight"),
        "has no meaning for Istio, but one for the plugin",
    )
    for step in canary.get("steps").each():
        for name, field in step.items():
            if name == "setMirrorRoute":
                _hold(run, field, "requests would no longer be mirrored: the plugin ignores the step")
            elif name == "experiment":
                for template in field.get("templates").each():
                    _hold(
                        run,
                        template.get("weight"),
                        "an experiment that gets a share of the requests is not handed over",
                    )
            elif name == "setHeaderRoute":
                for match in field.get("match").each():
                    _refuse_value(run, match)
            elif name not in _PLAIN:
                _hold(run, field, f"the step {name} is not known")


def _refuse_value(run: Run, match: View) -> None:
    value = match.get("headerValue")
    for kind in ("prefix", "regex"):
        _hold(
            run,
            value.get(kind),
            f"a header route by {kind}: the plugin writes the text unescaped and without anchors",
        )
    if not value.get("exact").text():
        run.hold("MS902", match, "a header route without a value")
        raise Held


def refuse_headers(run: Run, rollout: Obj, routes: Sequence[dict[str, Any]]) -> None:
    """Hold a Rollout with header routes where one of the HTTPRoutes is more than a plain split; raises `Held`.

    Argo puts the header route before all others, without the rule's header changes and retries; the plugin adds
    the condition to each rule that has the pair and copies the rule's filters.
    """
    steps = [step.get("setHeaderRoute") for step in _canary(rollout).get("steps").each()]
    at = next((step for step in steps if step), None)
    if at is None:
        return
    for route in routes:
        rules = route["spec"]["rules"]
        annotations = route["metadata"]["annotations"]
        changed = any(key.startswith(("retry.linkerd.io/", "timeout.linkerd.io/")) for key in annotations)
        if len(rules) > 1 or changed or set(rules[0]) != {"backendRefs"} or _filtered(rules[0]):
            _hold(run, at, f"HTTPRoute {route['metadata']['name']} is more than one split without conditions, so a header "
                  "route would take other requests, or treat them otherwise, than Istio's")  # fmt: skip


def _filtered(rule: dict[str, Any]) -> bool:
    return any("filters" in backend for backend in rule["backendRefs"])


def _hold(run: Run, at: View, message: str) -> None:
    if at:
        run.hold("MS902", at, message)
        raise Held
