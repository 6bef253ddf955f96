"""Conditions on the Host header as hostnames of a route (observed L18).

Istio picks its list by the names of the dialled Service, or by a host at a gateway, so a client that gets there has sent
one of a few names: every condition comes down to those that it accepts. Hostnames are compared without port and case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from transformer import service_protocol
from transformer.objects import Obj, View
from transformer.order import regular
from transformer.order.syntax import Unreadable
from transformer.rules.istio import expressions
from transformer.rules.istio.held import Held
from transformer.run import Run

#: An address as a Host header: what clients send that dial the Service's cluster IP.
_ADDRESS = r"([0-9]+(\.[0-9]+){3}|\[[0-9a-f:.]+\])(:[0-9]+)?"


class Names(NamedTuple):
    """What clients may write into the Host header of requests to one port.

    `bare`: they leave the port out. `addresses`: they may write the address that they dial instead. `what`: for messages.
    """

    names: tuple[str, ...]
    port: int
    bare: bool
    addresses: bool
    what: str


def of_service(service: Obj, port: View, domain: str) -> Names:
    """The names of a Service, and whether clients of the port write it: those of 80 do not, except for gRPC's."""
    number = port.get("port").value()
    short, space = service.name, service.namespace
    names = (short, f"{short}.{space}", f"{short}.{space}.svc", f"{short}.{space}.svc.{domain}")
    grpc = service_protocol.istio_protocol(port) in ("grpc", "http2")
    return Names(names, number, number == 80 and not grpc, True, f"name of Service {short}.{space}")


def of_hosts(hostnames: Sequence[str], port: int) -> Names | None:
    """The hosts of a VirtualService at a gateway; None where one of them stands for many."""
    if any(not hostname or "*" in hostname for hostname in hostnames):
        return None
    return Names(tuple(hostnames), port, port in (80, 443), False, "host of the VirtualService")


def hostnames(run: Run, field: View, text: tuple[str, str], names: Names) -> tuple[str, ...]:
    """The names that satisfy a condition, (kind, text). Raises `Held` where they depend on more than the name."""
    kind, value = text
    if kind == "regex":
        value, reason = expressions.rust(value)
        if reason:
            run.hold("MS214", field, f"the regular expression cannot be carried over: {reason}")
            raise Held
    try:
        bare = [_accepts(kind, value, name) for name in names.names]
        full = [_accepts(kind, value, f"{name}:{names.port}") for name in names.names]
    except Unreadable as problem:
        run.hold("MS214", field, f"the regular expression cannot be evaluated: {problem}")
        raise Held from problem
    if names.addresses and _takes_addresses(kind, value):
        run.hold(
            "MS210",
            field,
            "the match may depend on the address that a client dials, which no hostname of a route can be",
        )
        raise Held
    if bare != full and not names.bare:
        run.hold("MS210", field, f"the match depends on whether clients write `:{names.port}` into the Host header; "
                 "hostnames of a route ignore the port")  # fmt: skip
        raise Held
    found = tuple(name for name, accepted in zip(names.names, bare, strict=True) if accepted)
    if found:
        run.say("MS229", field, "compared without case and port now: `"
                f"{found[0].upper()}` and `{found[0]}:{names.port}` are `{found[0]}`")  # fmt: skip
    else:
        why = f"no {names.what} satisfies the {kind} `{text[1]}`: the match never fires there"
        run.say("MS211", field, why)
    return found


def _accepts(kind: str, value: str, host: str) -> bool:
    if kind == "exact":
        return host == value
    if kind == "prefix":
        return host.startswith(value)
    return kind == "presence" or regular.full_match(value, host)


def _takes_addresses(kind: str, value: str) -> bool:
    if kind == "exact":
        return re.fullmatch(_ADDRESS, value) is not None
    if kind == "prefix":
        return re.fullmatch(r"[0-9.]*(:[0-9]*)?|\[.*", value) is not None
    return kind == "presence" or regular.meets(value, _ADDRESS)
