"""Namespaces that refuse unknown hosts today and get an EgressNetwork, so that they refuse them tomorrow.

Istio decides per pod, Linkerd per namespace and only outside clusterNetworks; what that cannot say is held here.
https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/
https://linkerd.io/2/features/egress/ ; linkerd2 `policy-controller/runtime/src/lib.rs` (Services come before networks).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from transformer.context.index import WORKLOAD_KINDS
from transformer.ledger import Mark
from transformer.objects import Obj, View
from transformer.rules import egress
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.linkerd import egress as target

_EXPORT_TO = "networking.istio.io/exportTo"
_INJECT = "linkerd.io/inject"


class Closing(NamedTuple):
    """A namespace that gets an EgressNetwork.

    `anchor` is what the network is derived from: the namespace's own Sidecar or its Namespace. `sidecar` is the Sidecar
    whose list of hosts counts, if any.
    """

    namespace: str
    anchor: Obj
    sidecar: Obj | None


def of(run: Run) -> dict[str, Closing]:
    """The closings of the run by namespace; empty before `plan`."""
    found: dict[str, Closing] = run.memo.get("closings", {})
    return found


def plan(run: Run) -> None:
    """Plan a network for each namespace that pods move in and that refuses unknown hosts; hold pods where none can be."""
    movers: dict[str, list[Obj]] = {}
    for obj in run.clients.values():
        if not obj.context:
            is_namespace = (obj.ref.group, obj.ref.kind) == ("", "Namespace")
            movers.setdefault(obj.name if is_namespace else obj.namespace, []).append(obj)
    closings = run.memo.setdefault("closings", {})
    for namespace, found in movers.items():
        governing = egress.whole_sidecars(run, namespace)
        if not egress.refuses(run, governing):
            continue
        if egress.is_closed(run, namespace):
            _tell(run, found[0], namespace)
            continue
        closing = _closing(run, namespace, governing)
        if isinstance(closing, str):
            for obj in found:
                run.hold(
                    "MS329", obj, f"unknown hosts are refused today, Linkerd would let all pass: {closing}"
                )
            continue
        closings[namespace] = closing
        run.objects.setdefault(closing.anchor.uid, closing.anchor)
        # Half a namespace would leave pods of both meshes with half of what permits their hosts.
        run.units.bind([closing.anchor.uid, *(obj.uid for obj in found)])
        for code, at, message in _inexact(run, closing):
            run.hold(code, at, message)
        _derive(run, closing)


def _closing(run: Run, namespace: str, governing: list[Obj]) -> Closing | str:
    """The closing of a namespace, or why there is none."""
    if not namespace:
        return "the namespace of the pods is not said (option namespace)"
    if not egress.knows_networks(run):
        return "EgressNetworks are known from Linkerd 2.17"
    if egress.by_hand(run, namespace):
        return "an EgressNetwork that is there already does not refuse everything outside the cluster"
    own = [found for found in governing if found.namespace == namespace]
    if len(own) > 1:
        return f"{own[0].ref} and {own[1].ref} both say what the namespace may call"
    if governing and not own:
        return f"{governing[0].ref} of the root namespace says it for the whole mesh"
    sidecar = own[0] if own else None
    if sidecar is not None and sidecar.context:
        return f"{sidecar.ref} of the context says what the namespace may call"
    if sidecar is not None:
        return Closing(namespace, sidecar, sidecar)
    anchor = run.context.namespace(namespace).obj
    if anchor is None or anchor.context:
        return "the Namespace, beside which an EgressNetwork belongs, is not in the stream"
    return Closing(namespace, anchor, None)


def _derive(run: Run, closing: Closing) -> None:
    meta = metadata.metadata(closing.anchor, target.NAME, namespace=closing.namespace)
    if closing.sidecar is None:
        # Labels of a Namespace choose what applies to the whole of it, such as Pod Security.
        meta.pop("labels", None)
    marks: tuple[Mark, ...] = ()
    if closing.sidecar is not None:
        spec = closing.sidecar.spec
        marks = run.translated(spec.get("outboundTrafficPolicy"), spec.get("egress"), target=target.NAME)
    run.derive(target.network(meta), [closing.anchor], marks)
    _tell(run, closing.anchor, closing.namespace)


def _tell(run: Run, at: Obj, namespace: str) -> None:
    ranges = run.options["linkerd-install.cluster-networks"]
    run.once(
        "MS805", at, f"namespaces such as {namespace} refuse what no route names; addresses in {ranges} are not looked at"
    )  # fmt: skip


def takes_over(run: Run, sidecar: Obj) -> bool:
    """Whether an EgressNetwork of the run refuses what this Sidecar of the whole namespace refuses."""
    closing = of(run).get(sidecar.namespace)
    return closing is not None and closing.sidecar is sidecar and covers_cluster(run, sidecar)


def differs(run: Run, sidecar: Obj) -> bool:
    """Whether a Sidecar of some pods of a namespace with a network says otherwise than the namespace."""
    closing = of(run).get(sidecar.namespace)
    if closing is None or not sidecar.spec.get("workloadSelector"):
        return False
    lists = [found.spec.get("egress").value() for found in (sidecar, closing.sidecar) if found is not None]
    alike = all(not found for found in lists) or (len(lists) == 2 and lists[0] == lists[1])
    return not (egress.refuses(run, [sidecar]) and alike)


# -- what a network cannot say ---------------------------------------------------------------------------------------


def _inexact(run: Run, closing: Closing) -> Iterator[tuple[str, Obj | View, str]]:
    anchor, namespace = closing.anchor, closing.namespace
    if not run.context.is_complete("*"):
        yield "MS801", anchor, (
            f"entries of any namespace may permit hosts to {namespace}, and stream and context are not said to be complete"
        )  # fmt: skip
    wide = whole_private_ranges(run.options["linkerd-install.cluster-networks"])
    if wide:
        yield "MS802", anchor, (
            f"Linkerd's clusterNetworks hold {', '.join(wide)}: no address in there would be refused to {namespace}"
        )  # fmt: skip
    for sidecar in run.context.objects(*egress.SIDECAR):
        if sidecar.context and sidecar.namespace == namespace and differs(run, sidecar):
            yield "MS803", anchor, f"{sidecar.ref} of the context says otherwise for some pods of {namespace}"
    for service in run.context.objects("", "Service"):
        yield from _of_service(run, closing, service)
    if not any(found.namespace == namespace for found in _made_before(run)):
        for workload in run.context.workloads():
            if workload.namespace == namespace and _is_linkerds(workload):
                yield (
                    "MS803",
                    anchor,
                    f"{workload.ref} is in Linkerd already, and its calls would be refused too",
                )


def _made_before(run: Run) -> Iterator[Obj]:
    for found in run.context.objects(target.GROUP, "EgressNetwork"):
        if metadata.MARKER in found.annotations:
            yield found


def _is_linkerds(workload: Obj) -> bool:
    template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
    return template.get("metadata", "annotations", _INJECT).text() in ("enabled", "ingress")


def _of_service(run: Run, closing: Closing, service: Obj) -> Iterator[tuple[str, Obj | View, str]]:
    """Services that one side lets pass and the other does not."""
    exported = service.annotations.get(_EXPORT_TO, "*")
    names = {name.strip() for name in exported.split(",")}
    spaces = {service.namespace if name == "." else name for name in names}
    if not spaces & {"*", closing.namespace}:
        yield "MS804", closing.anchor, (
            f"{service.ref} is exported to {exported} only, so {closing.namespace} is refused"
        )  # fmt: skip
        return
    spec = service.spec
    domain = run.options["mesh.cluster-domain"]
    outside = spec.get("externalName").text().lower().rstrip(".")
    if spec.get("type").text() == "ExternalName" and not f".{outside}".endswith((f".{domain}", ".svc")):
        yield "MS803", closing.anchor, (
            f"{service.ref} stands for {outside}, which is called by the Service's name: no route names both"
        )  # fmt: skip
    if spec.get("clusterIP").text() == "None" and not list(spec.get("selector").items()):
        yield (
            "MS803",
            closing.anchor,
            f"{service.ref} has no selector and no address: its endpoints may lie outside",
        )


def whole_private_ranges(networks: str) -> list[str]:
    """Those of the networks that hold a whole private range, as only a default does; IPv4 and IPv6."""
    # Slow to load, and only meshes that refuse unknown hosts come here.
    import ipaddress

    private = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")
    ranges = [ipaddress.ip_network(text) for text in private]
    found = []
    for text in (part.strip() for part in networks.split(",")):
        network = ipaddress.ip_network(text, strict=False)
        first, last = network.network_address, network.broadcast_address
        if any(
            one.version == network.version and first <= one.network_address and last >= one.broadcast_address  # type: ignore[operator]
            for one in ranges
        ):
            found.append(text)
    return found


# -- the list of a Sidecar -------------------------------------------------------------------------------------------


def entries(sidecar: Obj) -> list[tuple[str, str]]:
    """Namespace and host of each entry of a Sidecar's egress list; no namespace is the Sidecar's own."""
    found = []
    for listener in sidecar.spec.get("egress").each():
        for host in listener.get("hosts").each():
            space, slash, name = host.text().lower().partition("/")
            found.append((space, name) if slash else (".", space))
    return found


def covers_cluster(run: Run, sidecar: Obj) -> bool:
    """Whether the list, if there is one, has every Service of the cluster; an exclusion makes that doubtful."""
    listed = entries(sidecar)
    domain = f".svc.{run.options['mesh.cluster-domain']}"
    if not listed:
        return True
    if any(space.startswith("~") for space, _ in listed):
        return False
    return any(space == "*" and name.startswith("*") and domain.endswith(name[1:]) for space, name in listed)
