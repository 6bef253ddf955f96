"""Durations as Istio writes them (Go style), in the one form that both Linkerd and Gateway API read.

Linkerd accepts one integer with one unit; `1m30s` is refused on routes and silently ignored elsewhere (observed L11).
"""

from __future__ import annotations

from decimal import Decimal

from transformer.stream.patterns import pattern

_PART = pattern(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_MS: dict[str, Decimal | int] = {
    "ns": Decimal("0.000001"),
    "us": Decimal("0.001"),
    "µs": Decimal("0.001"),
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
}


def milliseconds(text: str) -> int | None:
    """The duration in whole milliseconds; None where it is no duration or has a fraction of a millisecond."""
    total, position = Decimal(0), 0
    for match in _PART.finditer(text):
        if match.start() != position:
            return None
        total += Decimal(match.group(1)) * _MS[match.group(2)]
        position = match.end()
    if position != len(text) or not text or total != total.to_integral_value():
        return None
    return int(total)
