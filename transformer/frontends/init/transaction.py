"""Writes several files so that either all of them change or none does, and shows what would change."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from transformer import whole_files
from transformer.errors import UsageError
from transformer.frontends.init.plan import Change


def write(root: str, changes: Sequence[Change]) -> None:
    """Write all changes below a folder: everything to temporary files first, then into place.

    What is in place when something fails is taken back. Raises UsageError where a file has changed since it was read, lies
    outside of the folder, or cannot be written; then every file is as it was.
    """
    prepared: list[tuple[Change, str, str]] = []
    done: list[tuple[Change, str]] = []
    try:
        for change in changes:
            target = _target(root, change)
            prepared.append((change, whole_files.beside(target, change.after), target))
        for change, temporary, target in prepared:
            os.replace(temporary, target)
            done.append((change, target))
    except BaseException as error:  # an interrupt must not leave half of it either
        _take_back(done)
        for _, temporary, _ in prepared[len(done) :]:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if not isinstance(error, OSError):
            raise
        raise UsageError(
            f"{error.filename or root} cannot be written: {error.strerror}; nothing was changed"
        ) from error


def difference(changes: Sequence[Change]) -> bytes:
    """A unified diff that `git apply` and `patch -p1` take."""
    import difflib

    out: list[bytes] = []
    for change in changes:
        before, after = (
            (change.before or b"").splitlines(keepends=True),
            change.after.splitlines(keepends=True),
        )
        name = os.fsencode(change.name)
        old = b"/dev/null" if change.before is None else b"a/" + name
        lines = difflib.diff_bytes(difflib.unified_diff, before, after, old, b"b/" + name)
        out.append(b"diff --git a/" + name + b" b/" + name + b"\n")
        if change.before is None:
            out.append(b"new file mode 100644\n")
        out += [
            line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines
        ]
    return b"".join(out)


def _target(root: str, change: Change) -> str:
    """Where the bytes go: a link within the folder is followed to its file, one out of it is refused."""
    path = os.path.join(root, *change.name.split("/"))
    target, inside = os.path.realpath(path), os.path.realpath(root)
    if not target.startswith(inside.rstrip(os.sep) + os.sep):
        raise UsageError(f"{path} is a link out of {root}; nothing was written")
    try:
        with open(target, "rb") as file:
            there: bytes | None = file.read()
    except FileNotFoundError:
        there = None
    if there != change.before:
        raise UsageError(f"{path} has changed meanwhile; nothing was written: run this command again")
    return target


def _take_back(done: Sequence[tuple[Change, str]]) -> None:
    """Undo in reverse order. Raises UsageError naming the files that could not be restored."""
    stuck = []
    for change, target in reversed(done):
        try:
            if change.before is None:
                os.unlink(target)
            else:
                os.replace(whole_files.beside(target, change.before), target)
        except OSError:
            stuck.append(target)
    if stuck:
        raise UsageError(f"writing failed, and these files could not be restored: {', '.join(stuck)}")
