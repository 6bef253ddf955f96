"""What passes an EgressNetwork, what passes Istio's registry, and that a run never lets more pass than the registry did."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.proof.egress_worlds import (
    CLUSTER_NETWORKS,
    NAMES,
    NAMESPACES,
    PORTS,
    entries,
    entry,
    manifest,
    namespaces,
    plain_entries,
    sidecars,
)
from transformer.options import Options
from transformer.proof.istio_registry import Registry
from transformer.proof.linkerd_admission import refusal
from transformer.proof.linkerd_egress import Call, Egress
from transformer.transform import transform

Json = dict[str, Any]
ADDRESSES = ("203.0.113.9", "198.51.100.7", "2001:db8::9")


def calls(namespace: str) -> Iterator[Call]:
    """Calls of every kind from a namespace to addresses outside the cluster."""
    for speaks, name, address, port in itertools.product(("http", "tls", "tcp"), NAMES, ADDRESSES, PORTS):
        yield Call(namespace, speaks, name if speaks != "tcp" else "", address, port)


def run(world: list[Json], **options: Any) -> list[Json]:
    """What a run writes for a world, refusals or not."""
    settings = {
        "mesh.mtls": "permissive",
        "complete": ("*",),
        "channel": "experimental",
        "linkerd-install.cluster-networks": CLUSTER_NETWORKS,
        "fail-on": "never",
    }
    result = transform(
        "---\n".join(json.dumps(one) + "\n" for one in world).encode(), Options({**settings, **options})
    )
    return [one for one in yaml.safe_load_all(b"".join(result.output)) if one]


def moved(output: list[Json], namespace: str) -> bool:
    """Whether the pods of a namespace are in Linkerd."""
    for one in output:
        if one["kind"] == "Namespace" and one["metadata"]["name"] == namespace:
            return (one["metadata"].get("annotations") or {}).get("linkerd.io/inject") == "enabled"
    raise AssertionError(f"Namespace {namespace} is gone")


@given(st.one_of(entries(), plain_entries()), sidecars(), st.booleans(), st.sampled_from(["2.17", "2.20"]))
def test_what_moves_may_call_exactly_what_istio_lets_it_call(
    found: list[Json], scopes: list[Json], closed: bool, version: str
) -> None:
    world = [*namespaces(), *scopes, *found]
    policy = "registry-only" if closed else "allow-any"
    gateway = "1.1" if version == "2.17" else "1.2"
    output = run(world, **{"mesh.outbound-policy": policy, "linkerd": version, "gateway-api": gateway})
    assert [refused for one in output if (refused := refusal(one))] == []
    before = Registry(world, refuses_unknown=closed, labels={"app": "web"})
    after = Egress(output, CLUSTER_NETWORKS)
    for namespace in NAMESPACES:
        if moved(output, namespace):
            for call in calls(namespace):
                assert after.passes(call) == before.passes(call), call


@given(st.one_of(entries(), plain_entries()), st.booleans())
def test_what_stays_keeps_what_permits_its_hosts(found: list[Json], with_sidecar: bool) -> None:
    """Pods that stay in Istio still find every entry that they saw."""
    scope = [manifest("Sidecar", "default", "shop", {"outboundTrafficPolicy": {}})] if with_sidecar else []
    world = [*namespaces(), *scope, *found]
    output = run(world, **{"mesh.outbound-policy": "registry-only"})
    before = Registry(world, refuses_unknown=True, labels={"app": "web"})
    after = Registry(output, refuses_unknown=True, labels={"app": "web"})
    for namespace in NAMESPACES:
        if not moved(output, namespace):
            assert [call for call in calls(namespace) if before.passes(call) != after.passes(call)] == []


def test_a_plain_world_moves() -> None:
    """The properties above are not empty: the common case is translated."""
    world = [*namespaces(), entry("pay", ["api.pay.example"], [(80, "HTTP"), (443, "TLS")])]
    output = run(world, **{"mesh.outbound-policy": "registry-only"})
    assert all(moved(output, namespace) for namespace in NAMESPACES)
    kinds = sorted(one["kind"] for one in output)
    assert kinds.count("EgressNetwork") == kinds.count("HTTPRoute") == kinds.count("TLSRoute") == 2
    assert "ServiceEntry" not in kinds


# -- the evaluators by themselves ------------------------------------------------------------------------------------

NETWORK = {
    "apiVersion": "policy.linkerd.io/v1alpha1",
    "kind": "EgressNetwork",
    "metadata": {"name": "net", "namespace": "shop"},
    "spec": {"trafficPolicy": "Deny"},
}


def route(kind: str, version: str, hosts: list[str], port: int | None, **parent: str) -> Json:
    to: Json = {"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": "net", **parent}
    if port is not None:
        to["port"] = port
    spec: Json = {"parentRefs": [to], "rules": [{}]}
    if hosts:
        spec["hostnames"] = hosts
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": kind.lower(), "namespace": "shop"},
        "spec": spec,
    }


def http(*hosts: str, port: int | None = 80, **parent: str) -> Json:
    return route("HTTPRoute", "gateway.networking.k8s.io/v1", list(hosts), port, **parent)


def call(speaks: str = "http", name: str = "a.example", port: int = 80, address: str = "203.0.113.9") -> Call:
    return Call("shop", speaks, name, address, port)


TLS_ROUTE = route("TLSRoute", "gateway.networking.k8s.io/v1alpha2", ["a.example"], 443)
TCP_ROUTE = route("TCPRoute", "gateway.networking.k8s.io/v1alpha2", [], 443)
NEWER_TLS = route("TLSRoute", "gateway.networking.k8s.io/v1", ["a.example"], 443)


@pytest.mark.parametrize(
    ("world", "asked", "passes", "reason"),
    [
        ([], call(), True, "without a network all pass"),
        ([NETWORK], call(), False, "Deny refuses"),
        ([{**NETWORK, "spec": {"trafficPolicy": "Allow"}}], call(), True, "Allow lets pass"),
        ([NETWORK], call(address="10.42.1.1"), True, "clusterNetworks are not looked at"),
        ([NETWORK], call()._replace(namespace="web"), True, "another namespace"),
        (
            [{**NETWORK, "metadata": {"name": "net", "namespace": "linkerd-egress"}}],
            call(),
            False,
            "the global one",
        ),
        ([NETWORK, http("a.example")], call(), True, "a route names it"),
        ([NETWORK, http("*.example")], call(name="x.a.example"), True, "a suffix at any depth"),
        ([NETWORK, http("*.example")], call(name="example"), False, "a suffix leaves out the apex"),
        ([NETWORK, http("a.example")], call(name="b.example"), False, "another name"),
        ([NETWORK, http("a.example")], call(port=81), False, "another port"),
        ([NETWORK, http("a.example", port=None)], call(), False, "a parent without a port is refused"),
        ([NETWORK, http("a.example", name="other")], call(), False, "another parent"),
        ([NETWORK, http("a.example")], call("tls"), False, "TLS is no HTTP"),
        ([NETWORK, http("a.example")], call("tcp"), False, "opaque bytes fall to trafficPolicy"),
        ([NETWORK, TLS_ROUTE], call("tls", port=443), True, "by server name"),
        ([NETWORK, TLS_ROUTE], call("http", port=443), False, "HTTP on a port of a TLSRoute"),
        ([NETWORK, NEWER_TLS], call("tls", port=443), False, "the controller does not read v1"),
        ([NETWORK, TCP_ROUTE], call("tls", "b.example", port=443), True, "TCP takes everything"),
        (
            [NETWORK, TLS_ROUTE, TCP_ROUTE],
            call("tls", "b.example", port=443),
            False,
            "the TLSRoute ranks higher",
        ),
        ([NETWORK, http("a.example", port=3306)], call(port=3306), False, "no names on opaque ports"),
    ],
)
def test_linkerd_lets_pass(world: list[Json], asked: Call, passes: bool, reason: str) -> None:
    assert Egress(world, CLUSTER_NETWORKS).passes(asked) is passes, reason


def test_the_most_specific_network_counts() -> None:
    inside = {"trafficPolicy": "Allow", "networks": [{"cidr": "203.0.113.0/24", "except": ["203.0.113.9"]}]}
    world = [NETWORK, {**NETWORK, "metadata": {"name": "some", "namespace": "shop"}, "spec": inside}]
    mesh = Egress(world, CLUSTER_NETWORKS)
    assert mesh.passes(call(address="203.0.113.8"))
    assert not mesh.passes(call(address="203.0.113.9"))


@pytest.mark.parametrize(
    ("world", "asked", "passes", "reason"),
    [
        ([], call(), False, "nothing is known"),
        ([entry("e", ["a.example"], [(80, "HTTP")])], call(), True, "by Host header"),
        ([entry("e", ["a.example"], [(80, "HTTP")])], call("tls"), False, "TLS on an HTTP port"),
        ([entry("e", ["*.example"], [(80, "TLS")])], call("tls"), True, "by server name"),
        ([entry("e", ["b.example"], [(80, "TCP")])], call(), True, "TCP without addresses takes the port"),
        ([entry("e", ["b.example"], [(80, "TCP")], addresses=["192.0.2.1"])], call(), False, "another address"),
        ([entry("e", ["a.example"], [(80, "HTTP")], exportTo=["web"])], call(), False, "for others"),
        ([entry("e", ["a.example"], [(80, "HTTP")], "web")], call(), True, "of another namespace"),
        ([manifest("Sidecar", "s", "shop", {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}})], call(), True, "open"),
        ([manifest("Sidecar", "s", "istio-system", {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}})], call(), True,
         "the root namespace's is for all"),
        ([manifest("Sidecar", "s", "shop", {"workloadSelector": {"labels": {"app": "x"}},
         "outboundTrafficPolicy": {"mode": "ALLOW_ANY"}})], call(), False, "for other pods"),
        ([manifest("Sidecar", "s", "shop", {"egress": [{"hosts": ["./*"]}]}),
          entry("e", ["a.example"], [(80, "HTTP")], "web")], call(), False, "the list leaves it out"),
    ],
)  # fmt: skip
def test_istio_lets_pass(world: list[Json], asked: Call, passes: bool, reason: str) -> None:
    registry = Registry(world, refuses_unknown=True, labels={"app": "web"})
    assert registry.passes(asked) is passes, reason
