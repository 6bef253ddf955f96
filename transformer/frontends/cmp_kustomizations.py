"""Folders that a kustomization is built from. kustomize keeps files in their folder, but builds on any other folder."""

from __future__ import annotations

import os

from transformer.errors import UsageError
from transformer.frontends import yaml_files
from transformer.frontends.confined import each_once, inside

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
#: Fields whose entries may be folders with a kustomization of their own.
_FIELDS = ("resources", "bases", "components", "generators", "transformers", "validators")
_LOCAL = "file://"


def refuse_outside(root: str) -> None:
    """Raises UsageError where the kustomization of the current folder, or one that it is built on, is built on a folder
    outside of the repository `root`; InputError where one of them cannot be read.
    """
    waiting = [os.curdir]
    for folder in each_once(waiting):
        for name in KUSTOMIZATIONS:
            path = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(path):
                waiting += _folders(root, folder, inside(root, path, "kustomization"))


def _folders(root: str, folder: str, path: str) -> list[str]:
    found = []
    content = yaml_files.mapping(path)
    for field in _FIELDS:
        entries = content.get(field)
        for entry in entries if isinstance(entries, list) else ():  # kustomize refuses anything else itself
            if not isinstance(entry, str):
                continue
            if _LOCAL in entry:
                raise UsageError(f"{path}: {field}: {entry} is a repository on the machine that renders")
            below = os.path.join(folder, entry)
            if os.path.isdir(below):
                found.append(inside(root, below, f"{path}: {field}"))
    return found
