"""Istio's own configuration (ConfigMap `istio`, IstioOperator) is compared with what this run assumes.

It passes unchanged: it belongs to the old mesh's install. A stricter outbound policy is taken over; a setting that
changes what other objects mean holds these; what remains is named once.
https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules import mesh_config
from transformer.rules.mesh_config import MeshConfig
from transformer.rules.registry import rule
from transformer.run import Run

_NETWORKING = "networking.istio.io"
#: Told by findings of their own, or compared.
_HANDLED = frozenset({
    "outboundTrafficPolicy", "rootNamespace", "trustDomain", "defaultVirtualServiceExportTo",
    "defaultDestinationRuleExportTo", "defaultServiceExportTo", "pathNormalization", "discoverySelectors",
})  # fmt: skip
_PATHS_AS_TRANSLATED = frozenset({"", "DEFAULT", "BASE", "NONE"})


class Setting(NamedTuple):
    """A setting that is not honoured: its sentence, and which objects of the stream depend on it."""

    message: str
    concerns: Callable[[Obj], bool]


@rule(
    id="mesh-settings",
    kinds=[
        ("", "ConfigMap"), mesh_config.OPERATOR, ("", "Namespace"), *WORKLOAD_KINDS, (_NETWORKING, "VirtualService"),
        (_NETWORKING, "DestinationRule"), (_NETWORKING, "ServiceEntry"),
        ("security.istio.io", "AuthorizationPolicy"), ("security.istio.io", "PeerAuthentication"),
    ],
    order=20,
    summary="Istio's mesh configuration is compared with the options that stand for it; settings that change what "
    "other objects mean hold them",
)  # fmt: skip
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Compare every configuration of Istio's control plane, of stream or context, with what the run assumes."""
    for config in mesh_config.found(run):
        settings = list(_not_honoured(run, config))
        for setting in settings:
            _hold(run, config.obj, setting)
        if config.values is None or config.obj.context:
            continue
        contradiction = _outbound(run, config.values)
        if contradiction:
            run.say("MS332", config.obj, contradiction)
        elif not settings:
            keys = ("mesh.outbound-policy", "mesh.root-namespace", "mesh.cluster-domain")
            assumed = ", ".join(f"{key} {run.options[key]}" for key in keys)
            run.once(
                "MS333",
                config.obj,
                f"not migrated; this run assumes {assumed}{_trust_domain(config.values)}",
            )
        _tell(run, config.obj, config.values)


def _hold(run: Run, obj: Obj, setting: Setting) -> None:
    concerned = [
        other
        for other in run.objects.values()
        if not other.context and other is not obj and setting.concerns(other)
    ]
    if not concerned:
        # A stream of the control plane alone: nothing in it is read wrongly.
        if not obj.context:
            run.say("MS332", obj, setting.message)
        return
    run.objects.setdefault(obj.uid, obj)
    if run.hold("MS806", obj, setting.message):
        for other in concerned:
            run.units.link(obj.uid, other.uid)


def _outbound(run: Run, values: dict[str, Any]) -> str:
    """The contradiction between a configuration and the option; the stricter of the two is in effect."""
    policy = values.get("outboundTrafficPolicy")
    if policy is None:
        return ""
    mode = policy.get("mode") if isinstance(policy, dict) else policy
    assumed = run.options["mesh.outbound-policy"]
    if mesh_config.refuses(values) == (assumed == "registry-only"):
        return ""
    return f"outboundTrafficPolicy is {mode} here, mesh.outbound-policy says {assumed}: this run takes registry-only"


def _not_honoured(run: Run, config: MeshConfig) -> Iterator[Setting]:
    values = config.values
    if values is None:
        yield Setting("the mesh configuration cannot be read", _everything)
        return
    root, named = run.options["mesh.root-namespace"], values.get("rootNamespace")
    if named is not None and named != root:
        yield Setting(
            f"rootNamespace is {named}, this run assumes mesh.root-namespace {root}: policies of {named} are for the "
            f"whole mesh, those of {root} are not", _everything,
        )  # fmt: skip
    for key, kind in (
        ("defaultVirtualServiceExportTo", "VirtualService"),
        ("defaultDestinationRuleExportTo", "DestinationRule"),
    ):
        if values.get(key) not in (None, [], ["*"]):
            yield Setting(
                f"{key} is {values[key]}: a {kind} without exportTo is not for all clients", _unexported(kind)
            )
    normalization = values.get("pathNormalization")
    form = normalization.get("normalization") if isinstance(normalization, dict) else normalization
    if run.options["authorization"] == "translate" and str(form or "") not in _PATHS_AS_TRANSLATED:
        yield Setting(
            f"pathNormalization is {form}: Istio's proxies merge slashes before policies see a path, Linkerd's do not",
            lambda obj: obj.ref.kind == "AuthorizationPolicy",
        )
    if mesh_config.registry_only(run):
        yield from _hidden_services(values)


def _hidden_services(values: dict[str, Any]) -> Iterator[Setting]:
    """Under REGISTRY_ONLY a Service that is not made known is refused; Linkerd's clients reach every Service."""
    if values.get("discoverySelectors"):
        yield Setting(
            "discoverySelectors: Services of other namespaces are not known and refused today", _client
        )
    if values.get("defaultServiceExportTo") not in (None, [], ["*"]):
        yield Setting(
            f"defaultServiceExportTo is {values['defaultServiceExportTo']}: Services of other namespaces are refused today",
            _client,
        )


def _everything(obj: Obj) -> bool:
    return _client(obj) or (
        obj.ref.group.endswith(".istio.io") and (obj.ref.group, obj.ref.kind) != mesh_config.OPERATOR
    )


def _client(obj: Obj) -> bool:
    kind = (obj.ref.group, obj.ref.kind)
    return kind in WORKLOAD_KINDS or kind == ("", "Namespace")


def _unexported(kind: str) -> Callable[[Obj], bool]:
    return lambda obj: (
        (obj.ref.group, obj.ref.kind) == (_NETWORKING, kind) and not list(obj.spec.get("exportTo").each())
    )


def _tell(run: Run, obj: Obj, values: dict[str, Any]) -> None:
    others = sorted(key for key, value in values.items() if key not in _HANDLED and value is not None)
    normal = values.get("pathNormalization")
    others += ["pathNormalization"] if normal is not None else []
    if others:
        run.once(
            "MS807",
            obj,
            f"{', '.join(others)}: settings of Istio's proxies and control plane",
            about=str(obj.ref),
        )


def _trust_domain(mesh: dict[str, Any]) -> str:
    named = mesh.get("trustDomain")
    return f"; identities of trust domain {named} end with the old mesh" if named is not None else ""
