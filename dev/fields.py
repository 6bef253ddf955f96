"""Writes `docs/fields.md`, what becomes of every field: `python -m dev.fields`. It takes seconds and needs nothing else."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from dev.measure import field_runs, field_streams, field_tables, pages
from dev.measure.field_runs import Measured, Row
from dev.measure.field_streams import Table
from transformer.codes import CODES

COMMAND = "python -m dev.fields"
FATES = ("translated", "no-op", "degraded", "held")


def page() -> str:
    """The page's text."""
    measured = [(table, field_runs.measure(table)) for table in field_tables.TABLES]
    parts = [HEAD, _summary(measured), LEGEND]
    for kind in dict.fromkeys(table.kind for table, _ in measured):
        parts.append(f"## {kind}\n")
        parts += [_section(table, rows) for table, rows in measured if table.kind == kind]
    return "\n".join(parts)


def _summary(measured: Iterable[tuple[Table, list[Row]]]) -> str:
    fields: dict[str, set[str]] = {}
    fates: dict[str, Counter[str]] = {}
    for table, rows in measured:
        fields.setdefault(table.kind, set()).update(path for _, path in field_streams.paths([table]))
        streams = (found for row in rows for column in row.measured.values() for found in column.values())
        fates.setdefault(table.kind, Counter()).update(found.fate for found in streams)
    return pages.table(
        ("kind", "fields", "streams", *FATES),
        ((kind, len(fields[kind]), count.total(), *(count[fate] for fate in FATES))
         for kind, count in fates.items()),
        numbers=2 + len(FATES),
    )  # fmt: skip


def _section(table: Table, rows: list[Row]) -> str:
    titles = [column.title for column in table.columns]
    body = pages.table(
        ("field", "measured with", *titles, "why"),
        ((f"`{row.path}`", f"`{row.sample}`", *(_cell(row.measured.get(title)) for title in titles), _why(row))
         for row in rows),
    )  # fmt: skip
    return f"### {table.title}\n\n{body}"


def _cell(by_version: dict[str, Measured] | None) -> str:
    """The fate, and where Gateway API versions differ the fate by version."""
    if by_version is None:
        return "no such field"
    told = {version: _told(found) for version, found in by_version.items()}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "; ".join(f"{version}: {text}" for version, text in told.items())


def _told(found: Measured) -> str:
    codes = ", ".join(f"[{code}](codes.md#{code.lower()})" for code in found.codes)
    return f"{found.fate} ({codes})" if codes else found.fate


def _why(row: Row) -> str:
    """Sentences of the codes and reasons of no-ops, each once."""
    cells = [found for column in row.measured.values() for found in column.values()]
    codes = [f"{code}: {CODES[code].title}" for found in cells for code in found.codes]
    return "; ".join(dict.fromkeys([*(found.why for found in cells if found.why), *codes]))


def main() -> int:
    """Measure and write; returns the exit code."""
    written = pages.write("fields.md", COMMAND, page())
    print(written.relative_to(pages.DOCS.parent).as_posix())
    return 0


HEAD = """\
# What becomes of every field

Every field of these kinds, as their custom resource definitions have it (Istio 1.31, SMI, Open Service Mesh), measured: the
program ran on one small stream per field, with an object that is translated and the field set as shown. Other values may
fare differently; several stand here where they do. The streams hold every object (`complete: "*"`), policies are translated,
and the output is for Linkerd 2.20 with Gateway API 1.2 and 1.5.
"""
LEGEND = """\
- *translated*: what is emitted says the same; with a code, apart from what the code says.
- *no-op*: needs nothing in Linkerd, or has no effect in the old mesh.
- *degraded*: lost, and told; requests are served all the same.
- *held*: the object stays in its mesh byte for byte, with everything that depends on it. *Why* names the codes; many can be
  [accepted](codes.md).

Where the two Gateway API versions differ, both stand in the cell. Http rules with a `match` are followed by one for all
other requests; `MS219` means that the order of the two cannot be kept.
"""

if __name__ == "__main__":
    sys.exit(main())
