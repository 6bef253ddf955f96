"""Codes of objects that another controller writes: Argo Rollouts, Flagger (MS9xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = ()
