"""How Argo Rollouts shifts weights: in VirtualServices by itself, in HTTPRoutes through the Gateway API plugin.

Written from argo-rollouts rollout/trafficrouting/istio/istio.go and rollouts-plugin-trafficrouter-gatewayapi
pkg/plugin/plugin.go and httproute.go.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Json = dict[str, Any]


def shift_virtual_service(virtual: Json, routes: list[str], pair: tuple[Json, Json], weight: int) -> Json:
    """The VirtualService with `weight` for the canary; `pair` are the destinations of the stable and canary version."""
    shifted = deepcopy(virtual)
    rules = shifted["spec"]["http"]
    named = [rule for rule in rules if rule.get("name") in routes] if routes else rules[:1]
    for rule in named:
        for entry in rule["route"]:
            entry["weight"] = weight if entry["destination"] == pair[1] else 100 - weight
    return shifted


def plugin_configuration(rollout: Json) -> Json:
    """What the Rollout hands to the plugin; a KeyError where it does not."""
    found: Json = rollout["spec"]["strategy"]["canary"]["trafficRouting"]["plugins"][
        "argoproj-labs/gatewayAPI"
    ]
    return found


def shift_routes(rollout: Json, objects: list[Json], weight: int) -> list[Json]:
    """All objects, the HTTPRoutes of the plugin's configuration with `weight` for the canary Service.

    Raises LookupError where the plugin reports that a route, or one of the two Services in it, is not found.
    """
    config, canary = plugin_configuration(rollout), rollout["spec"]["strategy"]["canary"]
    names = [one["name"] for one in config.get("httpRoutes", [])] + [
        config[key] for key in ("httpRoute",) if key in config
    ]
    namespace = config.get("namespace", rollout["metadata"].get("namespace"))
    shifted = deepcopy(objects)
    for name in names:
        (route,) = [
            one
            for one in shifted
            if one["kind"] == "HTTPRoute"
            and one["apiVersion"] == "gateway.networking.k8s.io/v1"
            and (one["metadata"].get("namespace"), one["metadata"]["name"]) == (namespace, name)
        ]
        _shift(route, canary["stableService"], canary["canaryService"], weight)
    return shifted


def _shift(route: Json, stable: str, canary: str, weight: int) -> None:
    seen = set()
    for rule in route["spec"]["rules"]:
        backends = rule.get("backendRefs", [])
        if len(backends) == 1 and backends[0]["name"] == canary:
            continue  # taken for a rule that the plugin has added
        for backend in backends:
            if backend["name"] in (stable, canary):
                backend["weight"] = weight if backend["name"] == canary else 100 - weight
                seen.add(backend["name"])
    if seen != {stable, canary}:
        raise LookupError(f"{route['metadata']['name']} lacks {stable} or {canary}")
