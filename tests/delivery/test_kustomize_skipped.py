"""Builds in which the function does not run: those that fail by themselves, and those that only `check` finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.kustomizing import FUNCTION, LEGACY, PLUGIN, RESOURCES, component, layer, transformed
from tests.delivery.running import Done, identities, run, write
from tests.delivery.samples import STRICT

CONTAINER = (PLUGIN / "meshshift.container.yaml").read_text(encoding="utf-8")
FLAG_SETS = {
    "none": (),
    "plugins": ("--enable-alpha-plugins",),
    "exec": ("--enable-exec",),
    "both": ("--enable-alpha-plugins", "--enable-exec"),
}


@pytest.fixture(params=["kustomize", "kubectl"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """The command that builds, of each of both programs."""
    tool = request.getfixturevalue(request.param)
    return [tool, "kustomize" if request.param == "kubectl" else "build"]


def recipe(name: str, folder: Path) -> Path:
    """The same resources in each way that is documented."""
    if name == "component":
        component(folder / "migrate")
        return layer(folder / "app", RESOURCES, components=["../migrate"])
    return transformed(
        folder / "app",
        RESOURCES,
        function={"transformer": FUNCTION, "container": CONTAINER, "legacy": LEGACY}[name],
    )


def fate(done: Done) -> str:
    """What a build has come to: `fails` writes nothing, `skips` writes what it was given."""
    if done.code:
        assert done.out == b""
        return "fails"
    kinds = {identity.partition("/")[0] for identity in identities(done.documents)}
    assert ("VirtualService" in kinds) != ("HTTPRoute" in kinds)
    return "skips" if "VirtualService" in kinds else "runs"


@pytest.mark.parametrize("way", ["transformer", "component"])
@pytest.mark.parametrize("flags", FLAG_SETS.values(), ids=FLAG_SETS)
def test_an_exec_function_is_skipped_silently_where_only_plugins_are_enabled(
    command: list[str], way: str, flags: tuple[str, ...], home: dict[str, str], program: str, tmp_path: Path
) -> None:
    """The hole: exit code 0, no message, manifests as they were. kubectl has no --enable-exec at all."""
    done = run([*command, recipe(way, tmp_path), *flags], home)
    kubectl = command[1] == "kustomize"
    wanted = {
        FLAG_SETS["none"]: "fails",
        FLAG_SETS["plugins"]: "skips",
        FLAG_SETS["exec"]: "fails",
        FLAG_SETS["both"]: "fails" if kubectl else "runs",
    }[flags]
    assert fate(done) == wanted
    if wanted == "skips":
        assert done.err == ""
    gate = run([program, "check"], home | STRICT, stdin=done.out)
    assert gate.code == {"fails": 2, "skips": 1, "runs": 0}[wanted]
    if wanted == "skips":
        said = gate.out.decode()
        assert "MS014" in said
        assert "--enable-exec" in said


@pytest.mark.parametrize("way", ["transformer", "component", "container", "legacy"])
def test_kubectl_apply_k_fails_before_it_asks_a_cluster(
    kubectl: str, way: str, home: dict[str, str], tmp_path: Path
) -> None:
    done = run([kubectl, "apply", "-k", recipe(way, tmp_path)], home)
    assert fate(done) == "fails"
    assert "external plugins disabled" in done.err


def test_the_container_function_fails_where_there_is_no_engine(
    command: list[str], home: dict[str, str], tmp_path: Path
) -> None:
    """kustomize starts `docker run`; here a program of that name says what docker says without its daemon."""
    folder = tmp_path / "programs"
    folder.mkdir()
    docker = folder / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 125\n")
    docker.chmod(0o755)
    env = home | {"PATH": f"{folder}:{home['PATH']}"}
    done = run([*command, recipe("container", tmp_path), "--enable-alpha-plugins"], env)
    assert fate(done) == "fails"
    assert "Cannot connect to the Docker daemon" in done.err


def test_the_container_is_started_with_what_the_image_needs(
    kustomize: str, home: dict[str, str], program: str, tmp_path: Path
) -> None:
    """A program called `docker` that notes its arguments and is the container: no network, an unknown user."""
    folder = tmp_path / "programs"
    folder.mkdir()
    docker = folder / "docker"
    docker.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >'{tmp_path}/arguments'\nexec env -u HOME '{program}'\n"
    )
    docker.chmod(0o755)
    env = home | {"PATH": f"{folder}:{home['PATH']}"}
    done = run([kustomize, "build", recipe("container", tmp_path), "--enable-alpha-plugins"], env)
    assert fate(done.succeeded()) == "runs"
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[0] == "run"
    assert arguments[arguments.index("--network") + 1] == "none"
    assert arguments[arguments.index("--user") + 1] == "nobody"
    assert arguments[-1].startswith("meshshift:")


def test_files_that_the_container_needs_are_mounted(
    kustomize: str, home: dict[str, str], program: str, tmp_path: Path
) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    docker = folder / "docker"
    docker.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >'{tmp_path}/arguments'\nexec '{program}'\n")
    docker.chmod(0o755)
    mounts = "container:\n        mounts:\n        - {type: bind, src: context, dst: /context}"
    app = transformed(tmp_path / "app", RESOURCES, function=CONTAINER.replace("container:", mounts, 1))
    write(app, {"context/service.yaml": RESOURCES["service.yaml"]})
    env = home | {"PATH": f"{folder}:{home['PATH']}"}
    run([kustomize, "build", app, "--enable-alpha-plugins"], env).succeeded()
    arguments = (tmp_path / "arguments").read_text().splitlines()
    mounted = arguments[arguments.index("--mount") + 1]
    assert mounted.startswith(f"type=bind,source={app / 'context'},target=/context")


def test_as_a_validator_the_build_fails(kustomize: str, home: dict[str, str], tmp_path: Path) -> None:
    """kustomize puts annotations on what it hands over, and then finds that they were put there."""
    write(tmp_path / "app", {"meshshift.yaml": FUNCTION})
    folder = layer(
        tmp_path / "app", {"service.yaml": RESOURCES["service.yaml"]}, validators=["meshshift.yaml"]
    )
    done = run([kustomize, "build", folder, *FLAG_SETS["both"]], home)
    assert fate(done) == "fails"
    assert "validator shouldn't modify the resource map" in done.err


@pytest.mark.parametrize("flags", [(), ("--enable-alpha-plugins",)], ids=["none", "plugins"])
def test_without_its_program_the_legacy_plugin_fails(
    command: list[str], flags: tuple[str, ...], home: dict[str, str], tmp_path: Path
) -> None:
    """No plugin is installed below $KUSTOMIZE_PLUGIN_HOME, $XDG_CONFIG_HOME or the home folder."""
    done = run([*command, recipe("legacy", tmp_path), *flags], home)
    assert fate(done) == "fails"
    assert "plugin" in done.err
