"""What must not stand in any file of the repository: registry hosts and folders of one machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.real_tools import ROOT, absent

# Spelled in pieces, so that this file does not name them either.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.",
    "proxy." + "golang",
    "sum." + "golang",
    "crates" + ".io",
    "repo.maven" + ".apache",
    "deb.debian" + ".org",
]


def forbidden(root: Path, home: Path) -> re.Pattern[str]:
    """Registry hosts, the folder around the checkout, and the user's hidden folders."""
    folders = [f"{home}/."]
    # A checkout in the root folder or directly below it has no surroundings that could be told from any path.
    if len(root.parent.parts) > 1:
        folders.append(f"{root.parent}/")
    # Whole paths only: the same names below another folder are some other place.
    hosts = "|".join(map(re.escape, REGISTRIES))
    paths = "|".join(map(re.escape, folders))
    return re.compile(rf"\b(?:{hosts})|(?<![\w./-])(?:{paths})", re.IGNORECASE)


def tracked_files() -> list[Path]:
    """Every file that is or would be in the repository."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        absent("not a git checkout, so nobody can tell its own files from others")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name and (ROOT / name).is_file()
    ]


def offences(text: str, pattern: re.Pattern[str]) -> list[str]:
    """`line: words` for every hit."""
    lines = enumerate(text.splitlines(), 1)
    return [f"{number}: {hit[0]}" for number, line in lines for hit in pattern.finditer(line)]


def test_no_file_names_a_registry_or_a_folder_of_this_machine() -> None:
    pattern = forbidden(ROOT, Path.home())
    files = tracked_files()
    assert ROOT / "pyproject.toml" in files
    found = {}
    for file in files:
        if hits := offences(file.read_text(encoding="utf-8", errors="replace"), pattern):
            found[str(file.relative_to(ROOT))] = hits
    assert found == {}


@pytest.mark.parametrize(
    ("text", "hits", "reason"),
    [
        ("--index-url https://" + "py" + "pi.org/simple", 1, "a host in an address"),
        ("url = files." + "python" + "hosted.org/packages", 1, "a host below it"),
        ("registry." + "npm" + "js.org", 1, "another registry"),
        ("cat /srv/jo/notes", 1, "beside the checkout"),
        ("see `/srv/jo/other/x`", 1, "between quotes"),
        ("cat ../notes", 0, "relative paths work everywhere"),
        ("mountPath: /home/jo/data", 0, "a manifest may well have this path"),
        ("cat /home/jo/.cache/x", 1, "a hidden folder of the user"),
        ("cat /mnt/srv/jo/notes", 0, "the same names elsewhere"),
        ("image: ghcr.io/acme/api", 0, "manifests name their images"),
    ],
)
def test_what_counts_as_an_offence(text: str, hits: int, reason: str) -> None:
    pattern = forbidden(Path("/srv/jo/meshshift"), Path("/home/jo"))
    assert len(offences(text, pattern)) == hits, reason


LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")


def test_locks_carry_hashes_and_no_addresses() -> None:
    for name in LOCKS:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        pinned = re.compile(r"[A-Za-z0-9._-]+==\S+( ;.*)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
        assert [line for line in lines if not pinned.fullmatch(line)] == []
        assert sum("==" in line and "--hash" not in line for line in lines) >= 2


def test_the_dev_lock_contains_the_other_locks() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return {line.split(" ")[0] for line in text.splitlines() if re.match(r"[A-Za-z]", line)}

    assert pins("requirements.lock") | pins("requirements-build.lock") <= pins("requirements-dev.lock")
