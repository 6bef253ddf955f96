"""Which Server is in charge of a port, and which clients Linkerd lets through it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.inbound_worlds import (
    API,
    GATEWAY,
    WEB,
    account,
    allow,
    ask,
    authentication,
    mesh,
    networks,
    policy_object,
    server,
    told,
    workload,
)

Json = dict[str, Any]
Case = tuple[list[Json], Json, str, str]

OPEN = server(accessPolicy="all-unauthenticated")
DENY = {"flags": {"default_inbound_policy": "deny"}}

SERVERS: list[Case] = [
    ([server()], {"ip": "::1"}, "allow 200", "the pod's own host passes here, too"),
    (
        [
            server("b", accessPolicy="deny"),
            server("a", accessPolicy="audit", creationTimestamp="2025-01-01T00:00:00Z"),
        ],
        {},
        "deny 403",
        "of Servers those without a time come first",
    ),
    ([server()], {"identity": WEB}, "deny 403", "a Server denies unless something allows"),
    ([OPEN], DENY, "allow 200", "its access policy replaces the default"),
    (
        [server(accessPolicy="all-unauthenticated", version="v1beta2")],
        {},
        "deny 403",
        "older versions have none",
    ),
    ([server(accessPolicy="open")], {}, "allow 200", "a refused Server is not there"),
    ([server(version="v1")], {}, "allow 200", "neither is one of an unknown version"),
    ([server(port="http")], {}, "deny 403", "a port can be named"),
    (
        [server(port="http"), workload(ports=[{"name": "http", "containerPort": 8080, "protocol": "UDP"}])],
        {},
        "allow 200",
        "a UDP port is not",
    ),
    ([server(port="linkerd-admin")], {"port": 4191}, "deny 403", "the proxy's ports have names as well"),
    ([server(podSelector={})], {}, "deny 403", "an empty selector picks every pod"),
    (
        [server(podSelector={"matchLabels": {"linkerd.io/workload-ns": "shop"}})],
        {},
        "deny 403",
        "labels of the injector count",
    ),
    (
        [
            server(
                podSelector={"matchExpressions": [{"key": "canary", "operator": "NotIn", "values": ["yes"]}]}
            )
        ],
        {},
        "deny 403",
        "NotIn holds where the label is missing",
    ),
    (
        [server(podSelector={"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["web"]}]})],
        {},
        "allow 200",
        "Exists with values selects nothing",
    ),
    (
        [server("b", accessPolicy="deny"), server("a", accessPolicy="audit")],
        {},
        "audit 200",
        "of two the first name",
    ),
    (
        [
            server("b", accessPolicy="deny", creationTimestamp="2024-01-01T00:00:00Z"),
            server("a", accessPolicy="audit", creationTimestamp="2025-01-01T00:00:00Z"),
        ],
        {},
        "deny 403",
        "the older one before that",
    ),
    (
        [server(accessPolicy="audit"), allow("Server/web", account("web"))],
        {"identity": WEB},
        "allow 200",
        "no audit",
    ),
    (
        [server(proxyProtocol="HTTP/1", accessPolicy="all-unauthenticated")],
        {"tcp": True},
        "deny-connection",
        "fixed HTTP",
    ),
    (
        [server(proxyProtocol="TLS", accessPolicy="all-unauthenticated")],
        {},
        "allow",
        "TLS is passed on unseen",
    ),
    ([server(proxyProtocol="opaque")], {}, "deny-connection", "so is opaque traffic, or refused"),
]

WEB_MESH = authentication("mesh")
TEN = authentication("network")

ANY_TLS = policy_object(
    "ServerAuthorization",
    "old",
    "v1beta1",
    server={"name": "web"},
    client={"meshTLS": {"unauthenticatedTLS": True}},
)

CLIENTS: list[Case] = [
    ([server(), ANY_TLS], {}, "deny 403", "any mesh TLS is still mesh TLS"),
    (
        [server(), allow("Server/web", account("web"))],
        {"identity": WEB},
        "allow 200",
        "an account of the Namespace",
    ),
    ([server(), allow("Server/web", account("web"))], {"identity": API}, "deny 403", "and no other"),
    (
        [server(), allow("Server/web", account("api", "pay"))],
        {"identity": API},
        "allow 200",
        "one of another",
    ),
    ([server(), allow("Server/web")], {}, "allow 200", "no required authentication allows everybody"),
    ([server(), allow("Server/web", WEB_MESH)], {"identity": WEB}, "deny 403", "a missing one nobody"),
    ([server(), mesh("*"), allow("Server/web", WEB_MESH)], {"identity": API}, "allow 200", "any identity"),
    ([server(), mesh("*"), allow("Server/web", WEB_MESH)], {}, "deny 403", "which a plain client has not"),
    (
        [server(), mesh("*.serviceaccount.identity.linkerd.cluster.local"), allow("Server/web", WEB_MESH)],
        {"identity": API},
        "allow 200",
        "a suffix",
    ),
    (
        [server(), mesh("pay.*"), allow("Server/web", WEB_MESH)],
        {"identity": API},
        "deny 403",
        "no other wildcard",
    ),
    (
        [server(), mesh(identityRefs=[{"kind": "Namespace", "name": "pay"}]), allow("Server/web", WEB_MESH)],
        {"identity": API},
        "allow 200",
        "a whole Namespace",
    ),
    (
        [server(), mesh("spiffe://mesh.example/a"), allow("Server/web", WEB_MESH)],
        {"identity": "spiffe://mesh.example/a"},
        "allow 200",
        "a SPIFFE id by its full name",
    ),
    (
        [server(), mesh(API), networks({"cidr": "10.0.0.0/8"}), allow("Server/web", WEB_MESH, TEN)],
        {"identity": API, "ip": "203.0.113.7"},
        "deny 403",
        "identity and network must both hold",
    ),
    (
        [server(), networks({"cidr": "10.0.0.0/8", "except": ["10.0.0.0/24"]}), allow("Server/web", TEN)],
        {},
        "deny 403",
        "an exception is taken out",
    ),
    ([server(), allow("Server/web", account("a"), account("b"))], {"identity": WEB}, "deny 403", "refused"),
    ([server(), allow("Namespace/shop", account("web"))], {"identity": WEB}, "allow 200", "all Servers"),
    ([server(), allow("Server/web", where="pay")], {}, "deny 403", "a policy is for its own Namespace"),
    ([server(), allow("HTTPRoute/r", group=GATEWAY)], {}, "deny 403", "one on a route opens no Server"),
    (
        [
            server(labels={"grp": "x"}),
            policy_object(
                "ServerAuthorization",
                "old",
                "v1beta1",
                server={"selector": {"matchLabels": {"grp": "x"}}},
                client={"meshTLS": {"unauthenticatedTLS": True}},
            ),
        ],
        {"identity": "spiffe://mesh.example/a"},
        "allow 200",
        "a ServerAuthorization for any mesh TLS",
    ),
    (
        [
            server(),
            policy_object(
                "ServerAuthorization",
                "old",
                "v1beta1",
                server={"name": "web"},
                client={"unauthenticated": True},
            ),
        ],
        {"ip": "203.0.113.7"},
        "deny 403",
        "which without networks means those of the cluster",
    ),
]


ALL = [*SERVERS, *CLIENTS]


@pytest.mark.parametrize(
    ("world", "request_", "wanted", "reason"),
    ALL,
    ids=[f"{number}: {case[3]}" for number, case in enumerate(ALL)],
)
def test_servers_and_clients(world: list[Json], request_: Json, wanted: str, reason: str) -> None:
    assert told(ask(*world, **request_)) == wanted, reason
