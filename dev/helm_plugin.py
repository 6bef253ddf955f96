"""Builds the release archive of the Helm plugin: the folder helm-postrender with the program and all that it needs.

    meshshift/plugin.yaml, README.md, bin/    helm-postrender of this checkout
    meshshift/libexec/start.py                starts what stands beside it; dev/carried_start.py
    meshshift/libexec/needs                   one line: which Pythons fit
    meshshift/libexec/packages/               meshshift and packages that any Python can run
    meshshift/libexec/native/TAG/             packages with compiled parts, one folder per Python

Versions and hashes are those of requirements.lock. Byte code is made here, because a plugin's folder may not be
writable where it runs. The same commit, Pythons and platform give the same bytes.
"""

from __future__ import annotations

import argparse
import email
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from platform import machine
from typing import NamedTuple

from transformer import __version__

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = "meshshift"
PYTHONS = ("python3.11", "python3.12", "python3.13")
#: What an archive is made of: with changes there, no commit tells what it contains.
SOURCES = (
    "transformer",
    "helm-postrender",
    "dev/carried_start.py",
    "requirements.lock",
    "pyproject.toml",
    "LICENSE",
)
_WANTED = 'import sys, _imp; print(*sys.version_info[:2], _imp.extension_suffixes()[0].split(".")[1])'
#: Written by pip for itself, and lists of files that are no longer where they say.
_OF_PIP = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}


class Refused(Exception):
    """The archive cannot be built; the message says why and what to do."""


class Platform(NamedTuple):
    """A kind of machine: what wheels call it, and how a Python there marks compiled modules (`{}`: 311)."""

    wheels: tuple[str, ...]
    tag: str


PLATFORMS = {
    "linux-x86_64": Platform(
        ("manylinux_2_28_x86_64", "manylinux2014_x86_64"), "cpython-{}-x86_64-linux-gnu"
    ),
    "linux-aarch64": Platform(
        ("manylinux_2_28_aarch64", "manylinux2014_aarch64"), "cpython-{}-aarch64-linux-gnu"
    ),
    "macos-x86_64": Platform(("macosx_11_0_x86_64",), "cpython-{}-darwin-x86_64"),
    "macos-arm64": Platform(("macosx_11_0_arm64",), "cpython-{}-darwin-arm64"),
    "windows-x86_64": Platform(("win_amd64",), "cp{}-win_amd64"),
}


class Python(NamedTuple):
    """An interpreter of this machine and its version, as in 3.11."""

    path: str
    version: str

    def tag(self, platform: Platform) -> str:
        """How this version marks compiled modules on a platform."""
        return platform.tag.format(self.version.replace(".", ""))


def build(into: Path, platform: str, pythons: Sequence[str], *, dirty: bool = False) -> Path:
    """Build the archive for a platform of PLATFORMS into a folder; returns its path.

    `pythons` are programs on PATH or paths. Raises Refused, also for uncommitted changes unless `dirty`.
    """
    known = sorted({python.version: python for python in map(interpreter, pythons)}.items())
    changed = output(["git", "status", "--porcelain", "--", *SOURCES])
    if changed and not dirty:
        raise Refused(
            f"there are uncommitted changes, so no commit tells what is inside:\n{changed}\n(--dirty: build)"
        )
    with tempfile.TemporaryDirectory(prefix="helm-plugin-") as scratch:
        folder = Path(scratch) / PLUGIN
        shutil.copytree(ROOT / "helm-postrender", folder, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "LICENSE", folder)
        carry(folder / "libexec", platform, [python for _, python in known], Path(scratch))
        into.mkdir(parents=True, exist_ok=True)
        archive = into / f"{PLUGIN}-{__version__}-{platform}.tgz"
        pack(folder, archive, moment())
    return archive


def interpreter(name: str) -> Python:
    """A Python by name or path. Raises Refused where it is none that this machine can run."""
    try:
        major, minor, _ = output([name, "-I", "-S", "-c", _WANTED]).split()
    except Refused as reason:
        raise Refused(
            f"{name} is needed to make its byte code; name the Pythons that are here with --python ({reason})"
        ) from reason
    if (int(major), int(minor)) < (3, 11):
        raise Refused(f"{name} is Python {major}.{minor}; meshshift needs 3.11 or newer")
    return Python(name, f"{major}.{minor}")


