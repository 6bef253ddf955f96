"""Access objects of Open Service Mesh are held with the workloads of their namespaces: only its sidecar enforces them.

Without them OSM refuses egress and ingress that Linkerd lets pass. https://release-v1-2.docs.openservicemesh.io/docs/guides/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="osm-security",
    kinds=reach.OSM_KINDS,
    order=30,
    summary="egress, ingress and limits are held with the workloads of their namespaces",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every access object of the stream; what it reaches follows through the units."""
    for obj in objs:
        run.account(obj, [obj.view])
        run.drop(obj)
        if not run.hold("MS400", obj, f"{obj.ref.kind} is enforced by Open Service Mesh's sidecar only"):
            run.mark(obj.view, Fate(ACCEPTED, "MS400"))
        for reached in reach.of(run, obj):
            run.units.bind([obj.uid, reached.uid])
