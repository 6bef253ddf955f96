"""Runs `meshshift check` for action.yml: inputs from INPUT_*, outputs and summary into the files that the runner names.

Ends with the exit code of meshshift; an input that is not understood is 2, as for options of meshshift.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

USAGE = 2


class WrongInput(ValueError):
    """An input of the action that is not understood."""


def main(environ: Mapping[str, str]) -> int:
    """Run the check; returns the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="meshshift-", dir=environ.get("RUNNER_TEMP")))
    report, summary = folder / "report.json", folder / "summary.md"
    try:
        arguments = command(environ, [report, summary])
        with_summary, annotated = switch(environ, "SUMMARY"), switch(environ, "ANNOTATIONS")
    except WrongInput as wrong:
        print(f"::error title=meshshift::{escaped(str(wrong))}")
        _append(environ, "GITHUB_OUTPUT", output("exit-code", str(USAGE)))
        return USAGE
    code = run(arguments, commands=annotated)
    if with_summary and summary.is_file():
        _append(environ, "GITHUB_STEP_SUMMARY", summary.read_text(encoding="utf-8") + "\n")
    data = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else None
    values = {"exit-code": str(code), **outputs(data, str(report), environ.get("INPUT_SARIF_FILE", ""))}
    _append(environ, "GITHUB_OUTPUT", "".join(output(name, value) for name, value in values.items()))
    return code


def command(environ: Mapping[str, str], reports: list[Path]) -> list[str]:
    """The command line for the inputs. Raises WrongInput."""
    if environ.get("INPUT_COMMAND", "check") != "check":
        raise WrongInput(f"command: {environ['INPUT_COMMAND']!r} is neither check nor none")
    files = [str(path) for path in reports]
    sarif = environ.get("INPUT_SARIF_FILE", "")
    if sarif:
        if not sarif.endswith((".sarif", ".sarif.json")):
            raise WrongInput(f"sarif-file: {sarif!r} does not end in .sarif or .sarif.json")
        if "," in sarif or "\n" in sarif:
            raise WrongInput(f"sarif-file: {sarif!r} is not one file")
        files.append(sarif)
    found = ["meshshift", "check", f"--report={'github' if switch(environ, 'ANNOTATIONS') else 'text'}"]
    found += [f"--report-file={path}" for path in files]
    if environ.get("INPUT_FAIL_ON"):
        found.append(f"--fail-on={environ['INPUT_FAIL_ON']}")
    paths = lines(environ.get("INPUT_PATH", "."))
    if not paths:
        raise WrongInput("path: name at least one file or folder")
    return [*found, *_more(environ), "--", *paths]


def _more(environ: Mapping[str, str]) -> list[str]:
    """The arguments that the workflow adds. Raises WrongInput for those that would undo what the action says.

    While workflow commands are obeyed, the output must be made of them: in any other format a manifest could write some.
    """
    more = lines(environ.get("INPUT_ARGS", ""))
    if "--" in more:
        raise WrongInput("args: files and folders belong to path, so '--' is not needed")
    told = [word for word in more if word.partition("=")[0] == "--report"]
    if told and switch(environ, "ANNOTATIONS"):
        raise WrongInput(
            f"args: {told[0]!r} needs annotations: false; sarif-file and --report-file write files beside them"
        )
    return more


def run(arguments: list[str], *, commands: bool) -> int:
    """Run the program with its output in the log; returns its exit code.

    `commands`: its output is made of workflow commands. Else the runner is told to obey none, whatever a manifest says.
    """
    if commands:
        return subprocess.run(arguments, check=False).returncode
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        return subprocess.run(arguments, check=False).returncode
    finally:
        print(f"::{token}::", flush=True)


def switch(environ: Mapping[str, str], name: str) -> bool:
    """An input that is true or false. Raises WrongInput for anything else."""
    said = environ.get(f"INPUT_{name}", "true")
    if said not in ("true", "false"):
        raise WrongInput(f"{name.lower()}: {said!r} is neither true nor false")
    return said == "true"


def lines(text: str) -> list[str]:
    """Entries of an input that has one on each line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def outputs(data: dict[str, Any] | None, report: str, sarif: str) -> dict[str, str]:
    """Outputs from the report; nothing where the run ended before it could write one."""
    if data is None:
        return {}
    counts = data["summary"]["findings"]
    return {
        "report": report,
        "sarif-file": sarif,
        "errors": str(counts["error"]),
        "warnings": str(counts["warning"]),
        "accepted": str(counts["accepted"]),
        "held": str(data["summary"]["objects"].get("held", 0)),
    }


def output(name: str, value: str) -> str:
    """An entry of GITHUB_OUTPUT; a delimiter that nobody can guess keeps a value from adding outputs of its own."""
    end = secrets.token_hex(16)
    return f"{name}<<{end}\n{value}\n{end}\n"


def escaped(text: str) -> str:
    """The message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _append(environ: Mapping[str, str], name: str, text: str) -> None:
    path = environ.get(name)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    sys.exit(main(os.environ))
