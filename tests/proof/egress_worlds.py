"""Meshes that refuse unknown hosts: what Istio's registry lets pass, to be compared with what a run writes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

CLUSTER_NETWORKS = "10.42.0.0/16"
HOSTS = ("api.pay.example", "www.pay.example", "*.pay.example", "*.example", "pay.example", "mail.example")
NAMES = ("api.pay.example", "x.y.pay.example", "pay.example", "mail.example", "evil.test", "example")
PORTS = (80, 443, 3306, 9999)
NAMESPACES = ("shop", "web")


def manifest(kind: str, name: str, namespace: str, spec: Json) -> Json:
    """An object of Istio's traffic API."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def entry(
    name: str, hosts: list[str], ports: list[tuple[int, str]], namespace: str = "shop", **spec: Any
) -> Json:
    """A ServiceEntry."""
    written = [
        {"number": number, "name": f"p{at}", "protocol": text} for at, (number, text) in enumerate(ports)
    ]
    return manifest("ServiceEntry", name, namespace, {"hosts": hosts, "ports": written, **spec})


def namespaces() -> list[Json]:
    """The Namespaces, both in Istio, each with a workload."""
    found: list[Json] = []
    for name in NAMESPACES:
        labels = {"istio-injection": "enabled"}
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        pods = {"labels": {"app": "web"}}
        template = {
            "metadata": pods,
            "spec": {"containers": [{"name": "app", "image": "example.test/web:1"}]},
        }
        found.append({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": name},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template},
        })  # fmt: skip
    return found


_protocols = st.sampled_from(["HTTP", "GRPC", "TLS", "HTTPS", "TCP", "MONGO", "UDP", ""])
_ports = st.lists(st.tuples(st.sampled_from(PORTS), _protocols), min_size=1, max_size=2)
_exports = st.sampled_from([None, ["*"], ["."], ["web"], ["shop", "web"], ["~"]])
_lists = st.sampled_from([
    None, ["*/*"], ["./*"], ["*/*.svc.cluster.local", "./*"], ["*/*.cluster.local", "*/*.pay.example"],
    ["*/*.svc.cluster.local", "web/mail.example"], ["~/*"], ["*/*.svc.cluster.local"],
])  # fmt: skip


@st.composite
def entries(draw: st.DrawFn) -> list[Json]:
    """Up to three ServiceEntries of both namespaces."""
    found = []
    for at in range(draw(st.integers(0, 3))):
        spec: Json = {"resolution": draw(st.sampled_from(["NONE", "NONE", "DNS", "STATIC", "DYNAMIC_DNS"]))}
        exported = draw(_exports)
        if exported is not None:
            spec["exportTo"] = exported
        if draw(st.integers(0, 5)) == 0:
            spec["addresses"] = draw(st.sampled_from([["203.0.113.0/24"], ["198.51.100.7"]]))
        hosts = draw(st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3, unique=True))
        found.append(entry(f"e{at}", hosts, draw(_ports), draw(st.sampled_from(NAMESPACES)), **spec))
    return found


@st.composite
def plain_entries(draw: st.DrawFn) -> list[Json]:
    """Entries of the common kind, most of which a run can say: one protocol per port, no host twice."""
    found = []
    for at, host in enumerate(draw(st.lists(st.sampled_from(HOSTS), min_size=1, max_size=4, unique=True))):
        ports = draw(
            st.lists(st.sampled_from([(80, "HTTP"), (443, "TLS"), (9999, "TCP")]), min_size=1, unique=True)
        )
        spec: Json = {"resolution": "NONE"}
        exported = draw(_exports)
        if exported is not None:
            spec["exportTo"] = exported
        found.append(entry(f"e{at}", [host], ports, draw(st.sampled_from(NAMESPACES)), **spec))
    return found


@st.composite
def sidecars(draw: st.DrawFn) -> list[Json]:
    """None, or one of `shop`: for all of its pods, for those that are there, or for others."""
    if draw(st.booleans()):
        return []
    spec: Json = {}
    mode = draw(st.sampled_from([None, "REGISTRY_ONLY", "ALLOW_ANY"]))
    if mode is not None:
        spec["outboundTrafficPolicy"] = {"mode": mode}
    listed = draw(_lists)
    if listed is not None:
        spec["egress"] = [{"hosts": listed}]
    selected = draw(st.sampled_from([None, None, "web", "batch"]))
    if selected is not None:
        spec["workloadSelector"] = {"labels": {"app": selected}}
    return [manifest("Sidecar", "default", draw(st.sampled_from(["shop", "shop", "istio-system"])), spec)]
