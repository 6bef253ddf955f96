"""Fixtures for every test: real programs, reference data, the program itself, validation of its output."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import real_tools
from tests.crd_validation import CrdValidator, Emitted

# How far property tests go: `small` on every run, `large` on demand with MESHSHIFT_PROPERTIES=large.
# Deadlines and "too slow" would only measure how busy the machine is.
for profile, examples in (("small", 50), ("large", 5000)):
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile(os.environ.get("MESHSHIFT_PROPERTIES", "small"))


@pytest.fixture(scope="session", autouse=True)
def _no_traces_of_the_developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs see neither the developer's settings nor their state folder, where the last report is kept."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("MESHSHIFT_") and name != "MESHSHIFT_TOOLS":
                patch.delenv(name)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def plain_environment(_no_traces_of_the_developer: None) -> dict[str, str]:
    """An environment for subprocesses in which nothing is measured or preset: no coverage, no PYTHON*."""
    foreign = ("COVERAGE_", "COV_CORE_", "PYTHON", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


@pytest.fixture(scope="session")
def meshshift_command() -> list[str]:
    """The program of this checkout as a command."""
    return [sys.executable, "-m", "transformer"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository."""
    return real_tools.shared_folder()


@pytest.fixture(scope="session")
def _tool(pytestconfig: pytest.Config) -> Callable[[str], str]:
    """Finds a real program; a first build takes minutes, so its progress is shown."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def find(name: str) -> str:
        if capture is None:
            return real_tools.tool(name)
        with capture.global_and_fixture_disabled():
            return real_tools.tool(name)

    return find


@pytest.fixture(scope="session")
def helm3(_tool: Callable[[str], str]) -> str:
    """Path of Helm 3."""
    return _tool("helm3")


@pytest.fixture(scope="session")
def helm4(_tool: Callable[[str], str]) -> str:
    """Path of Helm 4."""
    return _tool("helm4")


@pytest.fixture(scope="session")
def kustomize(_tool: Callable[[str], str]) -> str:
    """Path of kustomize 5."""
    return _tool("kustomize")


@pytest.fixture(scope="session")
def kubectl(_tool: Callable[[str], str]) -> str:
    """Path of kubectl."""
    return _tool("kubectl")


@pytest.fixture(scope="session")
def kpt(_tool: Callable[[str], str]) -> str:
    """Path of kpt."""
    return _tool("kpt")


@pytest.fixture(scope="session")
def kubectl_validate(_tool: Callable[[str], str]) -> str:
    """Path of kubectl-validate."""
    return _tool("kubectl-validate")


@pytest.fixture(scope="session")
def _lazy_crd_validator(
    _tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], CrdValidator]:
    """Makes the validator when it is first asked for; only then is the test that asks skipped without it."""

    @functools.cache
    def make() -> CrdValidator:
        crds = real_tools.shared_folder() / "crds"
        return CrdValidator(_tool("kubectl-validate"), crds, tmp_path_factory.mktemp("crd-validation"))

    return make


@pytest.fixture(scope="session")
def crd_validator(_lazy_crd_validator: Callable[[], CrdValidator]) -> CrdValidator:
    """Validates objects against the CRDs of the target versions."""
    return _lazy_crd_validator()


@pytest.fixture(scope="module")
def emitted(_lazy_crd_validator: Callable[[], CrdValidator]) -> Iterator[Emitted]:
    """Collects manifests that tests of a module emit; they are validated together after its last test.

    An invalid manifest is an error of the module's teardown and names the set it was registered under. Where
    the validator cannot be had the tests themselves still run, and the teardown is reported as skipped.
    """
    collected = Emitted()
    yield collected
    if collected:
        collected.check(_lazy_crd_validator())
