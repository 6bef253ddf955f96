"""The legacy plugin: the only way to run meshshift within `kubectl kustomize`, which knows no --enable-exec."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.delivery.kustomizing import LEGACY, PLUGIN, RESOURCES, layer, over, recorded, told, transformed
from tests.delivery.running import Done, identities, one, run, write
from tests.delivery.samples import NAMESPACE, POLICY, SERVICE, STRICT, VIRTUAL_SERVICE

Build = Callable[..., Done]
HOME = PLUGIN / "legacy"
PLACE = Path("meshshift.dev/v1alpha1/meshshift/MeshShift")
ID = "kustomize.config.k8s.io/id"


@pytest.fixture(params=["kubectl", "kustomize"])
def build(request: pytest.FixtureRequest, home: dict[str, str]) -> Build:
    """A build with the plugins of this checkout, by each of both programs."""
    tool = request.getfixturevalue(request.param)
    command = [tool, "kustomize" if request.param == "kubectl" else "build"]

    def render(folder: Path, **env: str) -> Done:
        return run(
            [*command, folder, "--enable-alpha-plugins"], home | {"KUSTOMIZE_PLUGIN_HOME": str(HOME)} | env
        )

    return render


def test_the_program_lies_where_kustomize_looks_for_the_configurations_kind() -> None:
    head = yaml.safe_load(LEGACY)
    assert Path(head["apiVersion"]) / head["kind"].lower() / head["kind"] == PLACE
    assert "annotations" not in head["metadata"], (
        "with the function's annotation kustomize looks for no plugin"
    )
    assert os.access(HOME / PLACE, os.X_OK)
    assert (HOME / PLACE).read_text(encoding="utf-8").startswith("#!/bin/sh\n")


@pytest.mark.parametrize("script", [HOME / PLACE, PLUGIN / "build-image"], ids=["plugin", "image"])
def test_the_scripts_are_plain_posix_shell(script: Path) -> None:
    assert b"\r" not in script.read_bytes()
    checker = shutil.which("dash")
    if checker is None:
        pytest.skip("needs dash, a shell without extensions")
    assert run([checker, "-n", script], {}).succeeded().err == ""


def test_what_moves_moves_and_kustomizes_notes_do_not_stay(build: Build, tmp_path: Path) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES, function=LEGACY)).succeeded()
    names = ["Namespace/shop", "Service/cart", "ConfigMap/settings", "HTTPRoute/cart"]
    assert sorted(identities(done.documents)) == sorted(names)
    assert set(one(done.documents, "HTTPRoute/cart")["metadata"]["annotations"]) == {"meshshift.dev/from"}
    assert "default-inbound-policy: all-authenticated" in done.out.decode()
    assert ID not in done.out.decode()


def test_its_answer_is_that_of_the_krm_function(
    build: Build, kustomize: str, home: dict[str, str], tmp_path: Path
) -> None:
    legacy = build(transformed(tmp_path / "legacy", RESOURCES, function=LEGACY)).succeeded()
    command = [kustomize, "build", transformed(tmp_path / "krm", RESOURCES), "--enable-alpha-plugins"]
    krm = run([*command, "--enable-exec"], home).succeeded()
    assert sorted(legacy.documents, key=str) == sorted(krm.documents, key=str)


def test_ids_are_kept_on_what_stays_and_not_given_to_what_is_new(
    build: Build, program: str, tmp_path: Path
) -> None:
    recorded(tmp_path / "seen", program)
    folder = transformed(tmp_path / "app", RESOURCES, function=LEGACY)
    build(folder, MESHSHIFT=str(tmp_path / "seen" / "record")).succeeded()
    before, after = (
        [one for one in yaml.safe_load_all((tmp_path / "seen" / name).read_text()) if one]
        for name in ("in", "out")
    )
    for identity in ("Namespace/shop", "Service/cart", "ConfigMap/settings"):
        old, new = (one(found, identity)["metadata"]["annotations"][ID] for found in (before, after))
        assert old == new
    assert ID not in one(after, "HTTPRoute/cart")["metadata"]["annotations"]


def test_held_objects_fail_the_build_with_the_reason(build: Build, tmp_path: Path) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES | {"policy.yaml": POLICY}, function=LEGACY))
    assert (done.code, done.out) == (1, b"")
    assert "MS403" in done.err
    assert "readers" in done.err


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (LEGACY.replace("mtls: strict", "mtls: sometimes"), "'sometimes' is not one of strict"),
        (LEGACY.replace("mesh:", "mosh:"), "unknown key mosh"),
        (LEGACY.replace("spec:", "argsOneLiner: --mesh-mtls=strict\nspec:"), "unknown key argsOneLiner"),
        (told({}, LEGACY), "1 fact is missing"),
    ],
    ids=["value", "key", "arguments", "no fact"],
)
def test_a_wrong_configuration_fails_the_build(build: Build, tmp_path: Path, config: str, said: str) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES, function=config))
    assert (done.code, done.out) == (1, b"")
    assert said in done.err


def test_paths_of_the_options_start_at_the_kustomization(build: Build, tmp_path: Path) -> None:
    """The configuration that kustomize hands over is a temporary copy, so its own folder means nothing."""
    spec = {"mesh.mtls": "strict", "context": ["../whole/service.yaml"], "report-file": "report.txt"}
    part = {"namespace.yaml": NAMESPACE, "traffic.yaml": VIRTUAL_SERVICE}
    transformed(tmp_path / "part", part, function=told(spec, LEGACY))
    write(tmp_path / "whole", {"service.yaml": SERVICE})
    done = build(over(tmp_path / "whole", "service.yaml", "../part")).succeeded()
    assert "HTTPRoute/cart" in identities(done.documents)
    report = (tmp_path / "part" / "report.txt").read_text()
    assert "MS008" in report, "on success kustomize shows nothing of what the plugin says"
    assert "MS008" not in done.err


def test_a_version_survives_that_kustomize_reads_as_a_number(build: Build, tmp_path: Path) -> None:
    config = LEGACY + "  linkerd: 2.20\n  report-file: report.txt\n"
    write(tmp_path / "app", {"function.yaml": config})
    build(layer(tmp_path / "app", RESOURCES, transformers=["function.yaml"])).succeeded()
    assert "linkerd 2.20" in (tmp_path / "app" / "report.txt").read_text()


def test_nothing_in_is_nothing_out(build: Build, tmp_path: Path) -> None:
    assert build(transformed(tmp_path / "app", {}, function=LEGACY)).succeeded().out == b""


def test_a_stream_of_which_nothing_stays_is_a_success(build: Build, tmp_path: Path) -> None:
    telemetry = (
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: shop}\nspec: {}\n"
    )
    assert build(transformed(tmp_path / "app", {"t.yaml": telemetry}, function=LEGACY)).succeeded().out == b""


def test_check_lets_its_output_pass(build: Build, program: str, home: dict[str, str], tmp_path: Path) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES, function=LEGACY)).succeeded()
    assert run([program, "check"], home | STRICT, stdin=done.out).code == 0


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A copy of the program alone, as a user puts it into a folder of plugins."""
    target = tmp_path / "plugins" / PLACE
    target.parent.mkdir(parents=True)
    shutil.copy(HOME / PLACE, target)
    return tmp_path / "plugins"


