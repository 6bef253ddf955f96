"""No two Servers for one port of a pod: Linkerd would take the older one, or refuse the other (linkerd-surface §1.3).

Rules of several families plan Servers, each for its own policies; what an earlier run made may be there as well.
https://linkerd.io/2/reference/authorization-policy/#server
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.registry import rule
from transformer.run import Run

_SECURITY, _OSM = "security.istio.io", "policy.openservicemesh.io"


class _Server(NamedTuple):
    """A Server that is planned, with its owners, or one that is there, without any."""

    namespace: str
    name: str
    labels: dict[str, str]
    port: Any
    owners: tuple[Obj, ...]


@rule(
    id="server-clashes",
    kinds=[
        (_SECURITY, "AuthorizationPolicy"), (_SECURITY, "PeerAuthentication"), ("access.smi-spec.io", "TrafficTarget"),
        (_OSM, "UpstreamTrafficSetting"), (_OSM, "IngressBackend"),
    ],
    order=95,
    summary="policies of several families that would stand on one port of a pod are held",
)  # fmt: skip
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold what plans a Server for a pod and port that another one, planned or present, is for."""
    by_place = {(one.namespace, one.name): one for one in _planned(run)}
    servers = list(by_place.values())
    present = [one for one in _present(run) if (one.namespace, one.name) not in by_place]
    for index, server in enumerate(servers):
        for other in (*servers[index + 1 :], *present):
            if server.namespace == other.namespace and _share_a_port(run, server, other):
                for owner in (server.owners[0], *other.owners[:1]):
                    run.hold(
                        "MS408",
                        owner,
                        f"Servers {server.name} and {other.name} of {server.namespace} would be for the same port of a pod",
                    )


def _planned(run: Run) -> Iterator[_Server]:
    for plan in run.derived:
        value = plan.value
        if isinstance(value, dict) and value["kind"] == "Server":
            meta, spec = value["metadata"], value["spec"]
            labels = dict((spec.get("podSelector") or {}).get("matchLabels") or {})
            space = meta.get("namespace", plan.owners[0].namespace)
            yield _Server(space, meta["name"], labels, spec["port"], plan.owners)


def _present(run: Run) -> Iterator[_Server]:
    for obj in run.context.objects("policy.linkerd.io", "Server"):
        labels = obj.spec.get("podSelector", "matchLabels").texts()
        yield _Server(obj.namespace, obj.name, labels, obj.spec.get("port").value(), ())


def _share_a_port(run: Run, one: _Server, other: _Server) -> bool:
    """Whether some pod is selected by both for one port; equal selectors count without a pod."""
    if one.labels == other.labels and one.port == other.port:
        return True
    for workload in run.context.workloads():
        labels = reach.pod_labels(workload).items()
        if (
            workload.namespace == one.namespace
            and one.labels.items() <= labels
            and other.labels.items() <= labels
        ):
            ports = [_number(workload, server.port) for server in (one, other)]
            if ports[0] == ports[1] or None in ports:
                return True
    return False


def _number(workload: Obj, port: Any) -> int | None:
    """The number of a port of the pods; None for a name that nobody declares."""
    if isinstance(port, int):
        return port
    template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
    for container in template.get("spec", "containers").each():
        for declared in container.get("ports").each():
            number = declared.get("containerPort").value()
            if declared.get("name").text() == port and isinstance(number, int):
                return number
    return None
