"""What a run says about both meshes running side by side: who stays, what stays for them, what they can no longer reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer import scope
from transformer.context.index import WORKLOAD_KINDS
from transformer.final_findings import of_run
from transformer.findings import Finding
from transformer.objects import Obj
from transformer.run import Run
from transformer.settle import Emitted, Settlement

_AUDIT = "audit"
_GROUP = "HTTPRouteGroup"
_DESTINATION_RULE = ("networking.istio.io", "DestinationRule")
_CANARY = ("flagger.app", "Canary")
_VIRTUAL_SERVICE = ("networking.istio.io", "VirtualService")


def confined(run: Run, objs: Sequence[Obj]) -> list[Obj]:
    """The objects that the run is about; the others become context. An object that cannot be placed asks for a fact."""
    unplaced = list(scope.without_namespace(objs))
    for obj in unplaced:
        run.fact("namespace", obj, f"`only` names namespaces, and {obj.ref} does not say which one it is in")
    inside = [obj for obj in objs if run.scope.includes(obj)]
    delegates = set(_delegates(inside))
    inside = [obj for obj in inside if not _is_delegate(obj) or (obj.namespace, obj.name) in delegates]
    groups = set(_groups(inside))
    inside = [
        obj
        for obj in inside
        if obj.ref.kind != _GROUP or run.scope.moves(obj) or (obj.namespace, obj.name) in groups
    ]
    staying = {obj.uid for obj in objs} - {obj.uid for obj in inside}
    # The index is built before, so that it does not decide about delegates by themselves.
    for kind in (_VIRTUAL_SERVICE, ("specs.smi-spec.io", _GROUP)):
        run.context.objects(*kind)
    for obj in objs:
        obj.context = obj.context or obj.uid in staying
    moving = any(run.scope.moves(obj) or _is_picked(run, obj) for obj in objs)
    if objs and not moving and not unplaced:
        rest = (
            "rules for clients get their Linkerd form all the same"
            if inside
            else "the stream passes as it is"
        )
        run.once("MS019", objs[0], f"nothing here belongs to {', '.join(run.options['only'])}; {rest}")
    return inside


def _is_picked(run: Run, obj: Obj) -> bool:
    return (obj.ref.group, obj.ref.kind) in WORKLOAD_KINDS and run.scope.picks(obj)


def _groups(objs: Sequence[Obj]) -> Iterator[tuple[str, str]]:
    """Namespaces and names of the route groups that TrafficSplits and TrafficTargets among the objects name."""
    for obj in objs:
        if obj.ref.group in ("split.smi-spec.io", "access.smi-spec.io"):
            body = obj.spec if obj.spec else obj.view
            for name in (
                *body.get("matches").each(),
                *body.get("rules").each(),
                *obj.view.get("specs").each(),
            ):
                yield obj.namespace, name.get("name").text()


def note_harms(run: Run) -> None:
    """Rules of others that order Istio's mutual TLS: they break calls to pods that move, whoever obeys them."""
    if not run.stage.keeps_clients:
        return
    from transformer.rules.istio import kept_ingress

    for rule in run.context.objects(*_DESTINATION_RULE):
        for tls in kept_ingress.tls_blocks(rule) if rule.context else ():
            if tls.get("mode").text() == "ISTIO_MUTUAL":
                host = rule.spec.get("host").text()
                run.objects[rule.uid] = rule
                run.harms_clients.append((tls, _space_of(host, rule), f"clients that stay call {host} with Istio's "
                "mutual TLS, which its pods no longer speak"))  # fmt: skip


def _space_of(host: str, rule: Obj) -> str:
    """The namespace of a host as a rule writes it; empty where it may be any."""
    labels = host.split(".")
    if len(labels) == 1 and host != "*":
        return rule.namespace
    return labels[1] if len(labels) > 2 and labels[1] != "*" else ""


def _is_delegate(obj: Obj) -> bool:
    return (obj.ref.group, obj.ref.kind) == _VIRTUAL_SERVICE and not list(obj.spec.get("hosts").each())


def _delegates(objs: Sequence[Obj]) -> Iterator[tuple[str, str]]:
    """Namespaces and names of the VirtualServices that some of the objects delegate to."""
    for root in objs:
        if (root.ref.group, root.ref.kind) == _VIRTUAL_SERVICE:
            for http in root.spec.get("http").each():
                delegate = http.get("delegate")
                yield delegate.get("namespace").text() or root.namespace, delegate.get("name").text()


