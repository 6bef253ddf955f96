"""Would Linkerd honour a route on this Service, and does Istio today? (observed L9, L13, L14; istio-surface §7.6)

Istio needs a waypoint for ambient clients: https://istio.io/latest/docs/ambient/usage/l7-features/
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer import service_protocol
from transformer.objects import Obj, View
from transformer.rules import parents
from transformer.rules.gateway_api import references, waypoint_users
from transformer.rules.gateway_api.problems import Problem
from transformer.rules.workload import injection_settings as settings
from transformer.rules.workload import port_lists
from transformer.rules.workload.service_ports import OPAQUE_PORTS, Lists
from transformer.run import Run

#: Known to Linkerd as plain TCP; Istio finds out by itself what such a port speaks.
_OPAQUE = frozenset({"linkerd.io/opaque", "linkerd.io/tcp"})


def problems(run: Run, route: Obj, parent: references.Reference) -> Iterator[Problem]:
    """Differences that lie in the parent Service, as far as stream and context know it."""
    service = run.context.service(parent.namespace, parent.name).obj
    if service is None:
        return
    if has_no_address(service):
        yield Problem(
            "MS726", parent.at, f"{service.ref} has no cluster IP; Linkerd attaches routes to one only"
        )
        return
    profile = parents.profile(run, service)
    if profile is not None:
        yield Problem("MS726", parent.at, f"ServiceProfile {profile.name} makes Linkerd ignore the routes of {service.ref}",
                      "Delete the ServiceProfile.")  # fmt: skip
    wanted = parent.at.get("port").value()
    for index, port in enumerate(service.spec.get("ports").each()):
        if wanted in (None, port.get("port").value()):
            yield from _port(run, parent, service, index, port)
    if _is_idle(run, service):
        why = f"ambient clients of {service.ref} have no waypoint, so Istio ignores the route"
        yield Problem("MS729", parent.at, why)


def has_no_address(service: Obj) -> bool:
    """Whether the Service is headless or an ExternalName: Linkerd goes by cluster IPs."""
    return service.spec.get("type").text() == "ExternalName" or service.spec.get("clusterIP").text() == "None"


def _port(run: Run, parent: references.Reference, service: Obj, index: int, port: View) -> Iterator[Problem]:
    number, declared = port.get("port").value(), port.get("appProtocol").text()
    if not isinstance(number, int) or not service_protocol.takes_http_routes(
        service_protocol.istio_protocol(port)
    ):
        return
    if _is_opaque(run, service, number):
        why = f"port {number} of {service.ref} is opaque for Linkerd, which ignores routes there"
        remedy = (
            "Set config.linkerd.io/opaque-ports on the Service (and its pods) to a list without the port."
        )
        yield Problem("MS726", parent.at, why, remedy)
    if not declared or not run.target.reads_app_protocol or _is_rewritten(run, service, index):
        return
    if declared.lower() in service_protocol.KNOWN_TO_LINKERD and declared.lower() not in _OPAQUE:
        return
    known = service_protocol.APP_PROTOCOLS.get(declared.lower())
    why = f"Linkerd takes appProtocol {declared} of port {number} of {service.ref} for opaque TCP"
    yield Problem(
        "MS726", parent.at, why, f"Write appProtocol: {known}." if known else "Remove the appProtocol."
    )


def _is_opaque(run: Run, service: Obj, number: int) -> bool:
    """Whether Linkerd's list covers the port, after what the rule for Services writes."""
    for edit in run.edits:
        if edit.target.uid == service.uid and OPAQUE_PORTS in edit.write:
            return port_lists.contains(edit.write[OPAQUE_PORTS], number)
    listed = Lists(run).of(service.annotations.get(OPAQUE_PORTS), service.namespace)
    return port_lists.contains(listed, number)


def _is_rewritten(run: Run, service: Obj, index: int) -> bool:
    """Whether the rule for Services changes the appProtocol of the port already."""
    path = ("spec", "ports", index)
    return any(edit.target.uid == service.uid and edit.path == path for edit in run.edits)


def _is_idle(run: Run, service: Obj) -> bool:
    """Whether clients that move are ambient and surely have no waypoint before the Service."""
    if waypoint_users.has_waypoint(run, service) is not False:
        return False
    return any(_is_ambient(run, client) for client in run.clients.values())


def _is_ambient(run: Run, client: Obj) -> bool:
    if client.ref.kind == "Namespace":
        setting = settings.of_namespace(client)
        return setting.ambient and setting.sidecar != settings.IN
    space = run.context.namespace(client.namespace).obj
    setting = settings.of_namespace(space) if space is not None else settings.NamespaceSetting(None)
    pod = settings.pod_of(client)
    own = pod.label(settings.DATAPLANE)
    return setting.sidecar != settings.IN and (own == "ambient" or (setting.ambient and own != "none"))
