"""Runs commands as processes of their own and measures them: wall time and peak memory, as the kernel counts them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

LAUNCHER = Path(__file__).with_name("launch.py")
#: Peak memory is counted in KiB by Linux and in bytes by macOS.
UNIT = 1024 * 1024 if sys.platform == "darwin" else 1024


class Command(NamedTuple):
    """A command with the file that it reads on standard input and the folder that it runs in."""

    name: str
    words: Sequence[str]
    stdin: Path | None
    folder: Path


class Measured(NamedTuple):
    """Median seconds and peak MiB over the rounds; `trouble` says why there are none."""

    seconds: float
    mebibytes: float
    rounds: int
    trouble: str = ""


class _Once(NamedTuple):
    seconds: float
    mebibytes: float
    trouble: str


def measure(
    commands: Sequence[Command], env: Mapping[str, str], *, rounds: int, limit: float, work: Path
) -> dict[str, Measured]:
    """Run all commands in turn, round by round, so that a busy moment of the machine meets all of them.

    A command that fails or takes longer than `limit` seconds is not tried again; one that takes more than two
    seconds gets three rounds at most.
    """
    found: dict[str, list[_Once]] = {command.name: [] for command in commands}
    for _ in range(rounds):
        for command in commands:
            before = found[command.name]
            slow = (len(before) >= 3 and before[0].seconds > 2) or (
                bool(before) and before[0].seconds > limit / 4
            )
            if not slow and not (before and before[-1].trouble):
                before.append(_once(command, env, limit, work))
    return {name: _summary(runs) for name, runs in found.items()}


def _summary(runs: Sequence[_Once]) -> Measured:
    trouble = next((run.trouble for run in runs if run.trouble), "")
    seconds = statistics.median(run.seconds for run in runs)
    return Measured(seconds, max(run.mebibytes for run in runs), len(runs), trouble)


def _once(command: Command, env: Mapping[str, str], limit: float, work: Path) -> _Once:
    error = work / "err"
    files = [str(command.stdin or os.devnull), str(work / "out"), str(error)]
    launched = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCHER), str(limit), *files, *command.words],
        env=dict(env), cwd=command.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, peak, code, ended = launched.stdout.split()
    trouble = ""
    if ended == "1":
        trouble = f"more than {limit:g} s"
    elif code != "0":
        said = error.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        trouble = f"exit code {code}: {said[-1] if said else ''}"
    return _Once(float(seconds), int(peak) / UNIT, trouble)
