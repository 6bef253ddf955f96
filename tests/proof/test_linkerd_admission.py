"""Linkerd's policy webhook: recorded answers, and its rules one by one.

Where the API server's schema is what refuses, the webhook may let the object in: that part belongs to the
validation against the CRDs.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.inbound_worlds import (
    GATEWAY,
    POLICY,
    account,
    allow,
    authentication,
    mesh,
    networks,
    path,
    policy_object,
    recorded,
    server,
    server_route,
)
from tests.proof.worlds import cases, present
from tests.proof.worlds import route as service_route
from tests.proof.worlds import rule as service_rule
from transformer.proof.linkerd_admission import refusal
from transformer.proof.rust_regex import UnsupportedRegex

Json = dict[str, Any]


@pytest.mark.parametrize("case", cases("linkerd/admission"))
def test_every_recorded_answer_of_the_webhook_is_given(case: Json | None) -> None:
    world = present(case)
    for question in world["questions"]:
        admit, answer = question["request"]["admit"], question["answer"]
        (asked,) = (obj for obj in recorded(world["manifests"]) if admit == _called(obj))
        if answer["by"] != "api-server-schema":
            assert (refusal(asked) is None) == answer["admitted"], answer["reason"]


def _called(obj: Json) -> str:
    meta = obj["metadata"]
    return f"{obj['apiVersion']} {obj['kind']} {meta['namespace']}/{meta['name']}"


SERVICE = {"group": "", "kind": "Service", "name": "s"}


def rate(**spec: Any) -> Json:
    """A rate limit on the Server `web`."""
    target = {"group": POLICY, "kind": "Server", "name": "web"}
    return policy_object("HTTPLocalRateLimitPolicy", "x", **{"targetRef": target, **spec})


def tls_route(rules: int, **parent: Any) -> Json:
    """A TLSRoute with that many rules."""
    return server_route("r", *({} for _ in range(rules)), kind="TLSRoute", parent=parent)


def authorization(**client: Any) -> Json:
    """A ServerAuthorization for the Server `web`."""
    return policy_object("ServerAuthorization", "x", "v1beta1", server={"name": "web"}, client=client)


def header(name: str, value: str) -> Json:
    """A filter that sets a header."""
    change = {"set": [{"name": name, "value": value}]}
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": change}


def redirect(**change: Any) -> Json:
    """A redirect filter."""
    return {"type": "RequestRedirect", "requestRedirect": change}


ADMITTED: list[tuple[Json, str]] = [
    ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}, "Services never reach the webhook"),
    (server(port="8080"), "a number in quotes is a name"),
    (server(proxyProtocol="gRPC", accessPolicy="cluster-authenticated"), "a Server"),
    (allow("httproute/r", group=GATEWAY.upper()), "letter case of kinds and groups does not count"),
    (allow("Server/web", account("a"), authentication("network")), "one account and one network"),
    (mesh("spiffe://a.b_c/x/y.z", "*", "*.a.b", "a-1.b"), "identities"),
    (
        networks({"cidr": "10.1.2.3", "except": []}, {"cidr": "fd00::/8", "except": ["fd00::1"]}),
        "addresses, blocks",
    ),
    (rate(total={"requestsPerSecond": 2}, identity={"requestsPerSecond": 2}), "as much for one as for all"),
    (tls_route(1), "one rule"),
    (
        server_route("r", path("/(", "RegularExpression", filters=[{"type": "CORS", "cors": {}}])),
        "a Gateway API route with a filter that the webhook does not know is not read at all",
    ),
    (
        service_route("r", service_rule("/x", "a"), annotations={"retry.linkerd.io/http": "5xx,429"}),
        "annotations",
    ),
    (
        server_route("r", path("/x"))
        | {"metadata": {"name": "r", "namespace": "shop", "annotations": {"retry.linkerd.io/limit": "x"}}},
        "annotations mean nothing on a Server",
    ),
    (
        server_route("r", path("/x", filters=[{"type": "URLRewrite", "urlRewrite": {"hostname": "h"}}])),
        "dropped later",
    ),
    (
        server_route("r", path("/x", timeouts={"request": "1m30s", "backendRequest": "90s"}), group=POLICY),
        "limits",
    ),
]

REFUSED: list[tuple[Json, str, str]] = [
    (policy_object("Server", "x", "v1", port=80, podSelector={}), "has no Server", "an unserved version"),
    (
        {"apiVersion": f"{POLICY}/v1beta3", "kind": "Server", "metadata": {"name": "x"}},
        "spec",
        "nothing at all",
    ),
    (policy_object("Server", "x", "v1beta3", port=80), "selector", "a Server selects something"),
    (server(port=0), "port", "ports start at 1"),
    (server(port=70000), "port", "and end at 65535"),
    (server(port=True), "port", "a boolean is no number"),
    (
        server(podSelector={"matchExpressions": [{"key": "a", "operator": "Is"}]}),
        "operator",
        "four operators",
    ),
    (server(podSelector={"matchLabels": {"a": 1}}), "matchLabels", "labels are strings"),
    (server(proxyProtocol="http2"), "proxyProtocol", "protocols are spelt exactly"),
    (server(accessPolicy="all_authenticated"), "accessPolicy", "so are access policies"),
    (allow("Namespace/pay"), "another Namespace", "a policy is for its own Namespace"),
    (allow("GRPCRoute/r"), "unsupported kind", "GRPCRoutes are Gateway API's"),
    (allow("Server/web", group="core"), "unsupported kind", "Servers are Linkerd's"),
    (allow("Server/web", account("a"), account("b")), "more than one", "one account"),
    (allow("Server/web", account("a"), authentication("mesh")), "more than one", "or one authentication"),
    (
        allow("Server/web", authentication("network"), authentication("network")),
        "more than one",
        "one network",
    ),
    (allow("Server/web", {"kind": "Token", "name": "t"}), "unsupported kind", "known authentications"),
    (allow("Server/web", {"kind": "ServiceAccount"}), "name", "references have names"),
    (mesh("client.*"), "neither", "a wildcard is the whole first label"),
    (mesh("Client.example.com"), "neither", "identities are in lower case"),
    (mesh("spiffe:///x"), "trust domain", "a SPIFFE id has a trust domain"),
    (mesh("spiffe://a/x/"), "segment", "and no empty segment"),
    (mesh("spiffe://a/../x"), "segment", "nor dots"),
    (
        mesh(identityRefs=[{"kind": "Namespace", "name": "n", "namespace": "n"}]),
        "no namespace",
        "a Namespace is in none",
    ),
    (mesh(identityRefs=[{"kind": "Service", "name": "n"}]), "unsupported kind", "accounts and Namespaces"),
    (networks(), "no network", "an empty list"),
    (networks({"cidr": "10.0.0.0/255.0.0.0"}), "address or block", "net masks are not read"),
    (networks({"cidr": "10.0.0.0/8", "except": ["0.0.0.0/0"]}), "wholly", "nothing would be left"),
    (networks({"cidr": "10.0.0.0/8", "except": ["fd00::/8"]}), "not in", "an exception of the other family"),
    (authorization(unauthenticated=True, meshTLS={"identities": ["*"]}), "beside", "anyone and someone"),
    (
        authorization(meshTLS={"unauthenticatedTLS": True, "serviceAccounts": [{"name": "a"}]}),
        "beside",
        "likewise",
    ),
    (authorization(networks=[{"cidr": "x"}], unauthenticated=True), "address or block", "networks"),
    (policy_object("EgressNetwork", "x", trafficPolicy="Deny", networks=[]), "no network", "an empty list"),
    (policy_object("EgressNetwork", "x", trafficPolicy="deny"), "trafficPolicy", "Allow or Deny"),
    (rate(total={"requestsPerSecond": 0}), "more than 0", "a limit lets something pass"),
    (
        rate(total={"requestsPerSecond": 1}, identity={"requestsPerSecond": 2}),
        "above",
        "one cannot have more than all",
    ),
    (rate(total={"requestsPerSecond": -1}), "number", "no negative limit"),
    (rate(targetRef={"kind": "Service", "name": "s"}), "unsupported kind", "limits are for Servers"),
    (
        rate(overrides=[{"requestsPerSecond": 1, "clientRefs": [{"kind": "Namespace", "name": "n"}]}]),
        "ServiceAccounts only",
        "overrides are for accounts",
    ),
    (tls_route(2), "exactly one rule", "more than one rule"),
    (tls_route(1, kind="EgressNetwork"), "port", "an EgressNetwork needs a port"),
    (server_route("r", path("x")), "absolute", "a relative path"),
    (server_route("r", path("/(", "RegularExpression")), "end of pattern", "a broken pattern"),
    (server_route("r", path("/(?=x)", "RegularExpression")), "look-around", "look-ahead"),
    (
        server_route("r", path("/", match={"headers": [{"name": "a b", "value": "c"}]})),
        "header name",
        "a space",
    ),
    (server_route("r", path("/", filters=[header("x", "a\nb")])), "control", "a line feed"),
    (
        server_route(
            "r", path("/", filters=[redirect(path={"type": "ReplaceFullPath", "replaceFullPath": "x"})])
        ),
        "absolute",
        "redirect",
    ),
    (
        server_route("r", path("/", filters=[redirect(path={"type": "ReplaceFullPath"})])),
        "absolute",
        "to nowhere",
    ),
    (
        server_route("r", path("/", filters=[{"type": "URLRewrite"}]), group=POLICY),
        "unknown type",
        "own routes",
    ),
    (
        server_route("r", path("/", filters=[{"type": "RequestRedirect"}]), group=POLICY),
        "requestRedirect",
        "a filter without its settings",
    ),
    (
        server_route("r", path("/", timeouts={"request": "5"}), group=POLICY),
        "duration",
        "a number without a unit",
    ),
    (server_route("r", path("/", timeouts={"request": "-1s"}), group=POLICY), "duration", "a negative one"),
    (
        server_route("r", path("/", timeouts={"request": "1s", "backendRequest": "1.5s"}), group=POLICY),
        "backendRequest above",
        "the part is longer than the whole",
    ),
    (server_route("r", path("/", backendRefs=[{"name": "s"}])), "port", "a Service as the backend"),
    (
        service_route("r", service_rule("/x"), annotations={"timeout.linkerd.io/request": "1.5s"}),
        "1.5s",
        "fractions",
    ),
    (
        service_route("r", service_rule("/x"), annotations={"retry.linkerd.io/http": "reset"}),
        "reset",
        "conditions",
    ),
    (
        server_route(
            "g", {"matches": [{"method": {"type": "RegularExpression", "service": ".*"}}]}, kind="GRPCRoute"
        ),
        "RegularExpression",
        "gRPC methods are compared exactly",
    ),
]


@pytest.mark.parametrize(
    ("obj", "reason"), ADMITTED, ids=[f"{n}: {case[1]}" for n, case in enumerate(ADMITTED)]
)
def test_admitted(obj: Json, reason: str) -> None:
    assert refusal(obj) is None, reason


@pytest.mark.parametrize(
    ("obj", "said", "reason"), REFUSED, ids=[f"{n}: {case[2]}" for n, case in enumerate(REFUSED)]
)
def test_refused(obj: Json, said: str, reason: str) -> None:
    assert said in str(refusal(obj)), reason


def test_an_unmodelled_pattern_is_no_answer() -> None:
    with pytest.raises(UnsupportedRegex):
        refusal(server_route("r", path(r"/\pL", "RegularExpression")))
