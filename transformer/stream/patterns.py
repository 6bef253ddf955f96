"""Regular expressions that are compiled on first use.

Compiling some forty expressions on import costs more than reading and editing a small document.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

__all__ = ["pattern"]

if TYPE_CHECKING:
    from re import compile as pattern
else:

    def pattern(source: str | bytes, flags: int = 0) -> _Lazy:
        """What `re.compile` returns for `source`, made when one of its methods is first asked for."""
        return _Lazy(source, flags)


class _Lazy:
    """Stands in for a compiled expression; its methods become the compiled one's."""

    __slots__ = (
        "_flags",
        "_source",
        "findall",
        "finditer",
        "fullmatch",
        "match",
        "search",
        "split",
        "sub",
        "subn",
    )

    def __init__(self, source: Any, flags: int) -> None:
        self._source = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # Only reached while the slot is empty.
        if name.startswith("_") or name not in _Lazy.__slots__:
            raise AttributeError(name)
        compiled = re.compile(self._source, self._flags)
        for method in _Lazy.__slots__[2:]:
            setattr(self, method, getattr(compiled, method))
        return getattr(self, name)
