"""Sidecar annotations of a pod template and the Linkerd annotations that say the same.

https://istio.io/latest/docs/reference/config/annotations/ , https://linkerd.io/2/reference/proxy-configuration/
Linkerd has no list of what *is* captured, so an Istio allow-list becomes the skipped complement.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from transformer.objects import View
from transformer.rules.workload import port_lists, proxy_config
from transformer.rules.workload.injection_settings import OSM_INJECTION, SIDECAR_INJECT, Pod
from transformer.run import Run
from transformer.stream.patterns import pattern

SKIP_INBOUND = "config.linkerd.io/skip-inbound-ports"
SKIP_OUTBOUND = "config.linkerd.io/skip-outbound-ports"
_TRAFFIC = "traffic.sidecar.istio.io/"
_OSM = "openservicemesh.io/"

_RESOURCES = {
    "sidecar.istio.io/proxyCPU": "config.linkerd.io/proxy-cpu-request",
    "sidecar.istio.io/proxyCPULimit": "config.linkerd.io/proxy-cpu-limit",
    "sidecar.istio.io/proxyMemory": "config.linkerd.io/proxy-memory-request",
    "sidecar.istio.io/proxyMemoryLimit": "config.linkerd.io/proxy-memory-limit",
}
_QUANTITY = pattern(r"^\d+(?:\.\d+)?(?:[numkMGTPE]|[KMGTPE]i|e\d+)?$")
_LOG_LEVELS = {
    "trace": "warn,linkerd=trace,hickory=error",
    "debug": "warn,linkerd=debug,hickory=error",
    "info": "warn,linkerd=info,hickory=error",
    "warning": "warn,hickory=error",
    "warn": "warn,hickory=error",
    "error": "error",
}
#: Keys, or prefixes ending in `*`, of what only concerns the old mesh's own machinery.
_NOT_NEEDED = (
    "sidecar.istio.io/proxyImage", "sidecar.istio.io/proxyImageType", "sidecar.istio.io/discoveryAddress",
    "sidecar.istio.io/rewriteAppHTTPProbers", "sidecar.istio.io/stats*", "sidecar.istio.io/extraStatTags",
    "sidecar.istio.io/agentLogLevel", "sidecar.istio.io/capNetBindService", "sidecar.istio.io/enableCoreDump",
    "sidecar.istio.io/controlPlaneAuthPolicy", "status.sidecar.istio.io/port",
    "readiness.status.sidecar.istio.io/*", "prometheus.istio.io/*", "proxy.istio.io/overrides",
    "ambient.istio.io/redirection", "ambient.istio.io/dns-capture", "istio.io/rev", "openservicemesh.io/metrics",
)  # fmt: skip
_LOST = {
    "sidecar.istio.io/bootstrapOverride": "Envoy's bootstrap was overridden",
    "sidecar.istio.io/componentLogLevel": "Linkerd has one log filter for its proxy",
    "sidecar.istio.io/userVolume": "volumes were mounted into the sidecar",
    "sidecar.istio.io/userVolumeMount": "volumes were mounted into the sidecar",
    _TRAFFIC + "kubevirtInterfaces": "traffic of virtual machines on these interfaces was captured",
    "istio.io/reroute-virtual-interfaces": "traffic of virtual machines on these interfaces was captured",
}


class Held(Exception):
    """The workload stays; the finding has been made."""


class Plan:
    """Annotations to write and to remove, and the fields that decided what is written."""

    def __init__(self) -> None:
        self.write: dict[str, str] = {}
        self.renames: dict[str, str] = {}
        self.remove: list[str] = []
        self.decided: list[View] = []

    def put(self, key: str, value: str, *sources: View) -> None:
        """Write an annotation in place of its sources."""
        self.write[key] = value
        if len(sources) == 1:
            self.renames[key] = str(sources[0].path[-1])
        self.drop(*sources)
        self.decided += sources

    def drop(self, *sources: View) -> None:
        """Remove annotations."""
        self.remove += [str(source.path[-1]) for source in sources]


def old_mesh_key(key: str) -> bool:
    """Whether a label or annotation belongs to Istio or OSM."""
    domain, slash, _ = key.partition("/")
    owned = domain in ("istio.io", "openservicemesh.io") or domain.endswith(
        (".istio.io", ".openservicemesh.io")
    )
    return key == "istio-injection" or bool(slash and owned)


def translate(run: Run, pod: Pod, plan: Plan) -> None:
    """Enter every sidecar annotation of the template into the plan. Raises `Held` with the finding made."""
    table = _table()
    not_needed = []
    _ports(run, pod, plan)
    for key, view in pod.annotations.items():
        if (
            not old_mesh_key(key)
            or key in (SIDECAR_INJECT, OSM_INJECTION)
            or str(view.path[-1]) in plan.remove
        ):
            continue
        if key in _PORT_KEYS:
            _unless_held(run, key, view)
            plan.drop(view)
        elif key in table:
            table[key](run, view, plan)
        elif key in _LOST:
            run.degrade("MS111", view, f"{key}: {_LOST[key]}")
            plan.drop(view)
        elif _matches(key, _NOT_NEEDED):
            not_needed.append(view)
            plan.drop(view)
        else:
            run.degrade("MS115", view, f"{key} is no known setting of Istio or OSM")
    if not_needed:
        keys = ", ".join(str(view.path[-1]) for view in not_needed)
        run.say("MS112", not_needed[0], f"Linkerd needs nothing in place of {keys}")
        for view in not_needed:
            run.no_op(view, "MS112")
    for key, value in plan.write.items():
        existing = pod.annotations.get(key)
        if existing.present and existing.text() != value:
            run.hold(
                "MS101", existing, f"{key} is {existing.text()!r}, but the old mesh's setting means {value!r}"
            )
            raise Held


def _matches(key: str, patterns: tuple[str, ...]) -> bool:
    return any(
        key == pattern or (pattern[-1] == "*" and key.startswith(pattern[:-1])) for pattern in patterns
    )


Entry = Callable[[Run, View, Plan], None]


def _table() -> dict[str, Entry]:
    return {
        **dict.fromkeys(_RESOURCES, _resource),
        "sidecar.istio.io/logLevel": _log_level,
        "sidecar.istio.io/nativeSidecar": _native_sidecar,
        "sidecar.istio.io/interceptionMode": _interception_mode,
        "inject.istio.io/templates": _templates,
        "proxy.istio.io/config": _proxy_config,
    }


def _resource(run: Run, view: View, plan: Plan) -> None:
    key, text = str(view.path[-1]), view.text()
    if not _QUANTITY.match(text):
        run.hold("MS114", view, f"{key}: {text!r} is no quantity")
        raise Held
    plan.put(_RESOURCES[key], text, view)


def _log_level(run: Run, view: View, plan: Plan) -> None:
    level = _LOG_LEVELS.get(view.text().lower())
    if level is None:
        run.degrade("MS111", view, f"log level {view.text()!r} has no counterpart; Linkerd's default applies")
        plan.drop(view)
    else:
        plan.put("config.linkerd.io/proxy-log-level", level, view)


def _native_sidecar(run: Run, view: View, plan: Plan) -> None:
    if view.text() in ("true", "false"):
        plan.put(run.target.native_sidecar_key, view.text(), view)
    else:
        run.no_op(view, "automatic")
        plan.drop(view)


def _interception_mode(run: Run, view: View, plan: Plan) -> None:
    mode = view.text()
    if mode == "NONE":
        if run.hold("MS123", view, "the sidecar captures nothing; the application speaks to it by itself"):
            raise Held
    elif mode == "TPROXY":
        run.degrade(
            "MS111",
            view,
            "TPROXY kept the caller's address; behind Linkerd's proxy the application sees the proxy's",
        )
    else:
        run.no_op(view, "the way Linkerd captures too")
    plan.drop(view)


def _templates(run: Run, view: View, plan: Plan) -> None:
    names = [name.strip() for name in view.text().split(",") if name.strip()]
    if "grpc-agent" in names or "grpc-simple" in names:
        if run.hold(
            "MS123",
            view,
            f"template {view.text()}: gRPC without a proxy gets its configuration from Istio's agent",
        ):
            raise Held
    elif set(names) - {"sidecar"}:
        run.degrade(
            "MS111",
            view,
            f"injection templates {view.text()}: what they add to the pod is not in the manifest",
        )
    else:
        run.no_op(view, "the ordinary sidecar")
    plan.drop(view)


def _proxy_config(run: Run, view: View, plan: Plan) -> None:
    reading = proxy_config.read(view.text())
    if reading.malformed:
        run.hold("MS114", view, f"proxy.istio.io/config: {reading.malformed}")
        raise Held
    if reading.needs_agent and run.hold(
        "MS123", view, f"proxy.istio.io/config: {', '.join(reading.needs_agent)} needs Istio's agent"
    ):  # fmt: skip
        raise Held
    if reading.lost:
        run.degrade("MS113", view, f"proxy.istio.io/config: {', '.join(reading.lost)} has no counterpart")
    elif not reading.write:
        run.no_op(view, "no field that Linkerd needs")
    plan.drop(view)
    plan.decided.append(view)
    plan.write.update(reading.write)


_PORT_KEYS = tuple(
    _TRAFFIC + name for name in (
        "includeInboundPorts", "excludeInboundPorts", "includeOutboundPorts", "excludeOutboundPorts",
        "includeOutboundIPRanges", "excludeOutboundIPRanges", "excludeInterfaces",
    )
) + tuple(
    _OSM + name for name in (
        "inbound-port-exclusion-list", "outbound-port-exclusion-list",
        "outbound-ip-range-exclusion-list", "outbound-ip-range-inclusion-list",
    )
) + ("ambient.istio.io/bypass-inbound-capture",)  # fmt: skip
_BY_ADDRESS = frozenset({
    _TRAFFIC + "excludeOutboundIPRanges", _TRAFFIC + "includeOutboundIPRanges",
    _TRAFFIC + "excludeInterfaces",
    _OSM + "outbound-ip-range-exclusion-list", _OSM + "outbound-ip-range-inclusion-list",
})  # fmt: skip


def _unless_held(run: Run, key: str, view: View) -> None:
    """A capture setting that decided no port list: held if it is by address, else it says the default."""
    text = view.text().strip()
    default = text == "*" or (text == "" and key != _TRAFFIC + "includeOutboundIPRanges")
    if key in _BY_ADDRESS and not default:
        if run.hold("MS110", view, f"{key}: {text}: Linkerd leaves out outbound traffic by port only"):
            raise Held
    else:
        run.no_op(view, "captures what Linkerd captures")


def _ports(run: Run, pod: Pod, plan: Plan) -> None:
    """Port lists, in both directions."""
    inbound, sources = _inbound(functools.partial(_parse, run), pod)
    if inbound:
        plan.put(SKIP_INBOUND, inbound, *sources)
    outbound, sources = _outbound(run, pod)
    if outbound:
        plan.put(SKIP_OUTBOUND, outbound, *sources)


Parse = Callable[[View], list[int]]


def excluded_inbound(pod: Pod) -> str:
    """Ports that the old mesh's sidecar does not see, as a list of Linkerd; a malformed setting counts as absent."""
    return _inbound(lambda view: port_lists.parse(view.text()) or [], pod)[0]


