"""Wires Argo CD: Applications of this repository are rendered by the plugin `meshshift` (integrations/argocd)."""

from __future__ import annotations

from typing import Any

from transformer.frontends.init import configuration
from transformer.frontends.init.plan import Plan
from transformer.frontends.init.setup import Setup
from transformer.frontends.init.survey import Document
from transformer.options import OPTIONS
from transformer.stream import splice

PLUGIN = "meshshift"
_SPECS = {"Application": ("spec",), "ApplicationSet": ("spec", "template", "spec")}
_SOURCES = (("source",), ("sourceHydrator", "drySource"))
#: Argo CD refuses a source that says more than one of these and `plugin`.
_OTHER_TYPES = ("helm", "kustomize", "directory")
#: Options that name files of this checkout, which the plugin has elsewhere.
_LOCAL = ("context", "report", "report-file")


def applications(setup: Setup) -> list[Document]:
    """Applications and ApplicationSets of the repository."""
    found = setup.survey.documents(b"argoproj.io/")
    return [one for one in found if one.group == "argoproj.io" and one.kind in _SPECS]


def note_folders(work: Plan, setup: Setup) -> None:
    """Note which folders Argo CD renders."""
    for document in applications(setup):
        for _, source in _sources(document):
            folder = setup.folder_of(source.get("path"))
            if folder is not None:
                work.rendered_by[folder] = f"Argo CD ({document.file})"


def wire(work: Plan, setup: Setup) -> None:
    """Plan the plugin of every Application whose source may hold something of an old mesh."""
    wired = False
    for document in applications(setup):
        for path, source in _sources(document):
            wired = _wire_source(work, setup, document, path, source) or wired
    if wired:
        work.left.append(
            "Argo CD: its repo-server needs the plugin beside it, see docs/integrations/argocd.md"
        )


def _sources(document: Document) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """The sources of an Application with the path of each; one of several has an empty path."""
    spec = _SPECS[document.kind]
    found = [((*spec, *path), document.at(*spec, *path)) for path in _SOURCES]
    several = document.at(*spec, "sources")
    found += [((), source) for source in (several if isinstance(several, list) else [])]
    return [(path, source) for path, source in found if isinstance(source, dict)]


def _wire_source(
    work: Plan, setup: Setup, document: Document, path: tuple[str, ...], source: dict[str, Any]
) -> bool:
    """Plan one source; returns whether the plugin renders it then."""
    who = f"{document.kind} {document.name} in {document.file}"
    plugin = source.get("plugin")
    if isinstance(plugin, dict):
        ours = plugin.get("name") == PLUGIN
        if ours and path:
            _add_variables(work, setup, document, path, plugin)
        said = (
            "wired already"
            if ours
            else f"rendered by the plugin {plugin.get('name')}: pipe that one into meshshift"
        )
        work.kept.append(f"{who}: {said}")
        return ours
    folder = setup.folder_of(source.get("path"))
    if folder is None:
        if source.get("path") or source.get("chart"):
            work.left.append(
                f"{who}: its source is not in this folder; if it holds a mesh, add plugin: {{name: {PLUGIN}}}"
            )
        return False
    # Without `directory.recurse`, which excludes a plugin, only the folder itself counts: it may be one of Applications.
    if not setup.may_hold_a_mesh(folder, deep=False):
        work.kept.append(f"{who}: nothing of an old mesh in {folder or 'its source'}")
        return False
    typed = [key for key in _OTHER_TYPES if source.get(key)]
    if typed or not path or b"{{" in setup.survey.files[document.file]:
        why = (
            f"source.{typed[0]} excludes a plugin"
            if typed
            else "has several sources"
            if not path
            else "is a template"
        )
        work.left.append(
            f"{who}: {why}: move its settings to plugin: {{name: {PLUGIN}, parameters: …}} yourself"
        )
        return False
    entry: dict[str, Any] = {"name": PLUGIN}
    if _variables(setup):
        entry["env"] = _variables(setup)
    dotted = ".".join(path)
    work.edit(
        document.file, [splice.Insert(path, "plugin", entry)], f"{document.kind} {document.name} is rendered by the plugin",
        f"add plugin: {{name: {PLUGIN}}} under {dotted} of {who}", index=document.index,
    )  # fmt: skip
    return True


def _variables(setup: Setup) -> list[dict[str, str]]:
    """The configuration as variables: the plugin starts in the folder of the source and finds no file of the root there."""
    return [
        {"name": option.variable, "value": configuration.shown(option, setup.values[option.key])}
        for option in OPTIONS
        if option.key in setup.values and option.key not in _LOCAL
    ]


def _add_variables(
    work: Plan, setup: Setup, document: Document, path: tuple[str, ...], plugin: dict[str, Any]
) -> None:
    """Plan what the configuration says by now and an Application that was wired earlier does not."""
    there = plugin.get("env")
    named = (
        {entry.get("name") for entry in there if isinstance(entry, dict)}
        if isinstance(there, list)
        else set()
    )
    fresh = [entry for entry in _variables(setup) if entry["name"] not in named]
    if not fresh or b"{{" in setup.survey.files[document.file]:
        return
    where = (*path, "plugin")
    operations: list[splice.Op] = (
        [splice.InsertItem((*where, "env"), len(named) + i, entry) for i, entry in enumerate(fresh)]
        if isinstance(there, list)
        else [splice.Insert(where, "env", fresh)]
    )
    names = ", ".join(entry["name"] for entry in fresh)
    work.edit(
        document.file, operations, f"{document.kind} {document.name} takes {names}",
        f"add {names} to plugin.env of {document.kind} {document.name}", index=document.index,
    )  # fmt: skip
