"""What `check` does not read below a folder and should tell of: manifests in hidden and in linked folders.

Both may be on purpose, so they are not read; but a check that passes them over in silence says too much.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from transformer.frontends.manifests import ENDINGS, Unread, line_of_mesh
from transformer.stream import scan

#: Folders of tools: what names a mesh there is a workflow, a cache, or a copy of somebody else's files.
_OF_TOOLS = frozenset({
    ".bundle", ".cache", ".cargo", ".circleci", ".devcontainer", ".direnv", ".eggs", ".git", ".github", ".gitlab",
    ".gradle", ".hg", ".idea", ".m2", ".mypy_cache", ".nox", ".npm", ".pnpm-store", ".pytest_cache", ".ruff_cache",
    ".svn", ".terraform", ".tox", ".venv", ".vscode", ".yarn", "node_modules",
})  # fmt: skip
#: Files that are looked at in one folder. A link may lead to a whole disk.
_MOST = 20_000


def find(paths: Sequence[str]) -> list[Unread]:
    """One entry for every hidden or linked folder below the folders of `paths` that holds manifests of an old mesh."""
    tops = [os.path.realpath(path) for path in paths if os.path.isdir(path)]
    found: list[Unread] = []
    for path in paths:
        for folder, why in _skipped(path):
            real = os.path.realpath(folder)
            if os.path.islink(folder) and any(_is_read(real, top) for top in tops):
                continue
            if not os.path.islink(folder) and real in tops:
                continue
            first = _first(folder, why)
            if first is not None and first not in found:
                found.append(first)
    return found


def _skipped(path: str) -> Iterator[tuple[str, str]]:
    """Hidden and linked folders below a folder, in sorted order, and what they are."""
    for folder, folders, _ in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in _OF_TOOLS)
        for name in folders:
            at = os.path.normpath(os.path.join(folder, name))
            if os.path.islink(at):
                yield at, "linked"
            elif name.startswith("."):
                yield at, "hidden"
        folders[:] = [name for name in folders if not name.startswith(".")]


def _is_read(real: str, top: str) -> bool:
    """Whether a folder is read under its own name: it lies below one that is checked, and not in a hidden one."""
    if os.path.commonpath([real, top]) != top:
        return False
    below = os.path.relpath(real, top).split(os.sep)
    return below == [os.curdir] or not any(name.startswith(".") for name in below)


def _first(folder: str, why: str) -> Unread | None:
    """The first manifest in the folder that names a mesh, or the folder where that cannot be found out."""
    said = f"lies in the {why} folder {folder}, which was not read"
    try:
        for number, name in enumerate(_files(folder)):
            if number == _MOST:
                return Unread(folder, 0, f"is a {why} folder with more than {_MOST} files and was not read")
            with open(name, "rb") as file:
                data = file.read()
            line = line_of_mesh(data) if b"apiVersion" in data else 0
            if line or scan.is_wide(data):
                return Unread(name, line, said)
    except OSError as error:
        return Unread(folder, 0, f"is a {why} folder that cannot be read: {error.strerror}")
    return None


def _files(top: str) -> Iterable[str]:
    """Manifest files below a folder, through links too, each folder once. Raises OSError."""
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(top, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if name not in _OF_TOOLS)
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(ENDINGS) and os.path.isfile(path):
                yield path
