"""Open Service Mesh's MeshConfig and MeshRootCertificate pass unchanged; what they say about traffic holds what moves.

They belong to the mesh's install, and are as often context as part of the stream.
https://release-v1-2.docs.openservicemesh.io/docs/api_reference/config/v1alpha2/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.ledger import DEGRADED, NO_OP, Fate
from transformer.objects import Obj, View
from transformer.rules import egress, osm_mode
from transformer.rules.registry import rule
from transformer.rules.workload import injection_settings as settings
from transformer.run import Run

_ROOT = ("config.openservicemesh.io", "MeshRootCertificate")
_VERSIONS = ("v1alpha1", "v1alpha2")
#: Lists by which traffic passes by the sidecars, or by which only some of it passes through them.
_LISTS = {
    "outboundIPRangeExclusionList": "calls to these addresses pass by the sidecars",
    "outboundIPRangeInclusionList": "only calls to these addresses pass through the sidecars",
    "outboundPortExclusionList": "calls to these ports pass by the sidecars",
    "inboundPortExclusionList": "calls of these ports pass by the sidecars, and by all policies",
    "networkInterfaceExclusionList": "traffic of these interfaces passes by the sidecars",
}
#: Fields by section, of both versions.
_KNOWN = {
    "sidecar": frozenset((
        "enablePrivilegedInitContainer", "logLevel", "maxDataPlaneConnections", "envoyImage", "envoyWindowsImage",
        "initContainerImage", "resources", "configResyncInterval", "tlsMinProtocolVersion", "tlsMaxProtocolVersion",
        "cipherSuites", "ecdhCurves", "localProxyMode",
    )),
    "traffic": frozenset((
        "enableEgress", "enablePermissiveTrafficPolicyMode", "inboundExternalAuthorization", *_LISTS,
    )),
    "observability": frozenset(("osmLogLevel", "enableDebugServer", "tracing")),
    "certificate": frozenset(("serviceCertValidityDuration", "certKeyBitSize", "ingressGateway")),
    "featureFlags": frozenset((
        "enableWASMStats", "enableEgressPolicy", "enableMulticlusterMode", "enableSnapshotCacheMode", "enableRetryPolicy",
        "enableAsyncProxyServiceMapping", "enableIngressBackendPolicy", "enableEnvoyActiveHealthChecks",
        "enableMeshRootCertificate",
    )),
}  # fmt: skip
_LOST = (("sidecar", "logLevel"), ("sidecar", "resources"), ("sidecar", "maxDataPlaneConnections"),
         ("observability", "tracing"), ("certificate", "ingressGateway"))  # fmt: skip


@rule(
    id="osm-mesh-config",
    kinds=[osm_mode.MESH_CONFIG, _ROOT, ("", "Namespace"), *WORKLOAD_KINDS],
    order=52,
    summary="settings of Open Service Mesh stay as they are; those that decide about traffic hold what moves",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Account for the settings in the stream, and hold what would move away from those that count, wherever they stand."""
    for obj in objs:
        if (obj.ref.group, obj.ref.kind) == _ROOT:
            _pass(run, obj, "Linkerd issues identities of its own, and takes its trust anchor at its install")
    configs = osm_mode.mesh_configs(run)
    if not configs:
        return
    moving = list(_moving(run))
    for config in configs:
        if not config.context:
            _account(run, config)
        if moving:
            _hold(run, config, moving)


def _moving(run: Run) -> Iterator[Obj]:
    """What leaves Open Service Mesh in this run."""
    namespaces = settings.of_namespaces(run)
    for obj in run.clients.values():
        space = obj.name if obj.ref.kind == "Namespace" and not obj.ref.group else obj.namespace
        namespace = namespaces.get(space, settings.NamespaceSetting(None))
        own = obj.ref.kind != "Namespace" and settings.pod_of(obj).annotation(settings.OSM_INJECTION)
        if (namespace.monitored or own) and not obj.context:
            yield obj


def _hold(run: Run, config: Obj, moving: Sequence[Obj]) -> None:
    for at, why in _refusals(run, config, moving):
        run.objects[config.uid] = config
        if run.hold("MS532", at, why):
            for obj in moving:
                run.units.link(config.uid, obj.uid)


def _refusals(run: Run, config: Obj, moving: Sequence[Obj]) -> Iterator[tuple[View | Obj, str]]:
    traffic = config.spec.get("traffic")
    spaces = {
        obj.name if obj.ref.kind == "Namespace" and not obj.ref.group else obj.namespace for obj in moving
    }
    at = traffic.get("enableEgress")
    if at.value() is not True and not all(egress.is_closed(run, space) for space in spaces):
        yield (
            at if at.present else config,
            "calls out of the mesh are refused unless an Egress names them; Linkerd lets them pass",
        )
    authorizer = traffic.get("inboundExternalAuthorization")
    if authorizer.get("enable").value() is True:
        yield authorizer, "every request is put before an external authorizer"
    for name, why in _LISTS.items():
        if list(traffic.get(name).each()):
            yield traffic.get(name), why


def _account(run: Run, config: Obj) -> None:
    if config.ref.version not in _VERSIONS:
        run.account(config, [config.view])
        run.drop(config)
        run.hold(
            "MS544", config, f"{config.ref.api_version} is a version of osm-edge, not of Open Service Mesh"
        )
        return
    for name, field in config.spec.items():
        for key, below in field.items():
            if key not in _KNOWN.get(name, ()):
                run.say(
                    "MS005",
                    below,
                    "is not a field of this place; the API server drops it, so it has no effect",
                )
    lost = [
        found
        for path in _LOST
        if (found := config.spec.get(*path)) and found.get("enable").value() is not False
    ]
    _pass(run, config, "its policy mode and features were read")
    for at in lost:
        run.mark(at, Fate(DEGRADED, "MS531"))
    if lost:
        named = ", ".join(".".join(map(str, at.path[1:])) for at in lost)
        run.say("MS531", config, f"not carried over: {named}")


def _pass(run: Run, obj: Obj, why: str) -> None:
    run.account(obj, [obj.view])
    run.mark(obj.view, Fate(NO_OP, "MS530"))
    run.say("MS530", obj, why)
