"""What a rule of a VirtualService does, as an IR action (istio-surface §2.4-§2.9; observed I4, I6, I14, I18, I19, L11-L13).

Mesh routes of Linkerd know forwarding with weights, header changes, redirects, timeouts and retries on statuses. What
else a rule may ask for (fault, rewrite, CORS, direct response) is held: Linkerd drops a whole route that carries it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from transformer import torn_names
from transformer.ir.routes import Action, Backend, Forward, HeaderChange, Retry
from transformer.ledger import DEGRADED, NO_OP, Fate, Mark
from transformer.objects import Obj, View
from transformer.rules.istio import destinations, durations, hosts, redirect_action
from transformer.rules.istio.held import Held
from transformer.run import Run

_IMPLICIT_RETRY = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
#: gRPC statuses that Linkerd retries calls of a GRPCRoute on; Istio has the same names.
GRPC_CODES = ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
_HELD_BLOCKS = {
    "corsPolicy": (
        "MS231",
        "CORS answers of the client's proxy; Linkerd has none and drops a route that carries them",
    ),
    "rewrite": (
        "MS232",
        "a rewrite of path or authority, which Linkerd's routes cannot do (it drops a route that carries one)",
    ),
    "directResponse": ("MS233", "an answer without a backend, which no Linkerd route can give"),
}


class Lowered(NamedTuple):
    """An action, its retries, the leaves that decided them, and other objects (DestinationRules) it stands on."""

    action: Action
    retry: Retry | None
    marks: tuple[Mark, ...]
    owners: tuple[Obj, ...]


def lower(run: Run, rule: View, dialled: int, *, grpc: bool = False) -> Lowered:
    """Lower one http rule for clients that dial port `dialled` of the host. Raises `Held` with the finding made.

    `grpc`: the rule becomes one of a GRPCRoute, which retries on gRPC statuses.
    """
    _refuse_blocks(run, rule)
    marks: list[Mark] = []
    owners: list[Obj] = []
    if rule.get("redirect"):
        return Lowered(redirect_action.lower(run, rule, dialled, marks), None, tuple(marks), ())
    backends = lower_backends(run, rule, dialled, marks, owners)
    request, response = lower_headers(run, rule.get("headers"), marks)
    timeout = lower_timeout(run, rule.get("timeout"), marks)
    retry = lower_retry(run, rule.get("retries"), marks, grpc=grpc)
    _mirror(run, rule)
    if rule.get("name").present:
        run.no_op(rule.get("name"), "names a route in logs only")
    return Lowered(Forward(backends, request, response, timeout), retry, tuple(marks), tuple(owners))


def _refuse_blocks(run: Run, rule: View) -> None:
    for name, (code, what) in _HELD_BLOCKS.items():
        if rule.get(name) and run.hold(code, rule.get(name), f"the rule asks for {what}"):
            raise Held
        if rule.get(name) and name == "directResponse":
            raise Held
    refuse_fault(run, rule)


def refuse_fault(run: Run, rule: View) -> None:
    """Faults that fire hold the object; raises `Held` unless a person accepted that they go."""
    fault = rule.get("fault")
    what = "the rule injects faults, which no target route can do"
    if fault and not _never_fires(run, fault) and run.hold("MS230", fault, what):
        raise Held


def _never_fires(run: Run, fault: View) -> bool:
    """A fault without a percentage is 0 %, an abort without a status is none: nothing to lose."""
    for kind, action in fault.items():
        share = (
            action.get("percentage", "value").value()
            if action.get("percentage")
            else action.get("percent").value()
        )
        effect = {"abort": ("httpStatus", "grpcStatus"), "delay": ("fixedDelay",)}.get(kind, ())
        if kind == "abort" and not action.get("percentage"):
            share = 0
        if share and any(action.get(name).present for name in effect):
            return False
    run.no_op(fault, "the fault never fires: it has no percentage or no effect")
    return True


def _mirror(run: Run, rule: View) -> None:
    """Copies of requests: told once per rule, nothing to tell where no request is copied (observed I19)."""
    shares = [rule.get("mirrorPercentage", "value"), rule.get("mirrorPercent"), rule.get("mirror_percent")]
    share = next((field.value() for field in shares if field), 100)
    copied = [field for name in ("mirror", "mirrors") if (field := rule.get(name))]
    lost = bool(copied) and (share != 0 or rule.get("mirrors").present)
    if lost:
        run.say("MS235", copied[0], "requests are no longer mirrored: Linkerd's routes cannot copy traffic")
    for name in ("mirror", "mirrors", *redirect_action.MIRROR_SHARES):
        run.mark(rule.get(name), Fate(DEGRADED, "MS235") if lost else Fate(NO_OP, "nothing is mirrored"))


def lower_backends(
    run: Run, rule: View, dialled: int, marks: list[Mark], owners: list[Obj], *, ingress: bool = False
) -> tuple[Backend, ...]:
    """Backends with weights; `dialled` is the port of the host, or of the gateway's server (`ingress`)."""
    routes = [entry for entry in rule.get("route").each() if entry]
    if not routes:
        run.hold(
            "MS004",
            rule,
            "a rule without route, redirect, directResponse or delegate; the API server refuses it",
        )
        raise Held
    weights = [entry.get("weight").value() or 0 for entry in routes]
    if len(routes) > 1 and not any(weights):
        run.hold("MS236", rule.get("route"), "all weights are zero or missing, which Istio refuses")
        raise Held
    if len(routes) > 1:
        _refuse_two_levels(run, rule, routes)
    backends = []
    for entry, weight in zip(routes, weights, strict=True):
        backends.append(
            _backend(run, entry, weight if len(routes) > 1 else None, dialled, marks, owners, ingress)
        )
        if len(routes) == 1 and entry.get("weight").present:
            run.no_op(entry.get("weight"), "a single destination gets everything, whatever its weight")
        elif len(routes) > 1:
            marks += run.translated(entry.get("weight"))
    return tuple(backends)


