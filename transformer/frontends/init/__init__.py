"""`meshshift init`: says what no manifest tells, and wires meshshift into a repository; all of it or nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from transformer import settings
from transformer.errors import DONE, USAGE, UsageError
from transformer.frontends import output, waiting
from transformer.frontends.init import (
    answers,
    argocd,
    configuration,
    flux,
    helm,
    kpt,
    kustomize,
    pre_commit,
    summary,
    transaction,
)
from transformer.frontends.init.layers import Layers
from transformer.frontends.init.plan import Plan
from transformer.frontends.init.setup import KINDS, Setup, prefix_in_repository
from transformer.frontends.init.survey import Survey, survey
from transformer.settings import Layer

_WIRING = {
    "argocd": argocd.wire,
    "flux": flux.wire,
    "kustomize": kustomize.wire,
    "kpt": kpt.wire,
    "helm": helm.wire,
    "pre-commit": pre_commit.wire,
}


class Wish(NamedTuple):
    """What was asked for: the folder, the kinds of wiring (empty: whatever is there), no questions, a difference only."""

    folder: str
    kinds: tuple[str, ...] = ()
    quiet: bool = False
    diff: bool = False


def wish(operands: Sequence[str], own: Mapping[str, Sequence[str]]) -> Wish:
    """What the operands and the command's own flags ask for. Raises UsageError."""
    if len(operands) > 1:
        raise UsageError(f"init takes one folder, not {len(operands)}")
    folder = os.path.normpath(operands[0]) if operands else "."
    if not os.path.isdir(folder):
        raise UsageError(f"{folder} is no folder")
    words = (part.strip() for text in own.get("for", ()) for part in text.split(","))
    named = tuple(dict.fromkeys(word for word in words if word))
    for kind in named:
        if kind not in KINDS:
            hint = settings.suggestion(kind, KINDS)
            raise UsageError(
                f"--for: {kind!r} is not one of {', '.join(KINDS)}"
                + (f"; did you mean {hint}?" if hint else "")
            )
    return Wish(folder, named, "yes" in own, "diff" in own)


def run(wanted: Wish, layers: Sequence[Layer], environ: Mapping[str, str]) -> int:
    """Survey the folder, settle the facts, plan, show, write; returns the exit code. Raises UsageError, InputError.

    Of the `layers` those of flags and environment count; the configuration file is that of the folder.
    """
    if any(layer.source not in settings.CONFIG_FILES for layer in layers[2:]):
        raise UsageError("init writes the configuration file of its folder and takes no other with --config")
    layers = layers[:2]
    root = wanted.folder
    found = survey(root)
    config = configuration.existing(found)
    file = settings.from_file(os.path.join(root, config)) if config else Layer("", {})
    given = {**_facts_of(layers[1]), **layers[0].values}
    while facts := _missing(found, [Layer("", given), *layers, file], environ):
        if wanted.quiet or wanted.diff or not _is_conversation():
            silent = "--diff" if wanted.diff else "--yes" if wanted.quiet else ""
            why = f"{silent} asks nothing" if silent else "there is no terminal to ask on"
            output.say(f"meshshift: {answers.refusal(facts, _argv(wanted, layers[0]), why)}")
            return USAGE
        # An answer may let something move that needs another one.
        given |= answers.ask(facts)
    work = _plan(found, wanted, config, file, answers.from_paths(given, root))
    changes = list(work.changes.values())
    if wanted.diff:
        output.write(transaction.difference(changes))
        output.say(summary.remarks(work))
        return DONE
    ask = bool(changes) and not wanted.quiet and _is_conversation()
    if ask:
        output.say(summary.changes(work, done=False))
        if answers.line("Write this? [Y/n] ").lower() not in ("", "y", "yes"):
            raise UsageError("stopped; nothing was written")
    transaction.write(root, changes)
    output.write(summary.whole(work, listed=ask).encode(errors="backslashreplace"))
    return DONE


def _missing(found: Survey, layers: Sequence[Layer], environ: Mapping[str, str]) -> list[answers.Fact]:
    with waiting.shown(environ):
        return answers.missing(found, settings.resolve(layers, environ).options)


def _plan(found: Survey, wanted: Wish, config: str, file: Layer, given: Mapping[str, Any]) -> Plan:
    work = Plan(found)
    said = answers.from_paths(file.values, found.root)
    name = configuration.plan(work, config, said, given, krm="" in found.packages)
    setup = Setup(
        found,
        Layers(found),
        name,
        {**said, **given},
        wanted.kinds or KINDS,
        bool(wanted.kinds),
        prefix_in_repository(found.root),
    )
    flux.note_folders(work, setup)
    argocd.note_folders(work, setup)
    for kind, wire in _WIRING.items():
        if kind in setup.kinds:
            wire(work, setup)
    _tell_rest(work, setup, alone=list(work.changes) == [name] and not config and not given)
    return work


def _tell_rest(work: Plan, setup: Setup, *, alone: bool) -> None:
    """What no kind of wiring is about; `alone`: nothing but an empty configuration file would be written."""
    found = setup.survey
    has_mesh = found.names_a_mesh(list(found.files))
    if alone and not has_mesh:
        work.changes.clear()
        work.left.append("nothing of Istio, SMI or Open Service Mesh is here, so there is nothing to wire")
    if has_mesh and not (setup.layers.by_folder or found.charts or found.packages or work.rendered_by):
        what = "list them in a kustomization, or pipe what you apply through meshshift"
        work.left.append(f"plain manifests: nothing renders them here; {what}")
    for link in found.left_out:
        work.left.append(f"{link}: a link out of the folder, which was not followed")
    for pipeline in found.pipelines:
        work.left.append(
            f"{pipeline}: let `meshshift check` read what is applied, as the last step before it is"
        )


def _facts_of(environment: Layer) -> dict[str, Any]:
    """Facts that the environment says: without them in a file, the wiring would work on this machine only."""
    return {key: value for key, value in environment.values.items() if key in ("mesh.mtls", "gateway-class")}


def _is_conversation() -> bool:
    return output.is_terminal() and sys.stderr is not None and sys.stderr.isatty()


def _argv(wanted: Wish, flags: Layer) -> list[str]:
    """The command line of this run, to be completed."""
    out = ["init", wanted.folder]
    out += [f"--for={','.join(wanted.kinds)}"] if wanted.kinds else []
    out += ["--yes"] if wanted.quiet else []
    out += ["--diff"] if wanted.diff else []
    return out + [
        f"{settings.BY_KEY[key].flag}={configuration.shown(settings.BY_KEY[key], value)}"
        for key, value in flags.values.items()
    ]
