"""Representative values for the fields of kinds that configure the mesh: registry, sidecars, machines, extensions, telemetry.

Values are put together from a path and a value, beside what the field needs to have an effect.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml

from dev.measure import field_values
from dev.measure.field_values import Samples

Value = dict[str, Any]


def _at(path: str, value: Any, beside: Value | None = None) -> str:
    """YAML of a value at a path, in what stands beside it."""
    whole = copy.deepcopy(beside or {})
    steps = path.split(".")
    here: Any = whole
    for step in steps[:-1]:
        name, many = step.removesuffix("[]"), step.endswith("[]")
        name = "key" if name == "*" else name
        below = here.setdefault(name, [{}] if many else {})
        here = below[0] if many else below
    last = steps[-1]
    name = "key" if last == "*" else last.removesuffix("[]")
    here[name] = [value] if last.endswith("[]") else value
    text: str = yaml.safe_dump(whole, default_flow_style=True, sort_keys=False, width=10**6)
    return text.strip()[1:-1]


def _table(fields: str, beside: Value | None = None) -> Samples:
    """Samples of lines `path value value…`; values are YAML without blanks."""
    found: Samples = {}
    for line in filter(None, map(str.strip, fields.splitlines())):
        path, *values = line.split()
        found[path] = tuple(_at(path, yaml.safe_load(value), beside) for value in values)
    return found


def _below(prefix: str, samples: Samples, place: Value) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Samples of a block that stands below a list of one item, or below a map, in what the item needs."""
    for path, texts in samples.items():
        below = [yaml.safe_load(f"{{{text}}}") for text in texts]
        name = prefix.removesuffix("[]")
        many = prefix.endswith("[]")
        made = [{name: [place | value] if many else place | value} for value in below]
        dumped = (yaml.safe_dump(one, default_flow_style=True, sort_keys=False, width=10**6) for one in made)
        yield f"{prefix}.{path}", tuple(text.strip()[1:-1] for text in dumped)


_POOL: Samples = {
    path.removeprefix("connectionPool."): tuple(text.removeprefix("connectionPool: {")[:-1] for text in texts)
    for path, texts in field_values.POLICY.items()
    if path.startswith("connectionPool.")
}
_LISTENER: Value = {
    "port": {"number": 9080, "protocol": "HTTP", "name": "http"},
    "defaultEndpoint": "127.0.0.1:8080",
}
_LISTENER_TLS: Value = {
    "port": {"number": 9443, "protocol": "HTTPS", "name": "https"},
    "defaultEndpoint": "127.0.0.1:8080",
}

#: `spec` of a ServiceEntry for a host outside the cluster.
SERVICE_ENTRY: Samples = {
    **_table("""
        addresses[] 192.0.2.0/24 192.0.2.7
        endpoints[].address 192.0.2.7
        endpoints[].labels.* blue
        endpoints[].locality eu/west
        endpoints[].network remote
        endpoints[].ports.* 8443
        endpoints[].serviceAccount api
        endpoints[].weight 2
        exportTo[] '*' .
        hosts[] api.example.com '*.example.com' other.shop.svc.cluster.local
        location MESH_EXTERNAL MESH_INTERNAL
        ports[].name https-api
        ports[].number 8443
        ports[].protocol TCP HTTP TLS GRPC
        ports[].targetPort 8443 443
        resolution NONE STATIC DNS DNS_ROUND_ROBIN DYNAMIC_DNS
        subjectAltNames[] api.example.com
        workloadSelector.labels.* api
    """, {"ports": [{"number": 443, "name": "tls", "protocol": "TLS"}]}),
}  # fmt: skip

