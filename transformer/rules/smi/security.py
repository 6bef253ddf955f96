"""SMI access objects are held with the workloads of the ServiceAccounts that they name (smi-osm-surface §1.5).

Whether a TrafficTarget is enforced depends on OSM's permissive mode, which no manifest of an application tells; until it
is translated the workloads that it speaks of stay with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.registry import rule
from transformer.run import Run

_SPECS = "specs.smi-spec.io"


@rule(
    id="smi-security",
    kinds=reach.SMI_KINDS,
    order=30,
    summary="access policies are held with the workloads of the ServiceAccounts that they name",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every TrafficTarget of the stream, its route groups, and the workloads behind its destination."""
    for obj in objs:
        run.account(obj, [obj.view])
        run.drop(obj)
        if not run.hold("MS400", obj, f"{obj.ref.kind} is enforced by Open Service Mesh's sidecar only"):
            run.mark(obj.view, Fate(ACCEPTED, "MS400"))
        for reached in reach.of(run, obj):
            run.units.link(obj.uid, reached.uid)
            run.units.link(reached.uid, obj.uid)
        for group in _route_groups(run, obj):
            run.units.link(obj.uid, group.uid)
            run.memo.setdefault("route-group-users", {}).setdefault(group.uid, []).append(obj)


def _route_groups(run: Run, obj: Obj) -> Iterator[Obj]:
    body = obj.spec if obj.spec else obj.view
    for name in ("rules", "specs"):
        for entry in body.get(name).each():
            found = run.context.find(
                _SPECS, entry.get("kind").text(), obj.namespace, entry.get("name").text()
            ).obj
            if found is not None and not found.context:
                yield found
