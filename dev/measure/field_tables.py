"""All tables of fields: the traffic kinds, the kinds that configure the mesh, and those of SMI and Open Service Mesh."""

from __future__ import annotations

from dev.measure import field_streams, field_values_config, osm_field_tables
from dev.measure.field_streams import Column, Table, Value
from dev.measure.field_values import Samples

_DEPLOYMENT: Value = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web"}]},
        },
    },
}


class _Alone:
    """Builds a stream of one object and a workload that it may reach."""

    def __init__(self, version: str, kind: str, base: Value | None = None) -> None:
        self.version = version
        self.kind = kind
        self.base = base or {}

    def __call__(self, sample: Value) -> list[Value]:
        """The object with a sample in its spec, first."""
        spec = {name: value for name, value in (self.base | sample).items() if value is not None}
        meta = {"name": "one", "namespace": "shop"}
        return [{"apiVersion": self.version, "kind": self.kind, "metadata": meta, "spec": spec}, _DEPLOYMENT]


_NETWORKING = "networking.istio.io/v1"
_ENTRY: Value = {
    "hosts": ["api.example.com"], "location": "MESH_EXTERNAL", "resolution": "DNS",
    "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}],
}  # fmt: skip
_MESH_KINDS: tuple[tuple[str, str, Samples, Value], ...] = (
    ("ServiceEntry", _NETWORKING, field_values_config.SERVICE_ENTRY, _ENTRY),
    ("Sidecar", _NETWORKING, field_values_config.SIDECAR, {"egress": [{"hosts": ["./*"]}]}),
    ("WorkloadEntry", _NETWORKING, field_values_config.WORKLOAD_ENTRY, {"address": "192.0.2.7"}),
    (
        "WorkloadGroup",
        _NETWORKING,
        field_values_config.WORKLOAD_GROUP,
        {"template": {"serviceAccount": "machine"}},
    ),
    ("ProxyConfig", "networking.istio.io/v1beta1", field_values_config.PROXY_CONFIG, {"concurrency": 1}),
    ("EnvoyFilter", "networking.istio.io/v1alpha3", field_values_config.ENVOY_FILTER, {}),
    ("Telemetry", "telemetry.istio.io/v1", field_values_config.TELEMETRY, {"accessLogging": [{}]}),
    (
        "WasmPlugin",
        "extensions.istio.io/v1alpha1",
        field_values_config.WASM_PLUGIN,
        {"url": "oci://example.com/p:1"},
    ),
    ("TrafficExtension", "extensions.istio.io/v1alpha1", field_values_config.TRAFFIC_EXTENSION, {}),
)
TABLES: tuple[Table, ...] = (
    *field_streams.TABLES,
    *(
        Table(kind, "`spec`", samples, (Column("fate", "spec.", _Alone(version, kind, base)),))
        for kind, version, samples, base in _MESH_KINDS
    ),
    *osm_field_tables.TABLES,
)
