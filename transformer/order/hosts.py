"""Completes the lists of hostnames for targets that may look at the most specific hostname only.

Envoy-based implementations of the Gateway API choose a virtual host first and never leave it; the text of the
API lets less specific hostnames take what no rule of a more specific one matches. Complete lists
satisfy both.
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.order.model import Entry
from transformer.order.predicates import host_subsumes


def complete_hosts(entries: Sequence[Entry]) -> list[Entry]:
    """The list with every entry repeated, just before itself, for each more specific hostname that occurs."""
    names = list(dict.fromkeys(entry.match.hostname for entry in entries))
    if len(names) < 2:
        return list(entries)
    names.sort(
        key=lambda name: (name is not None, name is not None and not name.startswith("*."), len(name or ""))
    )
    found: list[Entry] = []
    for entry in entries:
        own = entry.match.hostname
        inner = [name for name in reversed(names) if name != own and host_subsumes(own, name)]
        found += [entry._replace(match=entry.match._replace(hostname=name)) for name in inner]
        found.append(entry)
    return found
