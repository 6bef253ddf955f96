"""The program over a corpus of real manifests: every file alone, and the files of every folder as one stream."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transformer.errors import InputError
from transformer.frontends.joined import Joined
from transformer.options import Options
from transformer.outcome import Report
from transformer.transform import transform

SUFFIXES = (".yaml", ".yml", ".json", ".golden", ".tmpl")
#: Facts that no manifest of the corpus can tell; findings do not end the run, so that there is output to judge.
OPTIONS: Mapping[str, Any] = {
    "mesh.mtls": "permissive", "gateway-class": "corpus", "authorization": "translate", "fail-on": "never",
}  # fmt: skip


class Source(NamedTuple):
    """Bytes to run the program on, called as findings call them."""

    name: str
    data: bytes


class Ran(NamedTuple):
    """What came of one source: output and report, or the refusal of input that cannot be read."""

    source: Source
    output: bytes
    report: Report | None
    refusal: str


def files(corpus: Path) -> list[Source]:
    """Every manifest file of the corpus, in the order of their names."""
    found = []
    for folder, folders, names in os.walk(corpus):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if name.endswith(SUFFIXES):
                found.append(Source(path.relative_to(corpus).as_posix(), path.read_bytes()))
    return found


def joined_folders(sources: Iterable[Source], readable: Mapping[str, bool]) -> list[Source]:
    """One stream for every folder below `files/` that holds several; unreadable ones are left out.

    A folder is what people apply as a whole: there a VirtualService meets its Services.
    """
    folders: dict[str, list[tuple[str, bytes]]] = {}
    for source in sources:
        top, _, rest = source.name.partition("/")
        if top == "files" and readable[source.name]:
            folders.setdefault(rest.rpartition("/")[0], []).append((source.name, source.data))
    return [Source(f"{name}/", Joined(held).data) for name, held in folders.items() if len(held) > 1]


def run(source: Source, options: Mapping[str, Any] = OPTIONS) -> Ran:
    """Run the program on one source. Only `InputError` is an answer; every other failure is passed on."""
    try:
        result = transform(source.data, Options(dict(options)), name=source.name)
    except InputError as refusal:
        return Ran(source, b"", None, str(refusal))
    return Ran(source, b"".join(result.output), result.report, "")


def run_all(corpus: Path) -> tuple[list[Ran], list[Ran]]:
    """Runs of every file alone and of every folder as one stream."""
    sources = files(corpus)
    alone = [run(source) for source in sources]
    readable = {ran.source.name: ran.report is not None for ran in alone}
    return alone, [run(source) for source in joined_folders(sources, readable)]


def reports(runs: Iterable[Ran]) -> Iterator[Report]:
    """Reports of the runs that were not refused."""
    return (ran.report for ran in runs if ran.report is not None)