def test_alone_it_finds_meshshift_on_path(build: Build, installed: Path, tmp_path: Path) -> None:
    folder = transformed(tmp_path / "app", RESOURCES, function=LEGACY)
    done = build(folder, KUSTOMIZE_PLUGIN_HOME=str(installed)).succeeded()
    assert "HTTPRoute/cart" in identities(done.documents)


def test_it_is_found_below_the_configuration_folder(
    kubectl: str, home: dict[str, str], installed: Path, tmp_path: Path
) -> None:
    target = tmp_path / "config" / "kustomize" / "plugin"
    target.parent.mkdir(parents=True)
    installed.rename(target)
    folder = transformed(tmp_path / "app", RESOURCES, function=LEGACY)
    env = home | {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = run([kubectl, "kustomize", folder, "--enable-alpha-plugins"], env).succeeded()
    assert "HTTPRoute/cart" in identities(done.documents)


@pytest.mark.parametrize("variable", ["", "/nowhere/meshshift"], ids=["nowhere on PATH", "a wrong variable"])
def test_without_meshshift_the_build_fails(
    build: Build, installed: Path, tmp_path: Path, variable: str
) -> None:
    """Only basic programs are on PATH, so neither meshshift nor a Python that has it."""
    basics = tmp_path / "basics"
    basics.mkdir()
    for name in ("sh", "dirname", "readlink"):
        found = shutil.which(name)
        assert found is not None
        (basics / name).symlink_to(found)
    folder = transformed(tmp_path / "app", RESOURCES, function=LEGACY)
    env = {"PATH": str(basics)} | ({"MESHSHIFT": variable} if variable else {})
    done = build(folder, KUSTOMIZE_PLUGIN_HOME=str(installed), **env)
    assert (done.code, done.out) == (1, b"")
    assert f"{variable or 'meshshift'} cannot be run" in done.err


def test_a_program_that_may_not_be_run_fails_the_build(build: Build, installed: Path, tmp_path: Path) -> None:
    target = installed / PLACE
    target.chmod(target.stat().st_mode & ~(stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))
    folder = transformed(tmp_path / "app", RESOURCES, function=LEGACY)
    done = build(folder, KUSTOMIZE_PLUGIN_HOME=str(installed))
    assert (done.code, done.out) == (1, b"")


def test_started_by_hand_it_says_what_it_is(home: dict[str, str]) -> None:
    done = run([HOME / PLACE], home)
    assert (done.code, done.out) == (127, b"")
    assert "kustomize starts this" in done.err
    done = run([HOME / PLACE, "/nowhere/config"], home)
    assert (done.code, done.out) == (2, b"")
    assert "/nowhere/config" in done.err
