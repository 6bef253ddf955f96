"""The documentation as a site: complete navigation, links that work in both places, nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dev import site_hooks
from tests.real_tools import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of this checkout, built as `sh dev/site` does."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "SITE_REPOSITORY"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _listed(pages: list[str]) -> list[str]:
    """All pages of a navigation, in its order."""
    found: list[str] = []
    for entry in site_hooks.navigation(pages):
        (below,) = entry.values()
        found += [below] if isinstance(below, str) else below
    return found


def test_every_page_is_in_the_navigation_once() -> None:
    assert sorted(_listed(PAGES)) == PAGES


def test_pages_that_nobody_listed_have_a_place_too() -> None:
    pages = [
        "index.md",
        "integrations/new.md",
        "integrations/getting-started.md",
        "tutorials/new.md",
        "new.md",
    ]
    assert site_hooks.navigation(pages) == [
        {"Home": "index.md"},
        {"Tutorials": ["tutorials/new.md"]},
        {"How to": ["integrations/getting-started.md", "integrations/new.md"]},
        {"Reference": ["new.md"]},
    ]


def test_every_section_names_pages_that_exist() -> None:
    named = {name for _, names in site_hooks.SECTIONS for name in names if not name.endswith("/")}
    # The page that begins with the first run is written with the command that it is about.
    assert named - set(PAGES) <= {"integrations/getting-started.md"}


def test_the_site_has_every_page(site: Path) -> None:
    for page in PAGES:
        assert (site / page).with_suffix(".html").is_file(), page


def test_readers_fetch_nothing_from_elsewhere(site: Path) -> None:
    """Links may lead anywhere; what a browser loads by itself must be there."""
    loaded = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]+)\"|<link\b[^>]*\bhref=\"([^\"]+)\"[^>]*>"
    )
    for path in site.rglob("*.html"):
        for found in loaded.finditer(path.read_text(encoding="utf-8")):
            address = found[1] or found[2]
            assert not re.match(r"(?:[a-z]+:)?//", address), f"{path.name}: {found[0]}"
    for path in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", path.read_text(encoding="utf-8")), (
            path.name
        )


def test_comments_for_tests_are_not_shown(site: Path) -> None:
    page = (site / "tutorials" / "at-once.html").read_text(encoding="utf-8")
    assert "<title>At once, cluster by cluster - meshshift</title>" in page
    assert "&lt;!-- needs" not in page


@pytest.mark.parametrize(
    ("text", "repository", "shown", "reason"),
    [
        ("[stages](../stages.md#audits)", "", "[stages](../stages.md#audits)", "a page of the site"),
        ("[x](https://example.org/a)", "", "[x](https://example.org/a)", "elsewhere"),
        ("[below](#here)", "", "[below](#here)", "the same page"),
        ("[action.yml](../../action.yml)", "", "`action.yml`", "a file, whose path says it all"),
        ("[an example](../../examples/held)", "", "an example (`examples/held`)", "a folder"),
        (
            "[it](../../README.md#use)",
            "https://host/o/r/",
            "[it](https://host/o/r/README.md#use)",
            "with an address",
        ),
        ("```\n[it](../../nothing)\n```", "", "```\n[it](../../nothing)\n```", "code"),
    ],
)
def test_links_to_files_outside(text: str, repository: str, shown: str, reason: str) -> None:
    assert site_hooks.outside_links(text, "integrations/page.md", repository) == shown, reason


@pytest.mark.parametrize("target", ["../../no-such-file", "../../../outside.md", "../../docs2/x.md"])
def test_a_link_to_nowhere_stops_the_build(target: str) -> None:
    with pytest.raises(site_hooks.BrokenLink, match="integrations/page"):
        site_hooks.outside_links(f"see [it]({target})", "integrations/page.md")


@pytest.mark.parametrize(
    ("text", "spaced"),
    [
        ("words:\n- a\n- b", "words:\n\n- a\n- b"),
        ("words:\n\n- a\n  more\n- b", "words:\n\n- a\n  more\n- b"),
        ("words:\n1. a", "words:\n\n1. a"),
        ("```\nx:\n- a\n```", "```\nx:\n- a\n```"),
        ("1.5 is a number\n- a", "1.5 is a number\n\n- a"),
    ],
)
def test_lists_after_paragraphs_are_lists_on_the_site_too(text: str, spaced: str) -> None:
    assert site_hooks.spaced_lists(text) == spaced
