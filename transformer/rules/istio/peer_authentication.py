"""Which mutual TLS mode a workload's ports have today, by all PeerAuthentications.

Mesh, namespace, workload, port, the narrower wins and UNSET inherits; one with a selector in the root namespace does
nothing (https://istio.io/latest/docs/reference/config/security/peer_authentication/).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from transformer.objects import Obj
from transformer.rules.istio.authorization_rules import Unsayable, selector
from transformer.rules.workload.injection_settings import REVISION


class Modes(NamedTuple):
    """A workload's mode (empty where nothing in stream and context says one) and those of single container ports."""

    workload: str
    ports: dict[int, str]

    def of(self, port: int, mesh: str) -> str:
        """The mode of a port, with the mode of the mesh where nothing nearer says one."""
        return self.ports.get(port) or self.workload or mesh


def modes(found: Sequence[Obj], root: str, namespace: str, labels: Mapping[str, str]) -> Modes:
    """The modes of pods with these labels. Raises `Unsayable` where it depends on which object is older."""
    workload = ""
    for level in (
        [pa for pa in found if pa.namespace == root and not selector(pa)],
        [pa for pa in found if pa.namespace == namespace != root and not selector(pa)],
        (chosen := [pa for pa in found if _picks(pa, root, namespace, labels)]),
    ):
        workload = _mode(level) or workload
    ports: dict[int, str] = {}
    for policy in chosen[:1]:
        for key, view in policy.spec.get("portLevelMtls").items():
            if not key.isdigit():
                raise Unsayable("MS409", view, f"{key} is no port number")
            ports[int(key)] = _set(view.get("mode").text())
    return Modes(workload, {port: mode for port, mode in ports.items() if mode})


def weakest(found: Sequence[Obj], root: str, namespace: str, wanted: Mapping[str, str]) -> str:
    """The least strict mode of any pod of a namespace that a selector may pick; empty where only the mesh's is left.

    Pods are not asked for: those that nobody shows may have any labels that the selector leaves open.
    """
    for pa in found:
        mine = dict(selector(pa))
        if not mine or pa.namespace != namespace or namespace == root:
            continue
        if all(wanted.get(key, text) == text for key, text in mine.items()) and not _set_modes(pa) <= {
            "STRICT"
        }:
            return "PERMISSIVE"
    doubtful = False
    for place in dict.fromkeys((namespace, root)):
        wide = [pa for pa in found if pa.namespace == place and not selector(pa)]
        if any(not _set_modes(pa, ports=False) <= {"STRICT"} for pa in wide):
            return "PERMISSIVE"
        if wide and all(_set_modes(pa, ports=False) and REVISION not in pa.labels for pa in wide):
            return "STRICT"
        doubtful = doubtful or any(REVISION in pa.labels for pa in wide)
    return "PERMISSIVE" if doubtful else ""


def _set_modes(policy: Obj, *, ports: bool = True) -> set[str]:
    """Modes that the object sets, of single ports too."""
    views = [
        policy.spec.get("mtls"),
        *(view for _, view in policy.spec.get("portLevelMtls").items() if ports),
    ]
    return {_set(view.get("mode").text()) for view in views} - {""}


def _picks(policy: Obj, root: str, namespace: str, labels: Mapping[str, str]) -> bool:
    wanted = selector(policy)
    return (
        policy.namespace == namespace != root and bool(wanted) and all(labels.get(k) == v for k, v in wanted)
    )


def _mode(level: Iterable[Obj]) -> str:
    objs = list(level)
    if len({str(obj.spec.value()) for obj in objs}) > 1:
        raise Unsayable(
            "MS406", objs[0], f"{objs[1].ref} is for the same pods, and which of the two counts depends on their age",
            "Leave one of them.",
        )  # fmt: skip
    return _set(objs[0].spec.get("mtls", "mode").text()) if objs else ""


def _set(mode: str) -> str:
    return "" if mode == "UNSET" else mode
