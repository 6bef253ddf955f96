"""A ServiceEntry for hosts outside the cluster needs nothing where the mesh lets every host pass; others are held.

Under ALLOW_ANY such an entry only gives the host a name in policies and telemetry. One that takes clients to another
address or port than they dial makes something reachable that Linkerd would not reach; under REGISTRY_ONLY every entry is
a permission. https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.objects import Obj, View
from transformer.rules import egress, mesh_config, permissions
from transformer.rules.istio import entry_users, kept_ingress
from transformer.rules.istio.check import check_fields
from transformer.rules.istio.destinations import ISTIO
from transformer.rules.istio.held import Held
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata

_WAYPOINT = "istio.io/use-waypoint"
_BY_NAME = ("HTTP", "HTTP2", "HTTPS", "GRPC", "GRPC-WEB", "TLS")


@rule(
    id="service-entry",
    kinds=[(ISTIO, "ServiceEntry")],
    order=48,
    summary="hosts outside the cluster need nothing where the mesh lets all hosts pass; aliases and permissions are held",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Drop every ServiceEntry of the stream that changes nothing, hold the others with what names their hosts."""
    for obj in objs:
        metadata.account(run, obj)
        run.client_config[obj.uid] = obj
        run.drop(obj)
        kept_ingress.service_entry(run, obj)
        foreign = entry_users.bind(run, obj)
        try:
            check_fields(run, obj, "ServiceEntry")
        except Held:
            permissions.stay(run, obj)
            continue
        if not list(obj.spec.get("hosts").each()):
            run.hold("MS004", obj.spec, "names no host")
            continue
        permitted = permissions.plan(run, obj)
        obstacles = [*_obstacles(run, obj, permitted=permitted), *_users(run, obj, foreign)]
        # Every obstacle is told at once, and each may be accepted by itself.
        if [run.hold(code, view, message) for code, view, message in obstacles].count(True):
            continue
        if permitted:
            run.say(
                "MS808",
                obj,
                f"{_named(obj)}: permitted by routes in every namespace of the run that refuses other hosts",
            )
        _tell(run, obj, silent=bool(obstacles) or permitted)
        run.no_op(obj.spec, "MS808" if permitted else "MS320")


def _obstacles(run: Run, obj: Obj, *, permitted: bool) -> Iterator[tuple[str, View, str]]:
    """Code, place and reason of everything that the entry does beyond naming a host."""
    spec = obj.spec
    if not permitted and obj.uid not in run.kept and mesh_config.registry_only(run):
        yield "MS323", spec.get("hosts"), (
            "the mesh refuses hosts that it does not know, and this entry permits some; no namespace that moves in this "
            "run gets an EgressNetwork which could say the same"
        )  # fmt: skip
    if spec.get("location").text() == "MESH_INTERNAL":
        yield (
            "MS322",
            spec.get("location"),
            ("MESH_INTERNAL: the endpoints are part of the mesh, and mutual TLS is spoken to them"),
        )
    if spec.get("workloadSelector"):
        yield "MS322", spec.get("workloadSelector"), "the endpoints are pods and WorkloadEntries by label"
    for host in spec.get("hosts").each():
        why = _inside(run, host.text().lower().rstrip("."))
        if why:
            yield "MS322", host, f"host `{host.text()}` {why}"
    yield from _detours(spec)


def _inside(run: Run, host: str) -> str:
    """Why a host may be a name of the cluster, or an empty string."""
    domain = run.options["mesh.cluster-domain"]
    labels = host.split(".")
    bare = host.removeprefix("*").lstrip(".")
    if host == "*":
        return "is every host"
    if f".{host}".endswith((f".{domain}", ".svc")) or f".{domain}".endswith(f".{bare}"):
        return "lies in the cluster's own domain"
    if len(labels) == 1:
        return "is a single label, which DNS outside the cluster does not resolve"
    if len(labels) == 2 and run.context.service(labels[1], labels[0]).obj is not None:
        return "is a name of a Service"
    return ""


