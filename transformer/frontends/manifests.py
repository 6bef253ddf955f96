"""Manifest files and folders as (name, bytes), for context and for `check`; Helm templates are left out with a note."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from transformer.errors import InputError, UsageError
from transformer.needles import NEEDLES
from transformer.progress import busy_with
from transformer.stream import nodes, scan, split

ENDINGS = (".yaml", ".yml", ".json")
_HELPERS = ".tpl"
_TEMPLATE = "is a template and was not read: render it first"


class Unread(NamedTuple):
    """A file that was not read although it names a mesh: the file, the line that does (0: not known), and why."""

    file: str
    line: int
    why: str

    @property
    def note(self) -> str:
        """The same as a remark."""
        return f"{self.file} {self.why}"


class Manifests(NamedTuple):
    """Files that were read, remarks on those that were not, and which of these name a mesh."""

    files: list[tuple[str, bytes]]
    notes: list[str]
    unread: tuple[Unread, ...] = ()


def read(paths: Iterable[str]) -> Manifests:
    """Read files, and folders with all that is below them.

    Raises UsageError for what cannot be read, InputError for what is not UTF-8 by its first bytes.
    """
    files: list[tuple[str, bytes]] = []
    notes: list[str] = []
    unread: list[Unread] = []
    seen = set()
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(f"{path} does not exist")
        for name in _below(path):
            real = os.path.realpath(name)
            if real in seen:
                continue
            seen.add(real)
            if name != path and not os.path.isfile(name):
                what = "a link to nothing" if not os.path.exists(name) else "no regular file"
                notes.append(f"{name} is {what} and was not read")
                continue
            busy_with("reading file", len(seen))
            data = _bytes(name)
            template = b"{{" in data and _is_template(name, data)
            if template and (line := line_of_mesh(data)):
                unread.append(Unread(name, line, _TEMPLATE))
            elif name.endswith(_HELPERS) and name != path:
                # Every chart has some; what is in them is only rendered from templates.
                continue
            if template:
                notes.append(f"{name} {_TEMPLATE}")
            else:
                files.append((name, data))
    return Manifests(files, notes, tuple(unread))


def line_of_mesh(data: bytes) -> int:
    """The first line, from 1, that names an old mesh as it is written; 0 where none does."""
    found = [at for needle in NEEDLES if (at := data.find(needle)) >= 0]
    return data.count(b"\n", 0, min(found)) + 1 if found else 0


def _below(path: str) -> Iterator[str]:
    """A file itself, or the manifest files and helpers of charts below a folder in sorted order.

    Hidden and linked folders are left out; `transformer.frontends.overlooked` looks at those.
    """
    if not os.path.isdir(path):
        yield path
        return

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith((*ENDINGS, _HELPERS)):
                yield os.path.normpath(os.path.join(folder, name))


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if scan.is_wide(data):
        # Byte order marks are only seen at the start of a stream, and files are read as one.
        raise InputError(f"{path} is UTF-16 or UTF-32, and only UTF-8 is read: save it as UTF-8")
    return data


def _is_template(path: str, data: bytes) -> bool:
    """Whether `{{` is there for Helm and not in a text, as in alert rules: in a chart's templates, or where
    it is no YAML.
    """
    folder = os.path.dirname(os.path.abspath(path))
    while os.path.basename(folder) and os.path.basename(folder) != "templates":
        folder = os.path.dirname(folder)
    if (
        os.path.isfile(os.path.join(os.path.dirname(folder), "Chart.yaml"))
        and os.path.basename(folder) == "templates"
    ):
        return True
    for start, end in split.split(data):
        if data.find(b"{{", start, end) < 0:
            continue
        try:
            root = nodes.parse(nodes.decode(data[start:end])[0]).root
            if root is not None:
                nodes.to_value(root)
        except nodes.ParseError:
            return True
    return False
