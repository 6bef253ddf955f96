"""Sets of IP addresses as disjoint intervals: closed under union, intersection and difference.

IPv4 and IPv6 lie on one line with a gap between them. Written back as `{cidr, except}` entries of a NetworkAuthentication
(https://linkerd.io/2/reference/authorization-policy/#networkauthentication).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

Networks = tuple[tuple[int, int], ...]

_V6 = 1 << 33
_END4, _END6 = (1 << 32) - 1, _V6 + (1 << 128) - 1
NOWHERE: Networks = ()
EVERYWHERE: Networks = ((0, _END4), (_V6, _END6))


def block(text: str) -> Networks:
    """The addresses of `10.0.0.0/8` or of one address; host bits are dropped. Raises ValueError."""
    import ipaddress  # costs more than reading a small policy, so only where there are addresses

    found = ipaddress.ip_network(text, strict=False)
    start = int(found.network_address) + (_V6 if found.version == 6 else 0)
    return ((start, start + found.num_addresses - 1),)


def union(one: Networks, other: Networks) -> Networks:
    """Addresses in either."""
    return _combine(one, other, lambda a, b: a or b)


def intersection(one: Networks, other: Networks) -> Networks:
    """Addresses in both."""
    return _combine(one, other, lambda a, b: a and b)


def difference(one: Networks, other: Networks) -> Networks:
    """Addresses in the first and not in the second."""
    return _combine(one, other, lambda a, b: a and not b)


def within(one: Networks, other: Networks) -> bool:
    """Whether all of the first lies in the second."""
    return not difference(one, other)


def blocks(texts: Iterable[str]) -> Networks:
    """The union of several blocks. Raises ValueError."""
    found = NOWHERE
    for text in texts:
        found = union(found, block(text))
    return found


def _combine(one: Networks, other: Networks, keep: Callable[[bool, bool], bool]) -> Networks:
    quick = _quick(one, other, keep)
    if quick is not None:
        return quick
    edges = sorted({edge for low, high in (*one, *other) for edge in (low, high + 1)})
    found: list[tuple[int, int]] = []
    for low, end in itertools.pairwise(edges):
        if keep(_has(one, low), _has(other, low)):
            if found and found[-1][1] == low - 1:
                found[-1] = (found[-1][0], end - 1)
            else:
                found.append((low, end - 1))
    return tuple(found)


def _quick(one: Networks, other: Networks, keep: Callable[[bool, bool], bool]) -> Networks | None:
    """Answers that need no sweep: the same set twice, or an empty one."""
    if one == other:
        return one if keep(True, True) else NOWHERE
    if not one:
        return other if keep(False, True) else NOWHERE
    if not other:
        return one if keep(True, False) else NOWHERE
    return None


def _has(found: Networks, address: int) -> bool:
    return any(low <= address <= high for low, high in found)


def entries(found: Networks) -> list[dict[str, Any]]:
    """The set as `networks` of a NetworkAuthentication: for each family the shortest of three ways to write it."""
    if found == EVERYWHERE:
        return [{"cidr": "0.0.0.0/0"}, {"cidr": "::/0"}]
    import ipaddress

    written: list[dict[str, Any]] = []
    for first, last, base, kind in (
        (0, _END4, 0, ipaddress.IPv4Address), (_V6, _END6, _V6, ipaddress.IPv6Address),
    ):  # fmt: skip
        mine = intersection(found, ((first, last),))
        if mine:
            written += _family(mine, first, last, base, kind)
    return written


def _family(mine: Networks, first: int, last: int, base: int, kind: Any) -> list[dict[str, Any]]:
    listed = [{"cidr": text} for text in _cidrs(mine, base, kind)]
    best: list[dict[str, Any]] = listed
    for outer in (((first, last),), _hull(mine, base, last)):
        excepted = _cidrs(difference(outer, mine), base, kind)
        around = _cidrs(outer, base, kind)
        if len(around) == 1 and 1 + len(excepted) < len(best):
            best = [{"cidr": around[0], "except": excepted}]
    return best


def _hull(mine: Networks, base: int, last: int) -> Networks:
    """The smallest block around the set."""
    low, high = mine[0][0] - base, mine[-1][1] - base
    size = 1 << (low ^ high).bit_length()
    start = low & ~(size - 1)
    return ((base + start, min(base + start + size - 1, last)),)


def _cidrs(found: Networks, base: int, kind: Any) -> list[str]:
    import ipaddress

    return [
        str(network)
        for low, high in found
        for network in ipaddress.summarize_address_range(kind(low - base), kind(high - base))
    ]
