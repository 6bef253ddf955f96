"""Linkerd's inbound answers: recorded ones, and the facts that they rest on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proof.inbound_worlds import (
    API,
    GATEWAY,
    POLICY,
    WEB,
    account,
    allow,
    ask,
    authentication,
    mesh,
    namespace,
    networks,
    path,
    recorded,
    server,
    server_route,
    told,
    workload,
)
from tests.proof.worlds import cases, present
from transformer.proof.linkerd_inbound import Inbound
from transformer.proof.linkerd_inbound_pods import is_meshed

Json = dict[str, Any]
Case = tuple[list[Json], Json, str, str]

OPEN = server(accessPolicy="all-unauthenticated")
PROBED = workload(readinessProbe={"httpGet": {"path": "/healthz?full=1", "port": "http"}})
DENY = {"flags": {"default_inbound_policy": "deny"}}


def settings(flags: Json) -> Json:
    """The flags of a case, with lists where they are written with commas."""
    return {
        key: [part for part in value.split(",") if part] if key.endswith(("_networks", "_ports")) else value
        for key, value in flags.items()
    }


@pytest.mark.parametrize("case", cases("linkerd/inbound"))
def test_every_recorded_answer_is_given(case: Json | None) -> None:
    world = present(case)
    mesh_ = Inbound(recorded(world["manifests"]), **settings(world["flags"]))
    for question in world["questions"]:
        wanted = {key: value for key, value in question["answer"].items() if key != "info"}
        assert mesh_.ask(question["request"]) == wanted, question["request"]


DEFAULTS: list[Case] = [
    ([], {}, "allow 200", "without a Server the cluster's default policy decides"),
    ([], DENY, "deny 403", "which may be to deny"),
    ([], DENY | {"ip": "127.0.0.1"}, "allow 200", "the pod's own host always passes"),
    ([], DENY | {"tcp": True}, "deny-connection", "a stream that is not HTTP is refused as a connection"),
    ([namespace(default_inbound_policy="deny")], {}, "deny 403", "a Namespace has its own default"),
    ([namespace(default_inbound_policy="Deny")], {}, "allow 200", "a misspelt default is ignored: open"),
    (
        [
            namespace(default_inbound_policy="deny"),
            workload(annotations={"config.linkerd.io/default-inbound-policy": "all-authenticated"}),
        ],
        {"identity": API},
        "allow 200",
        "the pod's default wins over its Namespace's",
    ),
    (
        [namespace(default_inbound_policy="all-authenticated")],
        {"identity": "spiffe://mesh.example/ns/shop/sa/web"},
        "deny 403",
        "a SPIFFE identity is not any identity",
    ),
    (
        [namespace(default_inbound_policy="cluster-authenticated")],
        {"identity": WEB},
        "allow 200",
        "both hold",
    ),
    (
        [namespace(default_inbound_policy="cluster-authenticated")],
        {"identity": WEB, "ip": "203.0.113.7"},
        "deny 403",
        "an address outside the cluster does not help a good identity",
    ),
    (
        [namespace(proxy_require_identity_inbound_ports="8000-8100")],
        {},
        "deny 403",
        "identity can be required by port",
    ),
    (
        [namespace(proxy_require_identity_inbound_ports="8080,http")],
        {},
        "allow 200",
        "one malformed part empties a list of ports",
    ),
    ([namespace(default_inbound_policy="audit")], {}, "audit 200", "audit lets pass and says so"),
    (
        [allow("Namespace/shop", account("web"))],
        DENY | {"identity": WEB},
        "deny 403",
        "a Namespace policy needs a Server",
    ),
]

PODS: list[Case] = [
    ([namespace(inject="disabled")], DENY, "allow", "a pod without proxy has no policy"),
    (
        [namespace(inject="disabled"), workload(annotations={"linkerd.io/inject": "enabled"})],
        DENY,
        "deny 403",
        "the pod decides",
    ),
    ([workload(annotations={"linkerd.io/inject": "disabled"})], DENY, "allow", "against its Namespace too"),
    ([namespace(inject="true")], DENY, "allow", "an invalid value turns injection off"),
    (
        [namespace(inject="true"), workload(annotations={"linkerd.io/inject": "enabled"})],
        DENY,
        "allow",
        "an invalid value on the Namespace even where the pod asks for a proxy",
    ),
    ([workload(spec={"hostNetwork": True})], DENY, "allow", "pods of the host network are not injected"),
    (
        [workload(spec={"initContainers": [{"name": "istio-proxy"}]})],
        DENY,
        "allow",
        "nor pods that have another sidecar",
    ),
    (
        [namespace(inject="disabled"), workload(spec={"initContainers": [{"name": "linkerd-proxy"}]})],
        DENY,
        "deny 403",
        "a proxy that is there already counts",
    ),
    ([namespace(skip_inbound_ports="8000-8080")], DENY, "allow", "a skipped port meets no proxy"),
    ([], DENY | {"port": 4567}, "allow", "some ports are skipped by default"),
    (
        [namespace(skip_inbound_ports="1")],
        DENY | {"port": 4567},
        "deny 403",
        "a list of one's own replaces them",
    ),
    ([namespace(skip_subnets="10.0.0.0/24")], DENY, "allow", "clients of a skipped subnet meet no proxy"),
    ([namespace(skip_subnets="10.0.0.0/24")], DENY | {"ip": "10.0.1.1"}, "deny 403", "others do"),
    ([namespace(opaque_ports="8080")], DENY, "deny-connection", "an opaque port is decided by connection"),
    ([namespace(opaque_ports="8080"), server()], {}, "deny 403", "a Server without a protocol overrides it"),
    (
        [workload(ports=[{"containerPort": 3306}])],
        DENY | {"port": 3306},
        "deny-connection",
        "a declared port of the default list is opaque",
    ),
    ([], DENY | {"port": 3306}, "deny 403", "one that no container declares is not"),
    ([], DENY | {"port": 4191, "path": "/ready"}, "allow 200", "the proxy's own probes stay open"),
    ([], DENY | {"port": 4191, "path": "/metrics"}, "deny 403", "its metrics do not"),
]

PROBES: list[Case] = [
    ([PROBED], DENY | {"path": "/healthz"}, "allow 200", "a probe passes without policy"),
    ([PROBED], DENY | {"path": "/healthz", "query": "a=b"}, "allow 200", "whatever its query"),
    ([PROBED], DENY | {"path": "/healthz/x"}, "deny 403", "its path only"),
    ([PROBED], DENY | {"path": "/healthz", "method": "HEAD"}, "deny 403", "with GET only"),
    ([PROBED, server()], {"path": "/healthz"}, "allow 200", "also on a Server without routes"),
    (
        [PROBED, server(), server_route("r", path("/a"))],
        {"path": "/healthz"},
        "not-found 404",
        "not with one",
    ),
    (
        [PROBED],
        {"path": "/healthz", "flags": {"default_inbound_policy": "deny", "probe_networks": ["10.1.0.0/16"]}},
        "deny 403",
        "from the probe networks",
    ),
    (
        [PROBED],
        {"path": "/healthz", "flags": {"default_inbound_policy": "deny", "probe_networks": []}},
        "deny 403",
        "of which there may be none",
    ),
]

ALL = [*DEFAULTS, *PODS, *PROBES]


@pytest.mark.parametrize(
    ("world", "request_", "wanted", "reason"),
    ALL,
    ids=[f"{number}: {case[3]}" for number, case in enumerate(ALL)],
)
def test_inbound_policy_decides_as_linkerd_does(
    world: list[Json], request_: Json, wanted: str, reason: str
) -> None:
    assert told(ask(*world, **request_)) == wanted, reason


@pytest.mark.parametrize("name", ["kube-system", "cert-manager"])
def test_some_namespaces_are_never_injected(name: str) -> None:
    template = workload()["spec"]["template"]
    assert not is_meshed(template, namespace(name), name)
    assert is_meshed(template, namespace(name), f"{name}-x")


def test_a_namespace_can_be_kept_from_the_webhook() -> None:
    owner = namespace()
    owner["metadata"]["labels"] = {"config.linkerd.io/admission-webhooks": "disabled"}
    assert told(ask(owner, **DENY)) == "allow"


def test_the_server_in_charge_is_named() -> None:
    mesh_ = Inbound([namespace(), workload(), server(port="http")])
    assert (mesh_.server("shop/web", 8080), mesh_.server("shop/web", 9090)) == ("shop/web", None)


def test_a_pod_that_does_not_exist_cannot_be_asked() -> None:
    with pytest.raises(KeyError, match="shop/gone"):
        ask(pod="shop/gone")


def test_one_name_for_two_workloads_is_no_pod() -> None:
    with pytest.raises(ValueError, match="2 workloads"):
        ask(workload(), workload(kind="StatefulSet"))


def test_an_unknown_default_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="allow-all"):
        Inbound([], default_inbound_policy="allow-all")


POLICIES = st.lists(
    st.builds(
        allow,
        st.sampled_from(["Server/web", "Namespace/shop", "HTTPRoute/a", "HTTPRoute/b", "Server/other"]),
        st.sampled_from(
            [account("web"), account("api", "pay"), authentication("mesh"), authentication("network")]
        ),
        name=st.uuids().map(str),
        group=st.sampled_from([POLICY, GATEWAY]),
    ),
    max_size=5,
)
ROUTES_OF_WEB = st.lists(
    st.sampled_from(
        [server_route("a", path("/a")), server_route("b", path("/")), server_route("c", path("/c"))]
    ),
    max_size=3,
)
QUESTIONS = [
    {"path": wanted, "identity": identity, "ip": ip, "tcp": tcp}
    for wanted in ("/a", "/b", "/c/d")
    for identity in (None, WEB, API)
    for ip in ("10.0.0.9", "203.0.113.7")
    for tcp in (False, True)
]


def answers(world: list[Json]) -> list[str]:
    """What every question is answered in a world, policies on the pod `shop/web` and more."""
    found = [namespace(), workload(), mesh(WEB), networks({"cidr": "10.0.0.0/8"}), server(), *world]
    mesh_ = Inbound(found)
    common = {"pod": "shop/web", "port": 8080, "method": "GET", "query": "", "host": "web", "headers": {}}
    return [
        told(mesh_.ask({**common, **asked, "client": {"identity": asked["identity"], "ip": asked["ip"]}}))
        for asked in QUESTIONS
    ]


@given(ROUTES_OF_WEB, POLICIES, st.randoms(use_true_random=False))
def test_the_order_of_objects_says_nothing(routes: list[Json], policies: list[Json], shuffled: Any) -> None:
    world = [*routes, *policies]
    before = answers(world)
    shuffled.shuffle(world)
    assert answers(world) == before


@given(ROUTES_OF_WEB, POLICIES, POLICIES)
def test_a_policy_more_never_closes_anything(routes: list[Json], some: list[Json], more: list[Json]) -> None:
    before, after = answers([*routes, *some]), answers([*routes, *some, *more])
    for old, new in zip(before, after, strict=True):
        assert new == old or old.startswith("deny")
