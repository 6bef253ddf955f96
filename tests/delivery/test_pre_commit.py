"""The hooks for pre-commit, run by pre-commit from a repository of manifests."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.cli.running import HELD, MOVES
from tests.delivery.publishing import commit, publish
from tests.delivery.running import Done, run, write
from tests.real_tools import ROOT, absent

MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS: list[dict[str, Any]] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
PRE_COMMIT = [sys.executable, "-m", "pre_commit"]


class Published(NamedTuple):
    """This checkout as a repository, and its commit."""

    folder: Path
    commit: str


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, plain_environment: dict[str, str]) -> Published:
    folder = tmp_path_factory.mktemp("published") / "meshshift"
    return Published(folder, publish(folder, plain_environment))


def hooked(
    folder: Path, env: Mapping[str, str], published: Published, files: Mapping[str, str | bytes], **hook: Any
) -> Done:
    """Run a hook over a new repository with these files; by default with the program that is on PATH."""
    settings = {"language": "system"} | hook
    config = {
        "repos": [{"repo": str(published.folder), "rev": published.commit, "hooks": [settings]}],
    }
    write(folder, {**files, ".pre-commit-config.yaml": yaml.safe_dump(config)})
    commit(folder, env)
    return run(
        [*PRE_COMMIT, "run", "--all-files"],
        {**env, "PRE_COMMIT_HOME": str(folder.parent / "cache")},
        cwd=folder,
    )


def test_the_manifest_is_valid(home: dict[str, str]) -> None:
    run([*PRE_COMMIT, "validate-manifest", MANIFEST], home).succeeded()
    assert [hook["id"] for hook in HOOKS] == ["meshshift-check", "meshshift-report"]


def test_objects_are_judged_together_whatever_is_committed(
    tmp_path: Path, home: dict[str, str], published: Published
) -> None:
    """The Service stands in another file: were only committed files passed, the route could not be judged."""
    service, _, route = MOVES.partition(b"---\n")
    files = {"k8s/service.yaml": service, "k8s/route.yaml": route}
    done = hooked(tmp_path / "user", home, published, files, id="meshshift-check")
    assert "it would move" in done.out.decode()
    again = run(
        [*PRE_COMMIT, "run", "--files", "k8s/route.yaml"],
        {**home, "PRE_COMMIT_HOME": str(tmp_path / "cache")},
        cwd=tmp_path / "user",
    )
    assert (again.code, "it would move" in again.out.decode()) == (1, True)


def test_arguments_name_folders_and_options(
    tmp_path: Path, home: dict[str, str], published: Published
) -> None:
    files = {"k8s/a.yaml": MOVES, "old/b.yaml": HELD}
    args = ["--fail-on=warning", "--report=github", "k8s"]
    done = hooked(tmp_path / "user", home, published, files, id="meshshift-check", args=args)
    shown = done.out.decode()
    assert "::error file=k8s/a.yaml" in shown
    assert "old/b.yaml" not in shown


def test_the_report_shows_and_never_fails(tmp_path: Path, home: dict[str, str], published: Published) -> None:
    done = hooked(tmp_path / "user", home, published, {"k8s/a.yaml": HELD}, id="meshshift-report")
    assert done.code == 0
    assert "MS403" in done.out.decode()


def test_it_runs_only_where_manifests_change(
    tmp_path: Path, home: dict[str, str], published: Published
) -> None:
    hooked(tmp_path / "user", home, published, {"k8s/a.yaml": HELD, "x.txt": "x"}, id="meshshift-check")
    done = run(
        [*PRE_COMMIT, "run", "--files", "x.txt"],
        {**home, "PRE_COMMIT_HOME": str(tmp_path / "cache")},
        cwd=tmp_path / "user",
    )
    assert (done.code, "no files to check" in done.out.decode()) == (0, True)


def test_pre_commit_installs_the_program_by_itself(
    tmp_path: Path, home: dict[str, str], published: Published
) -> None:
    """With nothing overridden: an environment of its own, made from the repository and its dependencies."""
    bare = {**home, "PATH": home["PATH"].partition(":")[2]}
    done = hooked(
        tmp_path / "user", bare, published, {"k8s/a.yaml": HELD}, id="meshshift-check", language="python"
    )
    said = done.out.decode() + done.err
    if "No matching distribution" in said or "Could not install packages" in said:
        absent("pip cannot reach a package index")
    assert done.code == 1, said
    assert "MS403" in said
    assert list((tmp_path / "cache").glob("*/py_env-*/bin/meshshift"))
