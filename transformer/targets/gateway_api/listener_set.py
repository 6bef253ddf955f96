"""ListenerSet: listeners of a Gateway beyond those that it can hold itself (v1 from Gateway API 1.5).

https://gateway-api.sigs.k8s.io/geps/gep-1713/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from transformer.ir.routes import Listener
from transformer.targets.gateway_api import gateway
from transformer.targets.metadata import fit
from transformer.targets.versions import Target

#: Listeners of one Gateway, and of one set.
MOST = 64


def divided(listeners: tuple[Listener, ...], name: str, target: Target) -> tuple[Listener, ...]:
    """The listeners, those beyond the limit in sets named after the Gateway `name`, where the version has any.

    What a port asks of its clients is said on the Gateway for its own listeners, so such Gateways are not divided.
    """
    asking = any(listener.clients is not None for listener in listeners)
    if len(listeners) <= MOST or asking or not target.listener_set:
        return listeners
    rest = (
        listener._replace(listener_set=fit(f"{name}-listeners-{2 + number // MOST}"))
        for number, listener in enumerate(listeners[MOST:])
    )
    return (*listeners[:MOST], *rest)


def names(listeners: Iterable[Listener]) -> list[str]:
    """Names of the sets, in order."""
    return list(dict.fromkeys(listener.listener_set for listener in listeners if listener.listener_set))


def build(
    listeners: Iterable[Listener], metadata: dict[str, Any], parent: str, namespace: str, target: Target
) -> dict[str, Any]:
    """A set in the namespace of its Gateway `parent`."""
    group = "gateway.networking.k8s.io"
    return {
        "apiVersion": f"{group}/{target.listener_set}",
        "kind": "ListenerSet",
        "metadata": metadata,
        "spec": {
            "parentRef": {"group": group, "kind": "Gateway", "name": parent},
            "listeners": [gateway.listener(one, namespace, target) for one in listeners],
        },
    }


def of(listeners: Iterable[Listener], name: str) -> Iterator[Listener]:
    """The listeners of one set."""
    return (listener for listener in listeners if listener.listener_set == name)
