"""Pages of docs/integrations and docs/tutorials, followed literally: every `sh` block is run, in order, as a reader would.

A page begins with a comment that names the programs it needs and, where it differs, what the reader calls them:

    <!-- needs: helm=helm4 helm3 kustomize -->

Its blocks run in one bash session that ends at the first failure and starts in the root folder of a fresh copy of the
repository, with meshshift and the programs on PATH and an empty home. A `text` block that follows an `sh` block shows what
that one prints, standard error included; a line `…` stands for any lines. Blocks of other languages, `console` among
them, are only read.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.real_tools import ROOT

FOLDERS = (ROOT / "docs" / "integrations", ROOT / "docs" / "tutorials")
_NEEDS = re.compile(r"\A<!-- needs: ([^>]*?) *-->\n")
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```[ ]*$", re.MULTILINE | re.DOTALL)
_SECONDS = 300


class Block(NamedTuple):
    """Commands and, where the page shows it, what they print."""

    commands: str
    shown: str | None
    line: int


class Page(NamedTuple):
    """A page: the programs that it needs, by the name that it uses, and its blocks."""

    name: str
    needs: dict[str, str]
    blocks: tuple[Block, ...]


def read(path: Path) -> Page:
    """Read a page. Raises ValueError where its first line does not say what it needs or nothing is to be run."""
    text = path.read_text(encoding="utf-8")
    head = _NEEDS.match(text)
    if head is None:
        raise ValueError(f"{path.name}: the first line is no comment of the form <!-- needs: … -->")
    named = (word.partition("=") for word in head[1].split())
    needs = {name: source or name for name, _, source in named}
    blocks: list[Block] = []
    end = 0
    for fence in _FENCE.finditer(text):
        language, body = fence[2], _dedented(fence[3], fence[1])
        if language == "sh":
            blocks.append(Block(body, None, text.count("\n", 0, fence.start()) + 1))
        elif language == "text" and blocks and not text[end : fence.start()].strip():
            blocks[-1] = blocks[-1]._replace(shown=body)
        end = fence.end()
    if not blocks:
        raise ValueError(f"{path.name}: there is no `sh` block to run")
    return Page(path.stem, needs, tuple(blocks))


def follow(page: Page, folder: Path, environment: Mapping[str, str], tool: Callable[[str], str]) -> list[str]:
    """Follow a page in an empty folder; returns what is wrong with it, nothing where it tells the truth."""
    clone = folder / "meshshift"
    copy_repository(clone)
    programs = folder / "programs"
    programs.mkdir()
    for name, source in page.needs.items():
        (programs / name).symlink_to(tool(source))
    script = "set -euo pipefail\n" + "".join(
        f"exec >'{folder}/{number}.out' 2>&1\n{block.commands}" for number, block in enumerate(page.blocks)
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=clone,
        env={**environment, "PATH": f"{programs}:{environment['PATH']}"},
        stdin=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=False,
    )
    wrong = []
    for number, block in enumerate(page.blocks):
        path = folder / f"{number}.out"
        if not path.exists():
            break
        printed = path.read_text(encoding="utf-8", errors="replace")
        if block.shown is not None and not matches(printed, block.shown):
            wrong.append(f"line {block.line}: prints something else:\n{printed}")
        last = block, printed
    if done.returncode:
        wrong.append(f"line {last[0].line}: ended with {done.returncode}:\n{last[1]}")
    return wrong


def matches(printed: str, shown: str) -> bool:
    """Whether the output is what the page shows; a line `…` stands for any lines, also none."""
    lines = [re.escape(line.rstrip()) for line in shown.strip().splitlines()]
    wanted = "\n".join("(?:.*\n)*?.*" if line.strip() == "…" else line for line in lines)
    actual = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch(wanted.replace("(?:.*\n)*?.*\n", "(?:.*\n)*?"), actual) is not None


def copy_repository(folder: Path) -> None:
    """What a fresh clone of this checkout would have: tracked files, and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        source = ROOT / name
        if name and not name.startswith("tests/") and source.is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _dedented(body: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
