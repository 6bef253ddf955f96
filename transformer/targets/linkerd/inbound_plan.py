"""A table of who may call a port, laid out as Linkerd enforces it: the Server's own answer, and routes with theirs.

A Server's allowances add to its routes', a request that no route matches gets 404 before any authorization, and routes
take the automatic probe route away (linkerd-policy-controller, inbound index): so every Server with routes has a
catch-all, and the probes are cells of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir import path_conditions
from transformer.ir.authorization import Inexpressible, SourceSet
from transformer.ir.path_conditions import Classes, TooManyStates
from transformer.ir.request_classes import METHODS, OTHER, ROOT, Cells, Path, Table, fold, parent
from transformer.targets.linkerd import path_expressions
from transformer.targets.linkerd.path_expressions import Found
from transformer.targets.linkerd.request_paths import (
    NON_CANONICAL,
    NOT_PLAIN,
    Unwritable,
    is_canonical,
    matches,
)

_MOST_MATCHES, _MOST_HOSTS = 128, 16


class RoutePlan(NamedTuple):
    """One route: hosts (none for all others), matches as (path type, path, method), and who is let in.

    `headers` has the conditions on headers of every match, as (type, name, value); empty where no match has any.
    """

    hosts: tuple[str, ...]
    matches: tuple[tuple[str, str, str], ...]
    sources: SourceSet
    probes: bool = False
    headers: tuple[tuple[tuple[str, str, str], ...], ...] = ()


class Plan(NamedTuple):
    """One Server: what it lets in by itself, whether it looks at requests, and its routes.

    `looks_at_paths`: whether callers depend on the path, so that spellings of it that Istio would have rewritten first
    are refused. `stricter`: whether requests on an opaque port are refused that Istio let in. `narrowed`: as for the table.
    """

    base: SourceSet
    opaque: bool
    routes: tuple[RoutePlan, ...] = ()
    looks_at_paths: bool = False
    stricter: bool = False
    narrowed: frozenset[str] = frozenset()


def plan(table: Table, probes: Iterable[str], *, opaque: bool, calls: Iterable[str] = ()) -> Plan:
    """Lay out a table. `probes` are paths that anyone may GET, `calls` paths that anyone may POST (probes by gRPC).

    Raises `Unwritable` where Linkerd cannot say the table.
    """
    opened = frozenset({*((path, "GET") for path in probes), *((path, "POST") for path in calls)})
    found = _plan(table, opened, opaque)
    for sources in (found.base, *(route.sources for route in found.routes)):
        said = ir.clauses(sources)
        if isinstance(said, Inexpressible):
            raise Unwritable(f"of callers {said.reason}, and Linkerd can only add, not subtract")
    if found.opaque:
        return found
    lost = {"methods"} if any(map(_loses_methods, (table.hosts or {}).values())) else set()
    return found._replace(narrowed=table.narrowed | lost)


def _loses_methods(cells: Cells | Classes) -> bool:
    """Whether methods that no route can name lose callers, because a path wins by naming all others."""
    if isinstance(cells, Classes):
        return _names_all_methods(path_expressions.matches(cells))
    try:
        written = {(match.cell, match.method) for match in matches(cells)}
    except Unwritable:
        return _names_all_methods(path_expressions.matches(_as_classes(cells)))
    return any(
        row[OTHER] != cells[parent(path, cells)][OTHER]
        and (path, OTHER) not in written
        and (path.prefix or cells.get(Path(f"{path.text}/", True)) != row)
        for path, row in cells.items()
        if path != ROOT
    )


def _names_all_methods(found: Iterable[Found]) -> bool:
    """Whether a path is written as every method that a route can name, so that the others are refused there."""
    methods: dict[tuple[str, str], set[str]] = {}
    for match in found:
        methods.setdefault((match.type, match.value), set()).add(match.method)
    return any(OTHER not in written and written >= set(METHODS) for written in methods.values())


_Probes = frozenset[tuple[str, str]]


def _plan(table: Table, probes: _Probes, opaque: bool) -> Plan:
    uniform = table.uniform
    if table.hosts is None or opaque:
        base = table.connections if table.connections is not None else ir.NOBODY
        return Plan(base, True, stricter=table.hosts is not None and uniform != base)
    base = table.connections if table.connections is not None else ir.NOBODY
    # Linkerd opens HTTP probes by itself where a Server has no routes, but not those by gRPC.
    needs_routes = uniform != ir.ANYONE and any(method == "POST" for _, method in probes)
    if uniform is not None and (table.connections is None or uniform == base) and not needs_routes:
        return Plan(uniform, False)
    blocks = _blocks(table.hosts, probes)
    routes = [
        route
        for hosts, cells in blocks
        # Open probes give nobody a reason to write a path otherwise, so they are no path that callers depend on.
        for route in _routes(
            hosts,
            cells,
            base,
            frozenset(probes),
            refuses=_looks_at_paths(cells if hosts else table.hosts[OTHER]),
        )
    ]
    return Plan(base, False, tuple(routes), any(map(_looks_at_paths, table.hosts.values())))


def _looks_at_paths(cells: Cells | Classes) -> bool:
    return isinstance(cells, Classes) or any(path != ROOT for path in cells)


_Block = tuple[tuple[str, ...], Cells | Classes]


def _blocks(hosts: Mapping[str, Cells | Classes], probes: _Probes) -> list[_Block]:
    """Classes of hosts with the same cells; probes come without a host that a policy names."""
    by_cells: list[tuple[list[str], Cells | Classes]] = []
    for host, cells in hosts.items():
        if host == OTHER:
            continue
        same = next((names for names, other in by_cells if other == cells), None)
        if same is None:
            by_cells.append(([host], cells))
        else:
            same.append(host)
    blocks: list[_Block] = [((), _with_probes(hosts[OTHER], probes))]
    for names, cells in by_cells:
        if len(names) > _MOST_HOSTS:
            raise Unwritable(f"{len(names)} hosts, of which a route takes {_MOST_HOSTS}")
        blocks.append((tuple(names), cells))
    return blocks


def _with_probes(cells: Cells | Classes, probes: _Probes) -> Cells | Classes:
    """The cells with the probes open to anyone."""
    for text, _ in probes:
        if not is_canonical(text):
            raise Unwritable(f"the probe path {text} is not one that a route can say")
    if isinstance(cells, Classes):
        try:
            for text, method in sorted(probes):
                cells = path_conditions.narrowed(cells, Path(text), method, ir.ANYONE)
        except TooManyStates as problem:
            raise Unwritable(str(problem)) from problem
        return cells
    out = {path: dict(row) for path, row in cells.items()}
    for text, method in sorted(probes):
        path = Path(text)
        row = out.setdefault(path, dict(cells[parent(path, cells)]))
        row[method] = ir.ANYONE
    return fold(out)


def _routes(
    hosts: tuple[str, ...], cells: Cells | Classes, base: SourceSet, probes: _Probes, *, refuses: bool
) -> list[RoutePlan]:
    """Routes of one class of hosts, one for each set of callers; `refuses` asks for one that refuses odd paths."""
    by_sources: dict[tuple[SourceSet, bool], list[tuple[str, str, str]]] = {}
    prefixes_open = False
    found, refused = _matches(cells)
    for match in found:
        probe = not hosts and match.sources == ir.ANYONE and _is_probe(match, probes)
        by_sources.setdefault((match.sources, probe), []).append((match.type, match.value, match.method))
        prefixes_open |= match.type == "PathPrefix" and not match.sources <= base
    if prefixes_open and refuses:
        by_sources.setdefault((ir.NOBODY, False), []).insert(0, ("RegularExpression", refused, OTHER))
    if sum(map(len, by_sources.values())) > _MOST_MATCHES:
        raise Unwritable(f"more than {_MOST_MATCHES} matches for one class of hosts")
    return [RoutePlan(hosts, tuple(found), *key) for key, found in by_sources.items()]


def _matches(cells: Cells | Classes) -> tuple[list[Found], str]:
    """Matches of one class of hosts, and the expression for paths that are refused beside open prefixes."""
    if isinstance(cells, Classes):
        return list(path_expressions.matches(cells)), NOT_PLAIN
    try:
        found = [
            Found(cells[one.cell].get(one.method, cells[one.cell][OTHER]), one.type, one.value, one.method)
            for one in matches(cells)
        ]
    except Unwritable:
        # Prefixes within prefixes: written as expressions that no path can meet twice.
        return list(path_expressions.matches(_as_classes(cells))), NOT_PLAIN
    return found, NON_CANONICAL


def _as_classes(cells: Cells) -> Classes:
    try:
        return path_conditions.of_cells(cells)
    except TooManyStates as problem:
        raise Unwritable(str(problem)) from problem


def _is_probe(match: Found, probes: _Probes) -> bool:
    return match.type == "Exact" and (match.value, match.method) in probes
