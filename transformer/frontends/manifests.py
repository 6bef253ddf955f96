"""Manifest files and folders as (name, bytes), for context and for `check`; Helm templates are left out with
a note.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from transformer.errors import UsageError
from transformer.progress import busy_with
from transformer.stream import nodes, split

_ENDINGS = (".yaml", ".yml", ".json")


class Manifests(NamedTuple):
    """Files that were read, and remarks on those that were not."""

    files: list[tuple[str, bytes]]
    notes: list[str]


def read(paths: Iterable[str]) -> Manifests:
    """Read files, and folders with all that is below them. Raises UsageError for what cannot be read."""
    found = Manifests([], [])
    seen = set()
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(f"{path} does not exist")
        for name in _below(path):
            real = os.path.realpath(name)
            if real in seen:
                continue
            seen.add(real)
            busy_with("reading file", len(seen))
            data = _bytes(name)
            if b"{{" in data and _is_template(name, data):
                found.notes.append(f"{name} is a template and was not read: render it first")
            else:
                found.files.append((name, data))
    return found


def _below(path: str) -> Iterator[str]:
    """A file itself, or the manifest files below a folder in sorted order; hidden folders are left out."""
    if not os.path.isdir(path):
        yield path
        return

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(_ENDINGS):
                yield os.path.normpath(os.path.join(folder, name))


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _is_template(path: str, data: bytes) -> bool:
    """Whether `{{` is there for Helm and not in a text, as in alert rules: in a chart's templates, or where
    it is no YAML.
    """
    folder = os.path.dirname(os.path.abspath(path))
    while os.path.basename(folder) and os.path.basename(folder) != "templates":
        folder = os.path.dirname(folder)
    if (
        os.path.isfile(os.path.join(os.path.dirname(folder), "Chart.yaml"))
        and os.path.basename(folder) == "templates"
    ):
        return True
    for start, end in split.split(data):
        if data.find(b"{{", start, end) < 0:
            continue
        try:
            root = nodes.parse(nodes.decode(data[start:end])[0]).root
            if root is not None:
                nodes.to_value(root)
        except nodes.ParseError:
            return True
    return False
