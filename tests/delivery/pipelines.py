"""Running action.yml and the job for GitLab as their runners do: `run` and `script` by bash, values by environment alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.delivery.running import Done, run
from tests.real_tools import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GITLAB_FILE = ROOT / "integrations" / "gitlab" / "meshshift.gitlab-ci.yml"
GITLAB: dict[str, Any] = yaml.safe_load(GITLAB_FILE.read_text(encoding="utf-8"))
_EXPRESSION = re.compile(r"\$\{\{ *([a-z]+)\.([\w.-]+?) *\}\}")
_CONDITION = re.compile(r"\$\{\{ *inputs\.([\w-]+) (!=|==) '([^']*)' *\}\}")
#: What `shell: bash` means for a runner.
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]


def step(name: str) -> dict[str, Any]:
    """A step of the action by its id."""
    (found,) = [entry for entry in ACTION["runs"]["steps"] if entry["id"] == name]
    return dict(found)


def inputs(given: Mapping[str, str]) -> dict[str, str]:
    """All inputs of the action, with their defaults. Raises KeyError for one that it does not have."""
    known = {name: entry["default"] for name, entry in ACTION["inputs"].items()}
    for name in given:
        known[name]
    return known | dict(given)


def wanted(entry: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    """Whether a step runs with these inputs."""
    if "if" not in entry:
        return True
    condition = _CONDITION.fullmatch(entry["if"])
    assert condition is not None, entry["if"]
    same = inputs(given)[condition[1]] == condition[3]
    return same if condition[2] == "==" else not same


def runner_files(folder: Path) -> dict[str, str]:
    """What the runner sets for a step that works in `folder`; its own files lie beside that."""
    temporary = folder.parent / "runner"
    temporary.mkdir(exist_ok=True)
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_OUTPUT": str(temporary / "output"),
        "GITHUB_PATH": str(temporary / "path"),
        "GITHUB_STEP_SUMMARY": str(temporary / "summary"),
        "GITHUB_WORKSPACE": str(folder),
        "RUNNER_TEMP": str(temporary),
    }


def run_step(
    entry: Mapping[str, Any],
    env: Mapping[str, str],
    folder: Path,
    given: Mapping[str, str],
    outputs: Mapping[str, str] | None = None,
) -> Done:
    """Run one `run` step in `folder`. `outputs`: those of other steps, as `steps.<id>.outputs.<name>` names them."""
    values = {f"inputs.{name}": value for name, value in inputs(given).items()} | dict(outputs or {})
    own = {
        name: _EXPRESSION.sub(lambda found: values.get(f"{found[1]}.{found[2]}", ""), text)
        for name, text in entry["env"].items()
    }
    assert "${{" not in entry["run"], "an input in a script would be run as part of it"
    assert entry["shell"] == "bash"
    script = folder.parent / "step.sh"
    script.write_text(entry["run"], encoding="utf-8")
    return run([*BASH, script], {**env, **runner_files(folder), **own}, cwd=folder)


def run_action(env: Mapping[str, str], folder: Path, given: Mapping[str, str]) -> Done:
    """Run the check of the action in `folder` with the meshshift that is on PATH."""
    python = folder.parent / "runner" / "meshshift" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    if not python.exists():
        python.symlink_to(sys.executable)
    return run_step(step("check"), env, folder, given)


def action_outputs(folder: Path) -> dict[str, str]:
    """What the step wrote for the runner, read as the runner reads it."""
    path = folder.parent / "runner" / "output"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, _, end = line.partition("<<")
        value = []
        for entry in lines:
            if entry == end:
                break
            value.append(entry)
        found[name] = "\n".join(value)
    return found


def run_gitlab_job(env: Mapping[str, str], folder: Path, variables: Mapping[str, str]) -> Done:
    """Run the job in `folder`: `before_script` and `script` in one shell, variables of the job below those that are given."""
    job = GITLAB["meshshift-check"]
    script = "\n".join(["set -eo pipefail", *job["before_script"], *job["script"]])
    return run(["bash", "-c", script], {**env, **job["variables"], **variables}, cwd=folder)
