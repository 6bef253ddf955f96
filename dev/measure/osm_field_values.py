"""Samples of every field of SMI's access kinds and of Open Service Mesh's kinds, as `field_values` has those of others."""

from __future__ import annotations

from dev.measure.field_values import Samples


def _each(path: str, values: str, text: str) -> Samples:
    """One sample for every value of an enumeration, `%s` in the text."""
    return {path: tuple(text % value for value in values.split("|"))}


_SUBJECT = "{kind: ServiceAccount, name: %s, namespace: shop}"
_ON = "destination: {kind: ServiceAccount, name: web, namespace: shop}"
_GROUP = "{kind: HTTPRouteGroup, name: group, matches: [all]}"

#: `spec` of a TrafficTarget.
TARGET: Samples = {
    "destination.kind": (_ON, "destination: {kind: Group, name: web, namespace: shop}"),
    "destination.name": (_ON,),
    "destination.namespace": (_ON, "destination: {kind: ServiceAccount, name: web, namespace: other}"),
    "destination.port": ("destination: {kind: ServiceAccount, name: web, namespace: shop, port: 8080}",),
    "rules[].kind": (
        f"rules: [{_GROUP}]", "rules: [{kind: TCPRoute, name: tcp}]", "rules: [{kind: UDPRoute, name: udp}]"),
    "rules[].matches[]": (f"rules: [{_GROUP}]",),
    "rules[].name": (f"rules: [{_GROUP}]", "rules: [{kind: HTTPRouteGroup, name: missing}]"),
    "sources[].kind": (f"sources: [{_SUBJECT % 'other'}]",),
    "sources[].name": (f"sources: [{_SUBJECT % 'other'}]",),
    "sources[].namespace": (f"sources: [{_SUBJECT % 'other'}]",),
}  # fmt: skip
#: A TrafficTarget of v1alpha1, which has its fields at the top and calls its rules `specs`.
FIRST_TARGET: Samples = {
    path.replace("rules[]", "specs[]"): tuple(
        text.replace("rules:", "specs:") for text in samples if "UDPRoute" not in text
    )
    for path, samples in TARGET.items()
}
#: `spec` of a TCPRoute and of a UDPRoute.
PORTS: Samples = {"matches.ports[]": ("matches: {ports: [9000]}",)}

_OPEN = "traffic: {enableEgress: true, enablePermissiveTrafficPolicyMode: false"
_AUTHORIZER = (
    _OPEN
    + ", inboundExternalAuthorization: {enable: %s, address: a, port: 1, statPrefix: p, timeout: 1s, failureModeAllow: true}}"
)
_TLS = "TLS_AUTO|TLSv1_0|TLSv1_1|TLSv1_2|TLSv1_3"
_CERTIFICATE = "certificate: {serviceCertValidityDuration: 24h, certKeyBitSize: 2048"
_INGRESS = (
    _CERTIFICATE
    + ", ingressGateway: {subjectAltNames: [a], validityDuration: 24h, secret: {name: a, namespace: b}}}"
)