#: `spec` of a Sidecar.
SIDECAR: Samples = {
    **_table("""
        egress[].bind 127.0.0.1
        egress[].captureMode DEFAULT IPTABLES NONE
        egress[].hosts[] ./* '*/*' bank/api.bank.svc.cluster.local
        egress[].port.name http
        egress[].port.number 9080
        egress[].port.protocol HTTP
        egress[].port.targetPort 9080
        outboundTrafficPolicy.egressProxy.host out.istio-system.svc.cluster.local
        outboundTrafficPolicy.egressProxy.port.number 443
        outboundTrafficPolicy.egressProxy.subset v1
        outboundTrafficPolicy.mode REGISTRY_ONLY ALLOW_ANY
        workloadSelector.labels.* web
    """, {"egress": [{"hosts": ["./*"]}], "outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}),
    **_table("""
        ingress[].bind 127.0.0.1
        ingress[].captureMode DEFAULT IPTABLES NONE
        ingress[].defaultEndpoint 127.0.0.1:8080
        ingress[].port.name http
        ingress[].port.number 9080
        ingress[].port.protocol HTTP
        ingress[].port.targetPort 9080
    """, {"ingress": [_LISTENER]}),
    **dict(_below("inboundConnectionPool", _POOL, {})),
    **dict(_below("ingress[]", {f"connectionPool.{path}": tuple(f"connectionPool: {{{text}}}" for text in texts)
                                for path, texts in _POOL.items()}, _LISTENER)),
    **_table("""
        ingress[].tls.caCertCredentialName ca
        ingress[].tls.caCertificates /ca.pem
        ingress[].tls.caCrl /crl.pem
        ingress[].tls.cipherSuites[] ECDHE-RSA-AES256-GCM-SHA384
        ingress[].tls.credentialName c
        ingress[].tls.credentialNames[] c
        ingress[].tls.httpsRedirect true
        ingress[].tls.insecureSkipVerify true
        ingress[].tls.maxProtocolVersion TLS_AUTO TLSV1_0 TLSV1_1 TLSV1_2 TLSV1_3
        ingress[].tls.minProtocolVersion TLS_AUTO TLSV1_0 TLSV1_1 TLSV1_2 TLSV1_3
        ingress[].tls.mode PASSTHROUGH SIMPLE MUTUAL AUTO_PASSTHROUGH ISTIO_MUTUAL OPTIONAL_MUTUAL
        ingress[].tls.privateKey /k.pem
        ingress[].tls.serverCertificate /c.pem
        ingress[].tls.subjectAltNames[] a.example
        ingress[].tls.tlsCertificates[].caCertificates /ca.pem
        ingress[].tls.tlsCertificates[].privateKey /k.pem
        ingress[].tls.tlsCertificates[].serverCertificate /c.pem
        ingress[].tls.verifyCertificateHash[] ab
        ingress[].tls.verifyCertificateSpki[] ab
    """, {"ingress": [_LISTENER_TLS]}),
}  # fmt: skip

#: `spec` of a WorkloadEntry, which is also `template` of a WorkloadGroup.
WORKLOAD_ENTRY = _table("""
    address 192.0.2.7
    labels.* machine
    locality eu/west
    network remote
    ports.* 8080
    serviceAccount machine
    weight 2
""")
WORKLOAD_GROUP: Samples = {
    **_table("""
        metadata.annotations.* text
        metadata.labels.* machine
        probe.exec.command[] /check
        probe.failureThreshold 3
        probe.grpc.port 9090
        probe.grpc.service health
        probe.httpGet.host machine.example
        probe.httpGet.httpHeaders[].name x-a
        probe.httpGet.httpHeaders[].value b
        probe.httpGet.path /healthz
        probe.httpGet.port 8080
        probe.httpGet.scheme HTTP
        probe.initialDelaySeconds 1
        probe.periodSeconds 10
        probe.successThreshold 1
        probe.tcpSocket.host machine.example
        probe.tcpSocket.port 8080
        probe.timeoutSeconds 1
    """),
    **dict(_below("template", WORKLOAD_ENTRY, {})),
}
PROXY_CONFIG = _table("""
    concurrency 0 2
    environmentVariables.* text
    image.imageType distroless
    selector.matchLabels.* web
""")

_REFERENCE = """
    group gateway.networking.k8s.io
    kind Gateway
    name edge
    namespace shop
"""
_GATEWAY: Value = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}
_TARGETS = dict(_below("targetRefs[]", _table(_REFERENCE), _GATEWAY))
_TARGET = dict(_below("targetRef", _table(_REFERENCE), _GATEWAY))
_TAGS = """
    environment.defaultValue none
    environment.name POD
    formatter.value text
    header.defaultValue none
    header.name x-a
    literal.value text
"""


def _named(text: str) -> str:
    """A custom tag; what it reads has a name."""
    tag = yaml.safe_load(f"{{{text}}}")
    for source in ("environment", "header"):
        if source in tag:
            tag[source].setdefault("name", "x")
    dumped: str = yaml.safe_dump(tag, default_flow_style=True, sort_keys=False).strip()
    return dumped


TELEMETRY: Samples = {**_table("""
    accessLogging[].disabled true
    accessLogging[].filter.expression response.code>=500
    accessLogging[].match.mode CLIENT_AND_SERVER CLIENT SERVER
    accessLogging[].providers[].name envoy
    metrics[].overrides[].disabled true
    metrics[].overrides[].match.customMetric mine
    metrics[].overrides[].match.metric ALL_METRICS REQUEST_COUNT REQUEST_DURATION REQUEST_SIZE RESPONSE_SIZE \
TCP_OPENED_CONNECTIONS TCP_CLOSED_CONNECTIONS TCP_SENT_BYTES TCP_RECEIVED_BYTES GRPC_REQUEST_MESSAGES GRPC_RESPONSE_MESSAGES
    metrics[].overrides[].match.mode CLIENT_AND_SERVER CLIENT SERVER
    metrics[].overrides[].tagOverrides.*.operation UPSERT REMOVE
    metrics[].overrides[].tagOverrides.*.value request.host
    metrics[].providers[].name prometheus
    metrics[].reportingInterval 5s
    selector.matchLabels.* web
    tracing[].disableContextPropagation true
    tracing[].disableSpanReporting true
    tracing[].enableIstioTags false
    tracing[].match.mode CLIENT_AND_SERVER CLIENT SERVER
    tracing[].providers[].name zipkin
    tracing[].randomSamplingPercentage 10
    tracing[].useRequestIdForTraceSampling true
"""), **_TARGETS, **_TARGET, **{
    f"tracing[].customTags.*.{path}": tuple(
        f"tracing: [{{customTags: {{key: {_named(text)}}}}}]" for text in texts
    )
    for path, texts in _table(_TAGS).items()
}}  # fmt: skip

_PATCH: Value = {"configPatches": [{"applyTo": "HTTP_FILTER", "match": {"context": "SIDECAR_OUTBOUND"},
                                    "patch": {"operation": "MERGE"}}]}  # fmt: skip
ENVOY_FILTER: Samples = {**_table("""
    configPatches[].applyTo INVALID LISTENER FILTER_CHAIN NETWORK_FILTER HTTP_FILTER ROUTE_CONFIGURATION VIRTUAL_HOST \
HTTP_ROUTE CLUSTER EXTENSION_CONFIG BOOTSTRAP LISTENER_FILTER
    configPatches[].match.cluster.name outbound|80||web
    configPatches[].match.cluster.portNumber 80
    configPatches[].match.cluster.service web.shop.svc.cluster.local
    configPatches[].match.cluster.subset v1
    configPatches[].match.context ANY SIDECAR_INBOUND SIDECAR_OUTBOUND GATEWAY WAYPOINT
    configPatches[].match.listener.filterChain.applicationProtocols h2
    configPatches[].match.listener.filterChain.destinationPort 80
    configPatches[].match.listener.filterChain.filter.name envoy.filters.network.http_connection_manager
    configPatches[].match.listener.filterChain.filter.subFilter.name envoy.filters.http.router
    configPatches[].match.listener.filterChain.name default
    configPatches[].match.listener.filterChain.sni shop.example
    configPatches[].match.listener.filterChain.transportProtocol tls
    configPatches[].match.listener.listenerFilter envoy.filters.listener.tls_inspector
    configPatches[].match.listener.name virtualInbound
    configPatches[].match.listener.portName http
    configPatches[].match.listener.portNumber 80
    configPatches[].match.proxy.metadata.* text
    configPatches[].match.proxy.proxyVersion ^1.31.*
    configPatches[].match.routeConfiguration.gateway shop/edge
    configPatches[].match.routeConfiguration.name http.80
    configPatches[].match.routeConfiguration.portName http
    configPatches[].match.routeConfiguration.portNumber 80
    configPatches[].match.routeConfiguration.vhost.domainName shop.example
    configPatches[].match.routeConfiguration.vhost.name shop.example:80
    configPatches[].match.routeConfiguration.vhost.route.action ANY ROUTE REDIRECT DIRECT_RESPONSE
    configPatches[].match.routeConfiguration.vhost.route.name default
    configPatches[].match.waypoint.filter.name envoy.filters.http.router
    configPatches[].match.waypoint.filter.subFilter.name envoy.filters.http.router
    configPatches[].match.waypoint.portNumber 80
    configPatches[].match.waypoint.route.name default
    configPatches[].patch.filterClass UNSPECIFIED AUTHN AUTHZ STATS
    configPatches[].patch.operation INVALID MERGE ADD REMOVE INSERT_BEFORE INSERT_AFTER INSERT_FIRST REPLACE \
MERGE_AND_REPLACE_LIST
    configPatches[].patch.value text
    priority 1
    workloadSelector.labels.* web
""", _PATCH), **_TARGETS}  # fmt: skip

_WASM = """
    failStrategy FAIL_CLOSE FAIL_OPEN FAIL_RELOAD
    imagePullPolicy UNSPECIFIED_POLICY IfNotPresent Always
    imagePullSecret pull
    pluginConfig text
    pluginName mine
    sha256 ab
    type UNSPECIFIED_PLUGIN_TYPE HTTP NETWORK
    url oci://example.com/plugin:1
    verificationKey key
    vmConfig.env[].name A
    vmConfig.env[].value b
    vmConfig.env[].valueFrom INLINE HOST
"""
_WHERE = """
    match[].mode UNDEFINED CLIENT SERVER CLIENT_AND_SERVER
    match[].ports[].number 80
    priority 1
    selector.matchLabels.* web
"""
WASM_PLUGIN: Samples = {
    **_table(_WASM + _WHERE + "\nphase UNSPECIFIED_PHASE AUTHN AUTHZ STATS"),
    **_TARGETS,
    **_TARGET,
}
TRAFFIC_EXTENSION: Samples = {
    **_table(_WHERE + "\nphase UNSPECIFIED AUTHN AUTHZ STATS\nlua.inlineCode x=1"),
    **_TARGETS,
    **dict(_below("wasm", _table(_WASM), {})),
}
