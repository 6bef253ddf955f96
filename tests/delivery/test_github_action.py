"""action.yml: its shape, and its steps run as a runner runs them."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.running import HELD, MOVES, PLAIN
from tests.delivery.pipelines import (
    ACTION,
    action_outputs,
    run_action,
    run_step,
    runner_files,
    step,
    wanted,
)
from tests.delivery.running import run, write
from tests.real_tools import ROOT, absent

EXAMPLE = ROOT / "examples" / "integrations" / "pipelines"
DOCUMENTED = ROOT / "docs" / "integrations" / "github-actions.md"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write(tmp_path / "repository", {"k8s/held.yaml": HELD, "other/moves.yaml": MOVES})


def summary(folder: Path) -> str:
    path = Path(runner_files(folder)["GITHUB_STEP_SUMMARY"])
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_the_shape_is_that_of_a_composite_action() -> None:
    assert set(ACTION) == {"name", "description", "branding", "inputs", "outputs", "runs"}
    assert ACTION["runs"]["using"] == "composite"
    for entry in ACTION["inputs"].values():
        assert isinstance(entry["default"], str), "an input without quotes would be a boolean"
        assert entry["description"]
    for entry in ACTION["outputs"].values():
        assert entry["description"]


@pytest.mark.parametrize(
    "path", [ROOT / "action.yml", DOCUMENTED, EXAMPLE / "github-workflow.yml"], ids=lambda path: path.name
)
def test_other_actions_are_pinned_to_commits(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    used = [line.strip() for line in lines if re.match(r" *(?:- )?uses:", line)]
    assert used
    for line in used:
        known = re.fullmatch(r"(?:- )?uses: ([\w-]+/[\w./-]+)@([0-9a-f]{40} # v[\d.]+|REVISION.*)", line)
        assert known is not None, line
        assert (known[1] == "OWNER/meshshift") == known[2].startswith("REVISION"), line


def test_inputs_reach_scripts_by_the_environment_alone() -> None:
    for entry in ACTION["runs"]["steps"]:
        if "run" in entry:
            assert "${{" not in entry["run"]
            assert entry["shell"] == "bash"


def test_every_output_is_one_that_the_step_writes(repository: Path, home: dict[str, str]) -> None:
    run_action(home, repository, {})
    named = {name: entry["value"] for name, entry in ACTION["outputs"].items()}
    assert named == {name: f"${{{{ steps.check.outputs.{name} }}}}" for name in action_outputs(repository)}


def test_the_example_uses_the_action_as_it_is(tmp_path: Path, home: dict[str, str]) -> None:
    workflow = yaml.safe_load((EXAMPLE / "github-workflow.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["check"]["steps"]
    (used,) = [entry for entry in steps if entry.get("uses", "").startswith("OWNER/meshshift@")]
    named = re.findall(
        r"steps\.mesh\.outputs\.([\w-]+)", (EXAMPLE / "github-workflow.yml").read_text(encoding="utf-8")
    )
    assert set(named) <= set(ACTION["outputs"])
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLE, folder)
    assert run_action(home, folder, used["with"]).code == 0
    assert (folder / used["with"]["sarif-file"]).is_file()
    assert action_outputs(folder)["held"] == "1"


@pytest.mark.parametrize("word", sorted({*ACTION["inputs"], *ACTION["outputs"]}))
def test_every_input_and_output_is_documented(word: str) -> None:
    assert f"`{word}`" in DOCUMENTED.read_text(encoding="utf-8")


def test_findings_become_annotations_outputs_and_a_summary(repository: Path, home: dict[str, str]) -> None:
    done = run_action(home, repository, {"path": "k8s", "sarif-file": "out.sarif"})
    assert done.code == 1
    assert "::error file=k8s/held.yaml,line=" in done.out.decode()
    found = action_outputs(repository)
    assert found["exit-code"] == "1"
    assert (
        int(found["errors"])
        == json.loads(Path(found["report"]).read_text(encoding="utf-8"))["summary"]["findings"]["error"]
    )
    assert (found["held"], found["accepted"], found["sarif-file"]) == ("1", "0", "out.sarif")
    log = json.loads((repository / "out.sarif").read_text(encoding="utf-8"))
    assert log["runs"][0]["invocations"][0]["exitCode"] == 1
    assert summary(repository).startswith("### meshshift check: ")
    assert "| MS403 |" in summary(repository)


def test_switches_and_fail_on(repository: Path, home: dict[str, str]) -> None:
    given = {"path": "k8s", "annotations": "false", "summary": "false", "fail-on": "never"}
    done = run_action(home, repository, given)
    assert done.code == 0
    assert b"::error" not in done.out
    assert b"MS403" in done.out
    assert summary(repository) == ""
    assert action_outputs(repository)["exit-code"] == "0"


def test_without_annotations_no_manifest_commands_the_runner(tmp_path: Path, home: dict[str, str]) -> None:
    folder = write(tmp_path / "repository", {"::error::x.yaml": HELD})
    done = run_action(home, folder, {"annotations": "false"})
    lines = done.out.decode().splitlines()
    stop = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0])
    assert stop is not None
    assert lines.index(f"::{stop[1]}::") == len(lines) - 1
    assert any(line.startswith("::error::x.yaml:") for line in lines), "it would have been one"


def test_without_annotations_the_log_may_have_any_format(repository: Path, home: dict[str, str]) -> None:
    done = run_action(home, repository, {"annotations": "false", "args": "--report=markdown"})
    lines = done.out.decode().splitlines()
    assert lines[0].startswith("::stop-commands::")
    assert lines[1].startswith("### meshshift check: ")


def test_paths_and_arguments_are_one_a_line(tmp_path: Path, home: dict[str, str]) -> None:
    folder = write(tmp_path / "repository", {"a b/$(touch x).yaml": PLAIN, "-c/d.yaml": HELD})
    done = run_action(home, folder, {"path": "a b\n\n  -c  \n", "args": "--linkerd\n2.19\n--gateway-api=1.2"})
    assert done.code == 1
    assert "::error file=-c/d.yaml" in done.out.decode()
    report = json.loads(Path(action_outputs(folder)["report"]).read_text(encoding="utf-8"))
    assert report["assumptions"]["linkerd"] == "2.19"
    assert sorted(path.name for path in folder.iterdir()) == ["-c", "a b"], "nothing was run"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"path": "$(touch x)"}, "$(touch x) does not exist"),
        ({"path": "k8s; touch x"}, "k8s; touch x does not exist"),
        ({"path": "\n"}, "path: name at least one"),
        ({"path": "k8s\n::error::x"}, "::error"),
        ({"args": "--no-such"}, "there is no option --no-such"),
        ({"args": "--report=text"}, "args: '--report=text' needs annotations: false"),
        ({"args": "--linkerd=2.20\n--report\ntext"}, "args: '--report' needs annotations: false"),
        ({"args": "--\nother"}, "args: files and folders belong to path"),
        ({"fail-on": "--help"}, "'--help' is not one of"),
        ({"fail-on": "never\nexit-code=0"}, "is not one of"),
        ({"command": "last"}, "neither check nor none"),
        ({"summary": "yes"}, "neither true nor false"),
        ({"sarif-file": "a.txt"}, "does not end in"),
        ({"sarif-file": "a,b.sarif"}, "is not one file"),
        ({"sarif-file": "no/such/a.sarif"}, "no/such/a.sarif"),
    ],
)
def test_a_wrong_input_is_told_and_is_not_run(
    repository: Path, home: dict[str, str], given: dict[str, str], says: str
) -> None:
    done = run_action(home, repository, {"path": "k8s"} | given)
    said = done.out.decode() + done.err
    assert done.code == 2, said
    assert says in said
    assert action_outputs(repository)["exit-code"] == "2"
    assert sorted(path.name for path in repository.iterdir()) == ["k8s", "other"]


def test_a_failure_is_an_annotation_too(repository: Path, home: dict[str, str]) -> None:
    done = run_action(home, repository, {"path": "no/such"})
    assert "::error title=meshshift check::no/such does not exist" in done.err
    assert summary(repository).startswith("### meshshift check: ended with 2")


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({}, ["python", "install", "check"]),
        ({"command": "none"}, ["python", "install"]),
        ({"python-version": ""}, ["install", "check"]),
    ],
)
def test_which_steps_run(given: dict[str, str], steps: list[str]) -> None:
    assert [entry["id"] for entry in ACTION["runs"]["steps"] if wanted(entry, given)] == steps


def test_the_program_is_installed_with_its_locked_packages(tmp_path: Path, home: dict[str, str]) -> None:
    folder = write(
        tmp_path / "repository", {"held.yaml": HELD, "transformer.py": "raise SystemExit('not this one')\n"}
    )
    bare = {**home, "PATH": home["PATH"].partition(":")[2]}
    found = {"steps.python.outputs.python-path": sys.executable}
    done = run_step(step("install"), bare, folder, {}, found)
    if done.code and re.search("No matching distribution|Could not install|connection", done.err):
        absent("pip cannot reach a package index")
    done.succeeded()
    added = Path(runner_files(folder)["GITHUB_PATH"]).read_text(encoding="utf-8").strip()
    assert [path.name for path in Path(added).iterdir()] == ["meshshift"], "nothing else changes on PATH"
    later = {**bare, "PATH": f"{added}:{bare['PATH']}", "PYTHONPATH": str(folder)}
    assert run(["meshshift", "--mesh-mtls=strict"], later, stdin=MOVES, cwd=folder).succeeded().out
    checked = run_step(step("check"), later, folder, {"path": "held.yaml"})
    assert checked.code == 1
    assert action_outputs(folder)["errors"]


def test_a_python_that_is_too_old_is_told(tmp_path: Path, home: dict[str, str]) -> None:
    old = write(tmp_path / "old", {"python": "#!/bin/sh\nexit 1\n"}) / "python"
    old.chmod(0o755)
    (tmp_path / "repository").mkdir()
    done = run_step(
        step("install"), home, tmp_path / "repository", {}, {"steps.python.outputs.python-path": str(old)}
    )
    assert done.code == 2
    assert b"older than Python 3.11" in done.out
