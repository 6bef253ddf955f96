"""Objects of `policy.linkerd.io` that stand for policies of the old mesh, as this phase of the migration has them.

https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

from typing import Any

from transformer.objects import Obj
from transformer.rules.workload import posture
from transformer.rules.workload.enforcement import ENFORCED_ACCESS
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.linkerd import inbound_policy


def own_identities(run: Run) -> str:
    """The pattern of all identities of the mesh's own trust domain, as this Linkerd install writes them."""
    control_plane = run.options["linkerd-install.control-plane-namespace"]
    return inbound_policy.own_identities(control_plane, run.options["linkerd-install.trust-domain"])


def as_object(
    run: Run, made: inbound_policy.Object, source: Obj, namespace: str, *, beside: Obj | None = None
) -> dict[str, Any]:
    """A whole object, derived from `source`; while policies only audit, a Server lets everybody in and logs.

    `beside` is the object whose labels it has where the source is somebody else's.
    """
    meta = metadata.metadata(beside or source, made.name, namespace=namespace)
    meta["annotations"][metadata.MARKER] = metadata.marker(source)
    spec = made.spec
    if made.kind == "Server" and run.stage.audits:
        if "accessPolicy" in spec:
            meta["annotations"][ENFORCED_ACCESS] = spec["accessPolicy"]
        spec = {**spec, "accessPolicy": posture.AUDIT}
    return {"apiVersion": made.api_version, "kind": made.kind, "metadata": meta, "spec": spec}
