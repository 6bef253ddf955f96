"""One table of exit codes for every front end: what a run ends with does not depend on how it was started."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.cli.running import ASKS, BROKEN, HELD, MOVES, PLAIN
from tests.delivery.pipelines import action_outputs, run_action, run_gitlab_job
from tests.delivery.publishing import commit
from tests.delivery.running import KRM_WRAPPER, run, write
from tests.real_tools import ROOT

DONE, FINDINGS, USAGE, INPUT, INTERNAL = range(5)
#: A program in which the one thing goes wrong that no input can bring about.
FAULTY = """\
import sys
from transformer import transform
from transformer.errors import BugError

def fail(*_, **__):
    raise BugError("an edit does not verify")

transform.transform = fail
from transformer.__main__ import command
command()
"""


class Case(NamedTuple):
    """Manifests, options as `meshshift.yaml`, and the exit codes of those that translate and of those that check."""

    reason: str
    stdin: bytes
    config: str
    translating: int
    checking: int
    faulty: bool = False


CASES = (
    Case("nothing of a mesh", PLAIN, "", DONE, DONE),
    Case("something that moves is still there for a check", MOVES, "", DONE, FINDINGS),
    Case("a held policy", HELD, "", FINDINGS, FINDINGS),
    Case("a held policy, and wanted so", HELD, "fail-on: never\n", DONE, DONE),
    Case("a wrong key", HELD, "linked: 2.19\n", USAGE, USAGE),
    Case("a missing fact stops who writes; a check goes on", ASKS, "", USAGE, FINDINGS),
    Case("YAML that cannot be read", BROKEN.encode(), "", INPUT, INPUT),
    Case("a fault of the program", MOVES, "", INTERNAL, INTERNAL, faulty=True),
)
Front = Callable[[Case, Path, Mapping[str, str]], int]


def transform(case: Case, folder: Path, env: Mapping[str, str]) -> int:
    return run(["meshshift"], env, stdin=case.stdin, cwd=folder).code


def check(case: Case, folder: Path, env: Mapping[str, str]) -> int:
    return run(["meshshift", "check", "k8s"], env, cwd=folder).code


def check_of_a_stream(case: Case, folder: Path, env: Mapping[str, str]) -> int:
    return run(["meshshift", "check"], env, stdin=case.stdin, cwd=folder).code


def krm_function(case: Case, folder: Path, env: Mapping[str, str]) -> int:
    indented = b"".join(b"  " + line for line in case.stdin.splitlines(keepends=True))
    items = indented.replace(b"  ---\n", b"").replace(b"  apiVersion", b"- apiVersion")
    stdin = b"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n" + items
    return run([KRM_WRAPPER], env, stdin=stdin, cwd=folder).code


def github_action(case: Case, folder: Path, env: Mapping[str, str]) -> int:
    done = run_action(env, folder, {"path": "k8s"})
    assert action_outputs(folder)["exit-code"] == str(done.code)
    return done.code


def gitlab_job(case: Case, folder: Path, env: Mapping[str, str]) -> int:
    return run_gitlab_job(env, folder, {"CHECK_PATHS": "k8s"}).code


def pre_commit(case: Case, folder: Path, env: Mapping[str, str]) -> int:
    """The code that the hook ended with; pre-commit itself ends with 1 for all but 0."""
    (hook,) = [
        hook
        for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
        if hook["id"] == "meshshift-check"
    ]
    local = hook | {"language": "system", "args": ["k8s"]}
    config = {"repos": [{"repo": "local", "hooks": [local]}]}
    write(folder, {".pre-commit-config.yaml": yaml.safe_dump(config)})
    commit(folder, env)
    cache = {"PRE_COMMIT_HOME": str(folder.parent / "cache")}
    done = run([sys.executable, "-m", "pre_commit", "run", "--all-files"], {**env, **cache}, cwd=folder)
    said = done.out.decode()
    assert (done.code == DONE) == ("Passed" in said), said
    return int(said.partition("- exit code: ")[2].partition("\n")[0] or DONE)


TRANSLATING: tuple[Front, ...] = (transform, krm_function)
CHECKING: tuple[Front, ...] = (check, check_of_a_stream, github_action, gitlab_job, pre_commit)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason.replace(" ", "-"))
@pytest.mark.parametrize("front", TRANSLATING + CHECKING, ids=lambda front: front.__name__)
def test_exit_code(front: Front, case: Case, tmp_path: Path, home: dict[str, str]) -> None:
    folder = write(tmp_path / "repository", {"k8s/all.yaml": case.stdin})
    if case.config:
        write(folder, {"meshshift.yaml": case.config})
    env = dict(home)
    if case.faulty:
        # First on PATH, and named, for the wrappers.
        program = write(tmp_path / "faulty", {"fault.py": FAULTY, "meshshift": ""}) / "meshshift"
        start = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)}"
        program.write_text(f'#!/bin/sh\n{start} -P {tmp_path}/faulty/fault.py "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        env |= {"PATH": f"{program.parent}:{home['PATH']}", "MESHSHIFT": str(program)}
    wanted = case.translating if front in TRANSLATING else case.checking
    assert front(case, folder, env) == wanted, case.reason
