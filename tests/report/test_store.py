"""Report files and the last report."""

from __future__ import annotations

import json as parser
import os
import stat
from pathlib import Path

import pytest

from tests.report import samples
from transformer.errors import UsageError
from transformer.report import json, store, text


@pytest.mark.parametrize(
    ("name", "form", "as_json"),
    [("r.json", "text", True), ("r.txt", "text", False), ("r.txt", "json", True), ("r", "text", False)],
)
def test_a_report_file_is_replaced_whole(tmp_path: Path, name: str, form: str, as_json: bool) -> None:
    path = tmp_path / name
    path.write_text("x" * 100_000, encoding="utf-8")
    path.chmod(0o640)
    store.write_report_file(str(path), samples.data(), form)
    wanted = json.dumps(samples.data()) if as_json else text.render(samples.data())
    assert path.read_text(encoding="utf-8") == wanted
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == [name], "nothing temporary is left"


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to("real.txt")
    store.write_report_file(str(tmp_path / "link.txt"), samples.data(), "text")
    assert (tmp_path / "link.txt").is_symlink()
    assert "MS004" in (tmp_path / "real.txt").read_text(encoding="utf-8")


def test_lines_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    for _ in range(2):
        store.write_report_file(str(path), samples.data(), "text")
    store.write_report_file(str(path), json.failure("transform", 3, "not YAML"), "text")
    entries = [parser.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(entries) == 2 * len(samples.FINDINGS) + 1
    assert entries[-1] == {"error": "not YAML", "exit_code": 3}


def test_a_pipe_is_just_written_to(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        store.write_report_file(str(fifo), samples.data(), "text")
        assert os.read(reader, 65536).decode() == text.render(samples.data())
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("name", ["no/such/folder/r.json", "no/such/folder/r.jsonl", "."])
def test_a_report_file_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        store.write_report_file(str(tmp_path / name), samples.data(), "text")


def test_standard_output_is_not_for_reports() -> None:
    with pytest.raises(UsageError, match="belongs to the manifests"):
        store.write_report_file("/dev/stdout", samples.data(), "text")


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"MESHSHIFT_STATE": "/own", "XDG_STATE_HOME": "/xdg", "HOME": "/home/jo"}, "/own"),
        ({"MESHSHIFT_STATE": "", "XDG_STATE_HOME": "/xdg", "HOME": "/home/jo"}, ""),
        ({"XDG_STATE_HOME": "/xdg", "HOME": "/home/jo"}, "/xdg/meshshift"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/jo"}, "/home/jo/.local/state/meshshift"),
        ({"HOME": "/home/jo"}, "/home/jo/.local/state/meshshift"),
    ],
)
def test_the_state_folder(environ: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", environ["HOME"])
    assert store.state_folder(environ) == wanted


def test_the_last_report_is_kept_and_read(tmp_path: Path) -> None:
    environ = {"MESHSHIFT_STATE": str(tmp_path / "a" / "b")}
    with pytest.raises(UsageError, match="no report yet"):
        store.read_last(environ)
    assert store.keep_last(json.failure("transform", 3, "first"), environ) == ""
    assert store.keep_last(samples.data(), environ) == ""
    assert store.read_last(environ) == samples.data()
    assert os.listdir(environ["MESHSHIFT_STATE"]) == [store.LAST]


def test_trouble_with_the_state_folder_is_told_and_not_fatal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    trouble = store.keep_last(samples.data(), {"MESHSHIFT_STATE": str(tmp_path / "file" / "below")})
    assert "no report is kept" in trouble
    assert "Not a directory" in trouble
    assert store.keep_last(samples.data(), {"MESHSHIFT_STATE": ""}) == "", "switched off"
    with pytest.raises(UsageError, match="MESHSHIFT_STATE is empty"):
        store.read_last({"MESHSHIFT_STATE": ""})


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 99}', "\xff"])
def test_a_last_report_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / store.LAST).write_text(content, encoding="latin-1")
    with pytest.raises(UsageError):
        store.read_last({"MESHSHIFT_STATE": str(tmp_path)})
