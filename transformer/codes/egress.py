"""Codes of what leaves the mesh, and of machines outside the cluster (MS8xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = ()
