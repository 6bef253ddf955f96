"""Parts of generated pages: tables, and the note that says which command wrote a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: int = 0) -> str:
    """A Markdown table; the last `numbers` columns are aligned to the right."""
    rules = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    lines = [head, rules, *([cell(entry) for entry in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(entry: object) -> str:
    """The text of a cell; numbers get thousands separators."""
    return f"{entry:,}" if isinstance(entry, int) else str(entry).replace("|", "\\|").replace("\n", " ")


def write(name: str, command: str, body: str) -> Path:
    """Write a page of `docs/` with a note for whoever would edit it; returns its path."""
    path = DOCS / name
    path.parent.mkdir(exist_ok=True)
    note = f"<!-- Written by `{command}`; changes belong there. -->\n"
    path.write_text(note + body.rstrip("\n") + "\n", encoding="utf-8")
    return path
