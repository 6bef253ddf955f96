"""Codes of TCP, TLS and gRPC routes and of the listeners that serve them (MS6xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = ()
