"""`spec.service` of a Canary: how Flagger's HTTPRoute reads each field, beside its VirtualService and DestinationRules.

What Flagger does not write into an HTTPRoute goes to annotations of the Service and the route (`service.apex`), or is held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from transformer import service_protocol
from transformer.findings import FieldPath
from transformer.ledger import ACCEPTED, NO_OP, Fate, Mark
from transformer.objects import Obj, View
from transformer.rules.istio import owners, virtual_service_action
from transformer.rules.istio.held import Held
from transformer.run import Run
from transformer.targets.gateway_api import http_route

_KEPT = frozenset({
    "name", "port", "portName", "targetPort", "trafficDistribution", "apex", "primary", "canary", "unmanagedMetadata",
    "meshName", "backends",
})  # fmt: skip
#: Gateway API's durations take five digits of a unit.
_DIGITS = 5
_OPAQUE = "config.linkerd.io/opaque-ports"
_FINE = frozenset({"LEAST_REQUEST", "LEAST_CONN", "UNSPECIFIED", "RANDOM"})


_ELSEWHERE = frozenset({"gateways", "hosts", "match", "rewrite"})


class Plan:
    """What is to be written into `spec.service`, removed from it, and changed below it."""

    def __init__(self) -> None:
        self.write: dict[str, Any] = {}
        self.remove: list[str] = []
        self.annotations: dict[str, str] = {}
        self.below: list[tuple[FieldPath, dict[str, Any], list[str]]] = []
        self.marks: list[Mark] = []
        self.parents: list[dict[str, Any]] = []
        self.ingress = False


def translate(run: Run, obj: Obj, plan: Plan) -> None:
    """Decide about every field but those of `_ELSEWHERE`; raises `Held` with the finding made."""
    service = obj.spec.get("service")
    if not isinstance(service.get("port").value(), int):
        refuse(run, service if service else obj, "service.port is not a number")
    for name, field in service.items():
        if name in _KEPT:
            run.mark(field, Fate(NO_OP, "Flagger reads it as before"))
        elif not field or field.value() in (False, [], {}, ""):
            run.no_op(field, "says nothing")
        elif name in _FIELDS:
            _FIELDS[name](run, field, plan)
        elif name not in _ELSEWHERE:
            refuse(run, field, f"{name} is no known field of a Canary's service")
    _protocol(run, obj, service, plan)
    _annotate(run, service, plan)


def refuse(run: Run, at: View | Obj, message: str) -> NoReturn:
    """Hold the Canary; raises `Held`."""
    run.hold("MS911", at, message)
    raise Held


def _lose(run: Run, field: View, message: str) -> None:
    """Hold for a setting that a person may accept to lose."""
    if run.hold("MS912", field, message):
        raise Held
    run.mark(field, Fate(ACCEPTED, "MS912"))


def _refused(why: str) -> Callable[[Run, View, Plan], None]:
    def decide(run: Run, field: View, plan: Plan) -> None:
        del plan
        refuse(run, field, why)

    return decide


def _ignored(run: Run, field: View, plan: Plan) -> None:
    run.no_op(field, "Flagger ignores it with provider istio")
    plan.remove.append(str(field.path[-1]))


def _timeout(run: Run, field: View, plan: Plan) -> None:
    ms = virtual_service_action.lower_timeout(run, field, plan.marks)
    if ms is not None and len(http_route.duration(ms).rstrip("ms")) > _DIGITS:
        refuse(run, field, "the timeout has more digits than one of a route may have")
    if ms is None:
        plan.remove.append("timeout")
    elif run.target.rule_timeouts or plan.ingress:
        if field.value() != http_route.duration(ms):
            plan.write["timeout"] = http_route.duration(ms)
    else:
        plan.remove.append("timeout")
        plan.annotations["timeout.linkerd.io/request"] = http_route.duration(ms)


def _retries(run: Run, field: View, plan: Plan) -> None:
    if plan.ingress:
        if (field.get("attempts").value() or 0) <= 0:
            run.no_op(field, "no attempts: retries are off")
        else:
            run.degrade(
                "MS240",
                field,
                "retries of a gateway's route have no place in the standard channel of Gateway API",
            )
        plan.remove.append("retries")
        return
    retry = virtual_service_action.lower_retry(run, field, plan.marks)
    plan.remove.append("retries")
    if retry is not None:
        plan.annotations["retry.linkerd.io/http"] = ",".join(retry.statuses)
        plan.annotations["retry.linkerd.io/limit"] = str(retry.limit)
        if retry.timeout_ms is not None:
            plan.annotations["retry.linkerd.io/timeout"] = http_route.duration(retry.timeout_ms)


def _headers(run: Run, field: View, plan: Plan) -> None:
    """Flagger copies header changes as they are, so they must be plain text about plain headers."""
    virtual_service_action.lower_headers(run, field, plan.marks)
    for direction in ("request", "response"):
        block = field.get(direction)
        names = [(name, view) for kind in ("set", "add") for name, view in block.get(kind).items()]
        names += [(view.text(), view) for view in block.get("remove").each()]
        for name, view in names:
            if name.startswith(":") or name.lower() == "host" or "%" in view.text():
                refuse(run, view, f"the change of {name} means something else in an HTTPRoute")
    for name, view in field.items():
        if name not in ("request", "response"):
            refuse(run, view, f"{name} is no direction of headers")


def _traffic_policy(run: Run, field: View, plan: Plan) -> None:
    """DestinationRules that Flagger made for the primary and the canary Service."""
    for name, block in field.items():
        mode, simple = block.get("mode").text(), block.get("simple").text()
        if not block or (name == "tls" and mode == "ISTIO_MUTUAL" and not block.get("subjectAltNames")):
            run.no_op(block, "meshed pods speak mutual TLS anyway")
        elif name == "loadBalancer" and simple in _FINE and len(list(block.items())) == 1:
            run.no_op(block, "Linkerd balances by latency and load, which serves the same end")
        elif name == "connectionPool" or (name == "tls" and mode in ("", "DISABLE")):
            run.degrade(
                "MS915",
                block,
                f"{name} has no equivalent: Linkerd pools connections and speaks mutual TLS itself",
            )
        elif name == "loadBalancer" and not block.get("consistentHash") and simple != "PASSTHROUGH":
            run.degrade("MS915", block, "balancing has no equivalent: Linkerd balances by latency and load")
        else:
            _lose(run, block, f"{name} of trafficPolicy is written into DestinationRules only")
    plan.remove.append("trafficPolicy")


def _port_discovery(run: Run, field: View, plan: Plan) -> None:
    """Istio splits the requests to every HTTP port of the Service, Flagger's HTTPRoute those to service.port."""
    if plan.ingress:
        run.no_op(field, "at a gateway the rules are for service.port alone")
        return
    target, service = field.obj.spec.get("targetRef"), field.obj.spec.get("service")
    main = service.get("targetPort").value() if service.get("targetPort") else service.get("port").value()
    workload = run.context.find(
        "apps", target.get("kind").text(), field.obj.namespace, target.get("name").text()
    ).obj
    if workload is None:
        _lose(run, field, f"{target.get('kind').text()} {target.get('name').text()} is not known; requests to further "
              "ports of its containers would not be split")  # fmt: skip
        return
    run.no_op(field, "Flagger reads it as before")
    for container in workload.spec.get("template", "spec", "containers").each():
        for port in container.get("ports").each():
            number, name = port.get("containerPort").value(), port.get("name").text()
            http = service_protocol.takes_http_routes(service_protocol.protocol_of("", name, number))
            if http and main not in (number, name) and str(main) != str(number):
                _lose(
                    run,
                    field,
                    f"container port {number} ({name or 'unnamed'}) is found too, and requests to it would not be split",
                )
                return


