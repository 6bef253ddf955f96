"""Where a configuration may have reports written: it comes with the manifests, so not anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.running import HELD, MOVES, Call

RESOURCES = """\
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig: {{apiVersion: v1, kind: ConfigMap, data: {{report-file: {}}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> Path:
    """The folder of the runs, with links that lead out of it, one to a file and one to a folder, and Git's own."""
    here = tmp_path / "run"
    (here / ".git" / "hooks").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "kept.txt").write_text("kept", encoding="utf-8")
    (here / "file.txt").symlink_to(tmp_path / "kept.txt")
    (here / "link").symlink_to(tmp_path / "out")
    (here / "git").symlink_to(".git")
    monkeypatch.chdir(here)
    return here


OUTSIDE = [
    "../out/r.txt",
    "{top}/out/r.txt",
    "file.txt",
    "link/r.txt",
    ".git/hooks/pre-push",
    "git/r.txt",
    "a/../../out/r.txt",
]


def trees(top: Path) -> list[tuple[str, bytes]]:
    found = [Path(at) / name for at, _, names in os.walk(top) for name in names]
    return sorted((str(path), path.read_bytes()) for path in found if "state" not in path.parts)


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("argv", [[], ["check"]])
@pytest.mark.parametrize("stdin", [MOVES, HELD], ids=["moves", "held"])
def test_a_configuration_file_writes_nowhere_else(
    call: Call, folder: Path, path: str, argv: list[str], stdin: bytes
) -> None:
    path = path.format(top=folder.parent)
    (folder / "meshshift.yaml").write_text(f"report-file: [r.txt, '{path}']\n", encoding="utf-8")
    before = trees(folder.parent)
    done = call(*argv, stdin=stdin)
    assert (done.code, done.out) == (2, b"")
    assert f"meshshift.yaml: report-file: {path} is not below the folder of the run" in done.err
    assert trees(folder.parent) == before, "nothing is written, not even of the failure"


@pytest.mark.parametrize("path", OUTSIDE)
def test_neither_does_a_function_config(call: Call, folder: Path, path: str) -> None:
    path = path.format(top=folder.parent)
    config = f"apiVersion: v1\nkind: ConfigMap\ndata: {{report-file: {path}}}\n"
    (folder.parent / "out" / "function.yaml").write_text(config, encoding="utf-8")
    before = trees(folder.parent)
    done = call(stdin=RESOURCES.format(path).encode())
    assert (done.code, done.out) == (2, b"")
    assert f"functionConfig: report-file: {path} is not below" in done.err
    done = call("--function-config=../out/function.yaml", stdin=MOVES)
    assert (done.code, done.out) == (2, b""), "its own folder is a temporary one"
    assert trees(folder.parent) == before


@pytest.mark.parametrize("path", ["r.txt", "sub/r.txt", "{top}/run/r.txt", "sub/../r.txt", "..r.txt"])
def test_below_the_folder_it_may(call: Call, folder: Path, path: str) -> None:
    path = path.format(top=folder.parent)
    (folder / "sub").mkdir()
    (folder / "meshshift.yaml").write_text(f"report-file: '{path}'\n", encoding="utf-8")
    assert call(stdin=MOVES).code == 0
    assert b"MS008" in Path(path).read_bytes()
    Path(path).unlink()
    (folder / "meshshift.yaml").unlink()
    assert call(stdin=RESOURCES.format(path).encode()).code == 0
    assert Path(path).exists()


def test_what_the_operator_names_may_lie_anywhere(call: Call, folder: Path) -> None:
    report = folder.parent / "out" / "r.txt"
    (folder / "meshshift.yaml").write_text("report-file: ../kept.txt\n", encoding="utf-8")
    for argv, env in (
        ([f"--report-file={report}"], {}),
        ([], {"MESHSHIFT_REPORT_FILE": "../out/r.txt"}),
    ):
        assert call(*argv, stdin=MOVES, env=env).code == 0
        assert b"MS008" in report.read_bytes()
        report.unlink()
    (folder.parent / "out" / "named.yaml").write_text("report-file: r.txt\n", encoding="utf-8")
    assert call("--config=../out/named.yaml", stdin=MOVES).code == 0
    assert report.exists(), "beside the configuration that was named"
    (folder.parent / "out" / "named.yaml").write_text("report-file: ../kept.txt\n", encoding="utf-8")
    assert call("--config=../out/named.yaml", stdin=MOVES).code == 2
    assert (folder.parent / "kept.txt").read_bytes() == b"kept"
