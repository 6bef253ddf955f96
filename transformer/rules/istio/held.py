"""How the rules for routes give up an object."""

from __future__ import annotations


class Held(Exception):
    """The construct cannot be expressed; the finding has been made."""
