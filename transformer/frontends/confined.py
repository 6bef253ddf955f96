"""What an Application's files may reach: its repository, and nothing else in the plugin's container.

The container also has files of other Applications and of the operator, and Helm, kustomize and this program follow links.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from transformer.errors import UsageError


def repository(environ: Mapping[str, str]) -> str:
    """The folder that holds the repository, as far as Argo CD copied it: it copies what is above the Application, too."""
    here = os.getcwd().rstrip("/").split("/")
    steps = [step for step in environ.get("ARGOCD_APP_SOURCE_PATH", "").split("/") if step not in ("", ".")]
    # With manifest-generate-paths only the folder that all paths share is copied, so the first steps may be missing.
    for first in range(len(steps)):
        rest = steps[first:]
        if here[-len(rest) :] == rest:
            return "/".join(here[: -len(rest)]) or "/"
    return "/".join(here) or "/"


def holds(root: str, path: str) -> bool:
    """Whether a path is in the repository, once all links are followed."""
    real, top = os.path.realpath(path), os.path.realpath(root)
    return os.path.commonpath([real, top]) == top


def inside(root: str, path: str, what: str) -> str:
    """The path, if it is a file or folder of the repository. Raises UsageError; `what` says who names it."""
    if "://" in path:
        raise UsageError(f"{what}: {path} is an address; only files of the repository are read")
    if "\0" in path:
        raise UsageError(f"{what}: {path!r} holds NUL, which no path has")
    if not holds(root, path):
        raise UsageError(f"{what}: {path} is outside of the repository")
    if not os.path.exists(path):
        raise UsageError(f"{what}: {path} does not exist in the Application's folder")
    return path


def each_once(waiting: list[str]) -> Iterator[str]:
    """The folders of a list to which whoever takes one may add others; a folder that several ways lead to comes once."""
    seen = set()
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real not in seen:
            seen.add(real)
            yield folder


def refuse_links_out(root: str, folders: Iterable[str]) -> None:
    """Raises UsageError where a link in one of these folders, or in a folder that a link there leads to, leaves the
    repository. Programs that render read whatever is there, so every link counts.
    """
    waiting = list(folders)
    for folder in each_once(waiting):
        for path, is_folder in _entries(folder):
            if os.path.islink(path) and not holds(root, path):
                raise UsageError(
                    f"{os.path.normpath(path)} is a link that leaves the repository: commit what it leads to in its place"
                )
            if is_folder:
                waiting.append(path)


def _entries(folder: str) -> Iterator[tuple[str, bool]]:
    """What is in a folder, and whether it is a folder or a link to one. Raises UsageError."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry.path, entry.is_dir()
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}") from error
