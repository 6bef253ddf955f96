"""The programs to compare with, and the folders that they read a stream from."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from dev import tools

#: Helm refuses files above 5 MiB in a chart.
CHUNK = 4_000_000


class Peers(NamedTuple):
    """Paths of the programs; empty where one cannot be had."""

    kubectl: str
    kustomize: str
    helm3: str


def find() -> Peers:
    """The pinned programs of this machine."""
    return Peers(_tool("kubectl"), _tool("kustomize"), _tool("helm3"))


def _tool(name: str) -> str:
    try:
        return tools.find(name)
    except tools.ToolMissing:
        return ""


def version(peers: Peers) -> dict[str, str]:
    """Versions of the programs by name."""
    known = tools.catalogue()
    found = {}
    for name, path in peers._asdict().items():
        if path:
            said = subprocess.run(
                [path, *known[name].version_args], capture_output=True, text=True, check=False
            ).stdout
            match = re.search(r"v?\d+\.\d+\.\d+", said)
            # A build from source may not know its own version.
            found[name] = match[0] if match else known[name].version or "of unknown version"
    return found


def kustomization(source: Path) -> Path:
    """A folder with the stream as the one resource of a kustomization."""
    folder = source.parent / "kustomize"
    if _stale(folder, source):
        (folder / "in.yaml").write_bytes(source.read_bytes())
        (folder / "kustomization.yaml").write_text("resources:\n- in.yaml\n", encoding="utf-8")
    return folder


def chart(source: Path) -> Path:
    """A folder with the stream as the templates of a chart, in files that Helm accepts."""
    folder = source.parent / "chart"
    if _stale(folder, source):
        templates = folder / "templates"
        templates.mkdir(exist_ok=True)
        for old in templates.iterdir():
            old.unlink()
        (folder / "Chart.yaml").write_text("apiVersion: v2\nname: bench\nversion: 1.0.0\n", encoding="utf-8")
        text = source.read_text(encoding="utf-8")
        start = number = 0
        while start < len(text):
            cut = text.find("\n---\n", start + CHUNK)
            end = len(text) if cut < 0 else cut + 1
            (templates / f"part-{number:03}.yaml").write_text(text[start:end], encoding="utf-8")
            start, number = end, number + 1
    return folder


def _stale(folder: Path, source: Path) -> bool:
    """Whether the folder was made from an earlier stream; it is marked as current."""
    folder.mkdir(exist_ok=True)
    mark, state = folder / ".made-from", str(source.stat().st_mtime_ns)
    if mark.is_file() and mark.read_text(encoding="utf-8") == state:
        return False
    mark.write_text(state, encoding="utf-8")
    return True
