"""Ports of Services whose pods move: the protocol is written as Linkerd reads it, for clients and for pods.

Istio reads appProtocol and port names; Linkerd four appProtocol values (from 2.18) and opaque-ports. What the old
mesh forwards as plain TCP is opaque; where the server may speak first the pods have to say so too.
https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
https://linkerd.io/2/features/protocol-detection/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from transformer import service_protocol
from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj, View
from transformer.rules import ingress, reach
from transformer.rules.registry import rule
from transformer.rules.workload import injection_settings as settings
from transformer.rules.workload import port_lists
from transformer.rules.workload.pod_annotations import old_mesh_key
from transformer.run import Run

OPAQUE_PORTS = "config.linkerd.io/opaque-ports"
_GLOBAL = "istio.io/global"
_AMBIENT = (
    "istio.io/use-waypoint",
    "istio.io/use-waypoint-namespace",
    "istio.io/ingress-use-waypoint",
    _GLOBAL,
)
_OPAQUE = "linkerd.io/opaque"
_BY_PROTOCOL = {
    "http": "http", "http2": "kubernetes.io/h2c", "grpc": "kubernetes.io/h2c", "grpc-web": "http",
    "tcp": _OPAQUE, "mongo": _OPAQUE, "redis": _OPAQUE, "mysql": _OPAQUE,
}  # fmt: skip
_PLAIN_TCP = frozenset({"tcp", "mongo", "redis", "mysql"})
#: `tcp` says nothing about who speaks first, so it counts as if the server did.
_SERVER_MAY_SPEAK_FIRST = frozenset({"tcp", "mysql"})
_HTTP = frozenset({"http", "http2", "grpc", "grpc-web"})


class Wishes:
    """Port numbers that a Service's or a pod's opaque list must have, and must not have."""

    def __init__(self) -> None:
        self.add: dict[int, None] = {}
        self.leave_out: set[int] = set()

    def over(self, base: str) -> str:
        """The list that results from a base list; the base itself where nothing has to change."""
        if port_lists.ranges(base) is None:
            return base  # something else than ports: whatever it means, it is not overwritten
        missing = [port for port in self.add if not port_lists.contains(base, port)]
        surplus = {port for port in self.leave_out - set(self.add) if port_lists.contains(base, port)}
        if not missing and not surplus:
            return base
        kept = []
        for first, last in port_lists.ranges(base) or []:
            inside = sorted(port for port in surplus if first <= port <= last)
            for port in [*inside, last + 1]:
                if first < port:
                    kept.append(str(first) if first == port - 1 else f"{first}-{port - 1}")
                first = port + 1
        return ",".join([*kept, *map(str, missing)])


class Lists:
    """Opaque lists in effect: an object's own, its Namespace's, or the install's."""

    def __init__(self, run: Run) -> None:
        self.default: str = run.options["linkerd-install.opaque-ports"]
        self.inherited = {
            obj.name: obj.annotations.get(OPAQUE_PORTS) for obj in run.context.objects("", "Namespace")
        }

    def of(self, own: str | None, namespace: str) -> str:
        """The list for an object of the namespace whose own annotation is given."""
        return own or self.inherited.get(namespace) or self.default


class Moved(NamedTuple):
    """A Service whose pods move: the workloads behind it; they and their Namespace own its edits."""

    service: Obj
    workloads: list[settings.Pod]
    owners: list[Obj]


