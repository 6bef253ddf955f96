"""Pages of docs/integrations and docs/tutorials tell the truth: a reader who types what stands there sees what stands there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import real_tools
from tests.delivery.running import install_program, isolated
from tests.docs import walkthrough

PAGES = sorted(path for folder in walkthrough.FOLDERS for path in folder.glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_page_can_be_followed_literally(
    path: Path, tmp_path: Path, plain_environment: dict[str, str]
) -> None:
    page = walkthrough.read(path)
    programs = tmp_path / "program"
    programs.mkdir()
    home = isolated(plain_environment, tmp_path, install_program(programs))
    assert walkthrough.follow(page, tmp_path, home, _program) == []


def _program(name: str) -> str:
    """A real program, or one of the development environment."""
    here = Path(sys.executable).parent / name
    return str(here) if here.is_file() else real_tools.tool(name)


def _page(folder: Path, text: str) -> walkthrough.Page:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return walkthrough.read(path)


def test_output_that_differs_and_failures_are_noticed(
    tmp_path: Path, plain_environment: dict[str, str]
) -> None:
    page = _page(
        tmp_path,
        "<!-- needs: -->\n```sh\necho one\necho two\n```\n\n```text\none\n```\n\n```sh\necho lost; false\n```\n",
    )
    wrong = walkthrough.follow(page, tmp_path, plain_environment, real_tools.tool)
    assert [line.splitlines()[0] for line in wrong] == [
        "line 2: prints something else:",
        "line 11: ended with 1:",
    ]


def test_blocks_share_a_session_and_others_are_only_read(
    tmp_path: Path, plain_environment: dict[str, str]
) -> None:
    page = _page(
        tmp_path,
        "<!-- needs: -->\n```sh\ncd examples\n```\n```console\nfalse\n```\n- in a list:\n\n  ```sh\n  ls -d bookinfo\n  ```\n\n"
        "  ```text\n  bookinfo\n  ```\n",
    )
    assert walkthrough.follow(page, tmp_path, plain_environment, real_tools.tool) == []


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\nc\n", "a\n…\nc\n", True),
        ("a\nc\n", "a\n…\nc\n", True),
        ("a\nb\n", "a\n…\n", True),
        ("a\nb\nc\n", "a\nc\n", False),
        ("a.b\n", "a?b\n", False),
        ("b\na\n", "…\na\n", True),
    ],
)
def test_ellipsis_stands_for_any_lines(printed: str, shown: str, same: bool) -> None:
    assert walkthrough.matches(printed, shown) is same


@pytest.mark.parametrize("text", ["# Page\n", "<!-- needs: helm3 -->\n# Page\n\n```yaml\na: 1\n```\n"])
def test_page_without_needs_or_commands_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"page\.md"):
        _page(tmp_path, text)
