"""A DestinationRule becomes what Linkerd reads elsewhere: subset Services and failure accrual annotations on the Service.

Mutual TLS between meshed pods needs nothing; pool sizes, balancing and locality have no equivalent and are told.
https://istio.io/latest/docs/reference/config/networking/destination-rule/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import NO_OP, Fate
from transformer.objects import Obj, View
from transformer.rules import fields, ingress
from transformer.rules.istio import destinations, durations, hosts, kept_ingress, owners
from transformer.rules.istio.check import check_fields
from transformer.rules.istio.held import Held
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api.http_route import duration

_ACCRUAL = "balancer.linkerd.io/failure-accrual"
_MAX_PENALTY_MS = (
    60_000  # Linkerd's default; a longer minimum without a longer maximum makes it ignore all of it
)


@rule(
    id="destination-rule",
    kinds=[(destinations.ISTIO, "DestinationRule")],
    order=45,
    summary="subsets become Services, outlierDetection becomes failure accrual on the Service, ISTIO_MUTUAL needs nothing",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate every DestinationRule of the stream, or hold it with its unit."""
    known = destinations.of(run)
    for obj in objs:
        metadata.account(run, obj)
        run.client_config[obj.uid] = obj
        run.drop(obj)
        try:
            check_fields(run, obj, "DestinationRule")
            owners.refuse_owned(run, obj)
            _translate(run, obj, known)
        except Held:
            continue
        kept_ingress.destination_rule(run, obj)


def _translate(run: Run, obj: Obj, known: destinations.Destinations) -> None:
    host_field = obj.spec.get("host")
    host = hosts.resolve(host_field.text(), obj.namespace, run.options["mesh.cluster-domain"])
    if host.kind == "half-name":
        run.say(
            "MS301", host_field, f"`{host_field.text()}` is half a name: Istio finds no Service of that name"
        )
    for name in ("exportTo", "workloadSelector"):
        _scope(run, obj.spec.get(name))
    run.no_op(host_field, "names the Service that the rest is about")
    _subsets(run, obj, known)
    policy = obj.spec.get("trafficPolicy")
    if policy.present and not list(policy.items()):
        run.no_op(policy, "empty")
    rivals = (
        [other for other in known.rules(host.namespace, host.name) if other.uid != obj.uid]
        if host.kind == "service"
        else []
    )
    for other in rivals:
        run.units.bind([obj.uid, other.uid])
    root = run.options["mesh.root-namespace"]
    for other in rivals if policy else ():
        if other.spec.get("trafficPolicy") and (
            other.namespace == obj.namespace or root in (obj.namespace, other.namespace)
        ):
            run.hold(
                "MS302",
                policy,
                f"{other.ref} is written twice, and the one that is applied last would be in effect"
                if (other.namespace, other.name) == (obj.namespace, obj.name)
                else f"{other.ref} has a traffic policy for the same host, and one of the two wins",
            )
            raise Held
    _policy(run, policy, host if host.kind == "service" else None)
    for port in policy.get("portLevelSettings").each():
        run.no_op(port.get("port"), "names the port that the settings are about")
        for name, block in fields.effective(run, port):
            if name == "outlierDetection":
                run.degrade(
                    "MS310",
                    block,
                    "failure accrual is set for a whole Service; the setting for one port is not carried over",
                )
            elif name != "port":
                _block(run, name, block)


def _scope(run: Run, field: View) -> None:
    if not field or (field.is_sequence and not list(field.each())):
        return
    if field.path[-1] == "exportTo" and [entry.text() for entry in field.each()] == ["*"]:
        run.no_op(field, "visible everywhere, as Linkerd's settings are")
        return
    run.hold("MS303", field, "the rule applies to some clients only; settings on the Service apply to all")
    raise Held


def _subsets(run: Run, obj: Obj, known: destinations.Destinations) -> None:
    for name in ("subsets", "exportTo"):
        if obj.spec.get(name) and not list(obj.spec.get(name).each()):
            run.no_op(obj.spec.get(name), "empty")
    for subset in obj.spec.get("subsets").each():
        name = subset.get("name").text()
        for key, block in fields.effective(run, subset.get("trafficPolicy")):
            if key == "portLevelSettings":
                _subset_ports(run, block, name)
            else:
                _block(run, key, block, subset=name)
        if subset.get("trafficPolicy").present and not subset.get("trafficPolicy"):
            run.no_op(subset.get("trafficPolicy"), "empty")
        user = known.named.get((*known.key(obj.spec.get("host").text(), obj.namespace), name))
        if (obj.uid, name) not in known.used or (user is not None and user.context):
            _unused(run, obj, subset, name, known, user)


