"""A difference between Istio's and Linkerd's reading of a route, found before anything is decided about it."""

from __future__ import annotations

from typing import NamedTuple

from transformer.objects import View


class Problem(NamedTuple):
    """Finding code, the field, and what the two meshes make of it."""

    code: str
    at: View
    message: str
    remedy: str = ""
