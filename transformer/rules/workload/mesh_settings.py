"""Istio's own configuration in the stream (ConfigMap `istio`, IstioOperator) is compared with the options of the run.

It passes unchanged: it belongs to the old mesh's install. What the options assume is named.
https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from transformer.objects import Obj
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.stream import nodes

_OPERATOR = ("install.istio.io", "IstioOperator")
_POLICIES = {"ALLOW_ANY": "allow-any", "REGISTRY_ONLY": "registry-only"}


@rule(
    id="mesh-settings",
    kinds=[("", "ConfigMap"), _OPERATOR],
    order=20,
    summary="Istio's mesh configuration is compared with the options that stand for it",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Compare every configuration of Istio's control plane with the options."""
    for obj in objs:
        mesh = obj.view.get("data", "mesh")
        ours = obj.namespace in (run.options["mesh.root-namespace"], "")
        if (obj.ref.group, obj.ref.kind) == _OPERATOR:
            _compare(run, obj, obj.spec.get("meshConfig").value())
        elif ours and (obj.name == "istio" or obj.name.startswith("istio-")) and mesh.text():
            _compare(run, obj, _read(mesh.text()))


def _read(text: str) -> Any:
    try:
        tree = nodes.parse(text)
        return nodes.to_value(tree.root) if tree.root is not None else {}
    except nodes.ParseError:
        return None  # told as unreadable


def _compare(run: Run, obj: Obj, mesh: Any) -> None:
    if mesh is not None and not isinstance(mesh, dict):
        mesh = None
    if mesh is None and obj.ref.kind == "ConfigMap":
        run.say("MS332", obj, "the mesh configuration cannot be read, so it is not compared with the options")
        return
    contradictions = list(_contradictions(run, mesh or {}))
    for message in contradictions:
        run.say("MS332", obj, message)
    if not contradictions:
        keys = ("mesh.outbound-policy", "mesh.root-namespace", "mesh.cluster-domain")
        assumed = ", ".join(f"{key} {run.options[key]}" for key in keys)
        run.once("MS333", obj, f"not migrated; this run assumes {assumed}{_trust_domain(mesh or {})}")


def _contradictions(run: Run, mesh: dict[str, Any]) -> Iterator[str]:
    policy = mesh.get("outboundTrafficPolicy")
    mode = policy.get("mode") if isinstance(policy, dict) else None
    assumed = run.options["mesh.outbound-policy"]
    if mode is not None and _POLICIES.get(str(mode), str(mode)) != assumed:
        yield f"outboundTrafficPolicy is {mode} here, this run assumes mesh.outbound-policy {assumed}"
    root, named = run.options["mesh.root-namespace"], mesh.get("rootNamespace")
    if named is not None and named != root:
        yield f"rootNamespace is {named} here, this run assumes mesh.root-namespace {root}"


def _trust_domain(mesh: dict[str, Any]) -> str:
    found = mesh.get("trustDomain")
    return f"; identities of trust domain {found} end with the old mesh" if found is not None else ""
