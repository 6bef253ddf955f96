"""Access objects of Open Service Mesh are held with the workloads of their namespaces: only its sidecar enforces them.

Without them OSM refuses egress and ingress that Linkerd lets pass. https://release-v1-2.docs.openservicemesh.io/docs/guides/
"""

from __future__ import annotations

from collections.abc import Sequence

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
    reach.hold_all(run, objs, "is enforced by Open Service Mesh's sidecar only")
