"""The release archive of the Helm plugin: what is in it, and that Helm runs it where there is nothing else."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tarfile
from importlib.util import cache_from_source
from pathlib import Path

import pytest
import yaml

from dev import helm_plugin, tools
from dev.helm_plugin import Refused
from tests.delivery.running import identities, run
from tests.delivery.samples import STRICT
from tests.real_tools import ROOT, absent
from transformer import __version__

PLATFORM = helm_plugin.this_machine() or "none"
BASICS = ("sh", "cat", "dirname", "head", "readlink", "sed")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive for this machine and this Python, built once for all processes of the run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "helm-plugin"
    folder.mkdir(exist_ok=True)
    with tools.only_one(folder / "lock"):
        for built in folder.glob("*.tgz"):
            return built
        try:
            return helm_plugin.build(folder, PLATFORM, [sys.executable], dirty=True)
        except (Refused, KeyError) as reason:
            absent(f"the archive of the plugin cannot be built here: {reason}")


@pytest.fixture(scope="session")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of plugins with the archive unpacked in it; nobody writes there."""
    folder = tmp_path_factory.mktemp("plugins")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture
def nothing(tmp_path: Path, helm4: str) -> dict[str, str]:
    """An environment with a home, a shell and a Python that has no packages, and no meshshift anywhere."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in BASICS:
        found = next(Path(folder) / name for folder in ("/usr/bin", "/bin") if (Path(folder) / name).exists())
        (programs / name).symlink_to(found)
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": str(programs), "HOME": str(home), "KUBECONFIG": str(home / "none")} | STRICT


def test_helm_4_installs_the_archive_and_needs_nothing_else(
    archive: Path, helm4: str, nothing: dict[str, str], mesh_chart: Path
) -> None:
    refused = run([helm4, "plugin", "install", archive], nothing)
    assert (refused.code, "provenance" in refused.err) == (1, True), (
        "an archive without a signature must be asked for"
    )
    run([helm4, "plugin", "install", archive, "--verify=false"], nothing).succeeded()
    listed = run([helm4, "plugin", "list"], nothing).succeeded().out.decode()
    assert re.search(rf"^meshshift\s+{re.escape(__version__)}\s+postrenderer/v1\b", listed, re.MULTILINE)
    done = run([helm4, "template", "demo", mesh_chart, "--post-renderer", "meshshift"], nothing).succeeded()
    assert "HTTPRoute/cart" in identities(done.documents)
    folder = run([helm4, "env", "HELM_PLUGINS"], nothing).succeeded().out.decode().strip()
    last = run([Path(folder) / "meshshift/bin/meshshift-postrender", "last"], nothing).succeeded()
    assert b"MS008" in last.out, "the plugin's script is meshshift as a command"


def test_helm_4_runs_it_where_it_lies(
    unpacked: Path, helm4: str, nothing: dict[str, str], mesh_chart: Path
) -> None:
    before = contents(unpacked)
    env = nothing | {"HELM_PLUGINS": str(unpacked)}
    done = run([helm4, "template", "demo", mesh_chart, "--post-renderer", "meshshift"], env).succeeded()
    assert "HTTPRoute/cart" in identities(done.documents)
    assert contents(unpacked) == before, "the folder may be one that nobody can write to"


def test_helm_3_runs_its_script(
    unpacked: Path, helm3: str, nothing: dict[str, str], mesh_chart: Path, tmp_path: Path
) -> None:
    # From a folder with settings: reading them takes the packages that are compiled.
    (tmp_path / "meshshift.yaml").write_text("mesh: {mtls: permissive}\n")
    env = {name: value for name, value in nothing.items() if name not in STRICT}
    script = unpacked / "meshshift/bin/meshshift-postrender"
    done = run([helm3, "template", "demo", mesh_chart, "--post-renderer", script], env, cwd=tmp_path)
    assert "HTTPRoute/cart" in identities(done.succeeded().documents)


def test_without_a_python_that_fits_the_message_says_which_do(
    unpacked: Path, helm3: str, nothing: dict[str, str], mesh_chart: Path, tmp_path: Path
) -> None:
    (tmp_path / "programs" / "python3").unlink()
    script = unpacked / "meshshift/bin/meshshift-postrender"
    done = run([helm3, "template", "demo", mesh_chart, "--post-renderer", script], nothing)
    assert (done.code, done.out) == (1, b"")
    assert f"CPython {sys.version_info[0]}.{sys.version_info[1]} on {PLATFORM}" in done.err


def test_all_that_is_locked_can_be_imported(unpacked: Path, nothing: dict[str, str]) -> None:
    locked = re.findall(r"^([a-z-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    libexec = unpacked / "meshshift" / "libexec"
    carried = {info.name for info in libexec.rglob("*.dist-info")}
    assert carried == {f"{name.replace('-', '_')}-{version}.dist-info" for name, version in locked} | {
        f"meshshift-{__version__}.dist-info"
    }
    (native,) = (libexec / "native").iterdir()
    names = "annotated_types, jsonpatch, jsonpointer, pydantic, typing_extensions, yaml._yaml"
    code = f"import sys; sys.path[:0] = {[str(libexec / 'packages'), str(native)]}\nimport {names}"
    run(["python3", "-I", "-S", "-B", "-c", code], nothing).succeeded()


def test_every_module_has_byte_code_that_tells_of_no_folder_here(unpacked: Path) -> None:
    modules = list((unpacked / "meshshift" / "libexec" / "packages").rglob("*.py"))
    assert len(modules) > 200
    for module in modules:
        code = Path(cache_from_source(str(module))).read_bytes()
        assert code[4] == 1, f"{module}: it is checked by a hash, and that is not compared at run time"
        assert not re.search(rb"helm-plugin-|" + os.fsencode(ROOT.parent) + rb"/", code), module


def test_the_same_files_give_the_same_archive(archive: Path, unpacked: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(unpacked / "meshshift", tmp_path / "elsewhere" / "meshshift", symlinks=True)
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    python = helm_plugin.interpreter(sys.executable)
    native = folder / "libexec" / "native" / python.tag(helm_plugin.PLATFORMS[PLATFORM])
    helm_plugin.compile_all(python, folder / "libexec", [folder / "libexec" / "packages", native])
    for path in folder.rglob("*"):
        path.chmod(0o700)
    again = tmp_path / archive.name
    helm_plugin.pack(folder, again, helm_plugin.moment())
    assert again.name == f"meshshift-{__version__}-{PLATFORM}.tgz"
    assert again.read_bytes() == archive.read_bytes()


def test_helm_packages_the_same_files(
    archive: Path, unpacked: Path, helm4: str, nothing: dict[str, str], tmp_path: Path
) -> None:
    """Whoever signs releases lets Helm package the unpacked folder with a key."""
    command = [helm4, "plugin", "package", unpacked / "meshshift", "--sign=false", "-d", tmp_path]
    run(command, nothing).succeeded()
    listed = []
    for path in (archive, tmp_path / f"meshshift-{__version__}.tgz"):
        with tarfile.open(path) as tar:
            listed.append(sorted((entry.name, entry.mode) for entry in tar if entry.isfile()))
    assert listed[0] == listed[1]


def test_the_plugin_says_the_version_of_what_it_carries(unpacked: Path) -> None:
    plugin = yaml.safe_load((unpacked / "meshshift" / "plugin.yaml").read_text())
    assert plugin["version"] == __version__


@pytest.mark.parametrize(
    ("pythons", "changed", "said"),
    [
        (["/nowhere/python3.11"], "", "/nowhere/python3.11 is needed"),
        (["false"], "", "false is needed"),
        ([sys.executable], " M transformer/cli.py", "uncommitted changes"),
    ],
)
def test_what_would_be_another_archive_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pythons: list[str],
    changed: str,
    said: str,
) -> None:
    ask = helm_plugin.output
    monkeypatch.setattr(helm_plugin, "output", lambda words: changed if words[0] == "git" else ask(words))
    arguments = [word for python in pythons for word in ("--python", python)]
    assert helm_plugin.main([*arguments, "--platform", "linux-x86_64", "--into", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_compiled_packages_have_no_place_among_those_for_any_python(tmp_path: Path) -> None:
    info = tmp_path / "site" / "fast-1.dist-info"
    info.mkdir(parents=True)
    (info / "WHEEL").write_text("Root-Is-Purelib: false\n")
    (info / "RECORD").write_text("fast.so,,\n")
    with pytest.raises(Refused, match="fast-1"):
        helm_plugin.place(tmp_path / "site", tmp_path / "packages", None)


def test_a_package_that_differs_between_pythons_is_refused(tmp_path: Path) -> None:
    for python in ("one", "two"):
        info = tmp_path / python / "plain-1.dist-info"
        info.mkdir(parents=True)
        (info / "WHEEL").write_text("Root-Is-Purelib: true\n")
        (info / "RECORD").write_text("plain.py,,\n../bin/plain,,\n")
        (tmp_path / python / "plain.py").write_text(python)
    helm_plugin.place(tmp_path / "one", tmp_path / "packages", None)
    with pytest.raises(Refused, match=r"plain\.py differs"):
        helm_plugin.place(tmp_path / "two", tmp_path / "packages", None)


def contents(folder: Path) -> dict[str, int]:
    """Every file below a folder with the time of its last change."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}
