"""The generated pages: current, complete, and readable as Markdown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev import command_line, reference
from dev.measure import pages
from transformer import cli
from transformer import command_line as flags
from transformer.codes import CODES, Code
from transformer.options import OPTIONS, Option
from transformer.report import forms
from transformer.settings import BY_KEY

DOCS = pages.DOCS


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_a_page_that_the_code_tells_is_current(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    written = pages.write(name, reference.COMMAND, reference.PAGES[name]())
    assert (DOCS / name).read_text(encoding="utf-8") == written.read_text(encoding="utf-8"), (
        "run: sh dev/docs"
    )


def test_every_code_has_a_section_that_says_what_the_catalogue_says() -> None:
    text = (DOCS / "codes.md").read_text(encoding="utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    by_code = {section.partition("\n")[0]: section for section in sections}
    assert set(by_code) == set(CODES)
    for code, known in CODES.items():
        section = by_code[code]
        for said in (known.cause, known.effect, known.remedy, known.example):
            assert said in section, code
        assert f"**Severity:** {known.severity}:" in section
        assert ("a person may accept" in section) == (known.acceptable and known.severity == "error"), code


def test_a_changed_catalogue_changes_the_page() -> None:
    code = Code("MS001", "info", "title", "Another cause.", "Another effect.", "Another remedy.")
    assert reference.codes_page({**CODES, "MS001": code}) != reference.codes_page()


def test_a_code_of_an_unknown_family_needs_a_heading() -> None:
    code = Code("MSX01", "info", "title", "cause", "effect", "remedy")
    with pytest.raises(KeyError):
        reference.codes_page({"MSX01": code})


def test_every_option_command_flag_and_format_is_told() -> None:
    options, commands = command_line.options_page(), command_line.commands_page()
    sections = re.split(r"^### ", options, flags=re.MULTILINE)[1:]
    assert sorted(section.partition("\n")[0] for section in sections) == sorted(BY_KEY)
    for section in sections:
        option = BY_KEY[section.partition("\n")[0]]
        for said in (option.flag, option.variable, *option.choices):
            assert said in section, option.key
    for name in [f"meshshift {name}" for name in cli.COMMANDS if name != "transform"]:
        assert f"`{name}" in commands
    for flag in flags.FLAGS:
        assert f"`--{flag.name}" in commands
    for form in BY_KEY["report"].choices:
        assert f"`{form}`" in commands
    for ending, _ in forms.ENDINGS:
        assert f"`{ending}`" in commands


def test_an_option_that_no_group_names_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    new = Option("brand-new", "text", "", "something")
    monkeypatch.setattr(command_line, "OPTIONS", (*OPTIONS, new))
    page = command_line.options_page()
    assert "### brand-new\n\nSomething.\n" in page.partition("\n## More\n")[2]


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_tables_have_as_many_cells_in_every_row(path: Path) -> None:
    head = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not cells or not head or cells == head, line
        head = cells


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for file, anchor in re.findall(r"\]\(([\w.-]*\.md)?(#[\w-]+)?\)", path.read_text(encoding="utf-8")):
        target = DOCS / file if file else path
        assert target.is_file(), file
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor[1:] in anchors, anchor


def test_a_cell_cannot_break_its_table() -> None:
    assert (
        pages.table(("a", "b"), [("x|y", 1234)], numbers=1)
        == "| a | b |\n| --- | ---: |\n| x\\|y | 1,234 |\n"
    )
