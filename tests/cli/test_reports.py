"""Where reports of a run go: standard error, report file, the last report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import ASKS, BROKEN, HELD, MOVES, PLAIN, Call, last_report


def test_the_last_report_is_that_of_the_last_run(call: Call) -> None:
    assert call(stdin=HELD).code == 1
    shown = call("last")
    assert shown.code == 0
    assert b"MS403" in shown.out
    assert "this run ended 20" in shown.err
    assert call(stdin=MOVES).code == 0
    assert b"MS403" not in call("last").out
    assert json.loads(call("last", "--report=json").out)["exit_code"] == 0


def test_a_stream_without_mesh_objects_leaves_the_last_report(call: Call) -> None:
    call(stdin=HELD)
    call(stdin=PLAIN)
    assert b"MS403" in call("last").out


@pytest.mark.parametrize(
    ("argv", "stdin", "says"),
    [
        ([], BROKEN.encode(), "cannot be read"),
        (["--linkerd=2.15"], MOVES, "'2.15' is not one of"),
        ([], ASKS, "1 fact is missing"),
    ],
)
def test_why_a_run_failed_is_kept(call: Call, argv: list[str], stdin: bytes, says: str) -> None:
    assert call(*argv, stdin=stdin).code in (2, 3)
    assert says in call("last").out.decode(), "Helm 4 shows nothing else"


@pytest.mark.parametrize(("helm", "kept"), [("", False), ("meshshift", True)])
def test_a_mistyped_command_is_kept_only_where_nobody_sees_it(call: Call, helm: str, kept: bool) -> None:
    call(stdin=HELD)
    assert call("--namspace", "x", env={"HELM_PLUGIN_NAME": helm}).code == 2
    assert (b"--namspace" in call("last").out) is kept


@pytest.mark.parametrize(
    ("argv", "stdin", "code", "says"),
    [
        ([], MOVES, 0, "MS008"),
        ([], HELD, 1, "MS403"),
        ([], ASKS, 2, "1 fact is missing"),
        ([], BROKEN.encode(), 3, "cannot be read"),
        (["check"], MOVES, 1, "MS014"),
    ],
)
@pytest.mark.parametrize("source", ["flag", "environment", "file"])
def test_the_report_file_has_every_outcome(
    call: Call, tmp_path: Path, source: str, argv: list[str], stdin: bytes, code: int, says: str
) -> None:
    env = {"MESHSHIFT_REPORT_FILE": "r.txt"} if source == "environment" else {}
    argv = [*argv, "--report-file=r.txt"] if source == "flag" else argv
    if source == "file":
        (tmp_path / "meshshift.yaml").write_text("report-file: r.txt\n", encoding="utf-8")
    assert call(*argv, stdin=stdin, env=env).code == code
    assert says in (tmp_path / "r.txt").read_text(encoding="utf-8")


def test_a_stream_without_mesh_objects_has_a_report_file_too(call: Call, tmp_path: Path) -> None:
    done = call("--report-file=r.json", stdin=PLAIN)
    assert (done.code, done.out) == (0, PLAIN)
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["findings"] == []


def test_runs_of_one_pipeline_share_a_file_of_lines(call: Call, tmp_path: Path) -> None:
    for stdin in (MOVES, HELD):
        call("--report-file=r.jsonl", stdin=stdin)
    codes = [
        json.loads(line)["code"] for line in (tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert codes == ["MS008", "MS403"]


@pytest.mark.parametrize("argv", [[], ["check"]])
def test_a_report_file_that_cannot_be_written_stops_the_run(call: Call, argv: list[str]) -> None:
    done = call(*argv, "--report-file=no/such/r.txt", stdin=MOVES)
    assert (done.code, done.out) == (2, b"")
    assert "no/such/r.txt" in done.err


def test_a_state_folder_that_cannot_be_written_is_only_told(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = call(stdin=MOVES, env={"MESHSHIFT_STATE": str(tmp_path / "file")})
    assert done.code == 0
    assert done.out
    assert "no report is kept" in done.err


def test_json_on_standard_error_is_the_kept_report(call: Call, tmp_path: Path) -> None:
    done = call("--report=json", stdin=MOVES)
    assert json.loads(done.err) == last_report(tmp_path)
