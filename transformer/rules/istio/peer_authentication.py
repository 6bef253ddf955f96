"""Which mutual TLS mode a workload's ports have today, by all PeerAuthentications.

Mesh, namespace, workload, port, the narrower wins and UNSET inherits; one with a selector in the root namespace does
nothing (https://istio.io/latest/docs/reference/config/security/peer_authentication/).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from transformer.objects import Obj
from transformer.rules.istio.authorization_rules import Unsayable, selector


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
