"""Whether callers need a mesh identity today: PeerAuthentication where it is known, else a fact.

A namespace's setting overrides the root namespace's, UNSET inherits, and one with a selector is for a workload.
https://istio.io/latest/docs/reference/config/security/peer_authentication/
"""

from __future__ import annotations

from transformer.objects import Obj
from transformer.run import Run

STRICT, PERMISSIVE = "strict", "permissive"


def posture(run: Run, namespace: str, at: Obj) -> str:
    """`strict`, `permissive`, or empty where the fact is missing (the run then asks for it)."""
    for place in (namespace, run.options["mesh.root-namespace"]):
        modes = {
            found.spec.get("mtls", "mode").text() or "UNSET"
            for found in run.context.objects("security.istio.io", "PeerAuthentication")
            if found.namespace == place and not list(found.spec.get("selector", "matchLabels").items())
        }
        if len(modes) == 1 and modes != {"UNSET"}:
            return STRICT if modes == {"STRICT"} else PERMISSIVE
        if "STRICT" in modes:
            return STRICT  # which of several is in effect depends on their age: take the safe one
    return run.fact(
        "mesh.mtls",
        at,
        f"{at.ref} joins Linkerd: where the mesh requires mutual TLS today its proxies must refuse callers without a "
        "mesh identity (all-authenticated), else they accept them (Open Service Mesh always requires it: strict)",
    )
