"""Which Service a host of an Istio object means (istio-surface §2.1; observed I5, I25).

A name without a dot belongs to the object's own namespace; `name.namespace.svc.<domain>` is a Service's full name;
anything else with a dot is taken literally, so `reviews.shop` is *not* the Service reviews in shop.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple


class Host(NamedTuple):
    """A resolved host: `kind` is service, wildcard, half-name, address or external."""

    kind: str
    namespace: str = ""
    name: str = ""


def resolve(host: str, namespace: str, domain: str) -> Host:
    """Resolve a host as written in an object of `namespace`; `domain` is the cluster domain."""
    host = host.lower().rstrip(".")
    if "*" in host:
        return Host("wildcard")
    if "." not in host and ":" not in host:
        return Host("service", namespace, host)
    try:
        ipaddress.ip_address(host)
        return Host("address")
    except ValueError:
        pass
    labels = host.split(".")
    if host.endswith(f".svc.{domain}") and len(labels) == 3 + len(domain.split(".")):
        return Host("service", labels[1], labels[0])
    if len(labels) == 2 or (len(labels) == 3 and labels[2] == "svc"):
        return Host("half-name", labels[1], labels[0])
    return Host("external")


def covers(wildcard: str, namespace: str, name: str, domain: str) -> bool:
    """Whether a wildcard host (`*`, `*.local`, `*.shop.svc.cluster.local`) covers a Service."""
    suffix = wildcard.lower().removeprefix("*")
    return f"{name}.{namespace}.svc.{domain}".endswith(suffix)
