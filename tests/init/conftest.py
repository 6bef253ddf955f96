"""The command line in an empty folder, and real programs that find the program of this checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Call, caller
from tests.delivery.running import install_program, isolated


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Call:
    """Runs the command line in an empty folder."""
    return caller(tmp_path, monkeypatch, capfdbinary)


@pytest.fixture(scope="session")
def tools_environment(
    tmp_path_factory: pytest.TempPathFactory, plain_environment: dict[str, str]
) -> dict[str, str]:
    """An environment with an empty home in which `meshshift` is on PATH."""
    folder = tmp_path_factory.mktemp("program")
    return isolated(plain_environment, folder, install_program(folder))
