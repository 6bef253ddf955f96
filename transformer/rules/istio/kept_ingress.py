"""What configures Istio's ingress gateway stays with it (`gateway-class: keep-istio`); all other clients move.

The gateway's Envoy balances over pod addresses, so Linkerd adds mutual TLS behind it and no routes. Towards pods
without Istio's sidecar automatic mutual TLS falls back to plaintext, but a written ISTIO_MUTUAL does not.
https://istio.io/latest/docs/ops/configuration/traffic-management/tls-configuration/
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.ledger import NO_OP, Fate
from transformer.objects import Obj, View
from transformer.rules import fields, ingress, reach
from transformer.rules.istio import destinations
from transformer.run import Run

MESH = "mesh"
_STAYS = "configures Istio's ingress gateway, which stays"
_VIRTUAL_SERVICE = (destinations.ISTIO, "VirtualService")
#: Modes of a server whose clients are proxies of the mesh.
_FOR_THE_MESH = {
    "ISTIO_MUTUAL": "clients must present an identity of Istio",
    "AUTO_PASSTHROUGH": "clusters of one Istio mesh meet there",
}


def keep(run: Run, obj: Obj) -> None:
    """The object stays as it is, on purpose."""
    run.keep(obj)
    run.mark(obj.view, Fate(NO_OP, "MS288"))
    if not obj.context:
        run.once("MS288", obj, "what configures Istio's ingress gateway stays with it, from this object on")


def gateway(run: Run, obj: Obj) -> bool:
    """Keep a Gateway for which nothing is mapped; False where it is to be translated."""
    if not ingress.keeps_gateway(run, obj.name, obj.namespace):
        return False
    for server in obj.spec.get("servers").each():
        mode = server.get("tls", "mode")
        if mode.text() in _FOR_THE_MESH:
            what = _FOR_THE_MESH[mode.text()]
            run.hold("MS296", mode, f"mode {mode.text()}: {what}, which pods in Linkerd do not")
    keep(run, obj)
    _tell_pods(run, obj)
    return True


def _tell_pods(run: Run, obj: Obj) -> None:
    """The gateway must be in Linkerd before the pods behind it; often it is rendered elsewhere."""
    if not any(map(ingress.joins, ingress.workloads(run))):
        run.once("MS290", obj, "the pods of Istio's ingress gateway are not in this stream")


def _gateways(obj: Obj) -> list[str]:
    return [name.text() for name in obj.spec.get("gateways").each()]


def moving_gateways(run: Run, obj: Obj) -> Iterator[View]:
    """The gateways of a VirtualService for which routes have to be written."""
    for name in obj.spec.get("gateways").each():
        if name.text() != MESH and not ingress.keeps_gateway(run, name.text(), obj.namespace):
            yield name


def serves(run: Run, obj: Obj) -> bool:
    """Whether a VirtualService is bound to a gateway that stays."""
    return any(ingress.keeps_gateway(run, name, obj.namespace) for name in _gateways(obj) if name != MESH)


def is_for_ingress_only(run: Run, obj: Obj) -> bool:
    """Whether a VirtualService is bound to gateways that stay and to nothing else."""
    names = _gateways(obj)
    return bool(names) and all(
        name != MESH and ingress.keeps_gateway(run, name, obj.namespace) for name in names
    )


def virtual_service(run: Run, obj: Obj) -> bool:
    """Keep a VirtualService of the gateway; True where that is all, False where it also has to be translated."""
    if not ingress.keeps(run) or not (serves(run, obj) or obj.uid in _named(run)[0]):
        return False
    keep(run, obj)
    _tell_pods(run, obj)
    return is_for_ingress_only(run, obj) or obj.uid in delegates(run)


def delegates(run: Run) -> set[int]:
    """Delegates that only VirtualServices of the gateway name."""
    if not ingress.keeps(run):
        return set()
    serving, others = _named(run)
    return serving - others


def _named(run: Run) -> tuple[set[int], set[int]]:
    """Delegates that VirtualServices of the gateway name, and those that others, or these too, name for the mesh."""
    known: tuple[set[int], set[int]] | None = run.memo.get("kept-delegates")
    if known is None:
        known = (set(), set())
        run.memo["kept-delegates"] = known
        for root in run.context.objects(*_VIRTUAL_SERVICE):
            for rule in root.spec.get("http").each():
                block = rule.get("delegate")
                space = block.get("namespace").text() or root.namespace
                found = run.context.find(*_VIRTUAL_SERVICE, space, block.get("name").text()).obj
                if not block or found is None:
                    continue
                if serves(run, root):
                    known[0].add(found.uid)
                if not is_for_ingress_only(run, root):
                    known[1].add(found.uid)
    return known


def policy(run: Run, obj: Obj) -> bool:
    """Keep a policy or setting of the gateway's pods; True where it reaches no others, False where it may.

    One that reaches both cannot be translated for the others and stay for the gateway: a second run would translate it
    without the policies that were combined with it. It is held.
    """
    if not ingress.keeps(run):
        return False
    if _is_for_gateway_pods(run, obj):
        run.account(obj, [obj.view])
        keep(run, obj)
        return True
    if obj.ref.kind == "AuthorizationPolicy":
        if run.options["authorization"] == "translate" and _may_reach_gateway(run, obj):
            run.hold("MS298", obj, "reaches the pods of Istio's ingress gateway among others")
    elif obj.ref.kind != "PeerAuthentication" and _may_reach_gateway(run, obj):
        keep(run, obj)  # gateways do not look at PeerAuthentications
    return False


def _is_for_gateway_pods(run: Run, obj: Obj) -> bool:
    if _is_gateway_filter(obj):
        return True
    labels = reach.selector(obj)
    if not labels:
        return False
    if any(wanted.items() <= labels.items() for wanted in ingress.selectors(run)):
        return True
    found = list(_reached(run, obj, labels))
    return bool(found) and all(workload in ingress.workloads(run) for workload in found)


def _is_gateway_filter(obj: Obj) -> bool:
    """An EnvoyFilter of which every patch is for gateways."""
    patches = [patch.get("match", "context").text() for patch in obj.spec.get("configPatches").each()]
    return obj.ref.kind == "EnvoyFilter" and bool(patches) and set(patches) == {"GATEWAY"}


def _may_reach_gateway(run: Run, obj: Obj) -> bool:
    labels = reach.selector(obj)
    if any(workload in ingress.workloads(run) for workload in _reached(run, obj, labels)):
        return True
    # Labels of the pods beyond the selector are not known; a policy for other applications names none of it.
    meant = not labels or any(
        any(wanted.get(key) == text for key, text in labels.items())
        and not any(wanted.get(key, text) != text for key, text in labels.items())
        for wanted in ingress.selectors(run)
    )
    return meant and obj.namespace == run.options["mesh.root-namespace"]


def _reached(run: Run, obj: Obj, labels: dict[str, str]) -> Iterator[Obj]:
    for workload in run.context.workloads():
        near = obj.namespace in (run.options["mesh.root-namespace"], workload.namespace)
        if near and labels.items() <= reach.pod_labels(workload).items():
            yield workload


def host_may_serve(run: Run, host: str, namespace: str) -> bool:
    """Whether the gateway may send requests to a host, as an object of `namespace` writes it.

    VirtualServices of any namespace may be bound to the gateway: only where all are known can none be.
    """
    if not run.context.is_complete("*"):
        return True
    known = destinations.of(run)
    wanted = known.key(host, namespace)
    for virtual in run.context.objects(*_VIRTUAL_SERVICE):
        if not serves(run, virtual) and virtual.uid not in _named(run)[0]:
            continue
        for kind in ("http", "tls", "tcp"):
            for rule in virtual.spec.get(kind).each():
                for text in _hosts(rule):
                    found = known.key(text, virtual.namespace)
                    if found == wanted or "*" in host:
                        return True
    return False


def _hosts(rule: View) -> Iterator[str]:
    for place in (*rule.get("route").each(), *rule.get("mirrors").each()):
        yield place.get("destination", "host").text()
    yield rule.get("mirror", "host").text()


def service_entry(run: Run, obj: Obj) -> None:
    """Keep a ServiceEntry that the gateway may send requests to."""
    hosts = [host.text() for host in obj.spec.get("hosts").each()]
    if ingress.keeps(run) and any(host_may_serve(run, host, obj.namespace) for host in hosts):
        keep(run, obj)


def destination_rule(run: Run, obj: Obj) -> None:
    """Keep a DestinationRule that the gateway may use, without ISTIO_MUTUAL, which no pod answers any more."""
    if not ingress.keeps(run) or obj.context:
        return
    mutual = [tls for tls in tls_blocks(obj) if tls.get("mode").text() == "ISTIO_MUTUAL"]
    if not rule_stays(run, obj):
        if mutual and not _says_more(run, obj, mutual):
            # Also while clients stay in Istio: these reach pods of either mesh by automatic mutual TLS.
            run.client_config.pop(obj.uid, None)
            run.say(
                "MS291", mutual[0], "goes, so that Istio's ingress gateway reaches pods without its sidecar"
            )
        return
    keep(run, obj)
    for tls in mutual:
        place = obj.view.get(*tls.path[:-1])
        if set(dict(place.items())) <= {"tls", "port"} and place.get("port"):
            run.hold("MS292", tls, "is all that the entry for this port says, and cannot be taken out alone")
            continue
        run.say("MS291", tls, "is taken out of the rule, which stays for Istio's ingress gateway")
        run.edit(obj, tls.path[:-1], remove=("tls",), marks=run.translated(tls))


def rule_stays(run: Run, obj: Obj) -> bool:
    """Whether a DestinationRule says something that the gateway may need."""
    mutual = [tls for tls in tls_blocks(obj) if tls.get("mode").text() == "ISTIO_MUTUAL"]
    if not ingress.keeps(run) or not _says_more(run, obj, mutual):
        return False
    return host_may_serve(run, obj.spec.get("host").text(), obj.namespace)


def tls_blocks(obj: Obj) -> Iterator[View]:
    """How a DestinationRule makes connections: for all of the host, for its ports, and for its subsets."""
    policies = [obj.spec.get("trafficPolicy")]
    policies += [subset.get("trafficPolicy") for subset in obj.spec.get("subsets").each()]
    for found in policies:
        for place in (found, *found.get("portLevelSettings").each()):
            if place.get("tls"):
                yield place.get("tls")


def _says_more(run: Run, obj: Obj, mutual: list[View]) -> bool:
    """Whether the rule says anything beside ISTIO_MUTUAL for all that it is about."""
    if list(obj.spec.get("subsets").each()):
        return True
    for name, block in fields.effective(run, obj.spec.get("trafficPolicy")):
        if name == "portLevelSettings":
            if any(key not in ("port", "tls") for port in block.each() for key, _ in port.items()):
                return True
        elif name != "tls" and block:
            return True
    return len(mutual) < len(list(tls_blocks(obj)))