#: `spec` of a MeshConfig.
MESH_CONFIG: Samples = {
    "certificate.certKeyBitSize": (_CERTIFICATE + "}",),
    **{f"certificate.ingressGateway.{path}": (_INGRESS,)
       for path in ("secret.name", "secret.namespace", "subjectAltNames[]", "validityDuration")},
    "certificate.serviceCertValidityDuration": (_CERTIFICATE + "}",),
    **{f"featureFlags.{name}": (f"featureFlags: {{{name}: true}}",) for name in (
        "enableAsyncProxyServiceMapping", "enableEgressPolicy", "enableEnvoyActiveHealthChecks", "enableIngressBackendPolicy",
        "enableMeshRootCertificate", "enableMulticlusterMode", "enableRetryPolicy", "enableSnapshotCacheMode",
        "enableWASMStats",
    )},
    "observability.enableDebugServer": ("observability: {enableDebugServer: true}",),
    "observability.osmLogLevel": ("observability: {osmLogLevel: debug}",),
    **{f"observability.tracing.{name}": ("observability: {tracing: {enable: true, port: 9411, address: a, endpoint: /api}}",)
       for name in ("address", "enable", "endpoint", "port")},
    "sidecar.cipherSuites[]": ("sidecar: {cipherSuites: [a]}",),
    "sidecar.configResyncInterval": ("sidecar: {configResyncInterval: 90s}",),
    "sidecar.ecdhCurves[]": ("sidecar: {ecdhCurves: [a]}",),
    "sidecar.enablePrivilegedInitContainer": ("sidecar: {enablePrivilegedInitContainer: true}",),
    "sidecar.envoyImage": ("sidecar: {envoyImage: a}",),
    "sidecar.envoyWindowsImage": ("sidecar: {envoyWindowsImage: a}",),
    "sidecar.initContainerImage": ("sidecar: {initContainerImage: a}",),
    **_each("sidecar.localProxyMode", "Localhost|PodIP", "sidecar: {localProxyMode: %s}"),
    **_each("sidecar.logLevel", "trace|debug|info|warning|warn|error|critical|'off'", "sidecar: {logLevel: %s}"),
    "sidecar.maxDataPlaneConnections": ("sidecar: {maxDataPlaneConnections: 100}",),
    "sidecar.resources.limits": ("sidecar: {resources: {limits: {}}}",),
    "sidecar.resources.requests": ("sidecar: {resources: {requests: {}}}",),
    **_each("sidecar.tlsMaxProtocolVersion", _TLS, "sidecar: {tlsMaxProtocolVersion: %s}"),
    **_each("sidecar.tlsMinProtocolVersion", _TLS, "sidecar: {tlsMinProtocolVersion: %s}"),
    "traffic.enableEgress": (_OPEN + "}", "traffic: {enableEgress: false}"),
    "traffic.enablePermissiveTrafficPolicyMode": (_OPEN + "}", "traffic: {enableEgress: true, "
                                                  "enablePermissiveTrafficPolicyMode: true}"),
    **{f"traffic.inboundExternalAuthorization.{name}": (_AUTHORIZER % "true", _AUTHORIZER % "false")
       for name in ("address", "enable", "failureModeAllow", "port", "statPrefix", "timeout")},
    "traffic.inboundPortExclusionList[]": (_OPEN + ", inboundPortExclusionList: [9090]}",),
    "traffic.networkInterfaceExclusionList[]": (_OPEN + ", networkInterfaceExclusionList: [eth1]}",),
    "traffic.outboundIPRangeExclusionList[]": (_OPEN + ", outboundIPRangeExclusionList: [10.0.0.0/8]}",),
    "traffic.outboundIPRangeInclusionList[]": (_OPEN + ", outboundIPRangeInclusionList: [10.0.0.0/8]}",),
    "traffic.outboundPortExclusionList[]": (_OPEN + ", outboundPortExclusionList: [6379]}",),
}  # fmt: skip

_VAULT = ("role: active, provider: {vault: {host: a, port: 8200, role: b, protocol: %s, "
          "token: {secretKeyRef: {name: a, key: b, namespace: c}}}}")  # fmt: skip
_MANAGER = (
    "role: active, provider: {certManager: {issuerName: a, issuerKind: %s, issuerGroup: cert-manager.io}}"
)
_TRESOR = "provider: {tresor: {ca: {secretRef: {name: a, namespace: b}}}}"

#: `spec` of a MeshRootCertificate.
ROOT_CERTIFICATE: Samples = {
    "provider.certManager.issuerGroup": (_MANAGER % "Issuer",),
    **_each("provider.certManager.issuerKind", "ClusterIssuer|Issuer", _MANAGER),
    "provider.certManager.issuerName": (_MANAGER % "Issuer",),
    "provider.tresor.ca.secretRef.name": (_TRESOR,),
    "provider.tresor.ca.secretRef.namespace": (_TRESOR,),
    "provider.vault.host": (_VAULT % "http",),
    "provider.vault.port": (_VAULT % "http",),
    **_each("provider.vault.protocol", "http|https", _VAULT),
    "provider.vault.role": (_VAULT % "http",),
    **{f"provider.vault.token.secretKeyRef.{name}": (_VAULT % "http",) for name in ("key", "name", "namespace")},
    **_each("role", "passive|active|inactive", "role: %s, " + _TRESOR),
    "spiffeEnabled": ("spiffeEnabled: true, " + _TRESOR,),
    "trustDomain": ("trustDomain: cluster.local, " + _TRESOR,),
}  # fmt: skip

