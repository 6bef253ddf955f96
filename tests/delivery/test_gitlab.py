"""The job for GitLab: its shape, and its scripts run as a runner runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.cli.running import HELD, PLAIN
from tests.delivery.pipelines import GITLAB, run_gitlab_job
from tests.delivery.running import write
from tests.real_tools import ROOT

JOB = GITLAB["meshshift-check"]


def test_the_job_hands_its_report_to_merge_requests() -> None:
    assert list(GITLAB) == ["meshshift-check"]
    assert JOB["artifacts"]["when"] == "always", "also where findings fail the job"
    assert JOB["artifacts"]["reports"] == {"codequality": "gl-code-quality-report.json"}
    assert "gl-code-quality-report.json" in JOB["script"][0]


def test_no_variable_looks_like_an_option() -> None:
    assert [name for name in JOB["variables"] if name.startswith("MESHSHIFT_")] == []
    page = (ROOT / "docs" / "integrations" / "gitlab.md").read_text(encoding="utf-8")
    assert [name for name in JOB["variables"] if f"`{name}`" not in page] == []


def test_the_example_sets_variables_that_there_are(tmp_path: Path, home: dict[str, str]) -> None:
    example = ROOT / "examples" / "integrations" / "pipelines"
    given = yaml.safe_load((example / "gitlab-ci.yml").read_text(encoding="utf-8"))
    variables = given["variables"] | given["meshshift-check"]["variables"]
    assert {name for name in variables if name.startswith("CHECK_")} <= set(JOB["variables"])
    shutil.copytree(example, tmp_path / "repository")
    assert run_gitlab_job(home, tmp_path / "repository", variables).code == 0


def test_findings_fail_the_job_and_leave_the_artifacts(tmp_path: Path, home: dict[str, str]) -> None:
    folder = write(tmp_path / "repository", {"k8s/a.yaml": HELD, "k8s/b.yaml": PLAIN})
    done = run_gitlab_job(home, folder, {})
    assert done.code == 1
    quality = json.loads((folder / "gl-code-quality-report.json").read_text(encoding="utf-8"))
    assert {entry["location"]["path"] for entry in quality if entry["severity"] == "critical"} == {
        "k8s/a.yaml"
    }
    for name in JOB["artifacts"]["paths"]:
        assert (folder / name).is_file()
    assert (folder / "meshshift.md").read_text(encoding="utf-8").startswith("### meshshift check: ")


def test_options_are_variables(tmp_path: Path, home: dict[str, str]) -> None:
    folder = write(tmp_path / "repository", {"k8s/a.yaml": HELD})
    assert run_gitlab_job(home, folder, {"MESHSHIFT_FAIL_ON": "never"}).code == 0
    assert run_gitlab_job(home, folder, {"MESHSHIFT_FAIL_ON": "always"}).code == 2


@pytest.mark.parametrize(
    ("paths", "code"),
    [("a b\n-c", 1), ("a b", 0), ("a b\n$(touch x)", 2), ("a b; touch x", 2), ("*", 2)],
)
def test_paths_are_one_a_line_and_nothing_else(
    tmp_path: Path, home: dict[str, str], paths: str, code: int
) -> None:
    folder = write(tmp_path / "repository", {"a b/x.yaml": PLAIN, "-c/y.yaml": HELD})
    assert run_gitlab_job(home, folder, {"CHECK_PATHS": paths}).code == code
    assert not (folder / "x").exists()


def test_an_image_without_the_program_needs_to_know_what_to_install(
    tmp_path: Path, home: dict[str, str]
) -> None:
    folder = write(tmp_path / "repository", {"a.yaml": PLAIN})
    bare = {**home, "PATH": home["PATH"].partition(":")[2]}
    done = run_gitlab_job(bare, folder, {})
    assert done.code == 2
    assert b"set CHECK_PACKAGE" in done.out
    pip = write(tmp_path / "bin", {"python3": '#!/bin/sh\necho "$@" >&2\nexit 9\n'}) / "python3"
    pip.chmod(0o755)
    given = {**bare, "PATH": f"{pip.parent}:{bare['PATH']}"}
    done = run_gitlab_job(given, folder, {"CHECK_PACKAGE": "--index-url=x"})
    assert done.code == 9
    assert "-m pip install --quiet -- --index-url=x" in done.err
