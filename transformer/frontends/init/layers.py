"""The kustomizations of a repository as layers: which includes which, and which of them no other includes.

Only the outermost layers are wired: there names, namespaces and patches are final, and a base that is wired would be
translated before its overlays patch it.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Iterator
from typing import Any, NamedTuple

from transformer.frontends.init.survey import Document, Survey, documents_of, is_template, value_of

_GROUP = "kustomize.config.k8s.io"
_INCLUDES = ("resources", "bases", "components")
#: What a layer is worked on with: files, or folders that are built for it.
_PLUGINS = ("transformers", "generators", "validators", "configurations")
_CHARTS = ("helmCharts", "helmChartInflationGenerator")
_RENDERERS = (*_CHARTS, "generators")


class Layer(NamedTuple):
    """A kustomization: its folder and file, what it says, the folders that it includes, the files that it names.

    `plugins`: folders that are built for what works on it, such as those under `transformers`. `unseen`: it also takes
    something that is not in the repository, or that is made when it is built.
    """

    folder: str
    file: str
    value: dict[str, Any]
    includes: tuple[str, ...]
    plugins: tuple[str, ...]
    files: tuple[str, ...]
    unseen: bool

    @property
    def is_component(self) -> bool:
        """Whether it can only be built as a part of others."""
        return self.value.get("kind") == "Component"


class Layers:
    """All kustomizations, by folder; `templates` are those that a template engine has to render first, `ambiguous` are the
    files of folders that have several.
    """

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self.by_folder: dict[str, Layer] = {}
        self.templates: list[str] = []
        self.ambiguous: dict[str, list[str]] = {}
        for folder, files in survey.kustomizations.items():
            file, raw = files[0], survey.files[files[0]]
            if len(files) > 1:
                self.ambiguous[folder] = files
            elif is_template(raw):
                self.templates.append(file)
            else:
                value = value_of(raw, survey.path(file))
                if isinstance(value, dict) and _is_kustomization(value):
                    self.by_folder[folder] = _layer(survey, folder, file, value)

    def included(self) -> set[str]:
        """Folders that some layer includes."""
        return {folder for layer in self.by_folder.values() for folder in layer.includes}

    def for_plugins(self) -> set[str]:
        """Folders that some layer takes functions or their configuration from, and that no layer includes."""
        used = {folder for layer in self.by_folder.values() for folder in layer.plugins}
        return used - self.included()

    def inflates_charts(self, layer: Layer) -> bool:
        """Whether kustomize has to be allowed to run Helm for the layer."""
        return any(part.value.get(key) for part in self.parts(layer) for key in _CHARTS)

    def outermost(self) -> list[Layer]:
        """Layers that no other layer includes or takes functions from, components left out."""
        inner = self.included() | self.for_plugins()
        return [
            layer
            for folder, layer in sorted(self.by_folder.items())
            if folder not in inner and not layer.is_component
        ]

    def parts(self, layer: Layer) -> Iterator[Layer]:
        """The layer and everything that it includes or takes functions from, each once."""
        seen, waiting = set[str](), [layer.folder]
        while waiting:
            folder = waiting.pop()
            if folder in seen or folder not in self.by_folder:
                continue
            seen.add(folder)
            yield self.by_folder[folder]
            waiting += [*self.by_folder[folder].includes, *self.by_folder[folder].plugins]

    def may_hold_a_mesh(self, layer: Layer) -> bool:
        """Whether something of an old mesh is in what the layer builds, or may be because not all of it is here."""
        return self._may_hold(list(self.parts(layer)))

    def _may_hold(self, parts: list[Layer]) -> bool:
        names = [name for part in parts for name in (part.file, *part.files)]
        unread = any(
            folder not in self.by_folder for part in parts for folder in (*part.includes, *part.plugins)
        )
        return unread or any(part.unseen for part in parts) or self._survey.names_a_mesh(names)

    def wired_by(self, layer: Layer) -> str:
        """The file that makes the layer run meshshift already, or an empty string.

        A function of a part counts where nothing of an old mesh can be in the parts that it does not see.
        """
        functions, others = list[str](), list[Layer]()
        seen, waiting = set[str](), [layer.folder]
        while waiting:
            folder = waiting.pop()
            part = self.by_folder.get(folder)
            if part is None or folder in seen:
                continue
            seen.add(folder)
            function = self._function_of(part)
            if function:
                functions.append(function)
                continue
            others.append(self._without_seen_by_components(part))
            waiting += [*others[-1].includes, *part.plugins]
        return functions[0] if functions and not self._may_hold(others) else ""

    def _function_of(self, layer: Layer) -> str:
        """The file of a functionConfig of ours that the layer itself lists; everything in the layer passes through it."""
        for text in _texts(layer.value.get("transformers")):
            place = _below(layer.folder, text)
            below = self.parts(self.by_folder[place]) if place in self.by_folder else ()
            for name in (place, *(name for part in below for name in part.files)):
                if name in self._functions:
                    return name
            if any(_is_ours(one) for one in documents_of(layer.file, text.encode())):
                return layer.file
        return ""

    @functools.cached_property
    def _functions(self) -> set[str]:
        return {one.file for one in self._survey.documents(b"MeshShift") if _is_ours(one)}

    def _without_seen_by_components(self, layer: Layer) -> Layer:
        """The layer without its resources where a component of it runs meshshift: that sees them, but no patches."""
        components = [_below(layer.folder, text) for text in _texts(layer.value.get("components"))]
        if not any(name in self.by_folder and self._function_of(self.by_folder[name]) for name in components):
            return layer
        resources = {
            _below(layer.folder, text)
            for key in ("resources", "bases")
            for text in _texts(layer.value.get(key))
        }
        return layer._replace(
            includes=tuple(folder for folder in layer.includes if folder not in resources),
            files=tuple(name for name in layer.files if name not in resources),
        )


def _is_kustomization(value: dict[str, Any]) -> bool:
    """Whether it is read by kustomize; a Flux Kustomization may lie in a file of this name too."""
    return str(value.get("apiVersion", _GROUP)).partition("/")[0] == _GROUP


def _is_ours(document: Document) -> bool:
    """Whether it is a functionConfig of meshshift; the annotations that objects may carry make none."""
    return document.kind == "MeshShift" and document.group == "meshshift.dev"


def _layer(survey: Survey, folder: str, file: str, value: dict[str, Any]) -> Layer:
    includes, outside = _folders(survey, folder, value, _INCLUDES)
    plugins, _ = _folders(survey, folder, value, _PLUGINS)
    _, functions = _folders(survey, folder, value, ("transformers",))
    unseen = (
        outside
        or functions
        or any(value.get(key) for key in _RENDERERS)
        or any("\n" not in text and _below(folder, text) not in survey.files for text in _changes(value))
    )
    places = ((text, _below(folder, text.rpartition("=")[2])) for text in _texts(value))
    files = [place for text, place in places if "\n" not in text and place in survey.files]
    return Layer(folder, file, value, includes, plugins, tuple(files), unseen)


def _folders(
    survey: Survey, folder: str, value: dict[str, Any], keys: tuple[str, ...]
) -> tuple[tuple[str, ...], bool]:
    """Kustomizations that the keys name, and whether they name something that is no file of the repository either."""
    found, outside = [], False
    for text in (text for key in keys for text in _texts(value.get(key))):
        place = _below(folder, text)
        if "\n" in text or place in survey.files:
            continue
        if place in survey.kustomizations:
            found.append(place)
        else:
            outside = True  # in another repository, or nowhere, which kustomize will tell
    return tuple(found), outside


def _changes(value: dict[str, Any]) -> Iterator[str]:
    """Files that change what is built, with any ending, and strategic merge patches that stand in the kustomization itself."""
    for key in ("patches", "patchesJson6902", "replacements"):
        entries = value.get(key)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and "path" in entry:
                yield from _texts(entry["path"])
    yield from _texts(value.get("patchesStrategicMerge"))


def _below(folder: str, text: str) -> str:
    place = posixpath.normpath(posixpath.join(folder, text))
    return "" if place == "." else place


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)
