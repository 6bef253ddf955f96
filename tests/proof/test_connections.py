"""Connections that are not HTTP: the evaluators' own facts, and translations judged by them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.proof import worlds
from tests.proof.worlds import deployment, service
from transformer.options import Options
from transformer.proof.behaviour import FAILS
from transformer.proof.gateway_connections import Edge
from transformer.proof.istio_connections import Istio
from transformer.proof.linkerd_connections import Linkerd
from transformer.transform import transform

Json = dict[str, Any]

NAMES = [None, "a.example", "b.example", "x.a.example", "other.test"]


def istio(kind: str, name: str, spec: Json) -> Json:
    """An Istio object in `shop`."""
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def route(
    kind: str, name: str, parent: Json, *backends: Json, hosts: list[str] | None = None, **more: Any
) -> Json:
    """A TLSRoute or TCPRoute in `shop` as Linkerd reads it; `version` may differ."""
    spec: Json = {"parentRefs": [parent], "rules": [{"backendRefs": list(backends)}]}
    if hosts is not None:
        spec["hostnames"] = hosts
    metadata = {"name": name, "namespace": more.get("namespace", "shop")}
    version = f"gateway.networking.k8s.io/{more.get('version', 'v1alpha2')}"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def ports(name: str, **protocols: int) -> Json:
    """A Service whose ports are called after their protocols and end at the container's 8080."""
    entries = [{"name": key, "port": number, "targetPort": 8080} for key, number in protocols.items()]
    return {**service(name), "spec": {"selector": {"app": name}, "ports": entries}}


DB = {"group": "", "kind": "Service", "name": "db", "port": 9}
OLD, DBS = {"name": "old", "port": 9}, {"name": "db", "port": 9}
PODS = [deployment("db"), deployment("old")]


def to(shares: Mapping[frozenset[str], float]) -> str:
    """Shares in short."""
    shown = {
        "|".join(sorted(target)).replace("shop/", "").replace(":8080", ""): share
        for target, share in shares.items()
    }
    return " ".join(f"{name}={share:g}" for name, share in sorted(shown.items())) or "refused"


LINKERD: list[tuple[list[Json], str | None, str, str]] = [
    ([], None, "db=1", "without a route the Service itself"),
    ([route("TCPRoute", "r", DB, OLD)], None, "old=1", "a TCPRoute takes every connection"),
    ([route("TCPRoute", "r", DB, OLD)], "a.example", "old=1", "TLS as well"),
    ([route("TCPRoute", "r", DB, OLD, version="v1")], None, "db=1", "v1 is not read"),
    ([route("TCPRoute", "b", DB, OLD), route("TCPRoute", "a", DB, DBS)], None, "db=1", "the first by name"),
    ([route("TLSRoute", "r", DB, OLD, hosts=["a.example"])], "a.example", "old=1", "by server name"),
    ([route("TLSRoute", "r", DB, OLD, hosts=["a.example"])], "b.example", "refused", "no route has the name"),
    (
        [route("TLSRoute", "r", DB, OLD, hosts=["a.example"])],
        None,
        "refused",
        "without a name there is no route",
    ),
    ([route("TLSRoute", "r", DB, OLD)], "b.example", "old=1", "no hostnames are all names"),
    (
        [
            route("TLSRoute", "a", DB, DBS, hosts=["*.example"]),
            route("TLSRoute", "b", DB, OLD, hosts=["a.example"]),
        ],
        "a.example",
        "old=1",
        "the more specific name",
    ),
    (
        [route("TLSRoute", "a", DB, DBS, hosts=["a.example"]), route("TCPRoute", "b", DB, OLD)],
        "b.example",
        "refused",
        "a TLSRoute makes TCPRoutes conflicted",
    ),
    (
        [route("TCPRoute", "r", DB, {**OLD, "weight": 3}, {**DBS, "weight": 1})],
        None,
        "db=0.25 old=0.75",
        "shares",
    ),
    ([route("TCPRoute", "r", DB, OLD, namespace="far")], None, "db=1", "another namespace's clients only"),
    ([route("TCPRoute", "r", DB, {"name": "gone", "port": 9})], None, "(fails)=1", "a missing backend fails"),
]


@pytest.mark.parametrize(("objects", "name", "wanted", "reason"), LINKERD, ids=[row[3] for row in LINKERD])
def test_linkerd(objects: list[Json], name: str | None, wanted: str, reason: str) -> None:
    world = [ports("db", data=9), ports("old", data=9), *PODS, *objects]
    assert to(Linkerd(world).connect("shop/db", 9, name)) == wanted, reason


