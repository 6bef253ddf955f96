"""The streams in which fields are measured: an object that is translated, and what it needs beside it, for every place.

Every function takes what a sample says of its place and gives the objects of a stream, the one under test first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from dev.measure import field_values, security_values

Value = dict[str, Any]


class Column(NamedTuple):
    """One place of a field: what it is called, the path before the field's own, and the stream around a sample.

    `build` puts what is under test first. Fields that begin with one of `without` do not exist here. `channel` is that of
    the Gateway API: routes of connections are in the experimental one.
    """

    title: str
    prefix: str
    build: Callable[[Value], list[Value]]
    without: tuple[str, ...] = ()
    channel: str = "standard"

    def has(self, path: str) -> bool:
        """Whether the definition has the field at this place."""
        return not path.startswith(self.without) if self.without else True


class Table(NamedTuple):
    """Fields that stand at the same places of a kind."""

    kind: str
    title: str
    samples: field_values.Samples
    columns: tuple[Column, ...]


def paths(tables: Iterable[Table]) -> Iterator[tuple[str, str]]:
    """Every field that is measured, as (kind, path)."""
    for table in tables:
        for column in table.columns:
            yield from ((table.kind, column.prefix + path) for path in table.samples if column.has(path))


def _object(version: str, kind: str, name: str, spec: Value) -> Value:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def _istio(kind: str, name: str, spec: Value) -> Value:
    return _object("networking.istio.io/v1", kind, name, spec)


def _service(name: str, *ports: int, protocol: str = "http") -> Value:
    found = [{"name": f"{protocol}-{port}", "port": port} for port in ports or (80,)]
    return _object("v1", "Service", name, {"selector": {"app": name}, "ports": found})


_V1: Value = {"name": "v1", "labels": {"version": "v1"}}
_TO_WEB: Value = {"route": [{"destination": {"host": "web"}}]}
_TO_OTHER: Value = {"route": [{"destination": {"host": "other"}}]}
_SERVICES = [_service("web"), _service("other", 80, 8080)]
_SUBSETS = _istio("DestinationRule", "web", {"host": "web", "subsets": [_V1]})
_PLAIN_SERVER: Value = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
_TCP_SERVER: Value = {"port": {"number": 80, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]}
_TLS_SERVER: Value = {
    "port": {"number": 443, "name": "tls", "protocol": "TLS"}, "hosts": ["*"], "tls": {"mode": "PASSTHROUGH"},
}  # fmt: skip


def _gateway(*servers: Value, **more: Any) -> Value:
    return _istio("Gateway", "edge", {"selector": {"istio": "ingressgateway"}, "servers": [*servers], **more})


def _with(base: Value, sample: Value) -> Value:
    return {name: value for name, value in (base | sample).items() if value is not None}


def _authority(name: str) -> Value:
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"ca.crt": "eA=="}}


#: What the certificates of clients are checked against, by its own name and by that of the server's certificate.
_AUTHORITIES = [_authority("ca"), _authority("c-cacert")]


def _connections(spec: Value, protocol: str, server: Value) -> list[Value]:
    services = [_service(name, 80, 443, 8080, protocol=protocol) for name in ("web", "other")]
    return [_istio("VirtualService", "web", spec), *services, _SUBSETS, _gateway(server)]


def _virtual_service(spec: Value, server: Value = _PLAIN_SERVER) -> list[Value]:
    delegates = {name for rule in spec.get("http", ()) if (name := rule.get("delegate", {}).get("name"))}
    rules = [_istio("VirtualService", name, {"http": [_TO_WEB]}) for name in sorted(delegates)]
    return [_istio("VirtualService", "web", spec), *rules, *_SERVICES, _SUBSETS, _gateway(server)]


def _spec(sample: Value) -> list[Value]:
    return _virtual_service(_with({"hosts": ["web"], "http": [_TO_WEB]}, sample))


def _rules(sample: Value) -> list[Value]:
    """The rule, and one for the rest where it does not take everything."""
    return [_with(_TO_WEB, sample), *([_TO_OTHER] if "match" in sample else [])]


def _in_the_mesh(sample: Value) -> list[Value]:
    return _virtual_service({"hosts": ["web"], "http": _rules(sample)})


def _at_a_gateway(sample: Value) -> list[Value]:
    return _virtual_service({"hosts": ["shop.example"], "gateways": ["edge"], "http": _rules(sample)})


def _tcp(sample: Value) -> list[Value]:
    return _connections({"hosts": ["web"], "tcp": [_with(_TO_OTHER, sample)]}, "tcp", _TCP_SERVER)


def _tcp_at_a_gateway(sample: Value) -> list[Value]:
    spec = {"hosts": ["shop.example"], "gateways": ["edge"], "tcp": [_with(_TO_WEB, sample)]}
    return _connections(spec, "tcp", _TCP_SERVER)


def _tls_rule(sample: Value) -> Value:
    return _with({"match": [{"sniHosts": ["shop.example"]}], **_TO_OTHER}, sample)


def _tls(sample: Value) -> list[Value]:
    return _connections({"hosts": ["web"], "tls": [_tls_rule(sample)]}, "tls", _TLS_SERVER)


def _tls_at_a_gateway(sample: Value) -> list[Value]:
    spec = {"hosts": ["shop.example"], "gateways": ["edge"], "tls": [_tls_rule(sample)]}
    return _connections(spec, "tls", _TLS_SERVER)


def _destination_rule(sample: Value) -> list[Value]:
    users = []
    for name in [subset["name"] for subset in sample.get("subsets", ()) if "name" in subset]:
        route = {"destination": {"host": "web", "subset": name}}
        users = [_istio("VirtualService", "web", {"hosts": ["web"], "http": [{"route": [route]}]})]
    return [_istio("DestinationRule", "web", _with({"host": "web"}, sample)), *users, *_SERVICES]


def _policy(sample: Value) -> list[Value]:
    return _destination_rule({"trafficPolicy": sample})


def _port_policy(sample: Value) -> list[Value]:
    return _policy({"portLevelSettings": [{"port": {"number": 80}, **sample}]})


def _subset_policy(sample: Value) -> list[Value]:
    return _destination_rule({"subsets": [{**_V1, "trafficPolicy": sample}]})


def _subset_port_policy(sample: Value) -> list[Value]:
    return _subset_policy({"portLevelSettings": [{"port": {"number": 80}, **sample}]})


def _gateway_spec(sample: Value) -> list[Value]:
    return [_gateway(_PLAIN_SERVER, **sample)]


def _server(sample: Value) -> list[Value]:
    return [_gateway(_with(_PLAIN_SERVER, sample)), *_AUTHORITIES]


def _split(sample: Value) -> list[Value]:
    spec = {"service": "web", "backends": [{"service": "web-v1", "weight": 1}]}
    services = [_service("web"), _service("web-v1"), _service("web-v2")]
    split = _object("split.smi-spec.io/v1alpha4", "TrafficSplit", "web", _with(spec, sample))
    return [split, *services, _object("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "group", _ROUTES)]


_ROUTES: Value = {"matches": [{"name": "all", "pathRegex": "/a"}]}
_SPLIT_BY_GROUP = {"matches": [{"kind": "HTTPRouteGroup", "name": "group"}]}


def _group(sample: Value) -> list[Value]:
    group = _object("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "group", _with(_ROUTES, sample))
    return [group, *_split(_SPLIT_BY_GROUP)[:-1]]


def _old_group(sample: Value) -> list[Value]:
    group, *rest = _group(sample)
    return [{**group, "apiVersion": "specs.smi-spec.io/v1alpha2", **group["spec"], "spec": None}, *rest]


def _deployment(name: str) -> Value:
    pod = {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "containers": [{"name": "app", "ports": [{"containerPort": 8080}, {"containerPort": 9090}]}]
        },
    }
    return _object(
        "apps/v1", "Deployment", name, {"selector": {"matchLabels": {"app": name}}, "template": pod}
    )


_POLICED: list[Value] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}},
    _deployment("web"),
    _deployment("other"),
    _object("v1", "Service", "web", {
        "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
    }),
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web", "namespace": "shop"}},
]  # fmt: skip
_CALLERS: Value = {
    "from": [
        {
            "source": {
                "principals": [
                    f"cluster.local/ns/{one}" for one in ("shop/sa/web", "shop/sa/job", "ops/sa/job")
                ]
            }
        }
    ]
}
_OF_WEB: Value = {"selector": {"matchLabels": {"app": "web"}}}


def _authorization(name: str, spec: Value) -> Value:
    return _object("security.istio.io/v1", "AuthorizationPolicy", name, spec)


def _allowed(sample: Value) -> list[Value]:
    return [_authorization("web", {**_OF_WEB, "rules": [sample]}), *_POLICED]


def _denied(sample: Value) -> list[Value]:
    """Taken away from a few callers: from everyone nothing can be taken away."""
    allow = _authorization("few", {**_OF_WEB, "rules": [_CALLERS]})
    return [_authorization("web", {**_OF_WEB, "action": "DENY", "rules": [sample]}), allow, *_POLICED]


def _authorization_spec(sample: Value) -> list[Value]:
    allow = _authorization("few", {**_OF_WEB, "rules": [_CALLERS]})
    rules = [{"to": [{"operation": {"methods": ["GET"]}}]}]
    return [_authorization("web", {"rules": rules, **sample}), allow, *_POLICED]


def _peer(sample: Value) -> list[Value]:
    return [_object("security.istio.io/v1", "PeerAuthentication", "web", sample), *_POLICED]


def _tokens(sample: Value) -> list[Value]:
    return [_object("security.istio.io/v1", "RequestAuthentication", "web", sample), *_POLICED]


_NOT_OF_A_PORT = ("proxyProtocol", "retryBudget", "tunnel")
TABLES = (
    Table("VirtualService", "`spec`", field_values.VIRTUAL_SERVICE, (Column("fate", "spec.", _spec),)),
    Table(
        "VirtualService", "`spec.http[]`", field_values.HTTP,
        (Column("in the mesh", "spec.http[].", _in_the_mesh), Column("at a gateway", "spec.http[].", _at_a_gateway)),
    ),
    Table(
        "VirtualService", "`spec.tls[]`", field_values.TLS,
        (
            Column("in the mesh, experimental channel", "spec.tls[].", _tls, channel="experimental"),
            Column("at a gateway", "spec.tls[].", _tls_at_a_gateway),
        ),
    ),
    Table(
        "VirtualService", "`spec.tcp[]`", field_values.TCP,
        (
            Column("in the mesh, experimental channel", "spec.tcp[].", _tcp, channel="experimental"),
            Column("at a gateway, experimental channel", "spec.tcp[].", _tcp_at_a_gateway, channel="experimental"),
        ),
    ),
    Table("DestinationRule", "`spec`", field_values.DESTINATION_RULE, (Column("fate", "spec.", _destination_rule),)),
    Table(
        "DestinationRule",
        "Traffic policies: `spec.trafficPolicy` of a host, its `portLevelSettings[]`, `spec.subsets[].trafficPolicy`, "
        "and `portLevelSettings[]` of that",
        field_values.POLICY,
        (
            Column("of a host", "spec.trafficPolicy.", _policy),
            Column("of a port", "spec.trafficPolicy.portLevelSettings[].", _port_policy, _NOT_OF_A_PORT),
            Column("of a subset", "spec.subsets[].trafficPolicy.", _subset_policy),
            Column("of a subset's port", "spec.subsets[].trafficPolicy.portLevelSettings[].", _subset_port_policy,
                   _NOT_OF_A_PORT),
        ),
    ),
    Table("Gateway", "`spec`", field_values.GATEWAY, (Column("fate", "spec.", _gateway_spec),)),
    Table(
        "Gateway", "`spec.servers[]`", field_values.SERVER,
        (
            Column("standard channel", "spec.servers[].", _server),
            Column("experimental channel", "spec.servers[].", _server, channel="experimental"),
        ),
    ),
    Table("AuthorizationPolicy", "`spec` of a policy", security_values.AUTHORIZATION_POLICY,
          (Column("fate", "spec.", _authorization_spec),)),
    Table("AuthorizationPolicy", "`spec.rules[]`", security_values.RULE,
          (Column("ALLOW", "spec.rules[].", _allowed), Column("DENY", "spec.rules[].", _denied))),
    Table("PeerAuthentication", "`spec` of a PeerAuthentication", security_values.PEER_AUTHENTICATION,
          (Column("fate", "spec.", _peer),)),
    Table("RequestAuthentication", "`spec` of a RequestAuthentication", security_values.REQUEST_AUTHENTICATION,
          (Column("fate", "spec.", _tokens),)),
    Table("TrafficSplit", "`spec`", field_values.TRAFFIC_SPLIT, (Column("fate", "spec.", _split),)),
    Table(
        "HTTPRouteGroup", "`spec`, and the object itself before v1alpha3", field_values.ROUTE_GROUP,
        (Column("in spec", "spec.", _group), Column("v1alpha1, v1alpha2", "", _old_group)),
    ),
)  # fmt: skip
