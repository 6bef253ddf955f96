"""Which rule the meshes take, compared with a second reading of both orders over every request of a small world."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from transformer.documents import Input
from transformer.objects import Obj
from transformer.order.precedence import LINKERD
from transformer.order.predicates import Request
from transformer.rules.gateway_api.route_order import difference

PATHS = (
    ("Exact", "/a"), ("Exact", "/a/b"), ("Exact", "/"), ("PathPrefix", "/"), ("PathPrefix", "/a"), ("PathPrefix", "/a/"),
    ("PathPrefix", "/a/b"), ("RegularExpression", "/a.*"), ("RegularExpression", "^(?:/a/[a-c]+)$"),
)  # fmt: skip
REQUEST_PATHS = ("/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/c")


class Flat(NamedTuple):
    """One match as both readings see it, and what its rule does."""

    path: tuple[str, str]
    method: str | None
    headers: frozenset[str]
    queries: frozenset[str]
    action: str


MATCHES = st.builds(
    Flat,
    st.sampled_from(PATHS),
    st.sampled_from([None, None, "GET"]),
    st.frozensets(st.sampled_from(["x-a", "x-b"])),
    st.frozensets(st.sampled_from(["q"])),
    st.sampled_from(["one", "two", "three"]),
)
ROUTES = st.lists(st.lists(MATCHES, min_size=1, max_size=3), min_size=1, max_size=4)


def manifest(index: int, flats: Sequence[Flat]) -> dict[str, Any]:
    rules = [
        {
            "matches": [
                {
                    "path": {"type": flat.path[0], "value": flat.path[1]},
                    "headers": [{"name": name, "value": "1"} for name in sorted(flat.headers)],
                    "queryParams": [{"name": name, "value": "1"} for name in sorted(flat.queries)],
                }
                | ({"method": flat.method} if flat.method else {})
            ],
            "backendRefs": [{"name": flat.action, "port": 80}],
        }
        for flat in flats
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": f"r{index}", "namespace": "shop"},
        "spec": {"parentRefs": [{"group": "", "kind": "Service", "name": "web"}], "rules": rules},
    }


def objects(routes: Sequence[Sequence[Flat]]) -> list[Obj]:
    text = yaml.safe_dump_all([manifest(index, flats) for index, flats in enumerate(routes)])
    parts = Input(text.encode(), (b"gateway",)).parts()
    counter = itertools.count()
    return [obj for part in parts if (obj := part.obj(counter, "")) is not None]


def accepts(flat: Flat, request: Request) -> bool:
    kind, value = flat.path
    base = value.rstrip("/") or "/"
    path = {
        "Exact": request.path == value,
        "PathPrefix": base == "/" or request.path == base or request.path.startswith(base + "/"),
        "RegularExpression": re.fullmatch(value, request.path) is not None,
    }[kind]
    headers, queries = dict(request.headers), dict(request.query)
    return (
        path
        and flat.method in (None, request.method)
        and all(headers.get(name) == "1" for name in flat.headers)
        and all(queries.get(name) == "1" for name in flat.queries)
    )


def by_istio(flats: Sequence[Flat], request: Request) -> str | None:
    """Exact, prefix, expression; length as written; method; number of headers; of parameters; age and place."""

    def key(flat: Flat) -> tuple[int, int, bool, int, int]:
        kind, value = flat.path
        length = len(value.rstrip("/") or "/") if kind == "PathPrefix" else len(value)
        rank = ("RegularExpression", "PathPrefix", "Exact").index(kind)
        return rank, length, flat.method is not None, len(flat.headers), len(flat.queries)

    for flat in sorted(flats, key=key, reverse=True):
        if accepts(flat, request):
            return flat.action
    return None


def by_linkerd(flats: Sequence[Flat], request: Request) -> str | None:
    """Length of what matched, where an expression is the whole path; headers; parameters; method; age and place."""
    best: tuple[tuple[int, int, int, bool], str] | None = None
    for flat in flats:
        if accepts(flat, request):
            kind, value = flat.path
            length = len(value.rstrip("/") or "/") if kind == "PathPrefix" else len(request.path)
            score = length, len(flat.headers), len(flat.queries), flat.method is not None
            if best is None or score > best[0]:
                best = score, flat.action
    return None if best is None else best[1]


def world() -> Iterator[Request]:
    for path, method, x, y, q in itertools.product(REQUEST_PATHS, ("GET", "PUT"), (0, 1), (0, 1), (0, 1)):
        headers = tuple((name, "1") for name, there in (("x-a", x), ("x-b", y)) if there)
        yield Request("", path, method, headers, (("q", "1"),) if q else ())


def differs(routes: Sequence[Sequence[Flat]], request: Request) -> bool:
    """Whether the meshes take different actions for the request under some ages of the routes."""
    for order in itertools.permutations(routes):
        flats = [flat for route in order for flat in route]
        if by_istio(flats, request) != by_linkerd(flats, request):
            return True
    return False


@given(ROUTES)
def test_what_is_called_equal_is_equal_for_every_request(routes: list[list[Flat]]) -> None:
    found = difference(objects(routes), LINKERD)
    if found is None:
        assert not [request for request in world() if differs(routes, request)]
    elif found.witness is not None:
        assert differs(routes, found.witness)


ANY = ("PathPrefix", "/")
NONE: frozenset[str] = frozenset()
X = frozenset({"x-a"})


@pytest.mark.parametrize(
    ("routes", "same", "reason"),
    [
        ([[Flat(ANY, None, NONE, NONE, "one"), Flat(("PathPrefix", "/a"), None, NONE, NONE, "two")]], True, "longer wins"),
        ([[Flat(("Exact", "/a"), None, NONE, NONE, "one"), Flat(("PathPrefix", "/a"), None, X, NONE, "two")]], False,
         "Linkerd's tie of an exact path with its prefix is broken by headers"),
        ([[Flat(("Exact", "/a"), None, NONE, NONE, "one"), Flat(("PathPrefix", "/a"), None, X, NONE, "one")]], True,
         "both do the same"),
        ([[Flat(ANY, "GET", NONE, NONE, "one"), Flat(ANY, None, X, NONE, "two")]], False, "method against headers"),
        ([[Flat(("PathPrefix", "/a/b"), None, NONE, NONE, "one")],
          [Flat(("RegularExpression", "/a.*"), None, NONE, NONE, "two")]], False, "an expression counts as the whole path"),
        ([[Flat(ANY, None, X, NONE, "one")], [Flat(ANY, None, frozenset({"x-b"}), NONE, "two")]], True,
         "a tie falls to age in both meshes"),
    ],
)  # fmt: skip
def test_orders(routes: list[list[Flat]], same: bool, reason: str) -> None:
    assert (difference(objects(routes), LINKERD) is None) == same, reason
