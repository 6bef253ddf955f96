"""The wrapper scripts: which program they start, and that nothing of it gets lost on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.running import KRM_WRAPPER, WRAPPER, Done, run
from tests.real_tools import ROOT
from transformer.report import forms

# How this Python marks compiled modules; a released plugin has a folder of that name.
TAG = EXTENSION_SUFFIXES[0].split(".")[1] + (f"-{os.uname().machine}" if sys.platform == "darwin" else "")
# What a shell script needs besides meshshift. `python3` is there only where a test puts it.
BASICS = ("sh", "cat", "dirname", "head", "readlink", "sed", "sleep")


def executable(path: Path, text: str) -> Path:
    """A shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has a few basic programs and one empty folder, `programs`, before them."""
    basics = tmp_path / "basics"
    basics.mkdir()
    for name in BASICS:
        found = shutil.which(name)
        assert found is not None
        (basics / name).symlink_to(found)
    (tmp_path / "programs").mkdir()
    return {"PATH": f"{tmp_path / 'programs'}:{basics}", "HOME": str(tmp_path)}


@pytest.fixture(params=[WRAPPER, KRM_WRAPPER], ids=["helm", "krm"])
def alone(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A wrapper outside any checkout, as in a released plugin."""
    source = Path(request.param)
    folder = tmp_path / "plugin" / "bin"
    folder.mkdir(parents=True)
    return Path(shutil.copy(source, folder / source.name))


def checkout_with(wrapper: Path) -> Path:
    """Turns the folder around a wrapper into a checkout: a package that says where it was started from."""
    root = wrapper.parent.parent.parent
    package = root / "transformer"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "needles.py").touch()
    (package / "__main__.py").write_text("import sys\nprint('package', *sys.argv[1:])\n")
    return root


def carrying(wrapper: Path, tags: list[str]) -> Path:
    """Turns the folder around a wrapper into a released plugin: a program that says where it was started from."""
    libexec = wrapper.parent.parent / "libexec"
    package = libexec / "packages" / "transformer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys\ndef command(): print('carried', *sys.argv[1:])\n")
    for tag in tags:
        (libexec / "native" / tag).mkdir(parents=True)
    (libexec / "needs").write_text("CPython 3.99 on a toaster\n")
    shutil.copy(ROOT / "dev" / "carried_start.py", libexec / "start.py")
    return libexec


def test_both_wrappers_look_in_the_same_places() -> None:
    parts = []
    for path in (WRAPPER, KRM_WRAPPER):
        _, mark, common = Path(path).read_text().partition("# ---- Finding meshshift")
        assert mark
        parts.append(common)
    assert parts[0] == parts[1]


def test_the_variable_comes_first(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "programs" / "meshshift", "echo path")
    own = executable(tmp_path / "with space" / "own", 'echo own "$@"')
    assert run([alone, "a b", "c"], bare | {"MESHSHIFT": str(own)}).out == b"own a b c\n"


def test_a_variable_that_leads_nowhere_is_an_error(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "programs" / "meshshift", "echo path")
    done = run([alone], bare | {"MESHSHIFT": "/nowhere/meshshift"})
    assert (done.code, done.out) == (127, b"")
    assert "/nowhere/meshshift" in done.err


def test_then_the_program_that_a_released_plugin_carries(
    alone: Path, bare: dict[str, str], tmp_path: Path
) -> None:
    carrying(alone, [TAG])
    executable(tmp_path / "programs" / "meshshift", "echo path")
    executable(tmp_path / "programs" / "python3", "echo 'no such version' >&2; exit 1")
    executable(tmp_path / "programs" / "python3.12", f'exec {sys.executable} "$@"')
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer" / "__init__.py").write_text("raise SystemExit('PYTHONPATH is not asked')")
    done = run([alone, "a b", "--x"], bare | {"PYTHONPATH": str(tmp_path)}, cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, b"carried a b --x\n", "")


def test_a_plugin_without_packages_for_the_python_at_hand_looks_on(
    alone: Path, bare: dict[str, str], tmp_path: Path
) -> None:
    carrying(alone, ["cpython-399-toaster"])
    executable(tmp_path / "programs" / "python3", f'exec {sys.executable} -S "$@"')
    done = run([alone], bare)
    assert (done.code, done.out) == (127, b"")
    assert "this plugin carries meshshift for CPython 3.99 on a toaster, which is not on PATH" in done.err
    executable(tmp_path / "programs" / "meshshift", "echo path")
    assert run([alone], bare).succeeded().out == b"path\n"


def test_a_link_called_meshshift_is_the_plugin_as_a_command(
    alone: Path, bare: dict[str, str], tmp_path: Path
) -> None:
    link = tmp_path / "programs" / "meshshift"
    link.symlink_to(alone)
    done = run([link, "last"], bare)
    assert (done.code, "not installed" in done.err) == (127, True), "it does not start itself for ever"
    done = run([alone], bare | {"MESHSHIFT": "meshshift"})
    assert (done.code, "which is this script" in done.err) == (127, True)
    carrying(alone, [TAG])
    executable(tmp_path / "programs" / "python3", f'exec {sys.executable} "$@"')
    assert run([link, "last"], bare).succeeded().out == b"carried last\n"


