"""Wires kustomize: a functionConfig beside every outermost kustomization that may build something of an old mesh."""

from __future__ import annotations

import posixpath

from transformer.frontends.init import configuration
from transformer.frontends.init.layers import Layer
from transformer.frontends.init.plan import Plan, Step, word
from transformer.frontends.init.setup import Setup
from transformer.stream import splice

FLAGS = "--enable-alpha-plugins --enable-exec"
_NAMED = 3


def wire(work: Plan, setup: Setup) -> None:
    """Plan the entry under `transformers` of every outermost layer, or tell why a layer has none."""
    for folder, names in setup.layers.ambiguous.items():
        work.left.append(f"{folder or '.'} has {' and '.join(names)}, which kustomize refuses: keep one")
    for name in setup.layers.templates:
        work.left.append(f"{name} is a template: list {configuration.FUNCTION_FILE} there yourself")
    outermost = setup.layers.outermost()
    built: list[Layer] = []
    apart: dict[str, list[str]] = {}
    for layer in outermost:
        wired = setup.layers.wired_by(layer)
        reason = f"wired already by {wired}" if wired else _why_not(work, setup, layer)
        if reason:
            apart.setdefault(reason, []).append(layer.file)
        else:
            _list_function(work, setup, layer)
        if wired or not reason:
            built.append(layer)
    if built:
        work.steps.append(_build(setup, built))
    for reason, files in apart.items():
        _keep(work, files, reason)
    included = setup.layers.included()
    inner = [layer.file for folder, layer in setup.layers.by_folder.items() if folder in included]
    parts = [layer for layer in setup.layers.by_folder.values() if layer.is_component]
    functions = [
        layer.file for folder, layer in setup.layers.by_folder.items() if folder in setup.layers.for_plugins()
    ]
    alone = [layer.file for layer in parts if layer.folder not in {*included, *setup.layers.for_plugins()}]
    _keep(work, inner, "part of other layers, which see their final names")
    _keep(work, functions, "built for what works on other layers")
    _keep(work, alone, "a component that no layer includes")


def _build(setup: Setup, built: list[Layer]) -> Step:
    """The command that builds the first of the wired layers and checks it."""
    others = [layer.folder or "." for layer in built[1:]]
    named = others if len(others) < _NAMED else [f"{len(others)} more layers"]
    more = f" The same for {' and '.join(named)}." if named else ""
    charts = " --enable-helm" if setup.layers.inflates_charts(built[0]) else ""
    command = f"kustomize build {word(built[0].folder or '.')} {FLAGS}{charts} | meshshift check"
    return Step(command, f"is anything of the old mesh left?{more}", first=True)


def _keep(work: Plan, files: list[str], why: str) -> None:
    if files:
        more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        work.kept.append(f"{', '.join(files[:_NAMED])}{more}: {why}")


def _why_not(work: Plan, setup: Setup, layer: Layer) -> str:
    if not setup.layers.may_hold_a_mesh(layer):
        return "nothing of an old mesh in it"
    rendered_by = work.rendered_by.get(layer.folder, "")
    if rendered_by.startswith("Flux"):
        return f"{rendered_by} applies it and refuses functions"
    if rendered_by and not (setup.explicit and "argocd" not in setup.kinds):
        return f"{rendered_by} renders it, where only a plugin can run"
    return ""


def _list_function(work: Plan, setup: Setup, layer: Layer) -> None:
    config = posixpath.relpath(setup.config, layer.folder or ".")
    configuration.plan_function(work, layer.folder, config, {})
    listed = layer.value.get("transformers")
    if isinstance(listed, list) and configuration.FUNCTION_FILE in listed:
        return  # by hand, or by a run whose other file went
    operation: splice.Op = (
        splice.InsertItem(("transformers",), len(listed or ()), configuration.FUNCTION_FILE)
        if "transformers" in layer.value
        else splice.Insert((), "transformers", [configuration.FUNCTION_FILE])
    )
    by_hand = f"list {configuration.FUNCTION_FILE} under transformers in {layer.file}"
    work.edit(layer.file, [operation], f"lists {configuration.FUNCTION_FILE} under transformers", by_hand)
