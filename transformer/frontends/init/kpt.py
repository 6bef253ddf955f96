"""Wires kpt: a mutator in the pipeline of every package that may hold something of an old mesh."""

from __future__ import annotations

import posixpath
from typing import Any

from transformer.errors import UsageError
from transformer.frontends.init import configuration
from transformer.frontends.init.plan import Plan, Step, word
from transformer.frontends.init.setup import Setup
from transformer.frontends.init.survey import is_template, value_of
from transformer.stream import splice

_FILE = "Kptfile"
#: kpt starts functions in the folder where it was started itself, so these paths would mean something else.
_LOCAL = ("context", "report", "report-file")


def outermost(setup: Setup) -> list[str]:
    """Packages that are no part of another one, whose pipeline sees them too."""
    found = sorted(setup.survey.packages)
    return [
        one
        for one in found
        if not any(other != one and (not other or one.startswith(other + "/")) for other in found)
    ]


def wire(work: Plan, setup: Setup) -> None:
    """Plan the mutator and its functionConfig."""
    for folder in outermost(setup):
        name = f"{folder}/{_FILE}" if folder else _FILE
        raw = setup.survey.files[name]
        if not setup.survey.names_a_mesh(setup.survey.below(folder)):
            work.kept.append(f"{name}: nothing of an old mesh in the package")
            continue
        if is_template(raw):
            work.left.append(f"{name} is a template: add the mutator {{exec: meshshift}} yourself")
            continue
        value = value_of(raw, setup.survey.path(name))
        pipeline = value.get("pipeline") if isinstance(value, dict) else None
        mutators = pipeline.get("mutators") if isinstance(pipeline, dict) else None
        work.steps.append(
            Step(
                f"kpt fn render {word(folder or '.')} --allow-exec",
                "translates the package in place",
                first=True,
            )
        )
        if any(_is_ours(entry) for entry in mutators or ()):
            work.kept.append(f"{name}: wired already")
            continue
        entry = {"exec": "meshshift", "configPath": _plan_config(work, setup, folder)}
        operation: splice.Op = (
            splice.InsertItem(("pipeline", "mutators"), len(mutators or ()), entry)
            if isinstance(pipeline, dict) and "mutators" in pipeline
            else splice.Insert(("pipeline",), "mutators", [entry])
        )
        work.edit(name, [operation], "runs meshshift as a mutator", f"add the mutator {entry} to {name}")


def _is_ours(mutator: Any) -> bool:
    """Whether a mutator runs meshshift, as a program or in a container; other programs may have it in their names."""
    if not isinstance(mutator, dict):
        return False
    program = str(mutator.get("exec") or "").split() or [""]
    image = posixpath.basename(str(mutator.get("image") or "").partition("@")[0]).partition(":")[0]
    return "meshshift" in (posixpath.basename(program[0]), image)


def _plan_config(work: Plan, setup: Setup, folder: str) -> str:
    """Plan the functionConfig of a package; returns its name. At the root that is the configuration file itself."""
    if not folder:
        value = value_of(work.read(setup.config) or b"", setup.config)
        if not isinstance(value, dict) or value.get("kind") != "MeshShift":
            raise UsageError(
                f"{setup.config} lies in a kpt package, where every file has to be an object: write it as kind: MeshShift "
                "of meshshift.dev/v1alpha1 with its options under spec; nothing was written"
            )
        return setup.config
    values = {key: setup.values[key] for key in setup.values if key not in _LOCAL}
    configuration.plan_function(work, folder, posixpath.relpath(setup.config, folder), values)
    return configuration.FUNCTION_FILE
