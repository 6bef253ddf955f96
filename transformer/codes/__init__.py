"""Catalogue of finding codes. Codes are stable; a retired one is listed in `RETIRED` and never used again."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from transformer.codes.model import Code

RETIRED: frozenset[str] = frozenset({"MS201", "MS203"})

#: Which module holds the codes that start so. A run loads the families that it has something to say from.
_FAMILIES = {
    "MS0": "core",
    "MS1": "injection",
    "MS2": "routing",
    "MS3": "routing",
    "MS4": "security",
    "MS5": "smi",
    "MS6": "connections",
    "MS7": "gateway_api",
    "MS8": "egress",
    "MS9": "owners",
}


class Catalogue(Mapping[str, Code]):
    """All codes by name; a family is imported when one of its codes is first asked for."""

    def __init__(self) -> None:
        self._found: dict[str, Code] = {}
        self._loaded: set[str] = set()

    def _load(self, family: str) -> None:
        if family not in self._loaded:
            self._loaded.add(family)
            module = importlib.import_module(f"{__name__}.{family}")
            for code in module.CODES:
                if code.code in self._found or code.code in RETIRED or _FAMILIES.get(code.code[:3]) != family:
                    raise ValueError(f"{code.code} is used twice, retired, or in the wrong family")
                self._found[code.code] = code

    def __getitem__(self, name: str) -> Code:
        family = _FAMILIES.get(name[:3])
        if family is not None:
            self._load(family)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        for family in dict.fromkeys(_FAMILIES.values()):
            self._load(family)
        return iter(self._found)

    def __len__(self) -> int:
        return sum(1 for _ in self)


CODES: Mapping[str, Code] = Catalogue()

__all__ = ["CODES", "RETIRED", "Code"]
