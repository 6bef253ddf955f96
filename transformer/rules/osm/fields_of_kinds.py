"""Fields of Open Service Mesh's kinds (definitions of its last release), and the check of an object before a rule reads it."""

from __future__ import annotations

from functools import cache
from typing import Any

from transformer.ledger import NO_OP, Fate
from transformer.objects import Obj
from transformer.rules import fields
from transformer.run import Run

_LIMIT = "unit: second|minute|hour, burst: int, responseStatusCode: int, responseHeadersToAdd: [{name*: str, value*: str}]"
_SERVICE = "rateLimitService*: {host*: str, port*: int}, domain*: str, timeout: str, failOpen: bool"
SHAPES = {
    "Retry": "{source*: {kind*: str, name*: str, namespace*: str}, destinations*: [{kind*: str, name*: str, namespace*: str}], "
    "retryPolicy*: {retryOn: str, perTryTimeout: str, numRetries: int, retryBackoffBaseInterval: str}}",
    "UpstreamTrafficSetting": "{host*: str, connectionSettings: {tcp: {maxConnections: int, connectTimeout: str}, http: "
    "{maxRequests: int, maxRequestsPerConnection: int, maxPendingRequests: int, maxRetries: int}}, rateLimit: {local: {tcp: "
    f"{{connections: int, unit: second|minute|hour, burst: int}}, http: {{requests: int, {_LIMIT}}}}}, global: {{tcp: "
    f"{{{_SERVICE}, descriptors*: [any]}}, http: {{{_SERVICE}, descriptors: [any], enableXRateLimitHeaders: bool, "
    f"responseStatusCode: int}}}}}}, httpRoutes: [{{path: str, rateLimit: {{local: {{requests: int, {_LIMIT}}}, "
    "global: {descriptors*: [any]}}}]}",
    "Telemetry": "{selector: any, accessLog: {format: str, openTelemetry: {extensionService*: {namespace*: str, name*: str}, "
    "attributes: any}}}",
    "ExtensionService": "{host*: str, port*: int, protocol: str, connectTimeout: str}",
    "Egress": "{sources*: [{kind*: ServiceAccount, name*: str, namespace*: str}], hosts: [str], ipAddresses: [str], "
    "ports*: [{number*: int, protocol*: str}], matches: [{apiGroup*: str, kind*: str, name*: str}]}",
}
_PARTS = ("apiVersion", "kind", "metadata", "spec", "status")


@cache
def shape(kind: str) -> Any:
    """The shape of a kind's spec."""
    return fields.parse(SHAPES[kind])


def check(run: Run, obj: Obj) -> bool:
    """Compare an object with its kind: unknown fields are told and have no effect, malformed ones hold it (then false)."""
    if not obj.spec.is_mapping:
        return not run.hold("MS004", obj, "has no spec")
    beside = [
        fields.Problem(field, True, "is not a field of this kind")
        for key, field in obj.view.items()
        if key not in _PARTS
    ]
    sound = True
    for problem in (*beside, *fields.check(obj.spec, shape(obj.ref.kind))):
        if problem.pruned:
            run.say("MS005", problem.at, f"{problem.why}; the API server drops it, so it has no effect")
            run.mark(problem.at, Fate(NO_OP, "MS005"))
        else:
            sound = not run.hold("MS004", problem.at, problem.why) and sound
    return sound
