"""Running real programs on small charts and folders written by a test, and taking their output apart."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.real_tools import ROOT

WRAPPER = str(ROOT / "helm-postrender" / "bin" / "meshshift-postrender")
KRM_WRAPPER = str(ROOT / "kustomize-plugin" / "bin" / "meshshift-krm")
_SEPARATOR = re.compile(rb"^---[ \t]*\r?\n", re.MULTILINE)
_SOURCE = re.compile(rb"^# Source: (\S+)", re.MULTILINE)


class Done(NamedTuple):
    """How a program ended and what it said."""

    code: int
    out: bytes
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The objects on standard output."""
        return [document for document in yaml.safe_load_all(self.out) if document]

    def succeeded(self) -> Done:
        """The same, for a run that a test builds upon."""
        assert self.code == 0, f"exit code {self.code}: {self.err}"
        return self


def run(
    command: Sequence[object], env: Mapping[str, str], *, stdin: bytes = b"", cwd: Path | None = None
) -> Done:
    """Run a program to its end; standard error is a pipe, which wrappers may look at."""
    done = subprocess.run(
        [str(word) for word in command],
        env=dict(env),
        input=stdin,
        cwd=cwd,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def install_program(folder: Path) -> str:
    """Write the program of this checkout into the folder as an executable called `meshshift`."""
    path = folder / "meshshift"
    start = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -P -m transformer"
    path.write_text(f'#!/bin/sh\n{start} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def isolated(environment: Mapping[str, str], folder: Path, program: str) -> dict[str, str]:
    """An environment in which tools find an empty home below `folder`, no cluster, and meshshift on PATH."""
    home = folder / "home"
    home.mkdir()
    foreign = ("HELM_", "XDG_", "KUSTOMIZE_", "MESHSHIFT")
    kept = {name: value for name, value in environment.items() if not name.startswith(foreign)}
    return kept | {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "KUBECONFIG": str(home / "none"),
        "PATH": f"{Path(program).parent}:{kept['PATH']}",
    }


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files (by path below `folder`) and return the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def chart(folder: Path, templates: Mapping[str, str | bytes]) -> Path:
    """A Helm chart called demo with these templates."""
    head = "apiVersion: v2\nname: demo\nversion: 1.0.0\n"
    below = {f"templates/{name}": text for name, text in templates.items()}
    return write(folder, {"Chart.yaml": head} | below)


def by_source(stream: bytes) -> dict[str, list[bytes]]:
    """Documents of a Helm render by the template that their `# Source:` comment names; "" for none."""
    found: dict[str, list[bytes]] = {}
    for document in _SEPARATOR.split(stream):
        if document.strip():
            source = _SOURCE.search(document)
            found.setdefault(source[1].decode() if source else "", []).append(document)
    return found


def identities(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """`Kind/name` of every object, in order."""
    return [f"{document['kind']}/{document['metadata']['name']}" for document in documents]


def one(documents: Sequence[dict[str, Any]], identity: str) -> dict[str, Any]:
    """The only object with this `Kind/name`."""
    found = [document for document in documents if identities([document]) == [identity]]
    assert len(found) == 1, f"{len(found)} objects are {identity}: {identities(documents)}"
    return found[0]
