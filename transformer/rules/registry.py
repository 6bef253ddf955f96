"""Rules register themselves with a decorator; the package is walked once, when the scan saw a mesh group."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformer.objects import Obj
    from transformer.run import Run

Translate = Callable[["Run", Sequence["Obj"]], None]


class Rule(NamedTuple):
    """A rule: its id (also the name of its file, test and cases), the kinds it takes, the keys it reads elsewhere.

    `unnamed`: it also takes objects of its kinds that name no old mesh.
    """

    id: str
    kinds: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    order: int
    summary: str
    translate: Translate
    unnamed: bool = False


RULES: dict[str, Rule] = {}


def rule(
    id: str, *, kinds: Sequence[tuple[str, str]], keys: Sequence[str] = (), order: int = 50, summary: str,
    unnamed: bool = False,
) -> Callable[[Translate], Translate]:  # fmt: skip
    """Register a rule.

    `kinds` are the (group, kind) pairs whose objects the rule is given, all of a run at once (without any it is given
    the objects of every kind outside the old meshes that no rule takes); `keys` are labels or
    annotations it reads on other kinds (they and the groups decide which documents are candidates). Rules run by `order`.
    `unnamed` rules are also given objects that name no old mesh, where the stream names one somewhere else.
    """

    def register(translate: Translate) -> Translate:
        if id in RULES:
            raise ValueError(f"two rules are called {id}")
        RULES[id] = Rule(id, tuple(kinds), tuple(keys), order, summary, translate, unnamed)
        return translate

    return register


#: Rule families and the API group suffix that makes one necessary; the empty suffix is every mesh group or key.
FAMILIES: dict[str, str] = {
    "workload": "",
    "istio": "istio.io",
    "smi": "smi-spec.io",
    "osm": "openservicemesh.io",
    "argo": "argoproj.io",
    "flagger": "flagger.app",
    "gateway_api": "gateway.networking.k8s.io",
}
#: Groups whose objects matter beside those of an old mesh without naming it, and the bytes that show that there are any.
UNNAMED = {"gateway.networking.k8s.io": b"gateway.networking."}


def load(groups: Iterable[str] | None = None) -> list[Rule]:
    """Import the rule families that the API groups of the stream call for (all of them for None), in running order."""
    from transformer import rules

    seen = None if groups is None else set(groups)
    for family, suffix in FAMILIES.items():
        if seen is not None and suffix and not any(group.endswith(suffix) for group in seen):
            continue
        package = importlib.import_module(f"{rules.__name__}.{family}")
        for name in _modules(package.__path__[0]):
            importlib.import_module(f"{package.__name__}.{name}")
    return sorted(RULES.values(), key=lambda found: (found.order, found.id))


def _modules(folder: str) -> list[str]:
    """Names of the modules in a package's folder."""
    if not os.path.isdir(folder):
        # Inside a zip file. `pkgutil` loads `inspect`, which costs more than all rules together.
        import pkgutil

        return sorted(module.name for module in pkgutil.iter_modules([folder]))
    return sorted(
        name[:-3] for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("__")
    )