def _subset_ports(run: Run, block: View, subset: str) -> None:
    """Settings for single ports of a subset: what would hold the rule elsewhere holds it here, the rest is lost."""
    if not list(block.each()):
        run.no_op(block, "empty")
    for port in block.each():
        run.no_op(port.get("port"), "names the port that the settings are about")
        for name, setting in fields.effective(run, port):
            if name != "port":
                _block(run, name, setting, subset=subset)


def _unused(
    run: Run, obj: Obj, subset: View, name: str, known: destinations.Destinations, user: Obj | None
) -> None:
    """A subset for which nothing is emitted: fine if no route can be using it."""
    # Where the rule stays for Istio's ingress gateway, routes elsewhere lose nothing.
    stays = kept_ingress.rule_stays(run, obj)
    complete = stays or run.context.is_complete(obj.namespace)
    remedy = "Render the VirtualServices that use it in the same stream, or say `complete` for the namespace."
    if user is not None and user.context and not stays:
        message = f"{user.ref} of the context, which is not migrated here, uses subset {name}"
        if run.hold("MS304", subset, message, remedy=remedy):
            raise Held
    elif user is None and not complete and obj.uid not in known.routed:
        message = f"no route in this stream uses subset {name}, but routes elsewhere may"
        if run.hold("MS304", subset, message, remedy=remedy):
            raise Held
    elif user is None and not complete:
        message = f"no route in this stream uses subset {name}; a VirtualService elsewhere that names it will get 503"
        run.say("MS315", subset, message)
    # A route of the stream that names it is held (and this rule with it), or never reaches the rule that does.
    run.mark(subset.get("name"), Fate(NO_OP, "no route uses it"))
    run.mark(subset.get("labels"), Fate(NO_OP, "no route uses it"))


def _policy(run: Run, policy: View, service: hosts.Host | None) -> None:
    for name, block in fields.effective(run, policy):
        if name == "outlierDetection" and block:
            _outlier_detection(run, block, service)
        elif name != "portLevelSettings":
            _block(run, name, block)


def _block(run: Run, name: str, block: View, *, subset: str = "") -> None:
    """One block of a traffic policy that sets no annotation."""
    where = f" of subset {subset}" if subset else ""
    if not block:
        run.no_op(block, "null or empty")
    elif name == "tls":
        _tls(run, block)
    elif name == "loadBalancer":
        _load_balancer(run, block, where)
    elif name == "outlierDetection":
        run.degrade(
            "MS311",
            block,
            f"outlierDetection{where} has no place: Linkerd takes failure accrual from the Service that is dialled",
        )
    elif name in ("connectionPool", "retryBudget"):
        run.degrade("MS312", block, f"{name}{where} has no equivalent in Linkerd")
    elif run.hold("MS305", block, f"{name}{where} changes how connections are made, which Linkerd cannot do"):
        raise Held


def _tls(run: Run, block: View) -> None:
    mode = block.get("mode").text() or "DISABLE"
    if mode == "ISTIO_MUTUAL" and not ingress.keeps(run):
        host = block.obj.spec.get("host").text()
        found = hosts.resolve(host, block.obj.namespace, run.options["mesh.cluster-domain"])
        run.harms_clients.append(
            (
                block,
                found.namespace,
                f"clients that stay call {host} with Istio's mutual TLS, which its pods no longer speak",
            )
        )
    pinned = block.get("subjectAltNames")
    if mode == "ISTIO_MUTUAL" and list(pinned.each()):
        if run.hold(
            "MS316",
            pinned,
            "clients accept these identities only; Linkerd the one of each pod's ServiceAccount",
        ):
            raise Held
        run.no_op(block.get("mode"), "meshed pods speak mutual TLS anyway")
        run.no_op(block.get("sni"), "meshed pods speak mutual TLS anyway")
    elif mode == "ISTIO_MUTUAL":
        run.no_op(block, "meshed pods speak mutual TLS anyway")
    elif mode == "DISABLE":
        run.degrade(
            "MS306",
            block,
            "connections to this host were plaintext on purpose; Linkerd speaks mutual TLS to every meshed pod",
        )
    elif run.hold("MS307", block, f"mode {mode} starts TLS at the client's proxy, which Linkerd cannot do",
                  remedy="Let the application speak TLS itself, or keep the client in Istio."):  # fmt: skip
        raise Held