def _inbound(parse: Parse, pod: Pod) -> tuple[str, list[View]]:
    include = pod.annotations.get(_TRAFFIC + "includeInboundPorts")
    bypass = pod.annotations.get("ambient.istio.io/bypass-inbound-capture")
    if bypass.text() == "true":
        return port_lists.ALL_PORTS, [bypass]
    if include.present and include.text().strip() != "*":
        # An allow-list makes Istio ignore the exclusions.
        return port_lists.complement(parse(include)), [include]
    ports, sources = _excluded(
        parse, pod, _TRAFFIC + "excludeInboundPorts", _OSM + "inbound-port-exclusion-list"
    )
    return port_lists.join(ports), sources


def _outbound(run: Run, pod: Pod) -> tuple[str, list[View]]:
    ranges = pod.annotations.get(_TRAFFIC + "includeOutboundIPRanges")
    ports, sources = _excluded(
        functools.partial(_parse, run),
        pod,
        _TRAFFIC + "excludeOutboundPorts",
        _OSM + "outbound-port-exclusion-list",
    )
    if ranges.present and not ranges.text().strip():
        include = pod.annotations.get(_TRAFFIC + "includeOutboundPorts")
        captured = [port for port in _parse(run, include) if port not in ports]
        return port_lists.complement(captured), [ranges, *([include] if include.present else []), *sources]
    return port_lists.join(ports), sources


def _excluded(parse: Parse, pod: Pod, *keys: str) -> tuple[list[int], list[View]]:
    ports: dict[int, None] = {}
    sources = []
    for key in keys:
        view = pod.annotations.get(key)
        kept = [port for port in parse(view) if port not in port_lists.SIDECAR_PORTS]
        if kept:
            ports.update(dict.fromkeys(kept))
            sources.append(view)
    return list(ports), sources


def _parse(run: Run, view: View) -> list[int]:
    ports = port_lists.parse(view.text())
    if ports is None:
        run.hold("MS114", view, f"{view.path[-1]}: {view.text()!r} is no list of ports")
        raise Held
    return ports
