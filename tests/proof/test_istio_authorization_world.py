"""What Istio's answer hangs on besides policies: the mesh's facts, the pod, tokens, external authorizers; and
what is not answered at all.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proof.istio_policies import (
    FRONT,
    OUTSIDER,
    RAW,
    TCP_PORT,
    Json,
    manifest,
    operation,
    peer,
    policy,
    request,
    service,
    source,
    verdict,
    when,
)
from tests.proof.worlds import deployment
from transformer.proof.istio_authorization import Authorization, NotModelled
from transformer.proof.istio_authorization_ports import port_protocol
from transformer.proof.istio_authorization_request import normalized


def test_the_older_peer_authentication_wins() -> None:
    young = manifest(
        "PeerAuthentication", "a", {"mtls": {"mode": "STRICT"}}, creationTimestamp="2024-02-01T00:00:00Z"
    )
    old = manifest("PeerAuthentication", "b", {}, creationTimestamp="2024-01-01T00:00:00Z")
    assert verdict([young, old], OUTSIDER) == "allow"
    assert verdict([young], OUTSIDER) == "refused-by-mtls"


def test_a_selector_in_the_root_namespace_binds_not_even_its_own_pods() -> None:
    strict = peer("STRICT", namespace="istio-system", selector={"matchLabels": {"app": "cart"}})
    world = Authorization([deployment("cart", namespace="istio-system"), strict])
    assert world.ask(request(None, workload="istio-system/cart"))["mtls_mode"] == "PERMISSIVE"


def test_facts_of_the_mesh() -> None:
    assert verdict([], OUTSIDER, mtls="strict") == "refused-by-mtls"
    assert verdict([policy(namespace="mesh")], request(), root_namespace="mesh") == "deny"
    foreign = request("corp/ns/web/sa/front")
    assert verdict([policy(source(principals=[FRONT]))], foreign, trust_domain="corp") == "allow"
    assert verdict([policy(source(principals=[FRONT]))], foreign) == "deny"
    rejected = [{"kind": "AuthorizationPolicy", "namespace": "shop", "name": "p", "message": "no"}]
    assert verdict([policy()], request(), rejected=rejected) == "allow"
    denied = policy(operation(paths=["/admin"]), action="DENY")
    assert verdict([denied], request(path="//admin"), path_normalization="MERGE_SLASHES") == "deny"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metadata": {"labels": {"app": "cart", "sidecar.istio.io/inject": "false"}}}, "not injected"),
        ({"metadata": {"annotations": {"sidecar.istio.io/inject": "false"}}}, "by the old annotation"),
        (
            {"metadata": {"annotations": {"traffic.sidecar.istio.io/excludeInboundPorts": "1, 8080"}}},
            "left out",
        ),
        (
            {"metadata": {"annotations": {"traffic.sidecar.istio.io/includeInboundPorts": "9090"}}},
            "not listed",
        ),
        ({"spec": {"hostNetwork": True}}, "the injector skips host networking"),
    ],
)
def test_past_the_sidecar_nothing_is_guarded(change: Json, reason: str) -> None:
    pods = deployment("cart")
    pods["spec"]["template"] |= change
    answer = Authorization([pods, policy(), peer("STRICT")]).ask(OUTSIDER)
    assert answer == {"verdict": "allow", "policy": None}, reason


JWT_RULES = {"jwtRules": [{"issuer": "https://issuer"}]}
REQUEST_AUTHENTICATION = manifest("RequestAuthentication", "jwt", JWT_RULES)
TOKEN = {"iss": "https://issuer", "sub": "alice", "scope": "read write", "realm": {"roles": ["a", "b"]}}


@pytest.mark.parametrize(
    ("rule", "token", "expected", "reason"),
    [
        (source(requestPrincipals=["*"]), TOKEN, "allow", "any token"),
        (source(requestPrincipals=["*"]), None, "deny", "no token"),
        (source(requestPrincipals=["https://issuer/alice"]), TOKEN, "allow", "parted at the last slash"),
        (source(requestPrincipals=["https://issuer/al*"]), TOKEN, "allow", "the subject's prefix"),
        (source(requestPrincipals=["*suer/alice"]), TOKEN, "allow", "the issuer's suffix"),
        (source(requestPrincipals=["*lice"]), TOKEN, "allow", "without a slash the subject's"),
        (source(requestPrincipals=["https:*"]), TOKEN, "allow", "or the issuer's prefix"),
        (source(requestPrincipals=["https:/*"]), TOKEN, "deny", "with one the issuer is whole"),
        (source(requestPrincipals=["https://issuer/bob"]), TOKEN, "deny", "another subject"),
        (when("request.auth.claims[realm][roles]", values=["b"]), TOKEN, "allow", "in a nested list"),
        (when("request.auth.claims[realm]", values=["*"]), TOKEN, "deny", "an object is no string"),
        (when("request.auth.claims[scope]", values=["write"]), TOKEN, "allow", "scopes are split"),
        ({}, {"iss": "https://other", "sub": "alice"}, "deny", "401: an unknown issuer"),
        ({}, None, "allow", "a missing token is no invalid one"),
    ],
)
def test_tokens(rule: Json, token: Json | None, expected: str, reason: str) -> None:
    assert verdict([REQUEST_AUTHENTICATION, policy(rule)], request(jwt=token)) == expected, reason


def test_where_nothing_looks_for_tokens_there_are_no_claims() -> None:
    wanted = policy(source(requestPrincipals=["*"]))
    elsewhere = manifest("RequestAuthentication", "jwt", JWT_RULES, namespace="web")
    assert verdict([wanted, elsewhere], request(jwt=TOKEN)) == "deny"
    everywhere = manifest("RequestAuthentication", "jwt", JWT_RULES, namespace="istio-system")
    assert verdict([wanted, everywhere], request(jwt=TOKEN)) == "allow"


def authorizer(kind: str, known_service: str = "cart.shop.svc.cluster.local") -> Json:
    """The mesh's configuration with one external authorizer `ask`."""
    mesh = f"extensionProviders:\n- name: ask\n  {kind}: {{service: {known_service}, port: 80}}\n"
    metadata = {"name": "istio", "namespace": "istio-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mesh": mesh}}


