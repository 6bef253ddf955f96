"""Gateway API's own rules: listeners, attachment, precedence, filters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.gateways import gateway, listener, route
from tests.proof.worlds import deployment, rule, service
from transformer.proof.gateway_routes import Ingress, RegexRank

Json = dict[str, Any]


def ask(*emitted: Json, rank: RegexRank = "lowest", **request: Any) -> Json:
    """The answer to a plain GET of `shop.example/` in a world with the Services a, b and far/c."""
    world = [
        service("a"),
        service("b"),
        service("c", namespace="far"),
        deployment("a"),
        deployment("b"),
        *emitted,
    ]
    asked = {"port": 80, "tls": False, "host": "shop.example", "method": "GET", "path": "/", **request}
    return Ingress(world, ["shop/edge"], regex_rank=rank).ask(asked)


def chosen(answer: Json) -> str:
    """Where an answer goes, or what it is."""
    if answer["action"] != "route":
        return str(answer["action"])
    return " ".join(
        ("fails" if entry.get("fails") else str(entry["service"])) + f"={entry['share']:g}"
        for entry in answer["destinations"]
    )


HEADER = {"headers": [{"name": "h", "value": "1"}]}
TWO_QUERIES = {"queryParams": [{"name": "p", "value": "1"}, {"name": "q", "value": "1"}]}
REGEX = "RegularExpression"

PRECEDENCE: list[tuple[list[Json], Json, str, str]] = [
    ([route("r", rule("/x", "a"), rule("/x", "b", how="Exact"))], {"path": "/x"}, "b", "exact beats prefix"),
    ([route("r", rule("/x", "a"), rule("/x/y", "b"))], {"path": "/x/y/z"}, "b", "the longer prefix"),
    (
        [route("r", rule("/x", "a", match=HEADER), rule("/x", "b", match={"method": "GET"}))],
        {"path": "/x", "headers": {"H": "1"}},
        "b",
        "a method beats headers",
    ),
    (
        [route("r", rule("/x", "a", match=TWO_QUERIES), rule("/x", "b", match=HEADER))],
        {"path": "/x", "headers": {"h": "1"}, "query": "p=1&q=1"},
        "b",
        "one header beats two queries",
    ),
    ([route("r", rule("/x", "a"), rule("/x", "b"))], {"path": "/x"}, "a", "the first rule of equals"),
    (
        [
            route("z", rule("/x", "b"), created="2024-01-01T00:00:00Z"),
            route("a", rule("/x", "a"), created="2025-01-01T00:00:00Z"),
        ],
        {"path": "/x"},
        "b",
        "the older route",
    ),
    ([route("z", rule("/x", "b")), route("a", rule("/x", "a"))], {"path": "/x"}, "a", "the name of equals"),
    (
        [route("any", rule("/x/y", "a")), route("own", rule("/x", "b"), hosts=["shop.example"])],
        {"path": "/x/y"},
        "b",
        "a hostname beats every path",
    ),
    (
        [
            route("wild", rule("/x/y", "a"), hosts=["*.shop.example"]),
            route("own", rule("/x", "b"), hosts=["w.shop.example"]),
        ],
        {"path": "/x/y", "host": "w.shop.example"},
        "b",
        "an exact hostname beats a wildcard",
    ),
]


@pytest.mark.parametrize(("emitted", "request_", "wanted", "reason"), PRECEDENCE)
def test_precedence(emitted: list[Json], request_: Json, wanted: str, reason: str) -> None:
    assert chosen(ask(gateway(), *emitted, **request_)) == f"shop/{wanted}=1", reason


@pytest.mark.parametrize(
    ("rank", "wanted"), [("lowest", "exact"), ("prefix", "exact"), ("path", "exact"), ("highest", "regex")]
)
def test_where_regexes_rank_is_a_question_of_the_controller(rank: RegexRank, wanted: str) -> None:
    emitted = route("r", rule("/x/.*", "a", how=REGEX), rule("/x/y", "b", how="Exact"), rule("/x", "b"))
    assert (
        chosen(ask(gateway(), emitted, rank=rank, path="/x/y"))
        == f"shop/{'a' if wanted == 'regex' else 'b'}=1"
    )
    expected = "b" if rank == "lowest" else "a"
    assert chosen(ask(gateway(), emitted, rank=rank, path="/x/long")) == f"shop/{expected}=1"


ALL = {"namespaces": {"from": "All"}}
FAR_ONLY = {
    "namespaces": {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "far"}}}
}
GRANT = {
    "apiVersion": "gateway.networking.k8s.io/v1beta1",
    "kind": "ReferenceGrant",
    "metadata": {"name": "g", "namespace": "far"},
    "spec": {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}],
        "to": [{"group": "", "kind": "Service"}],
    },
}
FAR = rule(None, backendRefs=[{"name": "c", "namespace": "far", "port": 80}])
HTTPS = listener("tls", "HTTPS", 443, hostname="shop.example", tls={"certificateRefs": [{"name": "s"}]})
RAW = listener("raw", "TLS", 443, hostname="raw.example", tls={"mode": "Passthrough"})
TLS = {"port": 443, "tls": True, "sni": "shop.example"}

ATTACHED: list[tuple[list[Json], Json, str, str]] = [
    ([gateway()], {}, "not-found", "a listener without routes"),
    ([route("r", rule("/", "a"))], {}, "refused", "no gateway"),
    ([gateway()], {"port": 81}, "refused", "no listener on the port"),
    (
        [gateway(), route("r", rule("/", "a"))],
        {"tls": True, "sni": "x"},
        "refused",
        "TLS where HTTP is spoken",
    ),
    ([gateway(HTTPS), route("r", rule("/", "a"))], TLS, "shop/a=1", "TLS that is terminated"),
    ([gateway(HTTPS), route("r", rule("/", "a"))], {"port": 443}, "refused", "HTTP where TLS is spoken"),
    (
        [gateway(HTTPS), route("r", rule("/", "a"))],
        {**TLS, "sni": "x.example"},
        "refused",
        "an unknown server name",
    ),
    (
        [gateway(RAW), route("t", rule(None, "a"), kind="TLSRoute", hosts=["raw.example"])],
        {**TLS, "sni": "raw.example", "protocol": "tls"},
        "shop/a=1",
        "TLS that is passed through",
    ),
    ([gateway(RAW)], {**TLS, "sni": "raw.example", "protocol": "tls"}, "refused", "and nobody to pass it to"),
    (
        [gateway(), route("r", rule("/", "a"), namespace="far")],
        {},
        "not-found",
        "routes of the same namespace only",
    ),
    (
        [gateway(listener("web", allowedRoutes=ALL)), route("r", FAR, namespace="far")],
        {},
        "far/c=1",
        "routes of every namespace",
    ),
    (
        [gateway(listener("web", allowedRoutes=FAR_ONLY)), route("r", rule("/", "a"))],
        {},
        "not-found",
        "routes of selected namespaces",
    ),
    (
        [gateway(), route("r", rule("/", "a"), ref={"sectionName": "other"})],
        {},
        "not-found",
        "another section",
    ),
    ([gateway(), route("r", rule("/", "a"), ref={"port": 81})], {}, "not-found", "another port"),
    ([gateway(), route("r", rule("/", "a"), hosts=["x.example"])], {}, "not-found", "another host"),
    (
        [gateway(), route("r", rule("/", "a"), hosts=["shop.example"])],
        {"host": "SHOP.example:80"},
        "shop/a=1",
        "its host",
    ),
    (
        [
            gateway(listener("web", hostname="*.example")),
            route("r", rule("/", "a"), hosts=["*.shop.example"]),
        ],
        {"host": "a.b.shop.example"},
        "shop/a=1",
        "the intersection of two wildcards",
    ),
    (
        [gateway(listener("web", hostname="x.example")), route("r", rule("/", "a"), hosts=["shop.example"])],
        {},
        "not-found",
        "hostnames that have nothing in common",
    ),
    (
        [
            gateway(listener("all"), listener("own", hostname="shop.example")),
            route("r", rule("/", "a"), ref={"sectionName": "all"}),
        ],
        {},
        "not-found",
        "the most specific listener takes the request alone",
    ),
    ([gateway(), route("r", FAR)], {}, "fails", "another namespace without a grant"),
    ([gateway(), route("r", FAR), GRANT], {}, "far/c=1", "another namespace with a grant"),
    ([gateway(), route("r", rule("/", "a=3", "gone=1"))], {}, "shop/a=0.75 fails=0.25", "a share that fails"),
    ([gateway(), route("r", rule("/", "a=0"))], {}, "fails", "no weight at all"),
    ([gateway(), route("r", rule("/"))], {}, "fails", "no backend at all"),
    (
        [gateway(), route("g", rule(None, "a", matches=[{"method": {"service": "s"}}]), kind="GRPCRoute")],
        {"method": "POST", "path": "/s/m"},
        "shop/a=1",
        "a gRPC service",
    ),
]


@pytest.mark.parametrize(("emitted", "request_", "wanted", "reason"), ATTACHED)
def test_attachment(emitted: list[Json], request_: Json, wanted: str, reason: str) -> None:
    assert chosen(ask(*emitted, **request_)) == wanted, reason


def replaced(prefix: str, by: str, path: str) -> str:
    """The path after a prefix was replaced."""
    change = {"type": "ReplacePrefixMatch", "replacePrefixMatch": by}
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": change, "hostname": "inner.example"}}
    answer = ask(gateway(), route("r", rule(prefix, "a", filters=[rewrite])), path=path)
    assert answer["authority_after"] == "inner.example"
    return str(answer["path_after"])


@pytest.mark.parametrize(
    ("path", "prefix", "by", "wanted"),
    [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
    ],
)
def test_prefixes_are_replaced_as_the_specification_lists(
    path: str, prefix: str, by: str, wanted: str
) -> None:
    assert replaced(prefix, by, path) == wanted


REDIRECTS: list[tuple[Json, Json, str, str]] = [
    ({}, {"path": "/x"}, "302 http://shop.example/x", "nothing changes but the default code"),
    ({"scheme": "https", "statusCode": 301}, {}, "301 https://shop.example/", "the scheme's port"),
    ({"scheme": "https", "port": 8443}, {}, "302 https://shop.example:8443/", "a port of its own"),
    ({"hostname": "new.example"}, {"port": 8081}, "302 http://new.example:8081/", "the listener's port"),
    (
        {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}},
        {"query": "q=1"},
        "302 http://shop.example/new?q=1",
        "the query stays",
    ),
]


@pytest.mark.parametrize(("block", "request_", "wanted", "reason"), REDIRECTS)
def test_redirects(block: Json, request_: Json, wanted: str, reason: str) -> None:
    emitted = route("r", rule("/", filters=[{"type": "RequestRedirect", "requestRedirect": block}]))
    answer = ask(gateway(listener("web"), listener("other", port=8081)), emitted, **request_)
    assert f"{answer['redirect']['status']} {answer['redirect']['location']}" == wanted, reason


def test_filters_and_limits_are_told() -> None:
    filters = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "X-A", "value": "1"}]}},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["Server"]}},
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b", "port": 80}, "percent": 5}},
        {"type": "CORS", "cors": {"allowOrigins": ["https://a.example"]}},
    ]
    emitted = route(
        "r", rule("/", "a", filters=filters, timeouts={"request": "1m30s", "backendRequest": "0s"})
    )
    answer = ask(gateway(), emitted)
    assert answer["request_headers"] == {"set": [{"name": "x-a", "value": "1"}], "add": [], "remove": []}
    assert answer["response_headers"] == {"set": [], "add": [], "remove": ["server"]}
    assert answer["mirror"] == [{"service": "shop/b", "port": 80, "percent": 5.0}]
    assert answer["cors"] == {"allowOrigins": ["https://a.example"]}
    assert (answer["timeout_ms"], answer["backend_timeout_ms"]) == (90_000, None)


def test_a_filter_of_an_extension_cannot_be_relied_upon() -> None:
    assert chosen(ask(gateway(), route("r", rule("/", "a", filters=[{"type": "ExtensionRef"}])))) == "fails"


def test_a_duration_with_a_fraction_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"1\.5s"):
        ask(gateway(), route("r", rule("/", "a", timeouts={"request": "1.5s"})))
