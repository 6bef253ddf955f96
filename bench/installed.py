"""The program as users have it: its wheel in an environment of its own, compiled, without coverage or sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Installed(NamedTuple):
    """An environment with the program."""

    python: str
    meshshift: str


def install(folder: Path) -> Installed:
    """Build the wheel of this checkout and install it with the locked packages into `folder`."""
    _run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(folder / "dist"),
            str(ROOT),
        ]
    )
    [wheel] = (folder / "dist").glob("*.whl")
    uv = shutil.which("uv")
    venv.create(folder / "venv", with_pip=uv is None)
    python = str(folder / "venv" / "bin" / "python")
    packages = ["-r", str(ROOT / "requirements.lock")]
    if uv is not None:
        pip = [uv, "pip", "install", "--quiet", "--python", python, "--compile-bytecode"]
    else:
        pip = [python, "-m", "pip", "install", "--quiet", "--compile"]
    _run([*pip, "--require-hashes", *packages])
    _run([*pip, "--no-deps", "--no-index", str(wheel)])
    return Installed(python, str(folder / "venv" / "bin" / "meshshift"))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