ASK = policy(operation(paths=["/api"]), name="ask", action="CUSTOM", provider={"name": "ask"})


@pytest.mark.parametrize(
    ("manifests", "asked", "expected", "reason"),
    [
        ([authorizer("envoyExtAuthzHttp"), ASK], request(), "unknown", "somebody else decides"),
        ([authorizer("envoyExtAuthzHttp"), ASK], request(path="/"), "allow", "who is not asked about this"),
        ([authorizer("envoyExtAuthzHttp"), ASK, policy()], request(), "deny", "a denial behind it is sure"),
        ([ASK], request(), "deny", "an unknown provider denies what its rules match"),
        ([ASK], request(path="/"), "allow", "and nothing else"),
        (
            [authorizer("envoyExtAuthzHttp", "nowhere.shop"), ASK],
            request(),
            "deny",
            "as one without a Service does",
        ),
        ([TCP_PORT, ASK], RAW, "deny", "on TCP the path goes and the denial stays"),
        ([TCP_PORT, authorizer("envoyExtAuthzHttp"), ASK], RAW, "allow", "one over HTTP has no part in TCP"),
        ([TCP_PORT, authorizer("envoyExtAuthzGrpc"), ASK], RAW, "unknown", "one over gRPC has"),
        (
            [
                authorizer("envoyExtAuthzHttp"),
                ASK,
                policy(operation(paths=["/z"]), name="b", action="CUSTOM", provider={"name": "b"}),
            ],
            request(),
            "deny",
            "two providers on one workload are none",
        ),
    ],
)
def test_external_authorizers(manifests: list[Json], asked: Json, expected: str, reason: str) -> None:
    assert verdict(manifests, asked) == expected, reason


def test_the_deciding_rule_is_named() -> None:
    rules = [operation(paths=["/no"]), operation(paths=["/api"])]
    world = [deployment("cart"), service(name="http"), policy(*rules)]
    assert Authorization(world).ask(request()) == {
        "verdict": "allow",
        "policy": "shop/p",
        "rule": 1,
        "transport": "mtls",
        "mtls_mode": "PERMISSIVE",
        "seen_as": "http",
    }
    denied = Authorization(world).ask(request(path="/other"))
    assert (denied["verdict"], denied["policy"], "rule" in denied) == ("deny", None, False)


