"""Whether Open Service Mesh enforces TrafficTargets: its policy mode, and how SMI objects are read in this run.

In permissive mode TrafficTargets are ignored and every meshed client is let in; else nobody is whom no target names.
https://release-v1-2.docs.openservicemesh.io/docs/guides/traffic_management/permissive_mode/
"""

from __future__ import annotations

from typing import NamedTuple

from transformer.objects import Obj, View
from transformer.run import Run

MESH_CONFIG = ("config.openservicemesh.io", "MeshConfig")


class Mode(NamedTuple):
    """The policy mode, and who says so; an empty `told_by` is the assumption."""

    permissive: bool
    told_by: str

    @property
    def name(self) -> str:
        """The mode as the option has it."""
        return "permissive" if self.permissive else "deny-by-default"


def mode(run: Run) -> Mode:
    """MeshConfig decides where there is one, then the option; without either deny-by-default is assumed."""
    configs = mesh_configs(run)
    if configs:
        # The field's zero value is false; of several objects a single one that denies is the safe one to believe.
        closed = [obj for obj in configs if _permissive(obj).value() is not True]
        return Mode(not closed, str((closed or configs)[0].ref))
    said: str = run.options["mesh.osm-policy-mode"]
    return Mode(said == "permissive", "the option mesh.osm-policy-mode" if said else "")


def mesh_configs(run: Run) -> list[Obj]:
    """OSM's MeshConfigs of stream and context."""
    return run.context.objects(*MESH_CONFIG)


def feature(run: Run, name: str) -> bool | None:
    """Whether MeshConfig switches a feature on; None where no MeshConfig is known."""
    configs = mesh_configs(run)
    if not configs:
        return None
    return all(obj.spec.get("featureFlags", name).value() is True for obj in configs)


def egress_open(run: Run) -> bool | None:
    """Whether MeshConfig lets calls out of the mesh pass; None where no MeshConfig is known."""
    configs = mesh_configs(run)
    if not configs:
        return None
    return all(obj.spec.get("traffic", "enableEgress").value() is True for obj in configs)


def is_inert(run: Run, obj: Obj) -> bool:
    """Whether nobody enforces an object of SMI or OSM today."""
    if obj.ref.kind == "TrafficTarget":
        reading = run.options["smi-implementation"]
        return reading == "linkerd-smi" or (reading == "osm" and mode(run).permissive)
    return obj.ref.kind == "Egress" and bool(egress_open(run))


def tell(run: Run, at: Obj) -> None:
    """Say once which readings this run uses."""
    found = mode(run)
    said = f"{found.name} mode ({found.told_by})" if found.told_by else f"{found.name} mode, which is assumed"
    run.once(
        "MS510", at, f"SMI objects are read as {run.options['smi-implementation']} reads them, in {said}"
    )


def _permissive(obj: Obj) -> View:
    return obj.spec.get("traffic", "enablePermissiveTrafficPolicyMode")
