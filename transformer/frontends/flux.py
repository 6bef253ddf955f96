"""`meshshift flux-patches`: from a chart's render to patches for the HelmRelease, and new objects beside it.

Flux runs no programs between Helm and the cluster, but it applies kustomize patches to what a chart renders
(`spec.postRenderers`). So the transform runs here, and what it did is written as patches: one for every object that
was changed or removed. New objects become plain manifests, which the Flux Kustomization applies that applies the
HelmRelease, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from transformer import settings
from transformer.errors import DONE, FINDINGS, UsageError
from transformer.frontends import closing, flux_files, flux_patches, manifests, output
from transformer.frontends.flux_files import File
from transformer.frontends.flux_release import Release
from transformer.report import json
from transformer.settings import Layer

COMMAND = "flux-patches"


class Target(NamedTuple):
    """Where the result goes: a folder, a file with a HelmRelease, or both (then only new objects go to the folder).

    With `check` nothing is written, and files that differ are a failure.
    """

    folder: str
    release: str
    check: bool


def run(data: bytes | None, target: Target, layers: Sequence[Layer], environ: Mapping[str, str]) -> int:
    """Write or check the patches for a render; returns the exit code. All files are written, or none.

    Raises UsageError where nothing came in or nobody said where to write.
    """
    if not target.folder and not target.release:
        raise UsageError("flux-patches needs --helm-release FILE, --output DIR, or both")
    if data is None or not data.strip():
        raise UsageError("nothing came in: flux-patches reads what the chart renders (helm template …)")
    from transformer.transform import transform

    release = Release.read(target.release) if target.release else None
    last = Layer(target.release, {"namespace": release.namespace} if release and release.namespace else {})
    chosen = settings.resolve([*layers, last], environ)
    options = chosen.options
    context = manifests.read(options["context"])
    result = transform(data, options, context.files)
    notes = [*chosen.notes, *context.notes]
    report = json.as_data(result.report, options, command=COMMAND, notes=notes)
    if not closing.may_write(report):
        return closing.finish(report, options, environ)
    changes = flux_patches.changes(data, b"".join(result.output), options["namespace"])
    files = flux_files.files(changes, release, target.folder)
    report["notes"] += [*changes.notes, *flux_files.unlisted(files)]
    if target.check:
        return _check(files, closing.finish(report, options, environ))
    flux_files.refuse_foreign(files)
    report = closing.kept(report, options, environ)
    done = flux_files.write(files) or ["all files are current"]
    report["notes"] += [f"patches: {len(changes.patches)}, new objects: {len(changes.new)}", *done]
    output.say(closing.shown(report, options, None, environ))
    return DONE


def _check(files: Sequence[File], exit_code: int) -> int:
    """Say which files are not what would be written now."""
    stale = [file.path for file in files if file.content != flux_files.current(file.path)]
    unlisted = list(flux_files.unlisted(files))
    for path in stale:
        output.say(
            f"meshshift: {path} is not current: run flux-patches without --check and commit the result"
        )
    return FINDINGS if stale or unlisted else exit_code