@rule(
    id="service-ports",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=60,
    summary="appProtocol and port names of Services become protocols that Linkerd reads",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Plan the edits of every Service whose pods move, after the injection rules have said which pods do."""
    pods: dict[int, tuple[settings.Pod, Wishes]] = {}
    lists = Lists(run)
    for moved in _moved(run):
        _istio_settings(run, moved)
        _service(run, moved, lists, pods)
    for pod, wishes in pods.values():
        _pod_list(run, pod, lists, wishes)


def _moved(run: Run) -> Iterator[Moved]:
    namespaces = {
        obj.name: obj for obj in run.clients.values() if (obj.ref.group, obj.ref.kind) == ("", "Namespace")
    }
    workloads = [obj for obj in run.clients.values() if (obj.ref.group, obj.ref.kind) in WORKLOAD_KINDS]
    pods = _by_label(workloads)
    for service in run.context.objects("", "Service") if run.clients else ():
        selector = service.spec.get("selector").texts()
        first = next(iter(selector.items()), None)
        behind = [
            pod for pod, labels in (pods.get((service.namespace, *first), ()) if first else ())
            if selector.items() <= labels.items()
        ]  # fmt: skip
        owners = [pod.obj for pod in behind]
        if service.namespace in namespaces:
            owners.append(namespaces[service.namespace])
        if owners and service.spec.get("type").text() != "ExternalName":
            yield Moved(service, behind, owners)


def _by_label(
    workloads: Iterable[Obj],
) -> dict[tuple[str, str, str], list[tuple[settings.Pod, dict[str, str]]]]:
    """Pod templates with their labels, by namespace and each label: a Service need not look at all of them."""
    found: dict[tuple[str, str, str], list[tuple[settings.Pod, dict[str, str]]]] = {}
    for namespace, pods in settings.by_namespace(workloads).items():
        for pod in pods:
            labels = pod.labels.texts()
            for key, text in labels.items():
                found.setdefault((namespace, key, text), []).append((pod, labels))
    return found


def _istio_settings(run: Run, moved: Moved) -> None:
    service = moved.service
    found = [
        view for place in ("labels", "annotations")
        for key, view in service.view.get("metadata", place).items()
        if old_mesh_key(key) and not key.startswith(("operator.istio.io/", "install.operator.istio.io/"))
    ]  # fmt: skip
    ambient = [view for view in found if view.path[1] == "labels" and view.path[-1] in _AMBIENT]
    found = [view for view in found if view not in ambient]
    if found and not service.context:
        keys = ", ".join(str(view.path[-1]) for view in found)
        run.say("MS145", found[0], f"Linkerd does not read {keys}")
    if ambient and not service.context:
        _ambient_labels(run, moved, ambient)


def _ambient_labels(run: Run, moved: Moved, labels: Sequence[View]) -> None:
    """Labels that steer ambient clients of the Service go with its pods."""
    service = moved.service
    run.account(service, labels)
    wanted = service.spec.get("selector").texts()
    mine = {pod.obj.uid for pod in moved.workloads}
    behind = reach.selected(run, service.namespace, wanted)
    if not wanted or any(workload.uid not in mine for workload in behind):
        for view in labels:
            run.no_op(view, "some pods of the Service stay in the ambient mesh")
        return
    for view in labels:
        key = str(view.path[-1])
        if key != _GLOBAL:
            run.degrade("MS103", view, f"{key}: {view.text()}: Linkerd has no waypoints")
        elif view.text() != "true":
            run.no_op(view, "the Service is not shared")
        elif run.hold("MS713", view, "clients reach the Services of this name in all clusters"):
            for owner in moved.owners:
                run.units.bind([service.uid, owner.uid])
    run.edit(
        service, ("metadata", "labels"), remove=[str(view.path[-1]) for view in labels], owners=[service, *moved.owners]
    )  # fmt: skip


def _service(run: Run, moved: Moved, lists: Lists, pods: dict[int, tuple[settings.Pod, Wishes]]) -> None:
    """Plan one Service, and collect what its pods' opaque lists need."""
    service = moved.service
    base = lists.of(service.annotations.get(OPAQUE_PORTS), service.namespace)
    wishes, beside_istio = Wishes(), Wishes()
    for index, port in enumerate(service.spec.get("ports").each()):
        protocol = service_protocol.istio_protocol(port)
        number = port.get("port").value()
        if protocol == "udp" or not isinstance(number, int):
            continue
        if protocol == "grpc-web" and not _accepts_grpc_web(run, moved, port):
            continue
        if run.target.reads_app_protocol:
            if _app_protocol(run, moved, index, port, protocol, opaque=port_lists.contains(base, number)):
                beside_istio.add[number] = None
        elif protocol in _PLAIN_TCP:
            wishes.add[number] = None
        if protocol in _HTTP:
            wishes.leave_out.add(number)
        if protocol in _SERVER_MAY_SPEAK_FIRST or protocol in _HTTP:
            _pod_ports(run, moved, port, protocol, pods)
    alone = wishes.over(base)
    wishes.add |= beside_istio.add
    for wanted, stay in (
        ((alone, None),) if wishes.over(base) == alone else ((alone, False), (wishes.over(base), True))
    ):
        if wanted != base:
            message = f"{OPAQUE_PORTS}: {wanted} (the list replaces the default one)"
            at = service.spec.get("ports")
            write = {OPAQUE_PORTS: wanted}
            _plan(run, moved, ("metadata", "annotations"), at, message, write=write, beside_istio=stay)


def _accepts_grpc_web(run: Run, moved: Moved, port: View) -> bool:
    """Hold the Service with its pods; true where a person accepted the loss of the translation to gRPC."""
    run.objects.setdefault(moved.service.uid, moved.service)
    run.units.bind([moved.service.uid, *(owner.uid for owner in moved.owners)])
    return not run.hold(
        "MS142", port, "Istio's proxies turn gRPC-Web into gRPC on this port; Linkerd's do not"
    )


def _app_protocol(run: Run, moved: Moved, index: int, port: View, protocol: str, *, opaque: bool) -> bool:
    """Write, change or remove the appProtocol of a port; `opaque` is whether the Service's list covers it.

    Istio does not know Linkerd's word for opaque, and would guess a protocol for its own clients: true where the port
    must be in the list instead while there are any.
    """
    declared = port.get("appProtocol").text()
    path = ("spec", "ports", index)
    if declared.lower() in service_protocol.KNOWN_TO_LINKERD or protocol in ("https", "tls"):
        return False  # Linkerd takes a protocol that it does not know for opaque TCP, which TLS is to it
    if not declared:
        needed = protocol in _PLAIN_TCP and not opaque
        if needed:
            message, write = f"plain TCP: appProtocol {_OPAQUE}", {"appProtocol": _OPAQUE}
            _plan(run, moved, path, port, message, write=write, beside_istio=False)
        return needed
    wanted = _BY_PROTOCOL.get(protocol)
    if wanted is None:
        _plan(run, moved, path, port, f"unknown appProtocol {declared}", remove="appProtocol", code="MS144")
    else:
        message, stay = f"appProtocol {declared} becomes {wanted}", False if wanted == _OPAQUE else None
        _plan(run, moved, path, port, message, write={"appProtocol": wanted}, beside_istio=stay)
    return False


def _plan(
    run: Run, moved: Moved, path: tuple[str | int, ...], at: View, message: str,
    *, write: dict[str, str] | None = None, remove: str = "", code: str = "MS140", beside_istio: bool | None = None,
) -> None:  # fmt: skip
    """Plan an edit of the Service, or say that it is needed where the Service is only context."""
    stays = run.stage.hides_routes or ingress.keeps(run)
    if beside_istio is not None and beside_istio != stays:
        # Otherwise only the closure of holds tells whether clients stay: the edit is planned, and not announced.
        if not stays and not moved.service.context:
            run.edit(moved.service, path, write=write, owners=moved.owners, beside_istio=beside_istio)
        return
    if moved.service.context:
        run.say("MS141", at, f"{moved.service.ref} is only context and was not changed: {message}")
        return
    run.say(code, at, message)
    run.edit(
        moved.service,
        path,
        write=write,
        remove=[remove] if remove else [],
        owners=moved.owners,
        beside_istio=beside_istio,
    )


def _pod_ports(
    run: Run, moved: Moved, port: View, protocol: str, pods: dict[int, tuple[settings.Pod, Wishes]]
) -> None:  # fmt: skip
    default = run.options["linkerd-install.opaque-ports"]
    number = int(port.get("port").value())
    for pod in moved.workloads:
        target = _container_port(port, pod)
        if target is None:
            if protocol not in _HTTP:
                run.say(
                    "MS143",
                    port,
                    f"target port {port.get('targetPort').text()} is no port name of {pod.obj.ref}",
                )
            continue
        _, wishes = pods.setdefault(pod.obj.uid, (pod, Wishes()))
        if protocol in _HTTP:
            wishes.leave_out.add(target)
        else:
            wishes.add[target] = None
    if not moved.workloads and protocol not in _HTTP and not port_lists.contains(default, number):
        run.say("MS143", port, "no workload behind this port is in stream or context")


def _container_port(port: View, pod: settings.Pod) -> int | None:
    target = port.get("targetPort").value()
    if target is None:
        target = port.get("port").value()
    if isinstance(target, int):
        return target
    for container in pod.spec.get("containers").each():
        for declared in container.get("ports").each():
            found = declared.get("containerPort").value()
            if declared.get("name").text() == target and isinstance(found, int):
                return found
    return int(target) if str(target).isdigit() else None


def _pod_list(run: Run, pod: settings.Pod, lists: Lists, wishes: Wishes) -> None:
    """The opaque list of a pod template, which replaces the install's: its ports are repeated."""
    base = lists.of(pod.annotation(OPAQUE_PORTS), pod.obj.namespace)
    wanted = wishes.over(base)
    if wanted == base:
        return
    if pod.obj.context:
        run.say(
            "MS141",
            pod.obj,
            f"{pod.obj.ref} is only context and was not changed: it needs {OPAQUE_PORTS}: {wanted}",
        )
        return
    run.say(
        "MS140", pod.obj, f"{OPAQUE_PORTS}: {wanted} on the pod template (the list replaces the default one)"
    )
    run.edit(pod.obj, pod.annotations_path, write={OPAQUE_PORTS: wanted}, owners=[pod.obj])
