"""Plans of tables, asked request by request: the winning match must have the callers of the table's cell.

The rank is Linkerd's (`transformer.proof.matching`); ties between routes are settled either way.
"""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer.ir import authorization as ir
from transformer.ir.authorization import SourceSet
from transformer.ir.request_classes import OTHER, ROOT, Cells, Path, Table, fold
from transformer.proof.matching import Rank, path_length
from transformer.proof.rust_regex import matches_whole
from transformer.targets.linkerd.inbound_plan import Plan, plan
from transformer.targets.linkerd.request_paths import NON_CANONICAL, NOT_PLAIN, Unwritable, is_canonical

CALLERS = [ir.NOBODY, ir.ANYONE, ir.account("a", "x"), ir.ANY_IDENTITY]
TEXTS = ["/", "/a", "/a/", "/a/b", "/ab", "/b", "/b/c", "/b.", "/b..", "/b/"]
PATHS = [
    Path(text, prefix) for text, prefix in product(TEXTS, (False, True)) if (text, prefix) != ("/", True)
]
METHODS = ["GET", "POST", "PURGE"]
REQUESTS = [
    "".join(parts)
    for length in range(1, 4)
    for parts in product(
        ("/", "a", "b", "c", ".", "..", ";", "%61", "%2e", "%20", "%zz", "%2f", "\\"), repeat=length
    )
]
REQUESTS = ["/" + text for text in REQUESTS] + ["/a/" + text for text in REQUESTS[:200]] + ["/"]
ROWS = st.fixed_dictionaries(
    {OTHER: st.sampled_from(CALLERS)}, optional={m: st.sampled_from(CALLERS) for m in ("GET", "POST")}
)
TABLES = st.builds(
    lambda root, cells: fold({ROOT: root, **cells}),
    ROWS,
    st.dictionaries(st.sampled_from(PATHS), ROWS, max_size=4),
)


def answer(cells: Cells, path: str, method: str) -> SourceSet:
    """What the table says about a canonical request."""
    covering = [cell for cell in cells if cell.covers(Path(path))]
    row = cells[max(covering, key=lambda cell: (len(cell.text), not cell.prefix))]
    return row.get(method, row[OTHER])


def winners(found: Plan, path: str, method: str) -> set[SourceSet]:
    """Callers of every route that may win."""
    ranked: list[tuple[Rank, SourceSet]] = []
    for route in found.routes:
        for kind, value, wanted in route.matches:
            length = path_length({"type": kind, "value": value}, path)
            if length is not None and wanted in (OTHER, method):
                ranked.append(((length, 0, 0, int(wanted != OTHER)), route.sources))
    best = max(rank for rank, _ in ranked)
    return {sources | found.base for rank, sources in ranked if rank == best}


def expressions(found: Plan) -> list[str]:
    """Paths that are written as expressions."""
    return [
        value for route in found.routes for kind, value, _ in route.matches if kind == "RegularExpression"
    ]


@given(TABLES, st.sets(st.sampled_from(["/a", "/healthz"]), max_size=1))
def test_every_request_gets_the_callers_of_its_cell(cells: Cells, probes: set[str]) -> None:
    try:
        found = plan(Table(None, {OTHER: cells}), sorted(probes), opaque=False)
    except Unwritable:
        return
    if not found.routes:
        assert all(answer(cells, path, method) == found.base for path in REQUESTS[:50] for method in METHODS)
        return
    for path in REQUESTS:
        canonical = not matches_whole(NON_CANONICAL, path)
        for method in METHODS:
            allowed = ir.ANYONE if path in probes and method == "GET" else answer(cells, path, method)
            for won in winners(found, path, method):
                if not canonical:
                    # Every cell's callers may come here, or nobody: the path that Istio would see is not known.
                    assert all(won <= row.get(method, row[OTHER]) for row in cells.values()), (path, method)
                elif won == ir.NOBODY != allowed and matches_whole(NOT_PLAIN, path):
                    # Beside expressions that no path meets twice, a few odd paths more are refused.
                    assert expressions(found), path
                elif method == "PURGE":
                    assert won <= allowed, (path, method)
                else:
                    assert won == allowed, (path, method)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a/../b", "a dot segment"),
        ("/a/.", "the same at the end"),
        ("/a/..;x", "with parameters"),
        ("/a\\b", "a backslash"),
        ("/%61", "an encoded letter"),
        ("/%2E/b", "an encoded dot"),
        ("/a%2fb", "an encoded slash"),
        ("/a%5cb", "an encoded backslash"),
        ("/%zz", "nothing encoded"),
        ("/a%", "a lone percent sign"),
        ("/%7e", "an encoded tilde"),
    ],
)
def test_paths_that_are_refused(path: str, reason: str) -> None:
    assert matches_whole(NON_CANONICAL, path), reason


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a.b", "/.well-known", "/...", "/a..b", "/a%20b", "/x;v=1", "//a", "/%40", "/%C3%A4"]
)
def test_paths_that_pass(path: str) -> None:
    assert not matches_whole(NON_CANONICAL, path)
    assert re.fullmatch(NON_CANONICAL, path) is None


def test_what_a_policy_may_name() -> None:
    assert is_canonical("/pkg.Service/Method")
    for text in ("/a//b", "/a/../b", "a", "/%41", "/a?b", "/ä"):
        assert not is_canonical(text)