def _detours(spec: View) -> Iterator[tuple[str, View, str]]:
    """Where a connection ends elsewhere than where the client dials."""
    resolution, endpoints = spec.get("resolution"), spec.get("endpoints")
    hosts = [host.text() for host in spec.get("hosts").each()]
    if resolution.text() == "STATIC":
        yield "MS321", resolution, "STATIC: the host is reached at the addresses of its endpoints, not by DNS"
    elif [found for found in endpoints.each() if not _is_itself(found, hosts)]:
        yield "MS321", endpoints, "the endpoints are other addresses than the host's own"
    for address in spec.get("addresses").each():
        if resolution.text() in ("", "NONE") and "/" in address.text():
            continue  # a range without resolution: connections go on to the address that was dialled
        yield "MS321", address, (
            f"address {address.text()} stands for the host: Istio's DNS proxy answers with it, and connections to it "
            "are sent to the host"
        )  # fmt: skip
    for port in spec.get("ports").each():
        target = port.get("targetPort")
        if target and target.value() != port.get("number").value():
            yield (
                "MS321",
                target,
                (f"connections to port {port.get('number').text()} are sent to port {target.text()}"),
            )


def _is_itself(endpoint: View, hosts: list[str]) -> bool:
    """Whether an endpoint is the entry's only host under its own name and ports."""
    said = {name for name, field in endpoint.items() if field}
    return hosts == [endpoint.get("address").text()] and said <= {"address", "locality", "weight", "labels"}


def _users(run: Run, obj: Obj, foreign: Obj | None) -> Iterator[tuple[str, View, str]]:
    """What would miss the entry though it does not move with it."""
    if foreign is not None:
        yield (
            "MS325",
            obj.spec.get("hosts"),
            (f"{foreign.ref} of the context, which is not migrated here, says how the host is called"),
        )
    for elsewhere in run.context.objects("", "Namespace") if mesh_config.registry_only(run) else ():
        if elsewhere.context and _is_istios(elsewhere) and permissions.is_exported(run, obj, elsewhere.name):
            yield (
                "MS325",
                obj.spec.get("hosts"),
                f"clients of the namespace {elsewhere.name}, which is not migrated here, are permitted the host by the entry",
            )
            break
    for sidecar in run.context.objects(*egress.SIDECAR):
        if egress.refuses_unknown(sidecar) and egress.sees(sidecar, obj.namespace):
            if sidecar.context:
                yield (
                    "MS325",
                    obj.spec.get("hosts"),
                    (f"{sidecar.ref} of the context refuses hosts that no entry makes known"),
                )
            run.units.link(sidecar.uid, obj.uid)
    referrer = entry_users.route(run, obj)
    if referrer is not None:
        yield "MS325", obj.spec.get("hosts"), f"{referrer.ref} refers to the entry or its host"
    for place in ("labels", "annotations"):
        waypoint = obj.view.get("metadata", place, _WAYPOINT)
        if waypoint and waypoint.text() != "none":
            yield "MS325", waypoint, f"requests to the host go through the waypoint {waypoint.text()}"


def _is_istios(namespace: Obj) -> bool:
    return namespace.labels.get("istio-injection") == "enabled" or "istio.io/rev" in namespace.labels


def _named(obj: Obj) -> str:
    hosts = [host.text() for host in obj.spec.get("hosts").each()]
    return ", ".join(hosts[:3]) + (f" and {len(hosts) - 3} more" if len(hosts) > 3 else "")


def _tell(run: Run, obj: Obj, *, silent: bool) -> None:
    if not silent:
        run.say(
            "MS320", obj, f"{_named(obj)}: reached without an entry, because the mesh lets every host pass"
        )
    by_host = obj.spec.get("resolution").text() in ("DNS", "DNS_ROUND_ROBIN")
    if not by_host or list(obj.spec.get("addresses").each()):
        return
    for port in obj.spec.get("ports").each():
        if port.get("protocol").text().upper() not in (*_BY_NAME, "UDP"):
            run.say("MS324", port, f"every TCP connection on port {port.get('number').text()} to an address that the mesh "
                    f"does not know is taken to {_named(obj)} today")  # fmt: skip