@pytest.mark.parametrize(
    ("rule", "asked", "reason"),
    [
        (when("connection.sni", values=["x"]), request(), "the server name of mutual TLS"),
        (when("destination.ip", values=["10.0.0.1"]), request(), "the pod's address"),
        (when("request.headers[x-request-id]", values=["*"]), request(), "set by the proxy"),
        (source(trustDomains=["corp"]), request(), "a field of the extended channel"),
        ({}, request(path="/a/..;x/b"), "patch levels differ"),
        ({}, request(path="/a#b"), "refused before policies"),
        ({}, request(path="/%2%65"), "an escape inside of an escape"),
    ],
)
def test_what_the_world_does_not_tell_is_not_answered(rule: Json, asked: Json, reason: str) -> None:
    with pytest.raises(NotModelled):
        verdict([policy(rule)], asked)


def test_gateways_are_not_answered_for() -> None:
    pods = deployment("cart")
    pods["spec"]["template"]["metadata"]["annotations"] = {"inject.istio.io/templates": "gateway"}
    with pytest.raises(NotModelled):
        Authorization([pods]).ask(request())


@pytest.mark.parametrize(
    ("facts", "manifests", "asked"),
    [
        ({"mtls": "maybe"}, [], request()),
        ({"path_normalization": "SOME"}, [], request()),
        ({}, [policy(action="LOG")], request()),
        ({}, [policy(source(ipBlocks=["10.0.0.300"]))], request()),
        ({}, [policy(source(principals="*"))], request()),
        ({}, [peer("MUTUAL")], request()),
        ({}, [], request(workload="shop/nobody")),
    ],
)
def test_nonsense_is_an_error(facts: Json, manifests: list[Json], asked: Json) -> None:
    with pytest.raises(ValueError):
        verdict(manifests, asked, **facts)


@pytest.mark.parametrize(
    ("entry", "protocol"),
    [
        ({"name": "HTTP-web"}, "http"),
        ({"name": "httpx"}, "detected"),
        ({"name": "grpc-web-api"}, "http"),
        ({"name": "tls"}, "tcp"),
        ({"name": "http", "appProtocol": "tcp"}, "tcp"),
        ({"name": "tcp", "appProtocol": "kubernetes.io/h2c"}, "http"),
        ({"name": "http", "appProtocol": "mine"}, "detected"),
        ({"name": "db", "port": 3306}, "tcp"),
        ({"port": 5432}, "detected"),
    ],
)
def test_the_protocol_of_a_service_port(entry: Json, protocol: str) -> None:
    assert port_protocol(entry) == protocol


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/a/./b/../c", "BASE", "/a/c"),
        ("/admin/..", "BASE", "/"),
        ("//../admin", "BASE", "/admin"),
        ("/x/%2e%2e/a", "BASE", "/a"),
        ("\\admin", "BASE", "/admin"),
        ("/%2561", "BASE", "/%2561"),
        ("/a%2fb//c", "BASE", "/a%2fb//c"),
        ("/a;v=1?q", "BASE", "/a;v=1"),
        ("/a%2fb//c", "MERGE_SLASHES", "/a%2fb/c"),
        ("/a%2F%2fb//c", "DECODE_AND_MERGE_SLASHES", "/a/b/c"),
        ("/a/../%61", "NONE", "/a/../%61"),
    ],
)
def test_paths_are_normalized(path: str, kind: str, expected: str) -> None:
    assert normalized(path, kind) == expected


PIECES = st.sampled_from(["/", ".", "%2e", "%25", "%2f", "2e", "a", "%41", "~", "\\", " ", "{"])


@given(st.lists(PIECES, max_size=16).map(lambda pieces: "/" + "".join(pieces)))
def test_a_normalized_path_stays_as_it_is(path: str) -> None:
    once = normalized(path, "BASE")
    assert normalized(once, "BASE") == once
    assert not {".", ".."} & set(once.split("/"))
