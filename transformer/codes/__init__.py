"""Catalogue of finding codes. Codes are stable; a retired one is listed in `RETIRED` and never used again."""

from __future__ import annotations

from transformer.codes import core, injection, routing, security, smi
from transformer.codes.model import Code

RETIRED: frozenset[str] = frozenset({"MS201"})

CODES: dict[str, Code] = {
    code.code: code
    for family in (core.CODES, injection.CODES, routing.CODES, security.CODES, smi.CODES)
    for code in family
}

__all__ = ["CODES", "RETIRED", "Code"]
