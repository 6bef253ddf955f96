"""What the program shows on a terminal and nowhere else: overview, greeting, progress, questions."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest

from tests.cli.running import HELD, MOVES, NAMESPACE, PLAIN, last_report, program
from tests.cli.terminal import look
from tests.delivery.running import write
from tests.init.repositories import SHOP
from tests.real_tools import ROOT

_PROGRESS = "meshshift: reading file 1 …"
_CLEAR = "\r\x1b[K"


@pytest.fixture
def environment(plain_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment without marks of a pipeline, in which this checkout is found from any folder."""
    kept = {
        name: value for name, value in plain_environment.items() if name not in ("CI", "TERM", "NO_COLOR")
    }
    return {**kept, "PYTHONPATH": str(ROOT), "MESHSHIFT_STATE": str(tmp_path / "state")}


def test_check_shows_one_screen_on_a_terminal_and_everything_in_a_pipe(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = write(tmp_path / "repo", {"k8s/all.yaml": HELD + b"---\n" + NAMESPACE.encode()})
    seen = look(["check", "k8s"], folder, environment)
    assert seen.code == 1
    assert "What stands in the way" in seen.screen
    assert "meshshift init k8s" in seen.screen
    assert "fix:" not in seen.screen
    assert last_report(tmp_path)["findings"], "everything is kept for `last`"
    piped = program("check", "k8s", env=environment, folder=folder)
    assert b"fix:" in piped.out
    assert b"What stands in the way" not in piped.out
    full = look(["check", "k8s", "--full"], folder, environment)
    assert "fix:" in full.screen
    short = program("check", "k8s", "--overview", env=environment, folder=folder)
    assert short.out.decode().splitlines()[0] == re.sub(r"\x1b\[\d*m", "", seen.screen).splitlines()[0]
    machine = look(["check", "k8s", "--report=json"], folder, environment)
    assert machine.screen.startswith("{\n"), "what machines read is the same everywhere"


def test_lines_are_as_long_as_the_terminal_is_wide(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = write(tmp_path / "repo", {"k8s/all.yaml": HELD})
    screen = look(["check", "k8s"], folder, environment | {"NO_COLOR": "1"}, columns=62).screen
    assert max(map(len, screen.splitlines())) <= 62
    assert "…" in screen


def test_the_bare_command_looks_at_the_folder(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = write(
        tmp_path / "repo",
        {"overlays/live/kustomization.yaml": "resources: []\n", "c/Chart.yaml": "name: c\n"},
    )
    seen = look([], folder, environment)
    assert seen.code == 2
    assert "This folder has 1 chart and 1 kustomization, not configured yet." in seen.screen
    for command in (
        "meshshift check .",
        "meshshift init .",
        "kustomize build overlays/live | meshshift",
        "helm template c |",
    ):
        assert command in seen.screen
    write(folder, {"meshshift.yaml": "# ours\n"})
    seen = look([], folder, environment)
    assert "configured by meshshift.yaml" in seen.screen
    assert "meshshift init" not in seen.screen
    assert (
        "kustomize build overlays/live --enable-alpha-plugins --enable-exec | meshshift check" in seen.screen
    )


def test_the_bare_command_in_a_folder_without_anything(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "empty").mkdir()
    seen = look([], tmp_path / "empty", environment)
    assert seen.code == 2
    assert "helm template shop ./chart | meshshift > out.yaml" in seen.screen


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A file that can only be read once somebody writes it, so that a run takes as long as a test wants."""
    path = tmp_path / "slow.yaml"
    os.mkfifo(path)
    return path


def _feed(fifo: Path) -> None:
    fifo.write_bytes(MOVES)


def test_long_work_is_shown_and_taken_away_again(
    tmp_path: Path, environment: dict[str, str], fifo: Path
) -> None:
    seen = look(
        ["check", str(fifo)], tmp_path, environment, pipe=True, then=lambda: _feed(fifo), after=_PROGRESS
    )
    assert seen.code == 1, seen.screen
    assert _PROGRESS in seen.screen
    assert seen.screen.endswith(_CLEAR), "nothing is left on the line"
    assert b"\x1b" not in seen.piped
    assert b"VirtualService" in seen.piped


@pytest.mark.parametrize("variable", [{"CI": "true"}, {"TERM": "dumb"}])
def test_pipelines_see_no_progress(
    tmp_path: Path, environment: dict[str, str], fifo: Path, variable: dict[str, str]
) -> None:
    timer = threading.Timer(1.6, _feed, [fifo])
    timer.start()
    seen = look(["check", str(fifo)], tmp_path, environment | variable, pipe=True)
    timer.join()
    assert (seen.code, seen.screen) == (1, "")


def test_short_work_shows_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = write(tmp_path / "repo", {"all.yaml": PLAIN})
    seen = look(["check", "all.yaml"], folder, environment, pipe=True)
    assert (seen.code, seen.screen) == (0, "")


def test_init_asks_and_writes_what_was_answered(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = write(tmp_path / "repo", {"kustomization.yaml": "resources: [shop.yaml]\n", "shop.yaml": SHOP})
    # The name stands in the question too, so the line above the prompt tells them apart.
    prompt = "\r\nmesh.mtls: "
    keys = [(f"(shop.yaml:1){prompt}", "often\n"), (f"permissive{prompt}", "permissive\n"), ("[Y/n] ", "\n")]
    seen = look(["init"], folder, environment, keys=keys)
    assert seen.code == 0, seen.screen
    assert "'often' is not one of strict, permissive" in seen.screen
    assert (folder / "meshshift.yaml").read_text(encoding="utf-8").endswith("mesh:\n  mtls: permissive\n")
    assert "Wrote 3 files." in seen.screen
    again = look(["init"], folder, environment)
    assert "Nothing had to be changed." in again.screen, "and nothing is asked"


@pytest.mark.parametrize("answer", ["n\n", "\x04"])
def test_init_writes_nothing_where_the_answer_is_no(
    tmp_path: Path, environment: dict[str, str], answer: str
) -> None:
    folder = write(tmp_path / "repo", {"kustomization.yaml": "resources: [shop.yaml]\n", "shop.yaml": SHOP})
    seen = look(["init", "--mesh-mtls=strict"], folder, environment, keys=[("[Y/n] ", answer)])
    assert seen.code == 2
    assert "nothing was written" in seen.screen
    assert sorted(path.name for path in folder.iterdir()) == ["kustomization.yaml", "shop.yaml"]


def test_a_stream_that_moves_is_shown_in_short_too(tmp_path: Path, environment: dict[str, str]) -> None:
    done = program("check", "--overview", stdin=MOVES, env=environment, folder=tmp_path)
    assert done.code == 1
    assert b"next:    meshshift < rendered.yaml" in done.out
