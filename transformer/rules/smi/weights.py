"""Weights of SMI backends: integers, or in v1alpha1 quantities such as `500m`, kept in exact proportion (trap T9)."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

from transformer.stream.patterns import pattern

_QUANTITY = pattern(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(m|k|M|G|Ki|Mi|Gi)?\Z")
_SCALE = {None: Fraction(1), "m": Fraction(1, 1000), "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9),
          "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30)}  # fmt: skip


def quantity(value: object) -> Fraction | None:
    """The value of a weight as written (a number or a quantity), None where it is neither or negative."""
    if isinstance(value, bool) or value is None:
        return None
    match = _QUANTITY.match(str(value))
    return Fraction(match.group(1)) * _SCALE[match.group(2)] if match else None


def proportional(weights: list[Fraction]) -> list[int]:
    """Integers in the same proportion: as written where all are whole, else the smallest ones."""
    if all(weight.denominator == 1 for weight in weights):
        return [int(weight) for weight in weights]
    common = lcm(*(weight.denominator for weight in weights))
    whole = [int(weight * common) for weight in weights]
    divisor = gcd(*whole) or 1
    return [weight // divisor for weight in whole]
