"""What a repository is made of, as far as it matters to wiring: manifests, kustomizations, charts, packages, pipelines.

Paths are relative to the surveyed folder, with slashes. Links that leave the folder are not followed; hidden folders are
not looked into.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from transformer.errors import InputError, UsageError
from transformer.stream import nodes, split
from transformer.stream.patterns import pattern

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
PRE_COMMIT = ".pre-commit-config.yaml"
_ENDINGS = (".yaml", ".yml", ".json")
_PIPELINES = (".gitlab-ci.yml", ".github/workflows")
_SKIPPED = {"node_modules"}
_TEMPLATES = "templates"
#: Bytes of which one stands in whatever configures an old mesh, whether it can be parsed or not.
_MESH = pattern(rb"istio\.io\b|istio-injection|smi-spec\.io\b|openservicemesh\.io\b")


class Survey:
    """The files of a folder that matter, with their bytes."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.files: dict[str, bytes] = {}
        self.charts: list[str] = []
        self.packages: list[str] = []
        self.left_out: list[str] = []
        self.pipelines = [name for name in _PIPELINES if os.path.exists(os.path.join(root, name))]

    def path(self, name: str) -> str:
        """The path of a file for the operating system."""
        return os.path.join(self.root, *name.split("/")) if name else self.root

    @functools.cached_property
    def kustomizations(self) -> dict[str, list[str]]:
        """The kustomization files of every folder that has one; kustomize refuses several."""
        found: dict[str, list[str]] = {}
        for name in self.files:
            folder, _, base = name.rpartition("/")
            if base in KUSTOMIZATIONS:
                found.setdefault(folder, []).append(name)
        return found

    def manifests(self) -> list[str]:
        """Files that may hold Kubernetes objects and are no templates, for reading as `check` does."""
        inputs = (*KUSTOMIZATIONS, "Chart.yaml", PRE_COMMIT, "Kptfile")
        charts = tuple(f"{chart}/{_TEMPLATES}/" if chart else f"{_TEMPLATES}/" for chart in self.charts)
        return [
            self.path(name)
            for name in self.files
            if name.rpartition("/")[2] not in inputs
            and name.endswith(_ENDINGS)
            and not name.startswith(charts)
        ]

    def directly_in(self, folder: str) -> list[str]:
        """Files in a folder, without those further below."""
        return [name for name in self.files if name.rpartition("/")[0] == folder]

    def below(self, folder: str) -> list[str]:
        """Files in a folder and below it."""
        return [name for name in self.files if not folder or name.startswith(folder + "/")]

    def names_a_mesh(self, names: list[str]) -> bool:
        """Whether one of the files configures an old mesh, templates and patches included."""
        return any(_MESH.search(self.files[name]) for name in names)

    def documents(self, *needles: bytes) -> Iterator[Document]:
        """Objects of the files that hold one of the needles; templates and what cannot be read are left out."""
        for name, data in self.files.items():
            if name.rpartition("/")[2] in KUSTOMIZATIONS or not any(needle in data for needle in needles):
                continue
            yield from documents_of(name, data)


class Document(NamedTuple):
    """One object of a file: the number of its document, from 0, and what it says."""

    file: str
    index: int  # type: ignore[assignment]  # the field takes the place of tuple.index
    value: dict[str, Any]

    @property
    def group(self) -> str:
        """The API group."""
        return str(self.value.get("apiVersion", "")).partition("/")[0]

    @property
    def kind(self) -> str:
        """The kind."""
        return str(self.value.get("kind", ""))

    @property
    def name(self) -> str:
        """The name, or an empty string."""
        metadata = self.value.get("metadata")
        return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""

    def at(self, *path: str) -> Any:
        """The value at a path of keys; None where there is none."""
        here: Any = self.value
        for step in path:
            here = here.get(step) if isinstance(here, dict) else None
        return here


def survey(root: str) -> Survey:
    """Look through a folder. Raises UsageError for what cannot be read."""
    found = Survey(root)
    inside = os.path.realpath(root)

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if below == "." else below + "/"
        for name in [*folders, *sorted(names)]:
            path = os.path.join(folder, name)
            if os.path.islink(path) and not _is_inside(os.path.realpath(path), inside):
                found.left_out.append(prefix + name)
            elif name in names and _matters(name, prefix):
                _take(found, prefix, name, path)
    return found


def value_of(raw: bytes, name: str) -> Any:
    """Plain data of a file with one document. Raises InputError where it cannot be read."""
    try:
        tree = nodes.parse(nodes.decode(raw)[0])
        return nodes.to_value(tree.root) if tree.root is not None else None
    except nodes.ParseError as error:
        raise InputError(f"{name}:{error.line}: {error.message}") from error


def is_template(raw: bytes) -> bool:
    """Whether a file with one document has to be rendered before it can be read: `{{` may also stand in its texts."""
    if b"{{" not in raw:
        return False
    try:
        value_of(raw, "")
    except InputError:
        return True
    return False


def documents_of(name: str, data: bytes) -> Iterator[Document]:
    """Objects of a text; what cannot be read is left out."""
    for index, (start, end) in enumerate(split.split(data)):
        document = _document(name, index, data[start:end])
        if document is not None:
            yield document


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _matters(name: str, prefix: str) -> bool:
    if name.startswith("."):
        return not prefix and name in (PRE_COMMIT, ".meshshift.yaml")
    return name.endswith(_ENDINGS) or name in (*KUSTOMIZATIONS, "Kptfile")


def _take(found: Survey, prefix: str, name: str, path: str) -> None:
    if not os.path.isfile(path):
        return
    try:
        with open(path, "rb") as file:
            found.files[prefix + name] = file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if name == "Chart.yaml":
        found.charts.append(prefix.rstrip("/"))
    if name == "Kptfile":
        found.packages.append(prefix.rstrip("/"))


def _document(name: str, index: int, raw: bytes) -> Document | None:
    try:
        root = nodes.parse(nodes.decode(raw)[0]).root
        value = nodes.to_value(root) if root is not None else None
    except nodes.ParseError:
        # A template, or a text that the later look at all manifests tells about.
        return None
    return Document(name, index, value) if isinstance(value, dict) else None
