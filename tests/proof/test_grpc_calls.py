"""Calls by a GRPCRoute go where the HTTPRoute of the same rules sends them, which is judged against Istio elsewhere."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.proof import worlds
from tests.proof.worlds import deployment
from transformer.options import Options
from transformer.proof.linkerd_outbound import Outbound
from transformer.transform import transform

Json = dict[str, Any]

URIS: list[Json] = [
    {"prefix": "/demo.A/"},
    {"exact": "/demo.A/Get"},
    {"exact": "/demo.A/Put"},
    {"prefix": "/demo.v1.B/"},
    {"exact": "/demo.v1.B/Get"},
]
HEADERS: list[Json] = [
    {"x": {"exact": "1"}},
    {"y": {"exact": "2"}},
    {"x": {"exact": "1"}, "y": {"exact": "2"}},
]
MATCH = st.fixed_dictionaries(
    {"uri": st.sampled_from(URIS)},
    optional={"headers": st.sampled_from(HEADERS), "method": st.just({"exact": "POST"})},
)
ROUTE: list[Json] = [{"destination": {"host": name}} for name in ("a", "b", "c")]
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "match": st.lists(MATCH, min_size=1, max_size=2),
            "route": st.sampled_from([[one] for one in ROUTE]),
        },
        optional={"timeout": st.sampled_from(["1s", "2s"])},
    ),
    min_size=1,
    max_size=4,
)
REQUESTS = [
    {"path": path, "headers": headers}
    for path in (
        "/demo.A/Get",
        "/demo.A/Put",
        "/demo.A/Else",
        "/demo.v1.B/Get",
        "/demo.v1.B/Put",
        "/demo.C/Get",
    )
    for headers in ({}, {"x": "1"}, {"y": "2"}, {"x": "1", "y": "2"}, {"x": "3"})
]


def translated(rules: list[Json], protocol: str) -> list[Json]:
    """The routes of the rules for a port of the protocol, and their world; empty where the rules stay."""
    metadata = {"name": "r", "namespace": "shop"}
    spec = {"hosts": ["a"], "http": rules}
    ports = [{"name": protocol, "port": 80, "targetPort": 8080}]
    world: list[Json] = [
        *({**worlds.service(name), "spec": {"selector": {"app": name}, "ports": ports}} for name in "abc"),
        *(deployment(name) for name in "abc"),
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": metadata,
            "spec": spec,
        },
    ]
    data = "---\n".join(json.dumps(value) + "\n" for value in world).encode()
    found = worlds.objects(b"".join(transform(data, Options({"fail-on": "never"})).output).decode())
    return [] if any(value["kind"] == "VirtualService" for value in found) else found


def answers(objects: list[Json]) -> list[tuple[object, ...]]:
    """What every request gets, and by when."""
    mesh = Outbound(objects)
    common = {
        "source_ns": "shop",
        "service": "shop/a",
        "port": 80,
        "method": "POST",
        "host": "a",
        "query": "",
    }
    found = [mesh.ask({**common, **request}) for request in REQUESTS]
    return [(one["result"], one["backends"], one["timeout_ms"]) for one in found]


@given(RULES)
def test_a_grpc_route_sends_calls_where_the_http_route_does(rules: list[Json]) -> None:
    http, grpc = translated(rules, "http2"), translated(rules, "grpc")
    assert bool(http) == bool(grpc)
    assume(http)
    assert answers(grpc) == answers(http)


def test_there_are_grpc_routes() -> None:
    rules = [
        {"match": [{"uri": URIS[1]}], "route": [ROUTE[1]]},
        {"match": [{"uri": URIS[0]}], "route": [ROUTE[2]]},
    ]
    kinds = {value["kind"] for value in translated(rules, "grpc")}
    assert "GRPCRoute" in kinds
    assert "HTTPRoute" not in kinds