#: `spec` of an ExtensionService.
EXTENSION: Samples = {
    "connectTimeout": ("connectTimeout: 5s",), "host": ("host: otel.shop",), "port": ("port: 4317",),
    "protocol": ("protocol: h2c",),
}  # fmt: skip
_LOG = "accessLog: {format: text, openTelemetry: {extensionService: {namespace: shop, name: otel}, attributes: {}}}"
#: `spec` of a Telemetry.
TELEMETRY: Samples = {
    "accessLog.format": (_LOG,), "accessLog.openTelemetry.attributes": (_LOG,),
    "accessLog.openTelemetry.extensionService.name": (_LOG,),
    "accessLog.openTelemetry.extensionService.namespace": (_LOG,), "selector": ("selector: {}",),
}  # fmt: skip

#: `spec` of an Egress.
EGRESS: Samples = {
    "hosts[]": ("hosts: [httpbin.org]",), "ipAddresses[]": ("ipAddresses: [10.0.0.0/8]",),
    **{f"matches[].{name}": ("matches: [{apiGroup: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, name: group}]",)
       for name in ("apiGroup", "kind", "name")},
    "ports[].number": ("ports: [{number: 80, protocol: http}]",),
    "ports[].protocol": ("ports: [{number: 80, protocol: http}]", "ports: [{number: 443, protocol: https}]",
                         "ports: [{number: 3306, protocol: tcp}]"),
    **{f"sources[].{name}": ("sources: [{kind: ServiceAccount, name: web, namespace: shop}]",)
       for name in ("kind", "name", "namespace")},
}  # fmt: skip

_SECURE = ("backends: [{name: web, port: {number: 8080, protocol: https}, tls: {skipClientCertValidation: %s, "
           "sniHosts: [web.shop]}}], sources: [{kind: AuthenticatedPrincipal, "
           "name: ingress.ingress.cluster.local}]")  # fmt: skip
_BACKEND = "backends: [{name: web, port: {number: 8080, protocol: http}}]"
_FROM = "sources: [{kind: Service, name: ingress, namespace: ingress}]"

#: `spec` of an IngressBackend.
INGRESS_BACKEND: Samples = {
    "backends[].name": (_BACKEND,),
    "backends[].port.number": (_BACKEND,),
    "backends[].port.protocol": (_BACKEND, _SECURE % "false"),
    "backends[].tls.skipClientCertValidation": (_SECURE % "false", _SECURE % "true"),
    "backends[].tls.sniHosts[]": (_SECURE % "false",),
    **{f"matches[].{name}": ("matches: [{apiGroup: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, name: group}]",)
       for name in ("apiGroup", "kind", "name")},
    "sources[].kind": (_FROM, _SECURE % "false", "sources: [{kind: IPRange, name: 203.0.113.0/24}]"),
    "sources[].name": (_FROM,),
    "sources[].namespace": (_FROM,),
}  # fmt: skip

_POLICY = "retryPolicy: {retryOn: 5xx, perTryTimeout: 1s, numRetries: 5, retryBackoffBaseInterval: 1s}"
#: `spec` of a Retry.
RETRY: Samples = {
    **{f"destinations[].{name}": ("destinations: [{kind: Service, name: web, namespace: shop}]",)
       for name in ("kind", "name", "namespace")},
    "retryPolicy.numRetries": (_POLICY, _POLICY.replace("numRetries: 5", "numRetries: 0")),
    "retryPolicy.perTryTimeout": (_POLICY,),
    "retryPolicy.retryBackoffBaseInterval": (_POLICY,),
    "retryPolicy.retryOn": ("retryPolicy: {retryOn: gateway-error, numRetries: 2}",
                            "retryPolicy: {retryOn: reset, numRetries: 2}"),
    **{f"source.{name}": (f"source: {_SUBJECT % 'other'}",) for name in ("kind", "name", "namespace")},
}  # fmt: skip

