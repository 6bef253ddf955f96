"""Tables of fields of SMI's access kinds and of Open Service Mesh, with their streams."""

from __future__ import annotations

from typing import Any

from dev.measure import osm_field_values
from dev.measure.field_paths import OSM
from dev.measure.field_streams import Column, Table, Value

_DENY: Value = {"enableEgress": True, "enablePermissiveTrafficPolicyMode": False}
_ON_WEB: Value = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
_OTHER: Value = {"kind": "ServiceAccount", "name": "other", "namespace": "shop"}
_ALL: Value = {"kind": "HTTPRouteGroup", "name": "group", "matches": ["all"]}
_TARGET: Value = {"destination": _ON_WEB, "rules": [_ALL], "sources": [_OTHER]}


def _object(version: str, kind: str, name: str, spec: Value, namespace: str = "shop") -> Value:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _config(spec: Value) -> Value:
    wanted = {"traffic": _DENY, "featureFlags": {"enableRetryPolicy": True}} | spec
    return _object(
        "config.openservicemesh.io/v1alpha2", "MeshConfig", "osm-mesh-config", wanted, "osm-system"
    )


def _policy(kind: str, name: str, spec: Value) -> Value:
    return _object("policy.openservicemesh.io/v1alpha1", kind, name, spec)


def _specs(kind: str, name: str, spec: Value, version: str = "v1alpha4") -> Value:
    return _object(f"specs.smi-spec.io/{version}", kind, name, spec)