def _backend(
    run: Run,
    entry: View,
    weight: int | None,
    dialled: int,
    marks: list[Mark],
    owners: list[Obj],
    ingress: bool,
) -> Backend:
    namespace, name, number = lower_destination(
        run, entry.get("destination"), dialled, marks, owners, ingress
    )
    request, response = lower_headers(run, entry.get("headers"), marks)
    return Backend(namespace, name, number, weight, request, response)


def lower_destination(
    run: Run, destination: View, dialled: int, marks: list[Mark], owners: list[Obj], ingress: bool
) -> tuple[str, str, int]:
    """Namespace, Service and port that a destination means. Raises `Held` with the finding made."""
    known = destinations.of(run)
    host_field = destination.get("host")
    host = hosts.resolve(host_field.text(), destination.obj.namespace, run.options["mesh.cluster-domain"])
    if host.kind != "service":
        why = {
            "half-name": "is half a name, which Istio takes literally, or outside the cluster",
            "external": "is outside the cluster; routes of a Service can only send to Services",
            "wildcard": "is a wildcard",
            "address": "is an address; routes can only send to Services",
        }[host.kind]
        run.hold("MS223", host_field, f"destination `{host_field.text()}` {why}")
        raise Held
    service = known.service(host.namespace, host.name)
    where = f"{host.namespace}/{host.name}".lstrip("/")
    if service is None:
        run.hold("MS202", host_field, f"destination Service {where} is not in the stream or its context, so its "
        f"ports are unknown",
                 remedy=torn_names.unknown_service(run, host_field.obj, host.namespace, host.name))  # fmt: skip
        raise Held
    if service.spec.get("type").text() == "ExternalName":
        run.hold(
            "MS223",
            host_field,
            f"destination Service {where} is an ExternalName, which a route cannot send to",
        )
        raise Held
    ports = destinations.port_numbers(service)
    # Without a port a gateway takes the only one of the Service, a sidecar the one that the client dialled (I4).
    implied = next(iter(ports)) if ingress and len(ports) == 1 else dialled
    number = destination.get("port", "number").value() or implied
    if number not in ports:
        run.hold(
            "MS224",
            destination.get("port") or host_field,
            f"Service {where} has no port {number}; Istio answers 503 there",
        )
        raise Held
    name = service.name
    owners += [rule for rule in known.rules(host.namespace, host.name) if not rule.context]
    subset = destination.get("subset")
    if subset:
        found = known.subset(subset, service, subset.text())
        if found is None:
            raise Held
        name, subset_marks, _ = found
        marks += subset_marks
    elif service.spec.get("clusterIP").text() == "None":
        run.hold(
            "MS225", host_field, f"destination Service {where} is headless; Linkerd routes need a cluster IP"
        )
        raise Held
    marks += run.translated(host_field, destination.get("port"), subset)
    return host.namespace, name, number


def _refuse_two_levels(run: Run, rule: View, routes: list[View]) -> None:
    """With several destinations Envoy changes headers for the destination first, the target's route for the rule."""
    for direction in ("request", "response"):
        outer = dict(_changed(rule.get("headers", direction)))
        for entry in routes:
            for name, kind in _changed(entry.get("headers", direction)):
                if name in outer and {kind, outer[name]} != {"add"}:
                    run.hold("MS237", entry.get("headers", direction), f"`{name}` is changed for the rule and for a "
                             "destination, which meshes do in different order")  # fmt: skip
                    raise Held


def _changed(block: View) -> Iterator[tuple[str, str]]:
    """Header names in lower case with the kind of their change."""
    for kind in ("set", "add"):
        yield from ((name.lower(), kind) for name, _ in block.get(kind).items())
    yield from ((item.text().lower(), "remove") for item in block.get("remove").each())


