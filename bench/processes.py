"""Runs commands as processes of their own and measures them: wall time and peak memory, as the kernel counts them."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


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
    source = command.stdin.open("rb") if command.stdin is not None else None
    with (work / "out").open("wb") as out, (work / "err").open("wb") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            command.words,
            stdin=source or subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=dict(env),
            cwd=command.folder,
        )
        timer = threading.Timer(limit, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if source is not None:
        source.close()
    trouble = ""
    if process.returncode:
        said = (work / "err").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        slow = process.returncode < 0 and seconds >= limit
        trouble = (
            f"more than {limit:.0f} s"
            if slow
            else f"exit code {process.returncode}: {said[-1] if said else ''}"
        )
    # Linux counts in KiB, macOS in bytes.
    scale = 1024 if os.uname().sysname != "Darwin" else 1024 * 1024
    return _Once(seconds, usage.ru_maxrss / scale, trouble)
