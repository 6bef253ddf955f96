"""Flux runs no functions and no post-renderers of ours in the cluster, so nothing is wired: the ways that remain are told."""

from __future__ import annotations

from transformer.frontends.init.plan import Plan, Step, word
from transformer.frontends.init.setup import Setup
from transformer.frontends.init.survey import Document


def objects(setup: Setup, group: str, kind: str) -> list[Document]:
    """Flux objects of a kind."""
    found = setup.survey.documents(b"toolkit.fluxcd.io/")
    return [one for one in found if one.kind == kind and one.group == f"{group}.toolkit.fluxcd.io"]


def note_folders(work: Plan, setup: Setup) -> None:
    """Note which folders Flux builds: those that its Kustomizations name, with all that is below."""
    for document in objects(setup, "kustomize", "Kustomization"):
        top = setup.folder_of(document.at("spec", "path") or ".")
        if top is None:
            continue
        for folder in setup.layers.by_folder:
            if folder == top or not top or folder.startswith(top + "/"):
                work.rendered_by[folder] = f"Flux ({document.file})"


def wire(work: Plan, setup: Setup) -> None:
    """Tell what to do about Kustomizations and HelmReleases that may hold something of an old mesh."""
    for document in objects(setup, "kustomize", "Kustomization"):
        folder = setup.folder_of(document.at("spec", "path") or ".")
        if not folder or not setup.may_hold_a_mesh(folder):
            continue
        work.left.append(
            f"Flux Kustomization {document.name} in {document.file}: render {folder} in CI and let Flux apply the result"
        )
        if folder in setup.layers.by_folder:
            step = Step(f"kustomize build {word(folder)} | meshshift", "what CI renders for Flux", first=True)
        else:
            step = Step(
                f"meshshift check {word(folder)}", "what is there, and what needs a decision", first=True
            )
        work.steps.append(step)
    _tell_whole(work, setup)
    _tell_releases(work, setup)


def _tell_whole(work: Plan, setup: Setup) -> None:
    """Flux takes every YAML file of a folder without a kustomization for a manifest, the configuration file too."""
    if "" in setup.layers.by_folder or setup.config not in work.changes:
        return
    for document in objects(setup, "kustomize", "Kustomization"):
        if setup.folder_of(document.at("spec", "path") or ".") == "":
            work.left.append(
                f"{setup.config}: name it in .sourceignore, since {document.file} lets Flux apply every YAML file here"
            )
            return


def _tell_releases(work: Plan, setup: Setup) -> None:
    """One remark for all HelmReleases: what their charts hold is not here, unless the chart is."""
    open_ones = []
    for document in objects(setup, "helm", "HelmRelease"):
        chart = str(document.at("spec", "chart", "spec", "chart") or "CHART")
        folder = setup.folder_of(chart.removeprefix("./"))
        if folder and folder in setup.survey.charts and not setup.may_hold_a_mesh(folder):
            work.kept.append(
                f"HelmRelease {document.name} in {document.file}: nothing of an old mesh in {folder}"
            )
        else:
            open_ones.append((document, chart))
    if not open_ones:
        return
    document, chart = open_ones[0]
    more = f" and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
    work.left.append(
        f"HelmRelease {document.name} in {document.file}{more}: where it holds a mesh, add the patches of flux-patches"
    )
    alone = sum(one.file == document.file for one in objects(setup, "helm", "HelmRelease")) == 1
    target = f" --helm-release {word(document.file)}" if alone else ""
    command = f"helm template {word(document.name)} {word(chart)} | meshshift flux-patches{target}"
    work.steps.append(Step(command, "patches for the postRenderers of the HelmRelease"))
