"""Istio's answer to a request at a workload: recorded answers, and one rule or mode at a time."""

from __future__ import annotations

import pytest

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
from tests.proof.worlds import cases, objects, present
from transformer.proof.istio_authorization import Authorization


@pytest.mark.parametrize("case", cases("istio/authorization"))
def test_every_recorded_answer_is_given_in_all_its_fields(case: Json | None) -> None:
    recorded = present(case)
    facts = recorded["facts"]
    world = Authorization(
        objects(recorded["manifests"]),
        mtls=facts["mtls"],
        path_normalization=facts["path_normalization"],
        rejected=recorded["rejected"],
    )
    assert recorded["questions"]
    for question in recorded["questions"]:
        assert world.ask(question["request"]) == question["istio"], question["request"]


CASES = [
    # manifests, request, verdict, reason
    ([], OUTSIDER, "allow", "no policy at all"),
    ([policy()], request(), "deny", "an ALLOW without rules matches nothing"),
    ([manifest("AuthorizationPolicy", "p", None)], request(), "deny", "nor does one without a spec"),
    ([policy({})], OUTSIDER, "allow", "an empty rule matches everything"),
    ([policy({}, action="DENY")], request(), "deny", "in a DENY too"),
    (
        [policy(action="AUDIT"), policy({}, name="q", action="AUDIT")],
        request(),
        "allow",
        "AUDIT never blocks",
    ),
    ([policy(selector={"matchLabels": {"app": "other"}})], request(), "allow", "selects other pods"),
    ([policy(namespace="web")], request(), "allow", "is of another namespace"),
    ([policy(namespace="istio-system")], request(), "deny", "the root namespace reaches all"),
    (
        [policy(namespace="istio-system", selector={"matchLabels": {"app": "cart"}})],
        request(),
        "deny",
        "with a selector too",
    ),
    (
        [policy(namespace="istio-system"), policy(source(namespaces=["web"]))],
        request(),
        "allow",
        "ALLOWs of both namespaces are alternatives",
    ),
    (
        [policy(targetRefs=[{"group": "", "kind": "Service", "name": "cart"}])],
        request(),
        "allow",
        "sidecars ignore targetRefs",
    ),
    (
        [manifest("AuthorizationPolicy", "p", {}, annotations={"istio.io/dry-run": "true"})],
        request(),
        "allow",
        "a dry run is not in force",
    ),
    (
        [manifest("AuthorizationPolicy", "p", {}, annotations={"istio.io/dry-run": "yes"})],
        request(),
        "deny",
        "`yes` is no boolean of Go's",
    ),
    ([policy(source(principals=[FRONT]))], request(), "allow", "an exact identity"),
    ([policy(source(principals=[FRONT]))], request(FRONT + "x"), "deny", "and no longer one"),
    ([policy(source(principals=["spiffe://" + FRONT]))], request(), "deny", "a written scheme never matches"),
    ([policy(source(principals=["*/sa/front"]))], request(), "allow", "a suffix"),
    (
        [policy(source(principals=["cluster.local/ns/*/sa/front"]))],
        request(),
        "deny",
        "a middle star is literal",
    ),
    ([policy(source(principals=["*"]))], OUTSIDER, "deny", "a star wants an identity"),
    ([policy(source(notPrincipals=["*"]))], OUTSIDER, "allow", "a negation matches without one"),
    ([policy(source(notPrincipals=["*"]), action="DENY")], OUTSIDER, "deny", "and in a DENY it wants mTLS"),
    ([policy(source(notPrincipals=["*"]), action="DENY")], request(), "allow", "which is there"),
    ([policy(source(namespaces=["w*"]))], request(), "allow", "a namespace's prefix"),
    ([policy(source(namespaces=["we."]))], request(), "deny", "a dot is a dot"),
    ([policy(source(notNamespaces=["web"]))], OUTSIDER, "allow", "plaintext has no namespace"),
    ([policy(source(serviceAccounts=["web/front"]))], request(), "allow", "a service account"),
    (
        [policy(source(serviceAccounts=["front"]))],
        request(),
        "deny",
        "a bare one is of the policy's namespace",
    ),
    ([policy(source(serviceAccounts=["web/fron"]))], request(), "deny", "no prefix of one"),
    ([policy(source(ipBlocks=["10.244.0.0/16"]))], OUTSIDER, "allow", "an address block"),
    ([policy(source(ipBlocks=["10.244.7.2"]))], OUTSIDER, "deny", "another address"),
    (
        [policy(source(ipBlocks=["10.244.0.0/16"], namespaces=["web"]))],
        OUTSIDER,
        "deny",
        "fields of one source are joint conditions",
    ),
    (
        [policy({"from": [{"source": {"namespaces": ["a"]}}, {"source": {"namespaces": ["web"]}}]})],
        request(),
        "allow",
        "entries of `from` are alternatives",
    ),
    (
        [policy(source(remoteIpBlocks=["203.0.113.9"]))],
        request(headers={"X-Forwarded-For": "10.0.0.1, 203.0.113.9"}),
        "allow",
        "the last of X-Forwarded-For",
    ),
    ([policy(operation(methods=["get"]))], request(), "deny", "methods have case"),
    ([policy(operation(methods=["G*"]))], request(), "allow", "and prefixes"),
    ([policy(operation(hosts=["CART.shop"]))], request(), "allow", "hosts have no case"),
    ([policy(operation(hosts=["cart.shop"]))], request(host="cart.shop:80"), "deny", "but a port"),
    ([policy(operation(ports=["8080"]))], request(), "allow", "the container's port"),
    ([policy(operation(ports=["80"]))], request(), "deny", "not the Service's"),
    ([policy(operation(paths=["/a/*/c"]))], request(path="/a/b/c"), "deny", "a middle star is a character"),
    ([policy(operation(paths=["/a/*/c"]))], request(path="/a/*/c"), "allow", "of the path"),
    ([policy(operation(paths=["/u/{*}"]))], request(path="/u/7"), "allow", "one segment"),
    ([policy(operation(paths=["/u/{*}"]))], request(path="/u/7/8"), "deny", "not two"),
    ([policy(operation(paths=["/u/{**}/end"]))], request(path="/u/7/8/end"), "allow", "any number"),
    ([policy(operation(paths=["/u/{**}/end"]))], request(path="/u/end"), "deny", "the slash stays"),
    ([policy(operation(paths=["/u/{**}"]))], request(path="/u/a=b"), "deny", "`=` is in no template segment"),
    ([policy(operation(paths=["/admin"]), action="DENY")], request(path="/x/../%61dmin?q"), "deny", "BASE"),
    (
        [policy(operation(paths=["/admin"]), action="DENY")],
        request(path="//admin"),
        "allow",
        "does not merge",
    ),
    ([policy(operation(notPaths=["/healthz"]))], request(), "allow", "a negated path"),
    (
        [policy(when("request.headers[X-Role]", values=["a*"]))],
        request(headers={"x-role": "ab"}),
        "allow",
        "header",
    ),
    ([policy(when("request.headers[x-role]", notValues=["a"]))], request(), "allow", "missing is not `a`"),
    (
        [policy(when("request.headers[x-role]", values=["*"]))],
        request(headers={"x-role": ""}),
        "allow",
        "present",
    ),
    ([policy(when("request.headers[:authority]", values=["cart*"]))], request(), "allow", "a pseudo header"),
    ([policy(when("source.namespace", values=["web"]))], request(), "allow", "an identity's namespace"),
    ([policy(when("connection.sni", values=["*"]))], OUTSIDER, "deny", "plaintext names no server"),
    ([policy(when("request.time", values=["now"]))], request(), "deny", "an unknown key drops an ALLOW rule"),
    ([policy(when("request.time", values=["now"]), action="DENY")], request(), "allow", "and a DENY rule"),
    # TCP
    ([TCP_PORT, policy(source(namespaces=["web"]))], RAW, "allow", "identities hold for TCP"),
    ([TCP_PORT, policy(operation(methods=["GET"]))], RAW, "deny", "an ALLOW that needs HTTP is left out"),
    (
        [TCP_PORT, policy({**source(namespaces=["pay"]), **operation(paths=["/x"])}, action="DENY")],
        RAW,
        "allow",
        "a DENY keeps what is left",
    ),
    ([TCP_PORT, policy(operation(paths=["/x"]), action="DENY")], RAW, "deny", "which may be nothing"),
    ([TCP_PORT, policy(operation(paths=["/x"], ports=["9"]), action="DENY")], RAW, "allow", "or a port"),
    ([TCP_PORT, policy(operation(methods=["GET"]))], request(), "deny", "HTTP on a TCP port is TCP"),
    ([service(), policy(operation(methods=["GET"]))], request(), "allow", "detected as HTTP"),
    ([service(), policy(operation(methods=["GET"]))], RAW, "deny", "detected as TCP"),
    ([service(name="https"), policy(operation(methods=["GET"]))], request(), "deny", "https is opaque"),
    ([], RAW, "deny", "an HTTP port takes nothing else"),
    # mutual TLS
    ([peer("STRICT")], OUTSIDER, "refused-by-mtls", "a strict namespace"),
    ([peer("STRICT", namespace="istio-system")], OUTSIDER, "refused-by-mtls", "a strict mesh"),
    ([peer("STRICT", namespace="istio-system"), peer("PERMISSIVE")], OUTSIDER, "allow", "the namespace wins"),
    (
        [peer("STRICT", namespace="istio-system"), peer("UNSET")],
        OUTSIDER,
        "refused-by-mtls",
        "UNSET inherits",
    ),
    (
        [peer("STRICT", namespace="istio-system", selector={"matchLabels": {"app": "cart"}})],
        OUTSIDER,
        "allow",
        "a selector in the root namespace makes it void",
    ),
    (
        [peer("STRICT", portLevelMtls={8080: {"mode": "PERMISSIVE"}})],
        OUTSIDER,
        "refused-by-mtls",
        "ports need a selector",
    ),
    (
        [
            peer(
                "STRICT",
                selector={"matchLabels": {"app": "cart"}},
                portLevelMtls={"8080": {"mode": "PERMISSIVE"}},
            )
        ],
        OUTSIDER,
        "allow",
        "then the port wins",
    ),
    (
        [peer(None, selector={"matchLabels": {"app": "cart"}}, portLevelMtls={80: {"mode": "STRICT"}})],
        OUTSIDER,
        "allow",
        "ports are the container's",
    ),
    ([peer("STRICT", "b"), peer("PERMISSIVE", "a")], OUTSIDER, "allow", "of equal age the first name"),
    ([peer("DISABLE"), policy(source(principals=["*"]))], request(), "deny", "without mTLS nobody is known"),
]


@pytest.mark.parametrize(
    ("manifests", "asked", "expected", "reason"), CASES, ids=[f"{n}-{c[3]}" for n, c in enumerate(CASES)]
)
def test_what_istio_answers(manifests: list[Json], asked: Json, expected: str, reason: str) -> None:
    assert verdict(manifests, asked) == expected, reason
