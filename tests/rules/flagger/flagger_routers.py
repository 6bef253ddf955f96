"""What Flagger writes for a Canary at rest: its routers for Istio and for Gateway API, as plain objects.

Written from https://github.com/fluxcd/flagger/blob/main/pkg/router/ istio.go, gateway_api.go and kubernetes_default.go.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Json = dict[str, Any]


def services(canary: Json) -> list[Json]:
    """The apex, primary and canary Services; the apex one selects the primary's pods."""
    service = canary["spec"]["service"]
    port = {"name": service.get("portName", "http"), "port": service["port"], "targetPort": service["port"]}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**_identity(canary, suffix), **(service.get("apex", {}) if not suffix else {})},
            "spec": {"selector": {"app": "cart"}, "ports": [port]},
        }
        for suffix in ("", "-primary", "-canary")
    ]


def virtual_service(canary: Json) -> Json:
    """The VirtualService of the provider istio."""
    service = canary["spec"]["service"]
    apex = _identity(canary)["name"]
    common = {
        key: service[key]
        for key in ("rewrite", "timeout", "retries", "corsPolicy", "headers")
        if key in service
    }
    both = [_destination(f"{apex}-primary", 100), _destination(f"{apex}-canary", 0)]
    rest = service.get("match", [])
    rules: list[Json] = [{**_matching(rest), **common, "route": both}]
    testers = canary["spec"].get("analysis", {}).get("match", [])
    if testers:
        merged = [{**match, **tester} for tester in testers for match in rest] if rest else testers
        rules = [
            {**_matching(merged), **common, "route": both},
            {**_matching(rest), **common, "route": both[:1]},
        ]
    hosts = list(service.get("hosts", []))
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": _identity(canary),
        "spec": {
            "hosts": hosts if apex in hosts else [*hosts, apex],
            "gateways": service.get("gateways", ["mesh"]),
            "http": rules,
        },
    }


def http_route(canary: Json) -> Json:
    """The HTTPRoute of the provider gatewayapi:v1; raises ValueError where Flagger refuses."""
    service = canary["spec"]["service"]
    apex = _identity(canary)["name"]
    filters = [
        {"type": f"{side.title()}HeaderModifier", f"{side}HeaderModifier": _modifier(changes)}
        for side, changes in sorted(service.get("headers", {}).items())
    ]
    extra: Json = {"filters": filters} if filters else {}
    if "timeout" in service:
        extra["timeouts"] = {"request": service["timeout"]}
    both = [_backend(f"{apex}-primary", service["port"], 100), _backend(f"{apex}-canary", service["port"], 0)]
    rest = [_match(match) for match in service.get("match", [])] or [
        {"path": {"type": "PathPrefix", "value": "/"}}
    ]
    rules: list[Json] = [{"matches": rest, **extra, "backendRefs": both}]
    testers = [_match(match) for match in canary["spec"].get("analysis", {}).get("match", [])]
    if testers:
        merged = [{**match, **tester} for tester in testers for match in rest]
        rules = [
            {"matches": merged, **extra, "backendRefs": both},
            {"matches": rest, **extra, "backendRefs": both[:1]},
        ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {**_identity(canary), **deepcopy(service.get("apex", {}))},
        "spec": {"parentRefs": service["gatewayRefs"], "hostnames": service.get("hosts", []), "rules": rules},
    }


def _identity(canary: Json, suffix: str = "") -> Json:
    spec = canary["spec"]
    name = spec["service"].get("name", spec["targetRef"]["name"])
    return {"name": f"{name}{suffix}", "namespace": canary["metadata"]["namespace"]}


def _matching(matches: list[Json]) -> Json:
    return {"match": matches} if matches else {}


def _destination(host: str, weight: int) -> Json:
    return {"destination": {"host": host}, "weight": weight}


def _backend(name: str, port: int, weight: int) -> Json:
    return {"group": "", "kind": "Service", "name": name, "port": port, "weight": weight}


def _modifier(changes: Json) -> Json:
    found: Json = {
        kind: [{"name": name, "value": value} for name, value in sorted(changes[kind].items())]
        for kind in ("set", "add")
        if kind in changes
    }
    return found | ({"remove": changes["remove"]} if "remove" in changes else {})


def _match(match: Json) -> Json:
    out: Json = {}
    uri = match.get("uri", {})
    for kind, name in (("regex", "RegularExpression"), ("exact", "Exact"), ("prefix", "PathPrefix")):
        if kind in uri:
            out["path"] = {"type": name, "value": uri[kind]}
            break
    if "method" in match:
        out["method"] = match["method"]["exact"]
    for name, key in (("headers", "headers"), ("queryParams", "queryParams")):
        conditions = [_condition(header, value) for header, value in match.get(name, {}).items()]
        if conditions:
            out[key] = conditions
    return out


def _condition(name: str, value: Json) -> Json:
    if "exact" in value:
        return {"name": name, "type": "Exact", "value": value["exact"]}
    if "regex" not in value:
        raise ValueError(f"Gateway API does not support the condition on {name}")
    return {"name": name, "type": "RegularExpression", "value": value["regex"]}
