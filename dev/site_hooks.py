"""What `mkdocs.yml` leaves to code: the navigation, and links that only work on a repository host.

Pages are read in two places. On a repository host every link is relative and may lead to any file of the repository. The site
has only what is below `docs/`: there a link to another file leads to the repository where `SITE_REPOSITORY` says its address
(what stands before a path: `https://host/owner/meshshift/blob/main`), and is shown as the file's path where it does not. A link
to a file that does not exist stops the build.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
#: Section, and its pages: names of pages in order, or a folder with all that is in it.
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Tutorials", ("tutorials/namespace-by-namespace.md", "tutorials/at-once.md", "tutorials/")),
    ("How to", ("integrations/getting-started.md", "integrations/", "stages.md")),
    ("Reference", ("commands.md", "options.md", "codes.md", "rules.md", "fields.md")),
    ("Measurements", ("corpus.md", "vectors.md", "authorization.md", "benchmark.md")),
)
_LINK = re.compile(r"(?<!!)\[([^\]\[]*)\]\(([^()\s#]+)(#[^()\s]*)?\)")
_COMMENTS = re.compile(r"\A(?:<!--.*?-->\s*)+", re.DOTALL)
_FENCE = re.compile(r"^ *(```|~~~)")
_ITEM = re.compile(r"^( *)(?:[-*+]|\d+[.)]) ")


class BrokenLink(PluginError):
    """A link to a file that is not in the repository; stops the build with its message."""


def navigation(pages: list[str]) -> list[dict[str, Any]]:
    """The navigation for these pages (paths below `docs/`): those that no section names end up in the reference."""
    left = sorted(page for page in pages if page != "index.md")
    nav: list[dict[str, Any]] = [{"Home": "index.md"}]
    for title, wanted in SECTIONS:
        found: list[str] = []
        for name in wanted:
            found += [page for page in left if page == name or (name.endswith("/") and page.startswith(name))]
            left = [page for page in left if page not in found]
        nav.append({title: found})
    reference = next(entry["Reference"] for entry in nav if "Reference" in entry)
    reference += left
    return [entry for entry in nav if any(entry.values())]


def outside_links(text: str, page: str, repository: str = "") -> str:
    """The Markdown of a page with its links to files outside of `docs/` as the site can show them.

    `page` is its path below `docs/`, `repository` the address of the repository's files or empty. Raises BrokenLink.
    """

    def replaced(found: re.Match[str]) -> str:
        label, target, anchor = found[1], found[2], found[3] or ""
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            return found[0]
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), target))
        if path == "docs" or path.startswith("docs/"):
            return found[0]
        if path.startswith("..") or not (ROOT / path).exists():
            raise BrokenLink(f"docs/{page}: {target} is not in the repository")
        if repository:
            return f"[{label}]({repository.rstrip('/')}/{path}{anchor})"
        name = label.strip("`")
        return f"`{path}`" if name in path else f"{label} (`{path}`)"

    return "\n".join(line if fenced else _LINK.sub(replaced, line) for line, fenced in _lines(text))


def spaced_lists(text: str) -> str:
    """A blank line before every list that follows a paragraph: hosts do without, the site's Markdown does not."""
    out: list[str] = []
    for line, fenced in _lines(text):
        before = out[-1] if out else ""
        starts = _ITEM.match(line)
        if (
            starts
            and not fenced
            and before.strip()
            and not _ITEM.match(before)
            and not before.startswith(" ")
        ):
            out.append("")
        out.append(line)
    return "\n".join(out)


def _lines(text: str) -> list[tuple[str, bool]]:
    """Lines, and whether they belong to a fenced block."""
    found, inside = [], False
    for line in text.split("\n"):
        fence = _FENCE.match(line) is not None
        found.append((line, inside or fence))
        inside = inside != fence
    return found


# -- what mkdocs calls -----------------------------------------------------------------------------------------


def on_config(config: Any) -> Any:
    """Set the navigation from what is in the folder."""
    config.nav = navigation([path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")])
    return config


def on_page_markdown(markdown: str, /, *, page: Any, **_: Any) -> str:
    """Prepare the Markdown of a page."""
    repository = os.environ.get("SITE_REPOSITORY", "")
    # A page has the title of its first heading only where nothing stands before that.
    titled = _COMMENTS.sub("", markdown)
    return spaced_lists(outside_links(titled, page.file.src_uri, repository))
