"""Fixtures of the delivery tests: a home of their own for the tools, and the program as one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.fluxing import Flux
from tests.delivery.helms import Helm, Streams
from tests.delivery.running import chart, install_program, isolated, run
from tests.delivery.samples import MESH
from tests.real_tools import ROOT


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program of this checkout as an executable called `meshshift`, alone in its folder."""
    return install_program(tmp_path_factory.mktemp("program"))


@pytest.fixture
def home(tmp_path: Path, plain_environment: dict[str, str], program: str) -> dict[str, str]:
    """An environment in which tools find an empty home, no cluster, and meshshift on PATH."""
    return isolated(plain_environment, tmp_path, program)


@pytest.fixture
def helm4_home(home: dict[str, str], helm4: str) -> dict[str, str]:
    """The same, with the plugin of this checkout installed into Helm 4 as its user would."""
    run([helm4, "plugin", "install", ROOT / "helm-postrender"], home).succeeded()
    return home


@pytest.fixture
def mesh_chart(tmp_path: Path) -> Path:
    """A chart with objects that move and objects that have nothing to do with a mesh."""
    return chart(tmp_path / "demo", MESH)


@pytest.fixture(params=[3, 4], ids=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, tmp_path: Path, home: dict[str, str], program: str) -> Helm:
    """Helm 3 by path, and Helm 4 with a folder of plugins that nothing was installed into."""
    path: str = request.getfixturevalue(f"helm{request.param}")
    # Helm 3 would not load a folder of plugins with one for Helm 4 in it.
    plugins = tmp_path / "plug ins"
    plugins.mkdir()
    if request.param == 4:
        (plugins / "meshshift").symlink_to(ROOT / "helm-postrender")
    return Helm(request.param, path, home | {"HELM_PLUGINS": str(plugins)}, tmp_path, program)


@pytest.fixture
def streams(helm: Helm) -> Callable[..., Streams]:
    """Renders a chart and returns what went in and out between Helm and meshshift."""
    sent, answered = helm.folder / "sent", helm.folder / "answered"
    script = f"cat >'{sent}'\n{helm.program} \"$@\" <'{sent}' >'{answered}' || exit\ncat '{answered}'"
    recorder = helm.folder / "recorder"
    recorder.write_text(f"#!/bin/sh\n{script}\n")
    recorder.chmod(0o755)

    def record(folder: Path, *arguments: object) -> Streams:
        helm.template(folder, *arguments, env={"MESHSHIFT": str(recorder)}).succeeded()
        return Streams(sent.read_bytes(), answered.read_bytes())

    return record


@pytest.fixture
def flux(tmp_path: Path, home: dict[str, str], program: str, kustomize: str) -> Flux:
    """Runs flux-patches in a folder of its own, and then does with its files what Flux does."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Flux(folder, home, program, kustomize)