def assumptions(run: Run) -> dict[str, str]:
    """What the report prints of a stage that is not the last one."""
    found = {"phase": run.stage.phase} if run.stage.audits else {}
    return found | ({"only": ",".join(run.options["only"])} if run.stage.partial else {})


def findings(run: Run, settlement: Settlement) -> Iterator[Finding]:
    """Findings of the run as a whole."""
    if run.stage.flips:
        yield from _side_by_side(run, settlement)
        yield from _left_behind(run, settlement)
        yield from _partial(run, settlement)
        yield from _audited(run, settlement)
    else:
        yield of_run(
            "MS021", "Linkerd's objects are added; pods, policies and sources stay until `phase: switch`"
        )


def _side_by_side(run: Run, settlement: Settlement) -> Iterator[Finding]:
    """Told once where some workloads of the stream move and others stay: there is no mutual TLS between them."""
    staying = [obj for uid, obj in run.clients.items() if uid in settlement.held]
    moving = _moving(run, settlement)
    if staying and moving:
        yield of_run(
            "MS016",
            f"{len(moving)} move, such as {moving[0].ref}, and {len(staying)} stay, such as "
            f"{staying[0].ref}: calls between them {_between(run)}",
        )


def _left_behind(run: Run, settlement: Settlement) -> Iterator[Finding]:
    """Told once where rules for clients stay in the old mesh while clients leave it: these no longer obey them."""
    rules = [obj for uid, obj in run.client_config.items() if uid in settlement.held and _is_for_clients(obj)]
    moving = _moving(run, settlement)
    if run.stage.partial:
        # Flagger's VirtualServices are in the cluster only; a Canary that stays goes on writing them.
        rules += [obj for obj in run.context.objects(*_CANARY) if obj.context]
    if rules and moving:
        yield of_run(
            "MS017",
            f"{len(rules)} stay, such as {rules[0].ref}: what moves, such as {moving[0].ref}, no longer obeys them, "
            "and its requests go to the Services as they are dialled",
        )


def _partial(run: Run, settlement: Settlement) -> Iterator[Finding]:
    """Told once where `only` moves a part: the rest of the cluster calls it, and is called by it, without an identity."""
    moving = _moving(run, settlement)
    if not run.stage.partial or not moving:
        return
    places = ", ".join(sorted({obj.namespace or obj.name for obj in moving}))
    yield of_run(
        "MS016",
        f"{places} move and everything else stays in the old mesh: calls between them {_between(run)}",
    )


def _audited(run: Run, settlement: Settlement) -> Iterator[Finding]:
    """Told once where policies audit: as default policies of Namespaces and pods, or as Servers."""
    found = [
        edit.target
        for edit in run.edits
        if _AUDIT in edit.write.values() and edit.target.uid not in settlement.held
    ]
    found += [emitted.plan.owners[0] for emitted in settlement.emitted if _audits(emitted)]
    if run.stage.audits and found:
        yield of_run(
            "MS022",
            f"policies for {found[0].ref}{' and others' if len(found) > 1 else ''} only audit: until `phase: enforce` "
            "Linkerd logs the calls that they would refuse, and lets them pass",
        )


def _audits(emitted: Emitted) -> bool:
    return emitted.ref.kind == "Server" and emitted.value["spec"].get("accessPolicy") == _AUDIT


def _moving(run: Run, settlement: Settlement) -> list[Obj]:
    return [obj for uid, obj in run.clients.items() if uid not in settlement.held]


def _between(run: Run) -> str:
    if run.options["mesh.mtls"] == "strict" and not _is_relaxed(run):
        return "are refused" if not run.stage.audits else "are plaintext, and refused by what stays"
    return "are plaintext, and refused wherever mutual TLS is required"


def _is_relaxed(run: Run) -> bool:
    """Whether some pods accept plaintext although the mesh requires mutual TLS."""
    for obj in run.context.objects("security.istio.io", "PeerAuthentication"):
        settings = [obj.spec.get("mtls"), *(view for _, view in obj.spec.get("portLevelMtls").items())]
        if any(view.get("mode").text() in ("PERMISSIVE", "DISABLE") for view in settings):
            return True
    return False


def _is_for_clients(obj: Obj) -> bool:
    """Whether the object configures workloads, and not only gateways or nothing by itself."""
    if obj.ref.group == "specs.smi-spec.io":
        return False
    gateways = [name.text() for name in obj.spec.get("gateways").each()]
    return not gateways or "mesh" in gateways
