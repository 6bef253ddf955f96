"""Duration syntaxes of the routes and annotations that Linkerd and Gateway API read.

Linkerd's annotations take one integer and one unit (linkerd2,
`policy-controller/k8s/index/src/outbound/index.rs`); Gateway API durations are GEP-2257. Everything is
returned in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from transformer.stream.patterns import pattern

_LINKERD_UNITS: Mapping[str, int] = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_GATEWAY_UNITS: Mapping[str, int] = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_U64 = 2**64

_GATEWAY = pattern(r"([0-9]{1,5}(h|ms|m|s)){1,4}", re.ASCII)
_GATEWAY_PART = pattern(r"([0-9]{1,5})(h|ms|m|s)", re.ASCII)


class InvalidDuration(ValueError):
    """A duration that the reader in question refuses."""


def linkerd_millis(text: str) -> int:
    """Milliseconds of a Linkerd annotation value such as `1500ms`; raises `InvalidDuration` on anything else.

    Surrounding white space and a bare `0` are accepted, fractions, signs and compound values are not.
    """
    value = text.strip()
    found = re.fullmatch(r"([0-9]+)([^0-9]*)", value, re.ASCII)
    if found is None:
        raise InvalidDuration(text)
    magnitude, unit = int(found[1]), found[2]
    if magnitude == 0 and unit == "":
        return 0
    factor = _LINKERD_UNITS.get(unit)
    if factor is None or magnitude >= _U64 or magnitude * factor >= _U64:
        raise InvalidDuration(text)
    return magnitude * factor


def gateway_millis(text: str) -> int:
    """Milliseconds of a GEP-2257 duration such as `1m30s`; raises `InvalidDuration` on anything else."""
    if _GATEWAY.fullmatch(text) is None:
        raise InvalidDuration(text)
    return sum(int(part[1]) * _GATEWAY_UNITS[part[2]] for part in _GATEWAY_PART.finditer(text))
