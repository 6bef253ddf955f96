"""Comma lists of ports as Istio and OSM annotations write them, and Linkerd's lists of ports and ranges.

https://istio.io/latest/docs/reference/config/annotations/
https://linkerd.io/2/reference/proxy-configuration/
"""

from __future__ import annotations

from collections.abc import Iterable

#: Ports of Istio's own sidecar, which are gone with it.
SIDECAR_PORTS = frozenset({15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090})
LAST_PORT = 65535
ALL_PORTS = f"1-{LAST_PORT}"


def parse(text: str) -> list[int] | None:
    """Ports of a comma list, in order and without repetition; None where an entry is no port number."""
    found: dict[int, None] = {}
    for entry in text.split(","):
        entry = entry.strip()
        if not entry:
            continue
        if not (entry.isascii() and entry.isdigit()) or not 0 < int(entry) <= LAST_PORT:
            return None
        found[int(entry)] = None
    return list(found)


def ranges(text: str) -> list[tuple[int, int]] | None:
    """Ports and ranges of a Linkerd list as (first, last); None where an entry is neither."""
    found = []
    for entry in text.split(","):
        first, _, last = entry.strip().partition("-")
        if not entry.strip():
            continue
        ends = parse(f"{first},{last or first}")
        if not ends or ends[0] > ends[-1]:
            return None
        found.append((ends[0], ends[-1]))
    return found


def contains(text: str, port: int) -> bool:
    """Whether a Linkerd list covers a port."""
    return any(first <= port <= last for first, last in ranges(text) or ())


def join(ports: Iterable[int]) -> str:
    """A list as Linkerd reads it."""
    return ",".join(map(str, ports))


def complement(ports: Iterable[int]) -> str:
    """Every port but these, as ranges; empty if nothing is left."""
    out = []
    first = 1
    for port in [*sorted(set(ports)), LAST_PORT + 1]:
        if first < port:
            out.append(str(first) if first == port - 1 else f"{first}-{port - 1}")
        first = port + 1
    return ",".join(out)