_LOCAL = "rateLimit: {local: {http: {requests: %s, unit: %s%s}}}"
_TCP = "rateLimit: {local: {tcp: {connections: 1, unit: %s, burst: 1}}}"
_KEEPER = "rateLimitService: {host: a, port: 1}, domain: d, timeout: 20ms, failOpen: true"
_GLOBAL_TCP = (
    f"rateLimit: {{global: {{tcp: {{{_KEEPER}, descriptors: [{{entries: [{{key: a, value: b}}]}}]}}}}}}"
)
_ENTRIES = (
    "{entries: [{genericKey: {value: a, key: b}}, {remoteAddress: {}}, {requestHeader: {name: a, key: b}}, "
    "{headerValueMatch: {value: a, key: b, expectMatch: true, headers: [{name: a, exact: b, prefix: c, suffix: d, regex: e, "
    "contains: f, present: true}]}}]}"
)
_GLOBAL = (
    f"rateLimit: {{global: {{http: {{{_KEEPER}, descriptors: [{_ENTRIES}], enableXRateLimitHeaders: true, "
    "responseStatusCode: 429}}}"
)
_ROUTE = (
    "httpRoutes: [{path: /a, rateLimit: {local: {requests: 1, unit: %s, burst: 1, responseStatusCode: 429, "
    "responseHeadersToAdd: [{name: a, value: b}]}, global: {descriptors: [" + _ENTRIES + "]}}}]"
)
_ENTRY_FIELDS = (
    "genericKey.key", "genericKey.value", "headerValueMatch.expectMatch", "headerValueMatch.headers[].contains",
    "headerValueMatch.headers[].exact", "headerValueMatch.headers[].name", "headerValueMatch.headers[].prefix",
    "headerValueMatch.headers[].present", "headerValueMatch.headers[].regex", "headerValueMatch.headers[].suffix",
    "headerValueMatch.key", "headerValueMatch.value", "remoteAddress", "requestHeader.key", "requestHeader.name",
)  # fmt: skip
_CONNECTIONS = ("connectionSettings: {tcp: {maxConnections: 1, connectTimeout: 3s}, http: {maxRequests: 1, "
                "maxRequestsPerConnection: 1, maxPendingRequests: 1, maxRetries: 1}}")  # fmt: skip
_EXTRA = ", burst: 5, responseStatusCode: 503, responseHeadersToAdd: [{name: x-limited, value: sure}]"

#: `spec` of an UpstreamTrafficSetting.
UPSTREAM: Samples = {
    **{f"connectionSettings.http.{name}": (_CONNECTIONS,)
       for name in ("maxPendingRequests", "maxRequests", "maxRequestsPerConnection", "maxRetries")},
    **{f"connectionSettings.tcp.{name}": (_CONNECTIONS,) for name in ("connectTimeout", "maxConnections")},
    "host": ("host: web.shop.svc.cluster.local", "host: web.shop"),
    "httpRoutes[].path": (_ROUTE % "second",),
    **{f"httpRoutes[].rateLimit.local.{name}": (_ROUTE % "second",)
       for name in ("burst", "requests", "responseHeadersToAdd[].name", "responseHeadersToAdd[].value", "responseStatusCode")},
    "httpRoutes[].rateLimit.local.unit": tuple(_ROUTE % unit for unit in ("second", "minute", "hour")),
    **{f"httpRoutes[].rateLimit.global.descriptors[].entries[].{name}": (_ROUTE % "second",) for name in _ENTRY_FIELDS},
    **{f"rateLimit.global.{kind}.{name}": (sample,)
       for kind, sample in (("http", _GLOBAL), ("tcp", _GLOBAL_TCP))
       for name in ("domain", "failOpen", "rateLimitService.host", "rateLimitService.port", "timeout")},
    **{f"rateLimit.global.http.descriptors[].entries[].{name}": (_GLOBAL,) for name in _ENTRY_FIELDS},
    **{f"rateLimit.global.http.{name}": (_GLOBAL,) for name in ("enableXRateLimitHeaders", "responseStatusCode")},
    **{f"rateLimit.global.tcp.descriptors[].entries[].{name}": (_GLOBAL_TCP,) for name in ("key", "value")},
    "rateLimit.local.http.requests": (_LOCAL % (10, "second", ""), _LOCAL % (3, "minute", "")),
    "rateLimit.local.http.unit": tuple(_LOCAL % (3600, unit, "") for unit in ("second", "minute", "hour")),
    **{f"rateLimit.local.http.{name}": (_LOCAL % (10, "second", _EXTRA),)
       for name in ("burst", "responseHeadersToAdd[].name", "responseHeadersToAdd[].value", "responseStatusCode")},
    "rateLimit.local.tcp.burst": (_TCP % "second",),
    "rateLimit.local.tcp.connections": (_TCP % "second",),
    "rateLimit.local.tcp.unit": tuple(_TCP % unit for unit in ("second", "minute", "hour")),
}  # fmt: skip
