"""Pods that move although policies for them may be rendered elsewhere: Istio's sidecar enforces these, and it goes.

Told where neither the stream nor a declaration shows that there are none; a policy that is here is held by its own rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.final_findings import of_run
from transformer.findings import Finding
from transformer.objects import Obj
from transformer.run import Run
from transformer.settle import Settlement

_OSM = "openservicemesh.io/"
_SHOWN = 3


def findings(run: Run, settlement: Settlement) -> Iterator[Finding]:
    """One finding for all namespaces of which pods leave Istio and which, with the root namespace, are not all there."""
    if not run.stage.flips:
        return
    root = run.options["mesh.root-namespace"]
    moving = [obj for uid, obj in run.clients.items() if uid not in settlement.held and not _is_osm(obj)]
    spaces = sorted({obj.name if obj.ref.kind == "Namespace" else obj.namespace for obj in moving})
    unseen = [space for space in spaces if not run.context.is_complete(space)]
    if not run.context.is_complete(root):
        unseen.append(root)
    if not spaces or not unseen:
        return
    names = [space or "the release" for space in dict.fromkeys(unseen)]
    last = names[-1] if len(names) <= _SHOWN else f"{len(names) - _SHOWN + 1} more"
    shown = " and ".join(filter(None, (", ".join(names[: min(len(names), _SHOWN) - 1]), last)))
    message = f"nothing says that all policies of {shown} are here: others would be lost with the sidecar that enforces them"
    yield of_run("MS439", message)


def _is_osm(obj: Obj) -> bool:
    """Whether the pods are Open Service Mesh's, which lets in whom a TrafficTarget names."""
    return any(key.startswith(_OSM) for key in (*obj.labels, *obj.annotations))
