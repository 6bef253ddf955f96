"""IP networks as Linkerd's policy objects write them (linkerd2, `policy-controller/k8s/api/src/policy/network.rs`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from transformer.stream.patterns import pattern

from .objects import Obj

Address = IPv4Address | IPv6Address
Block = IPv4Network | IPv6Network

# Python also reads net masks and zone identifiers, Linkerd neither.
_CIDR = pattern(r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?", re.ASCII)


class InvalidNetwork(ValueError):
    """A text that is neither an address nor a block."""


class Network(NamedTuple):
    """A block and what is taken out of it."""

    block: Block
    excepted: tuple[Block, ...] = ()

    def contains(self, address: Address) -> bool:
        """Whether the address is in the block and in none of the exceptions."""
        return address in self.block and not any(address in block for block in self.excepted)


def block(text: object) -> Block:
    """The block of `10.0.0.0/8`, or of a single address; host bits are dropped. Raises `InvalidNetwork`."""
    if not isinstance(text, str) or _CIDR.fullmatch(text) is None:
        raise InvalidNetwork(f"{text!r} is no address or block")
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise InvalidNetwork(str(error)) from error


def address(text: object) -> Address:
    """An IP address; raises `InvalidNetwork`."""
    try:
        return ip_address(str(text))
    except ValueError as error:
        raise InvalidNetwork(str(error)) from error


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Blocks without exceptions; raises `InvalidNetwork`."""
    return tuple(Network(block(text)) for text in texts)


def network(entry: Obj) -> Network:
    """An entry `{cidr, except}` of an object; raises `InvalidNetwork`."""
    excepted = entry.get("except") or []
    if not isinstance(excepted, list):
        raise InvalidNetwork("`except` is no list")
    return Network(block(entry.get("cidr")), tuple(block(text) for text in excepted))


def includes(outer: Block, inner: Block) -> bool:
    """Whether all of `inner` is in `outer`; blocks of two address families never are."""
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network):
        return inner.subnet_of(outer)
    return False


ANYWHERE = networks(("0.0.0.0/0", "::/0"))
"""Every address of both families."""

LOCALHOST = networks(("127.0.0.1", "::1"))
"""The proxy's own host, from where it lets everything pass."""