def test_opaque_ports_obey_tcp_routes_but_no_tls_routes() -> None:
    opaque = ports("db", data=9)
    opaque["metadata"]["annotations"] = {"config.linkerd.io/opaque-ports": "9"}
    world = [opaque, ports("old", data=9), *PODS]
    assert to(Linkerd([*world, route("TCPRoute", "r", DB, OLD)]).connect("shop/db", 9, None)) == "old=1"
    assert to(Linkerd([*world, route("TLSRoute", "r", DB, OLD)]).connect("shop/db", 9, "a.example")) == "db=1"


TO_OLD = {"route": [{"destination": {"host": "old"}}]}
ISTIO: list[tuple[str, Json, str | None, str, str]] = [
    ("tcp", {"tcp": [TO_OLD]}, None, "old=1", "a rule without a match takes everything"),
    ("tls", {"tcp": [TO_OLD]}, None, "db=1", "tcp rules are not for TLS ports"),
    ("tcp", {"tcp": [{"match": [{"port": 8}], **TO_OLD}]}, None, "db=1", "another port"),
    ("tcp", {"tcp": [{"match": [{"gateways": ["edge"]}], **TO_OLD}]}, None, "db=1", "another place"),
    ("tls", {"tls": [{"match": [{"sniHosts": ["a.example"]}], **TO_OLD}]}, "a.example", "old=1", "by server name"),
    ("tls", {"tls": [{"match": [{"sniHosts": ["a.example"]}], **TO_OLD}]}, "b.example", "db=1", "others pass through"),
    ("tcp", {"tls": [{"match": [{"sniHosts": ["a.example"]}], **TO_OLD}]}, "a.example", "db=1", "tls rules are for TLS ports"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("protocol", "spec", "name", "wanted", "reason"), ISTIO, ids=[row[4] for row in ISTIO]
)
def test_istio(protocol: str, spec: Json, name: str | None, wanted: str, reason: str) -> None:
    world = [ports("db", **{protocol: 9}), ports("old", **{protocol: 9}), *PODS]
    world.append(istio("VirtualService", "r", {"hosts": ["db"], **spec}))
    assert to(Istio(world).from_sidecar("shop/db", 9, name)) == wanted, reason


def test_istio_closes_unknown_names_where_unknown_hosts_are_refused() -> None:
    rule = {"match": [{"sniHosts": ["a.example"]}], **TO_OLD}
    world = [
        ports("db", tls=9),
        ports("old", tls=9),
        *PODS,
        istio("VirtualService", "r", {"hosts": ["db"], "tls": [rule]}),
    ]
    assert to(Istio(world, allow_any=False).from_sidecar("shop/db", 9, "b.example")) == "refused"


# -- translations -----------------------------------------------------------------------------------------------------

SUBSETS = [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]
WORLD = [
    ports("db", tcp=1, tls=2, data=3, mysql=3306),
    ports("old", tcp=1, tls=2, data=3, mysql=3306),
    *(deployment(f"db-{name}", app="db", version=name) for name in ("v1", "v2")),
    deployment("old"),
    istio("DestinationRule", "db", {"host": "db", "subsets": SUBSETS}),
]
DESTINATIONS = st.sampled_from(
    [{"host": "db"}, {"host": "db", "subset": "v1"}, {"host": "old"}, {"host": "old", "port": {"number": 1}}]
)
ROUTES = st.lists(
    st.fixed_dictionaries({"destination": DESTINATIONS, "weight": st.integers(0, 3)}), min_size=1, max_size=2
)
PORTS = st.sampled_from([1, 2, 3, 3306])
PLACES = st.sampled_from([["mesh"], ["edge"], ["mesh", "edge"]])
TCP = st.lists(
    st.fixed_dictionaries(
        {"route": ROUTES},
        optional={
            "match": st.lists(
                st.fixed_dictionaries({}, optional={"port": PORTS, "gateways": PLACES}), max_size=2
            )
        },
    ),
    max_size=3,
)
SERVER_NAMES = st.lists(
    st.sampled_from(["a.example", "b.example", "*.example"]), min_size=1, max_size=2, unique=True
)
TLS = st.lists(
    st.fixed_dictionaries(
        {
            "route": ROUTES,
            "match": st.lists(
                st.fixed_dictionaries(
                    {"sniHosts": SERVER_NAMES},
                    optional={"port": PORTS, "gateways": PLACES},
                ),
                min_size=1,
                max_size=2,
            ),
        }
    ),
    max_size=3,
)  # fmt: skip
KINDS_OF_SERVERS: list[Json] = [
    {"port": {"number": 1, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]},
    {"port": {"number": 3306, "name": "mongo", "protocol": "MONGO"}, "hosts": ["./*.example"]},
    {"port": {"number": 2, "name": "tls", "protocol": "TLS"}, "hosts": ["*.example"], "tls": {"mode": "PASSTHROUGH"}},
    {"port": {"number": 2, "name": "one", "protocol": "TLS"}, "hosts": ["a.example"], "tls": {"mode": "PASSTHROUGH"}},
    {"port": {"number": 3, "name": "end", "protocol": "TLS"}, "hosts": ["b.example"],
     "tls": {"mode": "SIMPLE", "credentialName": "c"}},
]  # fmt: skip
SERVERS = st.lists(
    st.sampled_from(KINDS_OF_SERVERS),
    min_size=1,
    max_size=3,
    unique_by=lambda server: str(server["port"]["name"]),
)


def translated(objects: list[Json], **options: Any) -> list[Json]:
    """What the program writes for the objects; refused objects stay in it."""
    settings = {"gateway-class": "any", "channel": "experimental", "fail-on": "never", **options}
    found = transform("---\n".join(json.dumps(value) + "\n" for value in objects).encode(), Options(settings))
    return worlds.objects(b"".join(found.output).decode())


def kept(objects: list[Json]) -> bool:
    """Whether an Istio object is still there."""
    return any(value["apiVersion"].startswith("networking.istio.io") for value in objects)


@given(TCP, TLS, st.booleans())
def test_connections_of_the_mesh_go_where_they_went(
    tcp: list[Json], tls: list[Json], allow_any: bool
) -> None:
    spec = {"hosts": ["db"], **({"tcp": tcp} if tcp else {}), **({"tls": tls} if tls else {})}
    before = [*WORLD, istio("VirtualService", "db", spec)]
    after = translated(before, **{"mesh.outbound-policy": "allow-any" if allow_any else "registry-only"})
    assume(not kept(after))
    was, now = Istio(before, allow_any=allow_any), Linkerd(after)
    for port in (1, 2, 3, 3306):
        # TLS ports are asked for TLS: what comes without it passes through today, and there is no route for it.
        for name in NAMES[1:] if port == 2 else NAMES[:2]:
            assert to(now.connect("shop/db", port, name)) == to(was.from_sidecar("shop/db", port, name)), (
                port,
                name,
            )


@given(SERVERS, TCP, TLS)
def test_connections_at_a_gateway_go_where_they_went(
    servers: list[Json], tcp: list[Json], tls: list[Json]
) -> None:
    spec = {
        "hosts": ["*.example"],
        "gateways": ["edge"],
        **({"tcp": tcp} if tcp else {}),
        **({"tls": tls} if tls else {}),
    }
    edge = istio("Gateway", "edge", {"selector": {"istio": "ingress"}, "servers": servers})
    before = [*WORLD, edge, istio("VirtualService", "db", spec)]
    after = translated(before)
    assume(not kept(after))
    was, now = Istio(before), Edge(after, ["shop/edge"])
    for port in (1, 2, 3, 3306):
        for name in NAMES:
            assert to(now.connect(port, name)) == to(was.at_gateway("shop/edge", port, name)), (port, name)


MOVES: list[Json] = [
    {"tcp": [{"route": [{"destination": {"host": "old"}}]}]},
    {"tcp": [{"match": [{"port": 1}], "route": [{"destination": {"host": "db", "subset": "v1"}}]}]},
    {"tls": [{"match": [{"sniHosts": ["a.example"]}], "route": [{"destination": {"host": "old"}}]}]},
]


@pytest.mark.parametrize("spec", MOVES[1:])
def test_the_properties_are_about_something(spec: Json) -> None:
    """What the generated rules are made of is translated, so not every example is passed over."""
    after = translated([*WORLD, istio("VirtualService", "db", {"hosts": ["db"], **spec})])
    assert not kept(after)
    was = Linkerd([value for value in after if not value["kind"].endswith("Route")])
    now = Linkerd(after)
    asked = [(port, name) for port in (1, 2) for name in NAMES[1:3]]
    assert [to(now.connect("shop/db", *one)) for one in asked] != [
        to(was.connect("shop/db", *one)) for one in asked
    ]


def test_a_rule_for_a_port_of_unknown_protocol_stays() -> None:
    assert kept(translated([*WORLD, istio("VirtualService", "db", {"hosts": ["db"], **MOVES[0]})]))


def test_what_fails_is_told() -> None:
    assert to({FAILS: 1.0}) == "(fails)=1"
