"""Pods as Linkerd's injector leaves them, and what its policy controller reads from them.

Namespace annotations reach pods at injection; ports, probes and labels of the proxy itself count too (linkerd2,
`pkg/inject`, `controller/proxy-injector`, `policy-controller/k8s/index/src/inbound/workload.rs`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from transformer.stream.patterns import pattern

from .linkerd_inbound_networks import Address, Block, InvalidNetwork, block
from .objects import Obj, Objects, annotations_of, items, meta, name_of, pod_template, spec
from .policy_annotations import port_list

CONFIG = "config.linkerd.io/"
INJECT = "linkerd.io/inject"

_ENABLED = ("enabled", "ingress")
_NEVER_INJECTED = frozenset({"kube-system", "cert-manager"})
_FOREIGN_SIDECARS = ("istio-proxy", "istio-init", "linkerd-init")
_FOREIGN_IMAGES = ("gcr.io/istio-release/proxyv2:", "gcr.io/istio-release/proxy_init:")
_OWN_PORTS = {"linkerd-proxy": frozenset({4143}), "linkerd-admin": frozenset({4191})}
_OWN_PROBES = {4191: frozenset({"/live", "/ready"})}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PORT = pattern(r"\+?([0-9]{1,9})", re.ASCII)


class Pod(NamedTuple):
    """One pod of a workload.

    `default_policy` None means the cluster's; `bypassed` are clients that never meet the proxy; `port_names`
    has TCP ports only; `probes` are the paths of HTTP probes by port.
    """

    namespace: str
    labels: Mapping[str, str]
    meshed: bool
    default_policy: str | None
    opaque_ports: frozenset[int]
    identity_ports: frozenset[int]
    skipped_ports: frozenset[int]
    bypassed: tuple[Block, ...]
    port_names: Mapping[str, frozenset[int]]
    probes: Mapping[int, frozenset[str]]

    def bypasses(self, port: int, client: Address) -> bool:
        """Whether traffic of the client to the port meets no proxy."""
        return (
            not self.meshed or port in self.skipped_ports or any(client in block for block in self.bypassed)
        )


class Injector(NamedTuple):
    """Settings of the control plane that injection depends on."""

    default_opaque_ports: frozenset[int]
    default_skip_inbound_ports: frozenset[int]
    control_plane_namespace: str

    def pod(self, objects: Objects, namespace: str, name: str) -> Pod | None:
        """The pod of the workload called `name`, None where there is no such workload.

        Raises ValueError where workloads of several kinds have the name.
        """
        found = [obj for obj in objects.workloads(namespace) if name_of(obj) == name]
        if len(found) > 1:
            raise ValueError(f"{len(found)} workloads are called {namespace}/{name}")
        return self._injected(found[0], objects.namespace(namespace), namespace) if found else None

    def _injected(self, workload: Obj, owner: Obj | None, namespace: str) -> Pod:
        template = pod_template(workload)
        pod = spec(template)
        settings = {
            **{k: v for k, v in (annotations_of(owner) if owner else {}).items() if k.startswith(CONFIG)},
            **annotations_of(template),
        }
        containers = items(pod, "containers") + items(pod, "initContainers")
        own_labels = meta(template).get("labels")
        labels = {str(k): str(v) for k, v in (own_labels if isinstance(own_labels, Mapping) else {}).items()}
        policy = settings.get(f"{CONFIG}default-inbound-policy")
        return Pod(
            namespace=namespace,
            labels={**labels, **self._labels(workload, namespace)},
            meshed=is_meshed(template, owner, namespace),
            default_policy=policy,
            opaque_ports=self._opaque(settings, containers),
            identity_ports=port_set(settings.get(f"{CONFIG}proxy-require-identity-inbound-ports", "")),
            skipped_ports=self._skipped(settings),
            bypassed=_blocks(settings.get(f"{CONFIG}skip-subnets", "")),
            port_names=_port_names(containers),
            probes=_probes(containers),
        )

    def _labels(self, workload: Obj, namespace: str) -> dict[str, str]:
        found = {
            "linkerd.io/control-plane-ns": self.control_plane_namespace,
            "linkerd.io/workload-ns": namespace,
        }
        kind = str(workload.get("kind")).lower()
        return found if kind == "pod" else {**found, f"linkerd.io/proxy-{kind}": name_of(workload)}

    def _opaque(self, settings: Mapping[str, str], containers: list[Obj]) -> frozenset[int]:
        """A list replaces the cluster's, which counts for declared ports only."""
        written = settings.get(f"{CONFIG}opaque-ports")
        if written is not None:
            return port_set(written)
        declared = {port.get("containerPort") for one in containers for port in items(one, "ports")}
        return frozenset(port for port in self.default_opaque_ports if port in declared)

    def _skipped(self, settings: Mapping[str, str]) -> frozenset[int]:
        written = settings.get(f"{CONFIG}skip-inbound-ports")
        return self.default_skip_inbound_ports if written is None else port_list(written, {})


