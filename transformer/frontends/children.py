"""Programs that a front end runs: argument lists without a shell, a limit in time, and every failure told."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from transformer.errors import InputError, UsageError
from transformer.stream.patterns import pattern

_LONGEST = 4000  # characters of a program's standard error that are passed on
_PART = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)"
_PARTS, _DURATION = pattern(_PART, re.ASCII), pattern(f"(?:{_PART})+", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Limit(NamedTuple):
    """When a program has to be done (on the monotonic clock), the seconds that were given, and how to get more."""

    end: float
    seconds: float
    remedy: str

    @classmethod
    def starting_now(cls, seconds: float, remedy: str) -> Limit:
        """A limit that many seconds from now."""
        return cls(time.monotonic() + seconds, seconds, remedy)


def run(
    command: Sequence[str], limit: Limit, *, what: str, environ: Mapping[str, str], stdin: bytes = b""
) -> tuple[bytes, str]:
    """What a program wrote to standard output, whole, and the end of what it wrote to standard error.

    `what` names the run in messages, because arguments may hold values that do not belong there. Raises InputError
    where the program fails, UsageError where it cannot be started or is not done in time; it is ended then, with
    everything that it started.
    """
    try:
        child = subprocess.Popen(
            list(command), env=dict(environ),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise UsageError(f"{what} cannot be run: {command[0]}: {error.strerror}") from error
    try:
        out, err = child.communicate(stdin, timeout=max(0.0, limit.end - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{what} was ended after {limit.seconds:g} seconds: {limit.remedy}") from error
    finally:
        _end(child)
    said = err.decode("utf-8", "replace").strip()[-_LONGEST:]
    if child.returncode:
        raise InputError(f"{what} failed with exit code {child.returncode}" + (f": {said}" if said else ""))
    return out, said


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a program that still runs, with what it started, without waiting for whoever holds its output open.

    Programs stay in the process group of this one, which is what Argo CD ends. Where the group is ours alone, as it is
    there, everything in it but ourselves is asked to end.
    """
    if child.returncode is not None:
        return
    if os.getpgrp() == os.getpid():
        before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
    child.kill()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what is left to write has no reader
                pipe.close()
    child.wait()


def seconds_of(text: str) -> float | None:
    """Seconds of a duration as Go writes it (`90s`, `1m30s`); None where it is none."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(text))
