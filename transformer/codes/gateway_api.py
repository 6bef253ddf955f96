"""Codes of Gateway API objects that are used with Istio already (MS7xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = ()