def lower_headers(run: Run, headers: View, marks: list[Mark]) -> tuple[HeaderChange, HeaderChange]:
    changes = []
    if headers and not list(headers.items()):
        run.no_op(headers, "empty")
    for direction in ("request", "response"):
        block = headers.get(direction)
        set_, add = (tuple(_pairs(run, block.get(kind), direction)) for kind in ("set", "add"))
        remove = tuple(item.text() for item in block.get("remove").each() if not item.text().startswith(":"))
        names = [name.lower() for name, _ in (*set_, *add)] + [name.lower() for name in remove]
        if len(set(names)) < len(names):
            run.hold("MS237", block, "one header is changed in two ways, which a header modifier cannot say")
            raise Held
        changes.append(HeaderChange(set_, add, remove))
        if block:
            marks += run.translated(block)
    return changes[0], changes[1]


def _pairs(run: Run, block: View, direction: str) -> list[tuple[str, str]]:
    pairs = []
    for name, field in block.items():
        text = field.text()
        if name.lower() in ("host", ":authority"):
            if direction == "request":
                run.hold(
                    "MS232",
                    field,
                    "setting the host header is a rewrite of the authority, which Linkerd's routes cannot do",
                )
                raise Held
            continue
        if name.startswith(":"):
            continue
        plain = text.replace("%%", "")
        if "%" in plain:
            variable = re.search(r"%[^%]*%", plain)
            run.hold(
                "MS238",
                field,
                f"`{variable.group() if variable else text}` is filled in by Envoy; a header modifier takes plain text",
            )
            raise Held
        pairs.append((name, text.replace("%%", "%")))
    return pairs


def lower_timeout(run: Run, field: View, marks: list[Mark]) -> int | None:
    if not field:
        return None
    ms = durations.milliseconds(field.text())
    if ms is None:
        run.hold("MS004", field, f"`{field.text()}` is not a duration of whole milliseconds")
        raise Held
    if ms == 0:
        run.no_op(field, "0s is no timeout, on Linkerd the absence of one")
        return None
    marks += run.translated(field)
    return ms


def lower_retry(run: Run, retries: View, marks: list[Mark], *, grpc: bool = False) -> Retry | None:
    if not retries:
        return None
    attempts = retries.get("attempts").value() or 0
    if attempts <= 0:
        run.no_op(retries, "no attempts: retries are off, on Linkerd the absence of retry annotations")
        return None
    for name in ("retryRemoteLocalities", "retryIgnorePreviousHosts", "backoff"):
        if retries.get(name).present:
            run.degrade(
                "MS241",
                retries.get(name),
                f"{name} has no equivalent: Linkerd picks endpoints and backoff itself",
            )
    statuses, lost = _statuses(retry_conditions(retries))
    codes = tuple(token for token in GRPC_CODES if token in lost) if grpc else ()
    at = retries.get("retryOn") if retries.get("retryOn") else retries.get("attempts")
    _tell_lost(run, at, [token for token in lost if token not in codes], bool(statuses or codes))
    if codes:
        message = f"not retried while clients stay in Istio: {', '.join(codes)} (policy.linkerd.io routes know no gRPC status)"
        run.while_hidden.append(("MS240", at, message))
    timeout = lower_timeout(run, retries.get("perTryTimeout"), marks)
    if not statuses and not codes:
        for name in ("attempts", "retryOn", "perTryTimeout"):
            run.mark(retries.get(name), Fate(DEGRADED, "MS240"))
        return None
    marks += run.translated(retries.get("attempts"), retries.get("retryOn"))
    return Retry(attempts, tuple(statuses), timeout, codes)


def retry_conditions(retries: View) -> list[str]:
    """Tokens of `retryOn`, or those that Istio takes without one."""
    tokens = (retries.get("retryOn").text() or _IMPLICIT_RETRY).split(",")
    return [token.strip() for token in tokens if token.strip()]


def retries_on_statuses(retries: View) -> bool:
    """Whether any condition is an HTTP status, which only HTTPRoutes retry on."""
    return bool(retries) and bool(_statuses(retry_conditions(retries))[0])


def _tell_lost(run: Run, at: View, lost: list[str], left: bool) -> None:
    if lost:
        ending = "" if left else "; nothing is left, so the route does not retry"
        run.say(
            "MS240",
            at,
            f"not retried any more: {', '.join(lost)} (Linkerd retries on response statuses only){ending}",
        )


def _statuses(tokens: list[str]) -> tuple[list[str], list[str]]:
    """Linkerd's HTTP retry conditions for Istio's tokens, and the tokens that have none."""
    statuses, lost = [], []
    for token in tokens:
        if token in ("5xx", "gateway-error"):
            statuses.append(token)
        elif token == "retriable-4xx":
            statuses.append("409")
        elif token.isdigit() and 100 <= int(token) <= 599:
            statuses.append(token)
        elif token != "retriable-status-codes":
            lost.append(token)
    return list(dict.fromkeys(statuses)), lost
