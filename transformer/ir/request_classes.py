"""Classes of HTTP requests by path, method and host: the rows of an authorization table.

Istio matches paths as text (exact, or a prefix that need not end at a slash), so two path conditions are nested or
apart and form a tree: a class is a condition without the conditions below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from transformer.ir.authorization import SourceSet

if TYPE_CHECKING:
    from transformer.ir.path_conditions import Classes

#: Methods that a Linkerd route can name.
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
OTHER = ""  # every method, or every host, that no rule names


class Path(NamedTuple):
    """A path condition: the text itself, or with `prefix` everything that starts with it."""

    text: str
    prefix: bool = False

    def covers(self, other: Path) -> bool:
        """Whether every path of the other condition meets this one."""
        if self.prefix:
            return other.text.startswith(self.text)
        return self == other


ROOT = Path("/", True)

#: For one class of hosts: by path condition, by method, who may call.
Cells = dict[Path, dict[str, SourceSet]]


class Table(NamedTuple):
    """Who may call one port of a class of pods.

    `connections`: by the bytes of a connection that is not HTTP (None where the port speaks HTTP only); `hosts`: cells by
    host (None where the port is not read as HTTP), or classes where conditions on paths are no tree. Cells that say what
    the broader cell says are left out. `narrowed`: dimensions (`methods`, `hosts`) in which a class takes requests in that
    have more callers today.
    """

    connections: SourceSet | None
    hosts: Mapping[str, Cells | Classes] | None
    narrowed: frozenset[str] = frozenset()

    @property
    def uniform(self) -> SourceSet | None:
        """The one answer for every request, None where requests differ."""
        if self.hosts is None:
            return self.connections
        if list(self.hosts) == [OTHER]:
            cells = self.hosts[OTHER]
            if isinstance(cells, dict) and list(cells) == [ROOT] and list(cells[ROOT]) == [OTHER]:
                return cells[ROOT][OTHER]
        return None


def parent(path: Path, among: Iterable[Path]) -> Path:
    """The narrowest condition among the given ones that is broader than the path's; the root's own is the root."""
    above = [other for other in among if other != path and other.covers(path)]
    return max(above, key=lambda other: (len(other.text), not other.prefix), default=ROOT)


def fold(cells: Cells) -> Cells:
    """The same answers in as few cells as possible: by method within a path, then paths that say what is said above."""
    methods = sorted({method for row in cells.values() for method in row} - {OTHER})
    full = {path: {m: row.get(m, row[OTHER]) for m in (*methods, OTHER)} for path, row in cells.items()}
    for path in sorted(full, key=lambda path: (-len(path.text), path)):
        if path != ROOT and full[path] == full[parent(path, full)]:
            del full[path]
    return {
        path: {m: found for m, found in row.items() if m == OTHER or found != row[OTHER]}
        for path, row in sorted(full.items())
    }
