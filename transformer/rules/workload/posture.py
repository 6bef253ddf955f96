"""Whether callers need a mesh identity today: PeerAuthentication where it is known, else a fact.

A namespace's setting overrides the root namespace's, UNSET inherits, and one with a selector is for a workload.
https://istio.io/latest/docs/reference/config/security/peer_authentication/
"""

from __future__ import annotations

from transformer.objects import Obj, View
from transformer.rules.workload import injection_settings, revisions
from transformer.rules.workload.injection_settings import AUTHENTICATED, DEFAULT_POLICY
from transformer.run import Run

STRICT, PERMISSIVE = "strict", "permissive"
#: Beside a policy that only audits: the one that `phase: enforce` puts in its place.
ENFORCED = "meshshift.dev/default-inbound-policy"
AUDIT = "audit"
#: Values that already refuse callers without a mesh identity.
CLOSED = frozenset({AUTHENTICATED, "cluster-authenticated", "deny"})


def posture(run: Run, namespace: str, at: Obj) -> str:
    """`strict`, `permissive`, or empty where the fact is missing (the run then asks for it)."""
    if not run.options["mesh.mtls"] and _is_osm(run, namespace):
        return STRICT  # its sidecars accept connections of the mesh only, also in permissive mode (osm pkg/envoy)
    for place in (namespace, run.options["mesh.root-namespace"]):
        modes = {
            found.spec.get("mtls", "mode").text() or "UNSET"
            for found in run.context.objects("security.istio.io", "PeerAuthentication")
            if found.namespace == place
            and not list(found.spec.get("selector", "matchLabels").items())
            # One of another revision weakens nothing; while it may require mutual TLS, that counts.
            and (found.spec.get("mtls", "mode").text() == STRICT.upper() or not revisions.unread(run, found))
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


def _is_osm(run: Run, namespace: str) -> bool:
    """Whether the Namespace belongs to Open Service Mesh, and not to Istio."""
    found: dict[str, bool] | None = run.memo.get("namespaces-of-osm")
    if found is None:
        found = run.memo["namespaces-of-osm"] = {
            name: setting.monitored and not setting.sidecar and not setting.ambient
            for name, setting in injection_settings.of_namespaces(run).items()
        }  # fmt: skip
    return found.get(namespace, False)


def inbound(run: Run, policy: str) -> dict[str, str]:
    """Annotations for a default inbound policy: itself, or while policies only audit, `audit` with a note of it."""
    if run.stage.audits:
        return {DEFAULT_POLICY: AUDIT, ENFORCED: policy}
    return {DEFAULT_POLICY: policy}


def in_effect(annotations: View) -> str:
    """The default inbound policy that the annotations mean, once it is enforced; empty where none is written."""
    written = annotations.get(DEFAULT_POLICY).text()
    return annotations.get(ENFORCED).text() or written if written == AUDIT else written
