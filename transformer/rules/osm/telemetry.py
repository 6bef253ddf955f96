"""Telemetry and ExtensionService configure the access log of Open Service Mesh's sidecars, which ends with them.

https://release-v1-2.docs.openservicemesh.io/docs/guides/observability/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import DEGRADED, Fate
from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.osm import fields_of_kinds
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata


@rule(
    id="osm-telemetry",
    kinds=[("policy.openservicemesh.io", "Telemetry"), ("config.openservicemesh.io", "ExtensionService")],
    order=50,
    summary="access logs of sidecars end with them, with a warning",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Drop the objects, unless workloads that they are about stay."""
    telemetries = [obj for obj in objs if obj.ref.kind == "Telemetry"]
    for obj in objs:
        metadata.account(run, obj)
        run.drop(obj)
        if not fields_of_kinds.check(run, obj):
            continue
        what = "the access log" if obj.ref.kind == "Telemetry" else "the service that receives access logs"
        run.say("MS533", obj, f"{what} is not configured for Linkerd's proxies")
        run.mark(obj.spec, Fate(DEGRADED, "MS533"))
        for reached in reach.of(run, obj) if obj.ref.kind == "Telemetry" else ():
            run.units.link(reached.uid, obj.uid)
        for user in telemetries if obj.ref.kind == "ExtensionService" else ():
            named = user.spec.get("accessLog", "openTelemetry", "extensionService")
            if (named.get("namespace").text(), named.get("name").text()) == (obj.namespace, obj.name):
                run.units.link(user.uid, obj.uid)