def _namespace() -> Value:
    metadata = {
        "name": "shop", "labels": {"openservicemesh.io/monitored-by": "osm"},
        "annotations": {"openservicemesh.io/sidecar-injection": "enabled"},
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _workload(name: str, namespace: str = "shop", **annotations: str) -> list[Value]:
    ports = [{"containerPort": 8080}, {"containerPort": 9000}]
    template = {
        "metadata": {
            "labels": {"app": name},
            "annotations": {k.replace("_", "/"): v for k, v in annotations.items()},
        },
        "spec": {"serviceAccountName": name, "containers": [{"name": "app", "image": "app", "ports": ports}]},
    }
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    service_ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tcp-more", "port": 9000}]
    service = {"selector": {"app": name}, "ports": service_ports}
    return [
        _object("apps/v1", "Deployment", name, spec, namespace),
        _object("v1", "Service", name, service, namespace),
    ]


def _app() -> list[Value]:
    return [_namespace(), *_workload("web")]


def _target(spec: Value, version: str = "v1alpha3") -> Value:
    return _object(f"access.smi-spec.io/{version}", "TrafficTarget", "target", spec)


def _routes() -> list[Value]:
    return [
        _specs("HTTPRouteGroup", "group", {"matches": [{"name": "all", "pathRegex": "/a"}]}),
        _specs("TCPRoute", "tcp", {"matches": {"ports": [9000]}}),
        _specs("UDPRoute", "udp", {"matches": {"ports": [53]}}),
    ]


def _new_target(sample: Value) -> list[Value]:
    return [_target(_TARGET | sample), *_app(), *_routes()]


def _old_target(sample: Value) -> list[Value]:
    return [_target(_TARGET | sample, "v1alpha2"), *_app(), *_routes()]


def _first_target(sample: Value) -> list[Value]:
    spec = {"destination": _ON_WEB, "specs": [_ALL], "sources": [_OTHER]} | sample
    target = _target({}, "v1alpha1")
    del target["spec"]
    return [{**target, **spec}, *_app(), *_routes()]


def _tcp_route(sample: Value) -> list[Value]:
    route = _specs("TCPRoute", "tcp", {"matches": {"ports": [9000]}} | sample)
    rules = [_ALL, {"kind": "TCPRoute", "name": "tcp"}]
    return [route, _target(_TARGET | {"rules": rules}), *_app(), _routes()[0]]


def _udp_route(sample: Value) -> list[Value]:
    route = _specs("UDPRoute", "udp", {"matches": {"ports": [53]}} | sample)
    return [route, _target(_TARGET | {"rules": [{"kind": "UDPRoute", "name": "udp"}]}), *_app()]


def _mesh_config(sample: Value) -> list[Value]:
    return [_config(sample), *_app()]


def _root_certificate(sample: Value) -> list[Value]:
    provider = {"tresor": {"ca": {"secretRef": {"name": "ca", "namespace": "osm-system"}}}}
    spec = {"role": "active", "provider": provider} | sample
    return [_object("config.openservicemesh.io/v1alpha2", "MeshRootCertificate", "root", spec, "osm-system")]


def _extension(sample: Value) -> list[Value]:
    return [
        _object(
            "config.openservicemesh.io/v1alpha2",
            "ExtensionService",
            "otel",
            {"host": "otel", "port": 4317} | sample,
        )
    ]


def _telemetry(sample: Value) -> list[Value]:
    return [_policy("Telemetry", "logs", {"accessLog": {"format": "text"}} | sample)]


def _egress(egress: bool, sample: Value) -> list[Value]:
    spec = {
        "sources": [_ON_WEB],
        "hosts": ["httpbin.org"],
        "ports": [{"number": 80, "protocol": "http"}],
    } | sample
    return [_policy("Egress", "out", spec), _config({"traffic": {**_DENY, "enableEgress": egress}}), *_app()]


def _ingress(sample: Value) -> list[Value]:
    spec = {
        "backends": [{"name": "web", "port": {"number": 8080, "protocol": "http"}}],
        "sources": [{"kind": "Service", "name": "ingress", "namespace": "ingress"}],
    } | sample
    pods = _workload("ingress", "ingress", **{"linkerd.io_inject": "enabled"})
    return [_policy("IngressBackend", "web", spec), _config({}), *_app(), *pods]


def _retry(sample: Value) -> list[Value]:
    spec = {
        "source": _OTHER, "destinations": [{"kind": "Service", "name": "web", "namespace": "shop"}],
        "retryPolicy": {"retryOn": "5xx", "numRetries": 5},
    } | sample  # fmt: skip
    return [_policy("Retry", "retry", spec), _config({}), _target(_TARGET), *_app(), *_routes()[:1]]


def _upstream(sample: Value) -> list[Value]:
    spec = {
        "host": "web.shop.svc.cluster.local",
        "rateLimit": {"local": {"http": {"requests": 10, "unit": "second"}}},
    } | sample
    return [
        _policy("UpstreamTrafficSetting", "web", spec),
        _config({}),
        _target(_TARGET),
        *_app(),
        *_routes()[:1],
    ]


def _one(kind: str, samples: Any, build: Any) -> Table:
    return Table(kind, "`spec`", samples, (Column("fate", "spec.", build),))


TABLES = (
    Table(
        "TrafficTarget", "`spec`", osm_field_values.TARGET,
        (Column("v1alpha3", "spec.", _new_target, ("destination.port",)), Column("v1alpha2", "spec.", _old_target)),
    ),
    Table(
        "TrafficTarget", "The object itself in v1alpha1", osm_field_values.FIRST_TARGET,
        (Column("fate", "", _first_target),),
    ),
    _one("TCPRoute", osm_field_values.PORTS, _tcp_route),
    _one("UDPRoute", osm_field_values.PORTS, _udp_route),
    _one(OSM + "MeshConfig", osm_field_values.MESH_CONFIG, _mesh_config),
    _one(OSM + "MeshRootCertificate", osm_field_values.ROOT_CERTIFICATE, _root_certificate),
    _one(OSM + "ExtensionService", osm_field_values.EXTENSION, _extension),
    Table(
        OSM + "Egress", "`spec`", osm_field_values.EGRESS,
        (
            Column("calls out are open", "spec.", lambda sample: _egress(True, sample)),
            Column("calls out are closed", "spec.", lambda sample: _egress(False, sample)),
        ),
    ),
    _one(OSM + "IngressBackend", osm_field_values.INGRESS_BACKEND, _ingress),
    _one(OSM + "Retry", osm_field_values.RETRY, _retry),
    _one(OSM + "Telemetry", osm_field_values.TELEMETRY, _telemetry),
    _one(OSM + "UpstreamTrafficSetting", osm_field_values.UPSTREAM, _upstream),
)  # fmt: skip