def test_then_the_program_on_path(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "programs" / "meshshift", 'echo path "$@"')
    executable(checkout_with(alone) / ".venv/bin/meshshift", "echo checkout")
    assert run([alone, "--x"], bare).out == b"path --x\n"


def test_then_the_environment_of_the_checkout(alone: Path, bare: dict[str, str]) -> None:
    executable(checkout_with(alone) / ".venv/bin/meshshift", 'echo checkout "$@"')
    assert run([alone, "--x"], bare).out == b"checkout --x\n"


def test_then_the_python_of_the_checkout(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    """An environment that has what the package needs and not the package itself."""
    executable(checkout_with(alone) / ".venv/bin/python", f'exec {sys.executable} "$@"')
    executable(tmp_path / "programs" / "python3", "echo 'not this one'")
    assert run([alone, "--x"], bare).out == b"package --x\n"


def test_then_the_package_of_the_checkout(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    checkout_with(alone)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "transformer").mkdir(parents=True)
    (elsewhere / "transformer/__init__.py").write_text("raise SystemExit('the current folder is not asked')")
    executable(tmp_path / "programs" / "python3", "exit 1")
    executable(tmp_path / "programs" / "python3.12", f'exec {sys.executable} "$@"')
    done = run([alone, "--x"], bare, cwd=elsewhere)
    assert (done.out, done.err) == (b"package --x\n", "")


def test_a_package_without_a_python_that_can_run_it_is_no_program(
    alone: Path, bare: dict[str, str], tmp_path: Path
) -> None:
    checkout_with(alone)
    executable(tmp_path / "programs" / "python3", "echo 'Unknown option: -P' >&2; exit 2")
    assert run([alone], bare | {"own": sys.executable}).code == 127


def test_no_program_is_an_error_on_every_channel(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    for arguments, env in (
        (["--report-file", str(report)], bare),
        ([f"--report-file={report}", "--x"], bare),
        ([], bare | {"MESHSHIFT_REPORT_FILE": str(report)}),
    ):
        report.unlink(missing_ok=True)
        done = run([alone, *arguments], env)
        assert (done.code, done.out) == (127, b"")
        assert "not installed" in done.err
        assert "not installed" in report.read_text()


HOSTILE = 'no "such" \\ program\n\tof \x1b[1m mine'


@pytest.mark.parametrize(("name", "kept"), [("r.jsonl", ['{"code": "MS001"}']), ("r.json", [])])
def test_a_report_in_json_stays_json(
    alone: Path, bare: dict[str, str], tmp_path: Path, name: str, kept: list[str]
) -> None:
    report = tmp_path / name
    report.write_text('{"code": "MS001"}\n')
    run([alone], bare | {"MESHSHIFT": HOSTILE, "MESHSHIFT_REPORT_FILE": str(report)})
    *before, last = report.read_text().splitlines()
    assert before == kept
    assert json.loads(last)["exit_code"] == 127
    assert 'no "such" \\ program  of  [1m mine' in json.loads(last)["error"]


def shown_in(data: Any) -> str:
    """The format of a report file, for those that say that the program could not start."""
    if isinstance(data, list):
        assert set(data[0]) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert "which cannot be run" in data[0]["description"]
        return "gitlab"
    if "runs" in data:
        (invocation,) = data["runs"][0]["invocations"]
        assert not invocation["executionSuccessful"]
        assert "which cannot be run" in invocation["toolExecutionNotifications"][0]["message"]["text"]
        return "sarif"
    assert "which cannot be run" in data["error"]
    return "json"


@pytest.mark.parametrize(
    ("name", "arguments", "form"),
    [
        ("r.json", [], "json"),
        ("r.json", ["--report=markdown"], "json"),
        ("r.json", ["--report", "sarif"], "sarif"),
        ("r.json", ["--report=gitlab"], "gitlab"),
        ("r.sarif", ["--report=json"], "sarif"),
        ("r.sarif.json", [], "sarif"),
        ("gl-code-quality-report.json", [], "gitlab"),
        ("r.txt", ["--report=json"], "json"),
        ("r.txt", ["--report=json", "--report=sarif"], "sarif"),
    ],
)
def test_every_report_file_keeps_its_format(
    alone: Path, bare: dict[str, str], tmp_path: Path, name: str, arguments: list[str], form: str
) -> None:
    run([alone, f"--report-file={name}", *arguments], bare | {"MESHSHIFT": HOSTILE}, cwd=tmp_path)
    text = (tmp_path / name).read_text()
    assert shown_in(json.loads(text)) == form
    assert forms.of_file(name, arguments[-1].rpartition("=")[2] if arguments else "text") == form


def test_every_report_file_is_told(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    for arguments, env, names in (
        (["--report-file", "a.json", "--x", "--report-file=b.md , c d.sarif"], {}, ["a.json", "b.md", "c d.sarif"]),
        ([], {"MESHSHIFT_REPORT_FILE": "a.json,b.md"}, ["a.json", "b.md"]),
        (["--report-file=*.md"], {"MESHSHIFT_REPORT_FILE": "a.json"}, ["*.md"]),
        (["--", "--report-file=x"], {}, []),
    ):  # fmt: skip
        folder = tmp_path / "reports"
        folder.mkdir()
        run([alone, *arguments], bare | env, cwd=folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted(names)
        assert all("not installed" in path.read_text() for path in folder.iterdir())
        shutil.rmtree(folder)


def test_symbolic_links_do_not_hide_the_checkout(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    executable(checkout_with(alone) / ".venv/bin/meshshift", "echo checkout")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "linked").symlink_to(Path("..") / "plugin")
    (tmp_path / "programs" / "link").symlink_to(tmp_path / "plugins" / "linked" / "bin" / alone.name)
    (tmp_path / "programs" / "second").symlink_to("link")
    assert run([tmp_path / "plugins" / "linked" / "bin" / alone.name], bare).out == b"checkout\n"
    assert run([tmp_path / "programs" / "second"], bare, cwd=tmp_path).out == b"checkout\n"


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 70])
@pytest.mark.parametrize("plugin", [{}, {"HELM_PLUGIN_NAME": "meshshift"}], ids=["helm3", "helm4"])
def test_streams_and_exit_code_pass(
    alone: Path, bare: dict[str, str], tmp_path: Path, plugin: dict[str, str], code: int
) -> None:
    executable(tmp_path / "programs" / "meshshift", f"cat; echo report >&2; exit {code}")
    manifests = b"a: 1\r\n...\n" + bytes(range(32, 127)) * 5000
    done = under_helm(alone, bare | plugin, stdin=manifests)
    assert (done.code, done.out) == (code, manifests)


def under_helm(wrapper: Path, env: dict[str, str], *, stdin: bytes = b"") -> Done:
    """A stand-in for Helm 4: a parent that throws standard error away and says something itself."""
    complain = '[ $code = 0 ] || echo "Error: exited with error" >&2'
    parent = f'(exec "$0" 2>/dev/null); code=$?; {complain}; exit $code'
    return run(["sh", "-c", parent, wrapper], env, stdin=stdin)


def test_helm_4_gets_the_report_on_its_own_standard_error_when_it_fails(
    bare: dict[str, str], tmp_path: Path
) -> None:
    env = bare | {"HELM_PLUGIN_NAME": "meshshift"}
    executable(tmp_path / "programs" / "meshshift", "cat; echo held >&2; exit 1")
    if not Path("/proc/self/fd/2").exists():
        pytest.skip("needs /proc")
    assert under_helm(Path(WRAPPER), env).err == "held\nError: exited with error\n"
    assert "held" not in under_helm(Path(WRAPPER), bare).err, "without a plugin's name there is no Helm 4"
    executable(tmp_path / "programs" / "meshshift", "cat; echo warned >&2")
    assert under_helm(Path(WRAPPER), env).err == "", "stderr may go where manifests go"


def test_a_reader_that_waits_for_helm_to_end_cannot_block_it(bare: dict[str, str], tmp_path: Path) -> None:
    """More than a pipe holds, and nobody reads before the end."""
    executable(
        tmp_path / "programs" / "meshshift",
        "i=0; while [ $i -lt 20000 ]; do echo 'line of a long report' >&2; i=$((i+1)); done; exit 1",
    )
    reader, writer = os.pipe()
    env = bare | {"HELM_PLUGIN_NAME": "meshshift"}
    done = subprocess.run(
        ["sh", "-c", '(exec "$0" 2>/dev/null); exit $?', WRAPPER],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer, timeout=30, check=False,
    )  # fmt: skip
    os.close(writer)
    with os.fdopen(reader) as said:
        assert len(said.read().splitlines()) == 100
    assert done.returncode == 1


def test_a_signal_reaches_the_program(alone: Path, bare: dict[str, str], tmp_path: Path) -> None:
    started = tmp_path / "started"
    executable(tmp_path / "programs" / "meshshift", f"echo > {started}; exec sleep 60")
    with subprocess.Popen([alone], env=bare, stdin=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == -signal.SIGTERM


def test_the_scripts_are_plain_posix_shell() -> None:
    for path in (WRAPPER, KRM_WRAPPER):
        assert os.access(path, os.X_OK)
        assert Path(path).read_text().startswith("#!/bin/sh\n"), "Helm and kustomize start the file itself"
        assert b"\r" not in Path(path).read_bytes()
    checker = shutil.which("dash")
    if checker is None:
        pytest.skip("needs dash, a shell without extensions")
    for path in (WRAPPER, KRM_WRAPPER):
        assert run([checker, "-n", path], {}).succeeded().err == ""
