"""What Helm and kustomize read of this repository: names, versions and files that must agree."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.delivery.running import identities, run
from tests.delivery.samples import STRICT
from tests.real_tools import ROOT
from transformer import __version__

HELM = ROOT / "helm-postrender"
KUSTOMIZE = ROOT / "kustomize-plugin"
WINDOWS = HELM / "bin" / "meshshift-postrender.cmd"
#: Labels that the line above them leads to.
FALLEN_INTO = {"carried", "package", "fail"}


@pytest.fixture(scope="module")
def plugin() -> Any:
    """Contents of plugin.yaml."""
    return yaml.safe_load((HELM / "plugin.yaml").read_text(encoding="utf-8"))


def test_the_plugin_has_the_version_of_the_package(plugin: Any) -> None:
    assert plugin["version"] == __version__


def test_the_plugin_is_a_post_renderer_of_helm_4(plugin: Any) -> None:
    wanted = {"apiVersion": "v1", "name": "meshshift", "type": "postrenderer/v1", "runtime": "subprocess"}
    assert {key: plugin[key] for key in wanted} == wanted


def test_every_command_of_the_plugin_is_in_its_folder(plugin: Any) -> None:
    commands = plugin["runtimeConfig"]["platformCommand"]
    assert [command.get("os") for command in commands] == ["windows", None]
    for command in commands:
        folder, _, rest = command["command"].replace("\\", "/").partition("/")
        assert folder == "${HELM_PLUGIN_DIR}"
        assert (HELM / rest).is_file()
    assert os.access(HELM / "bin" / "meshshift-postrender", os.X_OK)


def test_no_hook_is_defined(plugin: Any) -> None:
    assert set(plugin["runtimeConfig"]) == {"platformCommand"}, "Helm deletes a delete hook before it runs it"


def test_helm_4_packages_installs_and_runs_the_plugin(
    helm4: str, home: dict[str, str], tmp_path: Path, mesh_chart: Path
) -> None:
    command = [helm4, "plugin", "package", HELM, "--sign=false", "--destination", tmp_path]
    run(command, home).succeeded()
    archive = tmp_path / f"meshshift-{__version__}.tgz"
    assert archive.is_file()
    run([helm4, "plugin", "install", archive, "--verify=false"], home).succeeded()
    rendered = run([helm4, "template", "demo", mesh_chart, "--post-renderer", "meshshift"], home | STRICT)
    assert "HTTPRoute/cart" in identities(rendered.succeeded().documents)


def test_the_component_is_configured_like_the_transformer() -> None:
    """kustomize reads nothing above a component's folder, so the file stands there a second time."""
    copy = KUSTOMIZE / "component" / "meshshift.yaml"
    assert copy.read_bytes() == (KUSTOMIZE / "meshshift.yaml").read_bytes()


def test_the_configurations_of_the_example_are_those_of_the_plugin() -> None:
    example = ROOT / "examples" / "integrations" / "kustomize"
    for name, source in (("production", "."), ("held", "."), ("kubectl", "legacy")):
        original = KUSTOMIZE / source / "meshshift.yaml"
        assert (example / name / "meshshift.yaml").read_bytes() == original.read_bytes(), name


def test_the_readme_of_the_kustomize_plugin_names_every_file_and_none_else() -> None:
    text = (KUSTOMIZE / "README.md").read_text(encoding="utf-8")
    linked = {name.strip("/") for name in re.findall(r"\]\(([^)]+)\)", text)}
    below = {name.partition("/")[0] for name in linked if not name.startswith("../")}
    hidden = {"README.md", "Dockerfile.dockerignore"}
    assert below == {path.name for path in KUSTOMIZE.iterdir()} - hidden
    assert all((KUSTOMIZE / name).exists() for name in linked)


def test_the_windows_script_stands_on_its_own_lines() -> None:
    text = WINDOWS.read_text(encoding="ascii")
    assert WINDOWS.read_bytes().count(b"\n") == WINDOWS.read_bytes().count(b"\r\n"), (
        "cmd misses labels otherwise"
    )
    labels = {line[1:] for line in text.splitlines() if line.startswith(":")}
    jumps = set(re.findall(r"\bgoto (\w+)|\bcall :(\w+)", text))
    assert {one or other for one, other in jumps} | FALLEN_INTO == labels
    for before in re.findall(
        r"^(.+)\n+(?:rem .*\n)*:(?:fits|runs_package|not_usable|missing)$", text, re.MULTILINE
    ):
        assert before.startswith(("exit /b", "goto")), "nothing falls into a subroutine or into a failure"


def test_the_windows_script_looks_in_the_same_places_in_the_same_order() -> None:
    windows = WINDOWS.read_text(encoding="ascii")
    other = (HELM / "bin" / "meshshift-postrender").read_text(encoding="utf-8")
    same = {
        "the variable MESHSHIFT": "$MESHSHIFT",
        "\\": "/",
        "python -m": "python3 -m",
        "set but missing": "set but not usable",
    }
    for here, there in same.items():
        assert here in windows
        windows = windows.replace(here, there)
    told = [[line.split() for line in re.findall(r"\d\. (.+)", text)] for text in (windows, other)]
    assert len(told[0]) == 5
    assert told[0] == told[1]
    labels = re.findall(r"^:(\w+)$", windows, re.MULTILINE)
    assert labels[:4] == ["carried", "on_path", "checkout", "sources"], "it goes on downwards"


def test_the_windows_script_survives_odd_paths() -> None:
    """What cannot be run here is read: the mistakes that cmd is known for."""
    lines = WINDOWS.read_text(encoding="ascii").splitlines()
    commands = [line for line in lines if line and not line.startswith(("rem ", ":", "@"))]
    assert not [line for line in commands if line.rstrip().endswith("(")], "a path with ) would end a block"
    shown = [line for line in commands if "echo(" in line]
    assert shown, "failures are told"
    assert not [line for line in shown if "%" in line], "a path with & would begin a command"
    unquoted = re.compile(r"%(?:MESHSHIFT|carried|checkout|PYTHONPATH|packages)\b")
    for line in commands:
        outside = "".join(line.split('"')[::2])
        assert not unquoted.search(outside) or line.startswith("set "), line
