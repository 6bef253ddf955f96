"""The program as a process: what it imports, pipes that break, terminals, and errors nobody foresaw."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ASKS, HELD, MOVES, PLAIN, program
from tests.real_tools import ROOT

CONFIGURATION = {"pydantic", "dataclasses", "importlib.metadata", "tempfile", "pathlib"}
PARSERS = CONFIGURATION | {"yaml", "inspect", "datetime"}
PROGRAM = [sys.executable, "-m", "transformer"]
MAIN = "from transformer.__main__ import main; sys.exit(main())"


@pytest.fixture
def env(plain_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return plain_environment | {"MESHSHIFT_STATE": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)}


def loaded(err: str) -> set[str]:
    """Modules that `-X importtime` tells."""
    return {line.rpartition("|")[2].strip() for line in err.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize(
    ("argv", "stdin", "never", "reason"),
    [
        ([], PLAIN, PARSERS | {"argparse", "re", "typing", "json"}, "nothing but reading and writing"),
        (["--namespace", "shop", "--mesh-mtls", "strict"], PLAIN, PARSERS, "flags alone need no parser"),
        ([], MOVES, CONFIGURATION, "a translation without configuration"),
        (["--linkerd", "2.19"], MOVES, CONFIGURATION, "a translation with flags"),
        ([], HELD, CONFIGURATION, "a refusal"),
    ],
)
def test_imports(
    env: dict[str, str], tmp_path: Path, argv: list[str], stdin: bytes, never: set[str], reason: str
) -> None:
    done = program(*argv, stdin=stdin, env=env, folder=tmp_path, python=("-X", "importtime"))
    modules = loaded(done.err)
    assert "transformer.frontends.output" in modules, "the list is one of imports"
    assert modules & never == set(), reason


def test_a_file_is_what_loads_pydantic(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "meshshift.yaml").write_text("channel: standard\n", encoding="utf-8")
    assert "pydantic" in loaded(
        program(stdin=PLAIN, env=env, folder=tmp_path, python=("-X", "importtime")).err
    )


@pytest.mark.parametrize("stdin", [PLAIN * 50_000, MOVES])
def test_a_reader_that_goes_away(env: dict[str, str], tmp_path: Path, stdin: bytes) -> None:
    end, out = os.pipe()
    os.close(end)
    with subprocess.Popen(
        PROGRAM, env=env, cwd=tmp_path, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE
    ) as process:
        os.close(out)
        err = process.communicate(stdin, timeout=60)[1].decode()
    assert process.returncode == 141
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_a_full_disk_is_told_and_fails(env: dict[str, str], tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full on this system")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            PROGRAM,
            env=env,
            cwd=tmp_path,
            input=PLAIN,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 4
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_interrupt_ends_quietly(env: dict[str, str], tmp_path: Path) -> None:
    # Processes of a background job inherit that the signal is ignored.
    listens = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); print('up', flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{listens}; {MAIN}"],
        env=env,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        _wait_until_it_reads(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


def _wait_until_it_reads(pid: int) -> None:
    """Wait until the process sleeps in a read of standard input."""
    import time

    for _ in range(200):
        try:
            waiting = Path(f"/proc/{pid}/wchan").read_text(encoding="utf-8")
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            waiting, state = "", ""
        time.sleep(0.02)
        if "pipe" in waiting or (state == "S" and waiting in ("", "0")):
            time.sleep(0.3)
            return


def test_an_unforeseen_error_is_one_line_and_a_hint(env: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys, transformer.cli as cli\n"
        "def run(argv, data): raise ZeroDivisionError('by\\nnought')\n"
        "cli.run = run\n" + MAIN
    )
    for debug, traceback in (("", False), ("1", True)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=env | {"MESHSHIFT_DEBUG": debug},
            cwd=tmp_path,
            input=MOVES,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (4, b"")
        assert b"internal error: ZeroDivisionError: by" in done.stderr
        assert (b"Traceback" in done.stderr) is traceback


def test_on_a_terminal_it_says_what_it_is(env: dict[str, str], tmp_path: Path) -> None:
    master, terminal = pty.openpty()
    try:
        done = subprocess.run(
            PROGRAM, env=env, cwd=tmp_path, stdin=terminal, capture_output=True, timeout=60, check=False
        )
    finally:
        os.close(terminal)
        os.close(master)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"meshshift moves Kubernetes manifests" in done.stderr
    assert b"--help" in done.stderr


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_only_on_terminals(
    env: dict[str, str], tmp_path: Path, no_color: str, coloured: bool
) -> None:
    master, terminal = pty.openpty()
    try:
        done = subprocess.run(
            PROGRAM,
            cwd=tmp_path,
            input=HELD,
            env=env | {"NO_COLOR": no_color, "TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=terminal,
            timeout=60,
            check=False,
        )
        shown = os.read(master, 65536)
    finally:
        os.close(terminal)
        os.close(master)
    assert done.returncode == 1
    assert (b"\x1b[31merror\x1b[0m" in shown) is coloured


@pytest.mark.parametrize(
    ("redirection", "stdin", "code", "reason"),
    [
        (">&-", PLAIN, 4, "manifests that cannot be written are a failure"),
        (">&-", HELD, 1, "findings come before anything is written"),
        ("2>&-", HELD, 1, "nobody listens"),
        ("2>&-", PLAIN, 0, "nothing to say"),
        ("<&-", b"", 0, "nothing came in"),
    ],
)
def test_closed_streams(
    env: dict[str, str], tmp_path: Path, redirection: str, stdin: bytes, code: int, reason: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(PROGRAM)} {redirection}"],
        env=env,
        cwd=tmp_path,
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, reason
    assert done.stdout == (PLAIN if code == 0 and stdin else b"")
    assert b"Traceback" not in done.stderr


def test_two_runs_give_the_same_bytes(env: dict[str, str], tmp_path: Path) -> None:
    runs = [
        program("--mesh-mtls=strict", "--report=json", stdin=ASKS + b"---\n" + MOVES, folder=tmp_path,
                env=env | {"PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert runs[0].code == 0
