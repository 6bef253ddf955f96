"""Istio's MeshConfig where a manifest shows it: ConfigMap `istio`, IstioOperator, and the objects of its two operators.

https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/ (istio-surface §9).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from transformer.objects import Obj, View
from transformer.run import Run
from transformer.stream import nodes

OPERATOR = ("install.istio.io", "IstioOperator")
_SAIL = ("sailoperator.io", "Istio")
_MAISTRA = ("maistra.io", "ServiceMeshControlPlane")


class MeshConfig(NamedTuple):
    """One configuration of stream or context: its object and its fields; `values` is None where it cannot be read."""

    obj: Obj
    values: dict[str, Any] | None


def found(run: Run) -> list[MeshConfig]:
    """Every configuration that stream or context show, in order; read once per run."""
    if "mesh-configs" not in run.memo:
        run.memo["mesh-configs"] = list(_read(run))
    configs: list[MeshConfig] = run.memo["mesh-configs"]
    return configs


def registry_only(run: Run) -> bool:
    """Whether the mesh refuses hosts that it does not know: by the option, or by any configuration that is seen.

    The zero value of the mode is REGISTRY_ONLY, so a block without one refuses. What only the stream says counts too:
    taking the option's default instead would open what is closed.
    """
    if run.options["mesh.outbound-policy"] == "registry-only":
        return True
    return any(refuses(config.values or {}) for config in found(run))


def refuses(values: dict[str, Any]) -> bool:
    """Whether a configuration refuses unknown hosts; without the block Istio lets them pass."""
    policy = values.get("outboundTrafficPolicy")
    return policy is not None and not (isinstance(policy, dict) and policy.get("mode") == "ALLOW_ANY")


def exported_by_default(run: Run, key: str) -> list[str]:
    """The default of `exportTo` by the field of the configuration; `*` where none says otherwise."""
    for config in found(run):
        value = (config.values or {}).get(key)
        if isinstance(value, list) and value and value != ["*"]:
            return [str(entry) for entry in value]
    return ["*"]


def _read(run: Run) -> Iterator[MeshConfig]:
    seen: set[int] = set()
    for obj in run.context.touching("", "ConfigMap"):
        mesh = obj.view.get("data", "mesh")
        ours = obj.namespace in (run.options["mesh.root-namespace"], "istio-system", "")
        named = obj.name == "istio" or obj.name.startswith("istio-")
        if ours and named and mesh.text() and obj.uid not in seen:
            seen.add(obj.uid)
            yield MeshConfig(obj, _parsed(mesh.text()))
    for obj in run.context.objects(*OPERATOR):
        yield MeshConfig(
            obj, _mapping(obj.spec.get("values", "meshConfig")) | _mapping(obj.spec.get("meshConfig"))
        )
    for obj in run.context.objects(*_SAIL):
        yield MeshConfig(obj, _mapping(obj.spec.get("values", "meshConfig")))
    for obj in run.context.objects(*_MAISTRA):
        # OpenShift Service Mesh has words of its own; the rest of its settings is not read.
        mode = obj.spec.get("proxy", "networking", "trafficControl", "outbound", "policy").text()
        yield MeshConfig(obj, {"outboundTrafficPolicy": {"mode": mode}} if mode else {})


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        tree = nodes.parse(text)
    except nodes.ParseError:
        return None  # told as unreadable
    value = nodes.to_value(tree.root) if tree.root is not None else {}
    return value if isinstance(value, dict) else None


def _mapping(view: View) -> dict[str, Any]:
    value = view.value()
    return value if isinstance(value, dict) else {}