def is_meshed(template: Obj, namespace: Obj | None, name: str) -> bool:
    """Whether the injector gives the pod a proxy, or it has one already."""
    pod = spec(template)
    containers = items(pod, "containers") + items(pod, "initContainers")
    if any(container.get("name") == "linkerd-proxy" for container in containers):
        return True
    if pod.get("hostNetwork") is True or name in _NEVER_INJECTED or any(map(_is_foreign, containers)):
        return False
    labels = meta(namespace).get("labels") if namespace is not None else None
    if isinstance(labels, Mapping) and labels.get(f"{CONFIG}admission-webhooks") == "disabled":
        return False
    wide = annotations_of(namespace).get(INJECT, "") if namespace is not None else ""
    own = annotations_of(template).get(INJECT, "")
    if not {wide, own} <= {"", "disabled", *_ENABLED}:
        return False  # an invalid value in either place turns injection off
    return own in _ENABLED or (wide in _ENABLED and own != "disabled")


def _is_foreign(container: Obj) -> bool:
    return container.get("name") in _FOREIGN_SIDECARS or str(container.get("image") or "").startswith(
        _FOREIGN_IMAGES
    )


def port_set(text: str) -> frozenset[int]:
    """Numbers and increasing ranges, separated by commas; one malformed part empties the whole list."""
    found: set[int] = set()
    for part in text.split(","):
        if "-" not in part and not part.strip():
            continue
        low, dash, high = part.partition("-")
        first = _port(low)
        last = _port(high) if dash else first
        if first is None or last is None or first > last:
            return frozenset()
        found.update(range(first, last + 1))
    return frozenset(found)


def _port(text: str) -> int | None:
    found = _PORT.fullmatch(text.strip())
    return int(found[1]) if found is not None and 0 < int(found[1]) < 2**16 else None


def _blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a list; one that is none is passed over, so that it opens nothing."""
    found = []
    for part in text.split(","):
        try:
            found.append(block(part.strip()))
        except InvalidNetwork:
            continue
    return tuple(found)


def _tcp_ports(container: Obj) -> Iterator[tuple[str, int]]:
    """Names and numbers of a container's named TCP ports."""
    for port in items(container, "ports"):
        number, name = port.get("containerPort"), port.get("name")
        if str(port.get("protocol") or "TCP").upper() == "TCP" and _is_port(number) and name:
            yield str(name), number


def _is_port(number: Any) -> TypeGuard[int]:
    return type(number) is int and 0 < number < 2**16


def _port_names(containers: Iterable[Obj]) -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = dict(_OWN_PORTS)
    for container in containers:
        for name, number in _tcp_ports(container):
            found[name] = found.get(name, frozenset()) | {number}
    return found


def _probes(containers: Iterable[Obj]) -> dict[int, frozenset[str]]:
    found: dict[int, frozenset[str]] = dict(_OWN_PROBES)
    for container in containers:
        for key in _PROBES:
            probe = container.get(key)
            get = probe.get("httpGet") if isinstance(probe, Mapping) else None
            if not isinstance(get, Mapping):
                continue
            port, path = _probe_port(get.get("port"), container), _probe_path(get.get("path"))
            if port is not None and path is not None:
                found[port] = found.get(port, frozenset()) | {path}
    return found


def _probe_port(port: Any, container: Obj) -> int | None:
    """A number, or the name of a port of the same container; letter case of the name does not count."""
    if _is_port(port):
        return port
    wanted = str(port).lower()
    return next((number for name, number in _tcp_ports(container) if name.lower() == wanted), None)


def _probe_path(path: Any) -> str | None:
    """The path without its query; a relative one is read as something else than a path and matches nothing."""
    text = re.split(r"[?#]", str(path or "/"), maxsplit=1)[0]
    return text if text.startswith("/") else None
