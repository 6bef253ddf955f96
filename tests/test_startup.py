"""What a run loads: start-up is most of the cost of a small render, so imports are pinned."""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

HEAVY = {
    "pydantic",
    "jinja2",
    "ruamel",
    "ruamel.yaml",
    "jsonpatch",
    "dataclasses",
    "inspect",
    "importlib.metadata",
}

UNRELATED = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {colour: blue}
"""
ANNOTATED = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations:
        sidecar.istio.io/inject: "false"
    spec:
      containers: [{name: web, image: web}]
"""

# Also where the program ends without the interpreter's own clean-up.
RECORDER = """
    import atexit, os, sys

    def record():
        with open(os.environ["LOADED_MODULES"], "w") as out:
            out.write("\\n".join(sys.modules))

    def recorded_exit(code, exit=os._exit):
        record()
        exit(code)

    os._exit = recorded_exit
    atexit.register(record)
"""


class Run(NamedTuple):
    """What a fresh interpreter did."""

    code: int
    stdout: str
    stderr: str
    loaded: set[str]


class FreshInterpreter:
    """Runs Python with a hook that records, at the end, what was loaded."""

    def __init__(self, folder: Path, python: str, env: dict[str, str]) -> None:
        (folder / "sitecustomize.py").write_text(textwrap.dedent(RECORDER), encoding="utf-8")
        self._record = folder / "loaded"
        self._python = python
        self._env = env | {"PYTHONPATH": str(folder), "LOADED_MODULES": str(self._record)}

    def run(self, *arguments: str, stdin: str = "") -> Run:
        self._record.unlink(missing_ok=True)
        done = subprocess.run(
            [self._python, *arguments],
            input=stdin,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        loaded = set(self._record.read_text(encoding="utf-8").split("\n"))
        return Run(done.returncode, done.stdout, done.stderr, loaded)


@pytest.fixture
def interpreter(
    tmp_path: Path, meshshift_command: list[str], plain_environment: dict[str, str]
) -> FreshInterpreter:
    return FreshInterpreter(tmp_path, meshshift_command[0], plain_environment)


def test_an_interpreter_alone_loads_nothing_heavy(interpreter: FreshInterpreter) -> None:
    # Otherwise the next tests could not tell who loaded it.
    assert interpreter.run("-c", "pass").loaded & (HEAVY | {"yaml", "argparse"}) == set()
    assert "yaml" in interpreter.run("-c", "import yaml").loaded
    assert "argparse" in interpreter.run("-c", "import argparse, os; os._exit(0)").loaded


def test_a_stream_without_mesh_objects_loads_no_parser(
    interpreter: FreshInterpreter, meshshift_command: list[str]
) -> None:
    run = interpreter.run(*meshshift_command[1:], stdin=UNRELATED)
    assert (run.code, run.stdout) == (0, UNRELATED), run.stderr
    assert run.loaded & (HEAVY | {"yaml", "argparse"}) == set()
    assert not {name for name in run.loaded if name.startswith("transformer.rules")}


def test_a_stream_with_one_annotation_loads_only_what_it_needs(
    interpreter: FreshInterpreter, meshshift_command: list[str]
) -> None:
    run = interpreter.run(*meshshift_command[1:], stdin=ANNOTATED)
    assert run.code == 0, run.stderr
    assert 'linkerd.io/inject: "disabled"' in run.stdout
    assert "yaml" in run.loaded
    shown_to_people = {"transformer.frontends.waiting", "transformer.report.overview", "threading"}
    assert run.loaded & shown_to_people == set(), "nobody sits at a terminal"
    assert run.loaded & HEAVY == set()
    families = ("transformer.rules.istio", "transformer.rules.argo", "transformer.rules.flagger")
    assert not [name for name in run.loaded if name.startswith(families)]
