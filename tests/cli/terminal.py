"""Runs the program on a pseudo-terminal, where people sit."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_SECONDS = 60


class Seen(NamedTuple):
    """How a run ended, what the terminal got, and what a pipe at standard output got."""

    code: int
    screen: str
    piped: bytes


def look(
    argv: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    keys: Sequence[tuple[str, str]] = (),
    pipe: bool = False,
    columns: int = 100,
    then: Callable[[], None] | None = None,
    after: str = "",
) -> Seen:
    """Run the program with a terminal; `pipe`: only standard error is one, and standard input is empty.

    `keys` are answers, each with the text that it waits for. `then` is called once `after` is on the screen.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "transformer", *argv],
        cwd=folder,
        env={**env, "TERM": "xterm"} if "TERM" not in env else dict(env),
        stdin=subprocess.DEVNULL if pipe else slave,
        stdout=subprocess.PIPE if pipe else slave,
        stderr=slave,
    )
    os.close(slave)
    screen = _watch(master, process, list(keys), then, after)
    piped = process.stdout.read() if process.stdout is not None else b""
    if process.stdout is not None:
        process.stdout.close()
    code = process.wait(_SECONDS)
    os.close(master)
    return Seen(code, screen.replace("\r\n", "\n"), piped)


def _watch(
    master: int,
    process: subprocess.Popen[bytes],
    keys: list[tuple[str, str]],
    then: Callable[[], None] | None,
    after: str,
) -> str:
    """Everything that the terminal gets until the program ends, with the keys pressed on the way."""
    screen, read, end = b"", 0, time.monotonic() + _SECONDS
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.05)
        try:
            fresh = os.read(master, 65536) if ready else b""
        except OSError:  # Linux's way to say that nobody has the other side open any more
            break
        screen += fresh
        text = screen.decode("utf-8", "replace")
        if keys and keys[0][0] in text[read:]:
            read = len(text)
            os.write(master, keys.pop(0)[1].encode())
        if then is not None and after in text:
            then()
            then = None
        if not fresh and ready:
            break
    if time.monotonic() >= end:
        process.kill()
    return screen.decode("utf-8", "replace")
