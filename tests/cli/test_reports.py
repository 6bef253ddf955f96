"""Where reports of a run go: standard error, report file, the last report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import ASKS, BROKEN, HELD, MOVES, PLAIN, POLICY, SERVICE, Call, last_report
from transformer.settings import BY_KEY


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


@pytest.mark.parametrize("form", BY_KEY["report"].choices)
def test_the_last_report_is_shown_in_every_format_as_the_run_would_have(call: Call, form: str) -> None:
    shown = call("check", f"--report={form}", stdin=HELD)
    assert shown.code == 1
    last = call("last", f"--report={form}")
    assert last.code == 0
    assert last.out, form
    # The kept report has its assumptions in another order; text has a table of kinds beside the report.
    wanted, said = (
        [line for line in run.out.splitlines() if not line.lower().startswith(b"assumed: ")]
        for run in (shown, last)
    )
    assert said == (wanted[: len(said)] if form == "text" else wanted)


def test_one_run_writes_several_files_each_in_the_format_of_its_name(call: Call, tmp_path: Path) -> None:
    call("check", "--report-file=a.json,b.sarif", "--report-file", "out-code-quality-report.json", stdin=HELD)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["version"] == 1
    assert json.loads((tmp_path / "b.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    quality = json.loads((tmp_path / "out-code-quality-report.json").read_text(encoding="utf-8"))
    assert {entry["check_name"] for entry in quality} >= {"MS403", "MS014"}


@pytest.mark.parametrize("given", ["report-file: [a.json, b.md]", "report-file: 'a.json, b.md'"])
def test_several_files_may_stand_in_the_configuration(call: Call, tmp_path: Path, given: str) -> None:
    (tmp_path / "meshshift.yaml").write_text(given + "\n", encoding="utf-8")
    assert call(stdin=BROKEN.encode()).code == 3
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["exit_code"] == 3
    assert (tmp_path / "b.md").read_text(encoding="utf-8").startswith("### meshshift transform: ended with 3")


def test_every_file_that_can_be_written_is_where_one_cannot(call: Call, tmp_path: Path) -> None:
    done = call("--report-file=no/such/r.txt,b.json", stdin=BROKEN.encode())
    assert done.code == 3
    assert "no/such/r.txt" in done.err
    assert (tmp_path / "b.json").exists()


@pytest.mark.parametrize(
    ("argv", "noted", "kind"),
    [
        (["--accept=MS403@AuthorizationPolicy/shop/cart=reviewed"], "", "external"),
        ([], "  annotations: {meshshift.dev/accept: 'MS403: reviewed'}\n", "inSource"),
    ],
)
def test_a_suppression_says_where_the_acceptance_stands(
    call: Call, tmp_path: Path, argv: list[str], noted: str, kind: str
) -> None:
    policy = POLICY.replace("  name: cart\n", f"  name: cart\n{noted}")
    done = call(
        *argv, "--report-file=r.sarif", "--mesh-mtls=permissive", stdin=f"{SERVICE}---\n{policy}".encode()
    )
    assert done.code == 0, done.err
    results = json.loads((tmp_path / "r.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    (accepted,) = [result for result in results if result["ruleId"] == "MS403"]
    assert accepted["suppressions"] == [{"kind": kind, "status": "accepted", "justification": "reviewed"}]


def test_what_is_missing_is_shown_where_its_source_is(call: Call, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "all.yaml").write_bytes(MOVES)
    done = call("check", "--phase=prepare", "--mesh-mtls=permissive", "--report=json", "shop")
    (missing,) = [entry for entry in json.loads(done.out)["findings"] if entry["code"] == "MS018"]
    (source,) = [entry for entry in json.loads(done.out)["objects"] if entry["kind"] == "VirtualService"]
    line = MOVES.decode().splitlines().index("kind: VirtualService")
    assert missing["object"]["kind"] == "HTTPRoute"
    assert (missing["file"], missing["line"]) == (source["file"], source["line"]) == ("shop/all.yaml", line)


def test_objects_that_need_a_fact_are_told_with_their_file(call: Call, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.yaml").write_bytes(PLAIN)
    (tmp_path / "shop" / "b.yaml").write_bytes(b"# remark\n" + ASKS)
    done = call("check", "shop")
    assert "(shop/b.yaml:2)" in done.out.decode()