def _app_protocol(run: Run, field: View, plan: Plan) -> None:
    declared = field.text()
    wanted = service_protocol.APP_PROTOCOLS.get(declared.lower())
    if wanted is None and declared.lower() not in service_protocol.KNOWN_TO_LINKERD:
        refuse(run, field, f"Linkerd takes appProtocol {declared} for opaque TCP and ignores routes there")
    plan.marks += run.translated(field)
    if wanted is not None:
        plan.write["appProtocol"] = wanted


def _protocol(run: Run, obj: Obj, service: View, plan: Plan) -> None:
    """Rules for HTTP have no effect on a port that speaks something else, in either mesh."""
    port = service.get("port").value()
    declared, name = service.get("appProtocol").text(), service.get("portName").text() or "http"
    protocol = service_protocol.protocol_of(declared, name, port)
    if not service_protocol.takes_http_routes(protocol):
        at = service.get("appProtocol") if declared else service.get("portName")
        refuse(
            run,
            at,
            f"port {port} speaks {protocol}, for which Flagger writes TCP routes or routes without effect",
        )
    written = (
        service.get("apex", "annotations", _OPAQUE).text() or run.options["linkerd-install.opaque-ports"]
    )
    for piece in written.split(","):
        low, _, high = piece.strip().partition("-")
        if low.isdigit() and int(low) <= port <= int(high or low):
            refuse(
                run,
                service.get("port"),
                f"port {port} of {owners.apex(obj)} is opaque for Linkerd, which ignores routes there",
            )


def _annotate(run: Run, service: View, plan: Plan) -> None:
    """Annotations of `service.apex` stand on the Service and on the HTTPRoute."""
    for key, text in plan.annotations.items():
        existing = service.get("apex", "annotations", key)
        if existing.present and existing.text() != text:
            refuse(
                run, existing, f"{key} is {existing.text()} already, and {text} is what the service asks for"
            )


_FIELDS: dict[str, Callable[[Run, View, Plan], None]] = {
    "appProtocol": _app_protocol,
    "backendTimeout": _ignored,
    "corsPolicy": _refused("Linkerd drops a route that answers CORS, and Flagger copies the policy in part"),
    "delegation": _refused("the VirtualService is a delegate of another, which an HTTPRoute cannot be"),
    "gatewayRefs": _refused("gatewayRefs are given beside provider istio, which ignores them"),
    "headers": _headers,
    "headless": _refused("Linkerd attaches routes to Services with a cluster IP only"),
    "mirror": _ignored,
    "portDiscovery": _port_discovery,
    "retries": _retries,
    "timeout": _timeout,
    "trafficPolicy": _traffic_policy,
}
