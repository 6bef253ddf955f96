"""Inbound traffic that Linkerd's proxy is told not to see, on ports where callers have to be checked.

`skip-inbound-ports` (a list replaces the install's default) and `skip-subnets` (by the source's address) bypass the
proxy and with it every policy; on the pods they beat the Namespace's. https://linkerd.io/2/reference/proxy-configuration/
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from transformer.objects import Obj, View
from transformer.rules.workload import pod_annotations, port_lists
from transformer.rules.workload.injection_settings import Pod
from transformer.rules.workload.pod_annotations import SKIP_INBOUND

SKIP_SUBNETS = "config.linkerd.io/skip-subnets"
#: What an install skips inbound where no annotation says otherwise; outbound it skips the same ports.
SKIPPED_BY_DEFAULT = frozenset({4567, 4568})
#: The proxy's own, which iptables never redirect; it checks callers there by itself.
_OF_PROXY = frozenset({4190, 4191})


class Bypass(NamedTuple):
    """A way past the proxy: finding code, the annotation (none for the install's default), message."""

    code: str
    at: View | None
    message: str


class Ports(NamedTuple):
    """Known ports of a workload whose callers are checked, known ports that are open, and whether all others are checked."""

    closed: Collection[int]
    opened: Collection[int]
    rest_closed: bool


def skipped_today(pod: Pod, port: int) -> bool:
    """Whether the old mesh's sidecar does not see the port either, and the translated setting will skip it."""
    return port_lists.contains(pod_annotations.excluded_inbound(pod), port)


def find(pod: Pod, namespace: Obj | None, ports: Ports) -> Bypass | None:
    """The first way to a checked port past the proxy; None where there is none, or the old mesh leaves it open too."""
    subnets = _setting(pod, namespace, SKIP_SUBNETS)
    if subnets is not None and (ports.closed or ports.rest_closed):
        message = f"{_written(subnets)} lets these addresses past the proxy"
        return Bypass("MS101", subnets, message)
    if pod_annotations.excluded_inbound(pod):
        return None  # becomes the pods' list, which beats the Namespace's and the default
    skipped = _setting(pod, namespace, SKIP_INBOUND)
    if skipped is not None:
        return _listed(skipped, ports)
    hidden = sorted(SKIPPED_BY_DEFAULT.intersection(ports.closed))
    if not hidden:
        return None
    return Bypass("MS442", None, f"Linkerd's proxies skip port {hidden[0]} of {pod.obj.ref} by default")


def _setting(pod: Pod, namespace: Obj | None, key: str) -> View | None:
    """The annotation in effect. An empty one counts as absent: the CNI plugin takes it so."""
    own = pod.annotations.get(key)
    if own.text().strip():
        return own
    wide = namespace.view.get("metadata", "annotations", key) if namespace is not None else None
    return wide if wide is not None and wide.text().strip() else None


def _listed(skipped: View, ports: Ports) -> Bypass | None:
    ranges = port_lists.ranges(skipped.text())
    if ranges is None:
        return Bypass("MS101", skipped, f"{_written(skipped)}, which is no list of ports")
    closed = [port for port in sorted(ports.closed) if port_lists.contains(skipped.text(), port)]
    if closed:
        return Bypass(
            "MS101", skipped, f"{_written(skipped)} lets everyone past the proxy to port {closed[0]}"
        )
    opened = _OF_PROXY.union(ports.opened)
    if ports.rest_closed and any(not opened.issuperset(range(first, last + 1)) for first, last in ranges):
        return Bypass("MS101", skipped, f"{_written(skipped)} lets everyone past the proxy")
    return None


def _written(at: View) -> str:
    where = f" of {at.obj.ref}" if at.obj.ref.kind == "Namespace" else ""
    return f"{at.path[-1]}: {at.text()!r}{where}"
