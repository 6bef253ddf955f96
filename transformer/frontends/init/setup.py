"""What every kind of wiring has to know."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from typing import Any, NamedTuple

from transformer.frontends.init.layers import Layers
from transformer.frontends.init.survey import Survey

KINDS = ("kustomize", "helm", "argocd", "flux", "kpt", "pre-commit")


class Setup(NamedTuple):
    """The layers of the repository, the configuration file's name and values, the kinds of wiring that were asked for.

    `explicit`: a person named them. `prefix`: the folder within its git repository, empty where it is the whole of it.
    """

    survey: Survey
    layers: Layers
    config: str
    values: Mapping[str, Any]
    kinds: tuple[str, ...]
    explicit: bool
    prefix: str

    def may_hold_a_mesh(self, folder: str, *, deep: bool = True) -> bool:
        """Whether what is rendered from a folder may configure an old mesh; `deep`: plain manifests are read below it too."""
        layer = self.layers.by_folder.get(folder)
        if layer is not None:
            return self.layers.may_hold_a_mesh(layer)
        deep = deep or folder in self.survey.charts
        return self.survey.names_a_mesh(
            self.survey.below(folder) if deep else self.survey.directly_in(folder)
        )

    def folder_of(self, path: Any) -> str | None:
        """The surveyed folder that a path from the root of the git repository means; None where it is elsewhere."""
        if not isinstance(path, str) or "{{" in path:
            return None
        whole = posixpath.normpath(path.strip("/") or ".")
        if self.prefix:
            if whole != self.prefix and not whole.startswith(self.prefix + "/"):
                return None
            whole = whole[len(self.prefix) :].strip("/") or "."
        folder = "" if whole == "." else whole
        return folder if not folder or self.survey.below(folder) else None


def prefix_in_repository(root: str) -> str:
    """The path of a folder from the root of its git repository, with slashes; empty at the root or outside of git."""
    start = here = os.path.realpath(root)
    while not os.path.exists(os.path.join(here, ".git")):
        parent = os.path.dirname(here)
        if parent == here:
            return ""
        here = parent
    below = os.path.relpath(start, here).replace(os.sep, "/")
    return "" if below == "." else below
