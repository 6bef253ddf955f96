"""Egress objects of Open Service Mesh are held with the workloads of their namespaces, as are kinds of its forks.

Egress counts only where MeshConfig closes the way out of the mesh. Linkerd's EgressNetwork is for a whole namespace and
cannot tell one ServiceAccount from another, and it leaves open what OSM closes too: addresses of the cluster without sidecar.
https://release-v1-2.docs.openservicemesh.io/docs/guides/traffic_management/egress/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import ACCEPTED, NO_OP, Fate
from transformer.objects import Obj
from transformer.rules import osm_mode, reach
from transformer.rules.osm import fields_of_kinds
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata

_POLICY, _CONFIG = "policy.openservicemesh.io", "config.openservicemesh.io"
#: Kinds that osm-edge added to the API groups of Open Service Mesh.
FORKS = tuple(
    (_POLICY, kind) for kind in ("AccessControl", "AccessCert", "EgressGateway", "TrafficWarmup")
) + tuple((_CONFIG, kind) for kind in ("PluginConfig", "PluginChain", "Plugin", "GlobalTrafficPolicy"))


@rule(
    id="osm-security",
    kinds=[(_POLICY, "Egress"), *FORKS],
    order=30,
    summary="egress policies are held with the workloads of their namespaces, as are kinds of forks",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every access object of the stream; what it reaches follows through the units."""
    for obj in objs:
        if osm_mode.is_inert(run, obj):
            _without_effect(run, obj)
        elif obj.ref.kind == "Egress":
            reach.hold_all(run, [obj], "is enforced by Open Service Mesh's sidecar only")
        else:
            _hold_fork(run, obj)


def _without_effect(run: Run, obj: Obj) -> None:
    """MeshConfig lets every call out of the mesh pass."""
    metadata.account(run, obj)
    run.drop(obj)
    if fields_of_kinds.check(run, obj):
        run.say(
            "MS539", obj, "enableEgress is true in MeshConfig, so OSM lets every call out of the mesh pass"
        )
    run.mark(obj.spec, Fate(NO_OP, "MS539"))


def _hold_fork(run: Run, obj: Obj) -> None:
    run.account(obj, [obj.view])
    run.drop(obj)
    if not run.hold("MS544", obj, f"{obj.ref.kind} is a kind of osm-edge, not of Open Service Mesh"):
        run.mark(obj.view, Fate(ACCEPTED, "MS544"))
    for reached in reach.of(run, obj):
        run.units.bind([obj.uid, reached.uid])