def _load_balancer(run: Run, block: View, where: str) -> None:
    for name, field in fields.effective(run, block):
        if name == "consistentHash" and field:
            if run.hold(
                "MS308",
                field,
                f"consistent hashing{where} keeps sessions on one pod; Linkerd balances every request",
            ):
                raise Held
        elif name == "simple" and field.text() == "PASSTHROUGH":
            if run.hold("MS305", field, f"PASSTHROUGH{where} sends to the dialled address; Linkerd balances"):
                raise Held
        elif name == "simple" and field.text() in ("LEAST_REQUEST", "LEAST_CONN", "UNSPECIFIED", "RANDOM"):
            run.no_op(field, "Linkerd balances by latency and load, which serves the same end")
        else:
            run.degrade(
                "MS312", field, f"{name}{where} has no equivalent: Linkerd balances by latency and load"
            )


def _outlier_detection(run: Run, block: View, host: hosts.Host | None) -> None:
    if host is not None and block.obj.namespace not in (host.namespace, run.options["mesh.root-namespace"]):
        unwritten = (
            "the rule's namespace is not written, and only the Service's own makes it apply to all clients"
        )
        limited = "applies to clients of its own namespace only; annotations of the Service to all"
        remedy = "" if block.obj.namespace else "Say the namespace with --namespace."
        run.hold("MS303", block, limited if block.obj.namespace else unwritten, remedy=remedy)
        raise Held
    service = run.context.service(host.namespace, host.name).obj if host is not None else None
    if service is None or service.context:
        missing = (
            "the host is no single Service"
            if host is None
            else "the Service is not in this stream, where it could be annotated"
        )
        if run.hold("MS309", block, f"failure accrual is an annotation of the Service, and {missing}"):
            raise Held
        return
    threshold = block.get("consecutive5xxErrors")
    limit = threshold.value() if threshold.present and threshold.value() is not None else 5
    if limit == 0:
        run.no_op(block, "ejection on 5xx is off; other causes have no equivalent")
        return
    wanted = {_ACCRUAL: "consecutive", f"{_ACCRUAL}-consecutive-max-failures": str(limit)}
    ejection = block.get("baseEjectionTime")
    if ejection:
        ms = durations.milliseconds(ejection.text())
        if not ms:
            run.hold("MS004", ejection, f"`{ejection.text()}` is not a duration of whole milliseconds")
            raise Held
        wanted[f"{_ACCRUAL}-consecutive-min-penalty"] = duration(ms)
        if ms > _MAX_PENALTY_MS:
            wanted[f"{_ACCRUAL}-consecutive-max-penalty"] = duration(ms)
    for name, field in fields.effective(run, block):
        if name == "consecutiveErrors":
            run.say(
                "MS313",
                field,
                "consecutiveErrors has no effect since Istio 1.7; the threshold in effect is 5 consecutive 5xx answers",
            )
            run.mark(field, Fate(NO_OP, "MS313"))
        elif name not in ("consecutive5xxErrors", "baseEjectionTime"):
            run.degrade("MS310", field, f"{name} has no equivalent in Linkerd's failure accrual")
    if not list(block.items()):
        run.no_op(block, "an empty block means Envoy's default of 5 consecutive errors")
    marks = run.translated(threshold, ejection)
    conflict = [key for key, text in wanted.items() if service.annotations.get(key, text) != text]
    if conflict:
        run.hold(
            "MS314", block, f"{service.ref} already says {conflict[0]}: {service.annotations[conflict[0]]}"
        )
        raise Held
    run.edit(service, ("metadata", "annotations"), write=dict(wanted), owners=[block.obj], marks=marks)
