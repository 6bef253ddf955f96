"""Routes on a Server: which one applies, whom it lets in, what it does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.inbound_worlds import (
    GATEWAY,
    POLICY,
    WEB,
    account,
    allow,
    ask,
    path,
    server,
    server_route,
    told,
)

Json = dict[str, Any]
Case = tuple[list[Json], Json, str, str]

OPEN = server(accessPolicy="all-unauthenticated")
DENY = {"flags": {"default_inbound_policy": "deny"}}
RPC = {"method": "POST", "path": "/shop.Cart/Add"}

MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "x"}}}

ROUTES: list[Case] = [
    (
        [OPEN, server_route("z", path("/x"), created="2024-01-01T00:00:00Z"), server_route("a", path("/x"))],
        {"path": "/x"},
        "allow 200 z#0",
        "of routes those without a time come last",
    ),
    (
        [
            OPEN,
            server_route(
                "r",
                path("/a"),
                parents=[{"group": POLICY, "kind": "Server", "name": "x", "namespace": "pay"}],
            ),
        ],
        {},
        "allow 200",
        "a Server of another Namespace drops the route from its own",
    ),
    ([OPEN, server_route("r", path("/a"))], {"path": "/a/b"}, "allow 200 r#0", "a route matches"),
    (
        [OPEN, server_route("r", path("/a"))],
        {"path": "/b"},
        "not-found 404",
        "what none matches is not found",
    ),
    (
        [OPEN, server_route("r", path("/a"))],
        {"path": "/A"},
        "not-found 404",
        "paths are compared as they are",
    ),
    ([OPEN, server_route("r")], {}, "allow 200 r#0", "the API server adds a rule where there are none"),
    ([OPEN, server_route("r", group=POLICY) | {}], {}, "allow 200 r#0", "in both groups"),
    (
        [server(), server_route("r", path("/a")), allow("HTTPRoute/r", group=GATEWAY)],
        {"path": "/a"},
        "allow 200 r#0",
        "its own policy",
    ),
    (
        [server(), server_route("r", path("/a")), allow("HTTPRoute/r")],
        {"path": "/a"},
        "deny 403 r#0",
        "of its own group",
    ),
    (
        [
            server(),
            server_route("r", path("/a")),
            server_route("s", path("/")),
            allow("HTTPRoute/r", group=GATEWAY),
        ],
        {"path": "/b"},
        "deny 403 s#0",
        "a policy opens its own route only",
    ),
    (
        [server(), server_route("r", path("/a")), allow("Server/web", account("web"))],
        {"path": "/a", "identity": WEB},
        "allow 200 r#0",
        "the Server's clients may use every route",
    ),
    (
        [OPEN, server_route("r", path("/a"), parent={"port": 8080})],
        {},
        "allow 200",
        "a port in the reference drops it",
    ),
    (
        [OPEN, server_route("r", path("/a"), parent={"sectionName": "x"})],
        {},
        "allow 200",
        "so does a section",
    ),
    (
        [
            OPEN,
            server_route(
                "r", path("/a"), parents=[{"group": POLICY, "kind": "Server", "name": "x", "port": 1}]
            ),
        ],
        {},
        "allow 200",
        "one such reference drops the route from every Server",
    ),
    ([OPEN, server_route("r", path("/a"), parent={"group": ""})], {}, "allow 200", "a Server has a group"),
    ([OPEN, server_route("r", path("/a"), parent={"name": "gone"})], {}, "allow 200", "and must exist"),
    (
        [OPEN, server_route("r", path("/a"), where="pay", parent={"namespace": "shop"})],
        {},
        "allow 200",
        "here",
    ),
    (
        [OPEN, server_route("r", path("/a"), path("/b", filters=[MIRROR]))],
        {},
        "allow 200",
        "an unknown filter",
    ),
    ([OPEN, server_route("r", path("a"))], {}, "allow 200", "admission wants absolute paths"),
    (
        [OPEN, server_route("r", path("/x")), server_route("r", path("/x"), group=POLICY)],
        {"path": "/x"},
        "allow 200 r#0",
        "tie",
    ),
    (
        [
            OPEN,
            server_route("z", path("/x"), created="2024-01-01T00:00:00Z"),
            server_route("a", path("/x"), created="2025-01-01T00:00:00Z"),
        ],
        {"path": "/x"},
        "allow 200 z#0",
        "of equal routes the older wins",
    ),
    ([server(proxyProtocol="gRPC"), allow("Server/web")], RPC, "allow 200", "gRPC calls without a route"),
    ([server(proxyProtocol="gRPC"), allow("Server/web")], {}, "not-found 404", "and nothing else"),
    (
        [server(proxyProtocol="gRPC"), allow("Server/web"), server_route("r", path("/a"))],
        RPC,
        "allow 200",
        "no HTTPRoutes",
    ),
    (
        [
            server(proxyProtocol="gRPC"),
            allow("GRPCRoute/g", group=GATEWAY),
            server_route("g", {"matches": [{"method": {"service": "shop.Cart"}}]}, kind="GRPCRoute"),
        ],
        RPC,
        "allow 200 g#0",
        "GRPCRoutes",
    ),
    (
        [
            server(proxyProtocol="gRPC"),
            allow("Server/web"),
            server_route("g", {"matches": [{"headers": [{"name": "a", "value": "b"}]}]}, kind="GRPCRoute"),
        ],
        RPC,
        "deny 403",
        "a gRPC match without a method spoils the policy",
    ),
    (
        [OPEN, server_route("r", path("/a")), server_route("g", kind="GRPCRoute")],
        {"path": "/b"},
        "allow 200",
        "a GRPCRoute turns the HTTPRoutes of its Server off: it is open",
    ),
    (
        [
            OPEN,
            server_route("r", path("/a")),
            server_route("g", kind="GRPCRoute", where="pay", parent={"namespace": "shop"}),
        ],
        {"path": "/b"},
        "allow 200",
        "from another Namespace, too",
    ),
]


ALL = ROUTES


@pytest.mark.parametrize(
    ("world", "request_", "wanted", "reason"),
    ALL,
    ids=[f"{number}: {case[3]}" for number, case in enumerate(ALL)],
)
def test_routes(world: list[Json], request_: Json, wanted: str, reason: str) -> None:
    assert told(ask(*world, **request_)) == wanted, reason


def test_filters_change_the_request_only() -> None:
    header = {"name": "X-A", "value": "1"}
    rule = path(
        "/",
        filters=[
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [header], "remove": ["X-B"]}},
            {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [header]}},
        ],
    )
    answer = ask(OPEN, server_route("r", rule))
    assert answer["request_headers"] == {"set": [{"name": "x-a", "value": "1"}], "add": [], "remove": ["x-b"]}
    assert "request_headers" not in ask(server(), server_route("r", rule))


def test_redirects_come_after_authorisation() -> None:
    redirect = {
        "type": "RequestRedirect",
        "requestRedirect": {"hostname": "new.example.com", "statusCode": 301},
    }
    route = server_route("r", path("/", filters=[redirect]))
    answer = ask(OPEN, route, path="/x", query="a=b")
    assert (answer["status"], answer["location"]) == (301, "http://new.example.com/x?a=b")
    assert told(ask(server(), route)) == "deny 403 r#0"


def test_a_prefix_redirect_needs_a_prefix() -> None:
    change = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}
    redirect = {"type": "RequestRedirect", "requestRedirect": {"path": change}}
    answer = ask(OPEN, server_route("r", path("/a", "Exact", filters=[redirect])), path="/a")
    assert (answer["verdict"], answer["status"]) == ("invalid-redirect", 500)
