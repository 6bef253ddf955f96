"""The files that `flux-patches` writes, as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer import whole_files
from transformer.errors import UsageError
from transformer.frontends.cmp_kustomizations import KUSTOMIZATIONS
from transformer.frontends.flux_patches import STYLE, Changes
from transformer.frontends.flux_release import Release
from transformer.stream import emit, nodes

PATCHES, MANIFESTS = "patches.yaml", "manifests.yaml"
_SIGN = b"# Written by meshshift flux-patches"
_OF_PATCHES = _SIGN + b": belongs into the spec of the HelmRelease.\n"
_OF_MANIFESTS = _SIGN + b": applied by the Flux Kustomization that applies the HelmRelease.\n"


class File(NamedTuple):
    """A file and what belongs into it; None: it must not be there. `ours`: nobody else writes it."""

    path: str
    content: bytes | None
    ours: bool = True


def files(changes: Changes, release: Release | None, folder: str) -> list[File]:
    """What belongs where. Without a folder new objects go beside the HelmRelease, in a file named after its own."""
    if release is not None and not folder:
        place = f"{os.path.splitext(release.path)[0]}-meshshift.yaml"
    else:
        place = os.path.join(folder, MANIFESTS)
    body = "".join("---\n" + emit.render(value, STYLE) for value in changes.new).encode()
    new = File(place, _OF_MANIFESTS + body if changes.new else None)
    if release is not None:
        return [File(release.path, release.with_patches(changes.patches), ours=False), new]
    entry = [{"kustomize": {"patches": changes.patches}}] if changes.patches else []
    text = emit.render({"postRenderers": entry}, STYLE)
    return [File(os.path.join(folder, PATCHES), _OF_PATCHES + text.encode()), new]


def current(path: str) -> bytes | None:
    """The content of a file; None where there is none. Raises UsageError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def refuse_foreign(found: Sequence[File]) -> None:
    """Raises UsageError where a file that would be replaced or removed was written by somebody else."""
    for file in found:
        if file.ours and not (current(file.path) or _SIGN).startswith(_SIGN):
            raise UsageError(
                f"{file.path} exists and was not written by flux-patches: move it, or name another folder"
            )


def unlisted(found: Sequence[File]) -> Iterator[str]:
    """Remarks for files of new objects: what the kustomization beside one has to name, or must not name any more.

    Raises UsageError for a kustomization that cannot be read.
    """
    for file in found:
        name = os.path.basename(file.path)
        if not file.ours or name == PATCHES:
            continue
        for path in _kustomizations(os.path.dirname(file.path)):
            listed = name in _resources(path)
            if file.content is not None and not listed:
                yield f"{path} does not name {name}: add it to its resources, or Flux does not apply it"
            if file.content is None and listed:
                yield f"{path} names {name}, which is not needed any more: take it off its resources, or Flux cannot build it"


def _kustomizations(folder: str) -> Iterator[str]:
    for name in KUSTOMIZATIONS:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            yield path


def _resources(path: str) -> set[str]:
    try:
        root = nodes.parse(nodes.decode(current(path) or b"")[0]).root
        value = nodes.to_value(root) if root is not None else {}
    except nodes.ParseError as error:
        raise UsageError(f"{path}:{error.line}: {error.message}") from error
    listed = value.get("resources") if isinstance(value, dict) else None
    if listed is not None and not isinstance(listed, list):
        raise UsageError(f"{path}: resources is no list")
    return {os.path.normpath(entry) for entry in listed or () if isinstance(entry, str)}


def write(found: Sequence[File]) -> list[str]:
    """Bring all files about; returns what was done, a line for each file that was not so already.

    Each is complete before any takes its place. Raises UsageError where that fails.
    """
    ready: list[tuple[str, str]] = []
    stale = [file for file in found if file.content != current(file.path)]
    try:
        for file in stale:
            if file.content is not None:
                target = os.path.realpath(file.path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                ready.append((whole_files.beside(target, file.content), target))
        for temporary, path in ready:
            os.replace(temporary, path)
        for file in stale:
            if file.content is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file.path)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from error
    finally:
        for temporary, _ in ready:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    return [f"{'removed' if file.content is None else 'wrote'} {file.path}" for file in stale]