def carry(libexec: Path, name: str, pythons: Sequence[Python], scratch: Path) -> None:
    """Put the program, its packages and their byte code into the plugin's folder `libexec`."""
    platform = PLATFORMS[name]
    packages = libexec / "packages"
    packages.mkdir(parents=True)
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", scratch / "wheel", ROOT])
    (wheel,) = (scratch / "wheel").glob("*.whl")
    place(installed(scratch / "own", "--no-index", wheel), packages, None)
    for python in pythons:
        native = libexec / "native" / python.tag(platform)
        wheels = [word for wheel in platform.wheels for word in ("--platform", wheel)]
        lock = ["--only-binary=:all:", "--require-hashes", "-r", ROOT / "requirements.lock"]
        version = ["--implementation", "cp", "--python-version", python.version]
        place(installed(scratch / python.version, *wheels, *version, *lock), packages, native)
    shutil.copy(ROOT / "dev" / "carried_start.py", libexec / "start.py")
    listed = [python.version for python in pythons]
    needs = " or ".join([", ".join(listed[:-1]), listed[-1]] if listed[1:] else listed)
    (libexec / "needs").write_text(f"CPython {needs} on {name}\n", encoding="utf-8")
    for python in pythons:
        compile_all(python, libexec, [packages, libexec / "native" / python.tag(platform)])


def installed(folder: Path, *what: object) -> Path:
    """Install packages into a folder of their own; returns it."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "--no-deps", "--no-compile", "--target", folder, *what])
    return folder


def place(site: Path, packages: Path, native: Path | None) -> None:
    """Copy the distributions of a folder to where they belong: compiled ones to `native`.

    Raises Refused where there are compiled ones and no place for them, or where one that should suit any
    Python is another for this one.
    """
    for info in sorted(site.glob("*.dist-info")):
        wheel = email.message_from_string((info / "WHEEL").read_text(encoding="utf-8"))
        target = packages if wheel["Root-Is-Purelib"] == "true" else native
        if target is None:
            raise Refused(f"{info.name} is compiled, and meshshift itself must not be")
        for name in files_of(info):
            source, copy = site / name, target / name
            if copy.exists() and copy.read_bytes() != source.read_bytes():
                raise Refused(
                    f"{name} differs between versions of Python, though its wheel says that it suits any"
                )
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def files_of(info: Path) -> Iterator[str]:
    """The files of an installed distribution that a program may need, its licences among them."""
    for line in (info / "RECORD").read_text(encoding="utf-8").splitlines():
        name = line.rsplit(",", 2)[0]
        top = name.partition("/")[0]
        if (
            top not in ("..", "bin", "Scripts")
            and not top.endswith("-stubs")
            and Path(name).name not in _OF_PIP
        ):
            yield name


def compile_all(python: Python, libexec: Path, folders: Sequence[Path]) -> None:
    """Write byte code that names no folder of this machine and is used without a look at the source's time."""
    words = [python.path, "-S", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    # The order of a set's constants depends on the seed.
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"}
    run([*words, "-s", libexec.parent, "-p", PLUGIN, *folders], environment)


def pack(folder: Path, archive: Path, seconds: int) -> None:
    """Write a folder as .tgz: sorted, owned by nobody in particular, all files of one moment."""

    def entered(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        path = Path(entry.name)
        executable = entry.isdir() or (path.parent.name == "bin" and not path.suffix)
        entry.mode = 0o755 if executable else 0o644
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = seconds
        return entry

    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in [folder, *sorted(folder.rglob("*"))]:
            tar.add(path, str(path.relative_to(folder.parent)), recursive=False, filter=entered)


def moment() -> int:
    """The time of all files in the archive, in seconds: SOURCE_DATE_EPOCH, else when the commit was made."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or output(["git", "log", "-1", "--format=%ct"]))


def output(command: Sequence[object]) -> str:
    """What a program prints, run in the checkout. Raises Refused where it fails."""
    return run(command).strip()


def run(command: Sequence[object], environment: Mapping[str, str] | None = None) -> str:
    """Run a program in the checkout; returns what it prints. Raises Refused with its last lines where it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise Refused(f"{words[0]}: {error.strerror}") from error
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise Refused(f"{' '.join(words[:6])} … failed:\n{said}")
    return done.stdout


def main(arguments: Sequence[str]) -> int:
    """Build what the command line asks for and print path, size and hash; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="dev/helm-plugin", description="Builds the archive of the Helm plugin."
    )
    here = this_machine()
    parser.add_argument(
        "--platform", choices=PLATFORMS, default=here, required=here is None, help="default: %(default)s"
    )
    parser.add_argument("--python", action="append", metavar="NAME", help=f"default: {', '.join(PYTHONS)}")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    parser.add_argument("--dirty", action="store_true", help="build although there are uncommitted changes")
    chosen = parser.parse_args(arguments)
    try:
        archive = build(chosen.into, chosen.platform, chosen.python or PYTHONS, dirty=chosen.dirty)
    except Refused as reason:
        print(f"helm-plugin: {reason}", file=sys.stderr)
        return 1
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    print(f"{digest}  {archive} ({archive.stat().st_size / 1e6:.1f} MB)")
    return 0


def this_machine() -> str | None:
    """The platform of this machine; None where it is none of PLATFORMS."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    name = f"{system}-{machine().replace('AMD64', 'x86_64')}"
    return name if name in PLATFORMS else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
