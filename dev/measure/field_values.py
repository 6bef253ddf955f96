"""Representative values for every field of the traffic kinds, written as the smallest valid manifest that has effect.

Each table is about one place of a kind: a path below it, and YAML of that place with the field set (several where values
of one field fare differently). Companions that a field needs stand beside it; `null` takes a field of the base away.
"""

from __future__ import annotations

Samples = dict[str, tuple[str, ...]]


def _each(path: str, values: str, pattern: str) -> Samples:
    """One sample per value of an enumeration."""
    return {path: tuple(pattern % value for value in values.split("|"))}


def _texts(path: str, pattern: str, exact: str, prefix: str, regex: str) -> Samples:
    """The three ways of matching a text."""
    conditions = {"exact": exact, "prefix": prefix, "regex": regex}
    return {
        f"{path}.{kind}": (pattern % f"{{{kind}: '{text}'}}",) for kind, text in conditions.items() if text
    }


def _destination(path: str, pattern: str) -> Samples:
    """A destination's fields."""
    return {
        f"{path}.host": (pattern % "{host: web}",),
        f"{path}.port.number": (pattern % "{host: other, port: {number: 8080}}",),
        f"{path}.subset": (pattern % "{host: web, subset: v1}",),
    }


def _header_changes(path: str, pattern: str) -> Samples:
    """Header changes of requests and responses."""
    found: Samples = {}
    for direction in ("request", "response"):
        for name, change in (
            ("add.*", "add: {x-a: b}"),
            ("remove[]", "remove: [x-a]"),
            ("set.*", "set: {x-a: b}"),
        ):
            found[f"{path}.{direction}.{name}"] = (pattern % f"{{{direction}: {{{change}}}}}",)
    return found


#: `spec` of a VirtualService.
VIRTUAL_SERVICE: Samples = {
    "exportTo[]": ("exportTo: ['*']", "exportTo: [.]"),
    "gateways[]": ("hosts: [web], gateways: [mesh]", "hosts: [shop.example], gateways: [edge]"),
    "hosts[]": (
        "hosts: [web]",
        "hosts: ['*']",
        "hosts: [api.example.com]",
        "hosts: [shop.example], gateways: [edge]",
        "hosts: ['*.example'], gateways: [edge]",
    ),
}

#: `spec.http[]` of a VirtualService.
HTTP: Samples = {
    "corsPolicy.allowCredentials": ("corsPolicy: {allowOrigins: [{exact: 'https://a.example'}], allowCredentials: true}",),
    "corsPolicy.allowHeaders[]": ("corsPolicy: {allowOrigins: [{exact: 'https://a.example'}], allowHeaders: [x-a]}",),
    "corsPolicy.allowMethods[]": ("corsPolicy: {allowOrigins: [{exact: 'https://a.example'}], allowMethods: [GET]}",),
    "corsPolicy.allowOrigin[]": ("corsPolicy: {allowOrigin: ['https://a.example']}",),
    "corsPolicy.allowOrigins[].exact": ("corsPolicy: {allowOrigins: [{exact: 'https://a.example'}]}",),
    "corsPolicy.allowOrigins[].prefix": ("corsPolicy: {allowOrigins: [{prefix: 'https://a'}]}",),
    "corsPolicy.allowOrigins[].regex": ("corsPolicy: {allowOrigins: [{regex: 'https://[ab].example'}]}",),
    "corsPolicy.exposeHeaders[]": ("corsPolicy: {allowOrigins: [{exact: 'https://a.example'}], exposeHeaders: [x-a]}",),
    "corsPolicy.maxAge": ("corsPolicy: {allowOrigins: [{exact: 'https://a.example'}], maxAge: 24h}",),
    **_each("corsPolicy.unmatchedPreflights", "UNSPECIFIED|FORWARD|IGNORE",
            "corsPolicy: {allowOrigins: [{exact: 'https://a.example'}], unmatchedPreflights: %s}"),
    "delegate.name": ("route: null, delegate: {name: rules}",),
    "delegate.namespace": ("route: null, delegate: {name: rules, namespace: shop}",),
    "directResponse.body.bytes": ("route: null, directResponse: {status: 200, body: {bytes: b2s=}}",),
    "directResponse.body.string": ("route: null, directResponse: {status: 200, body: {string: ok}}",),
    "directResponse.status": ("route: null, directResponse: {status: 503}",),
    "fault.abort.grpcStatus": ("fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 10}}}",),
    "fault.abort.http2Error": ("fault: {abort: {http2Error: INTERNAL_ERROR, percentage: {value: 10}}}",),
    "fault.abort.httpStatus": ("fault: {abort: {httpStatus: 503, percentage: {value: 10}}}",),
    "fault.abort.percentage.value": (
        "fault: {abort: {httpStatus: 503, percentage: {value: 10}}}",
        "fault: {abort: {httpStatus: 503, percentage: {value: 0}}}",
    ),
    "fault.delay.exponentialDelay": ("fault: {delay: {exponentialDelay: 5s, percentage: {value: 10}}}",),
    "fault.delay.fixedDelay": ("fault: {delay: {fixedDelay: 5s, percentage: {value: 10}}}",),
    "fault.delay.percent": ("fault: {delay: {fixedDelay: 5s, percent: 10}}",),
    "fault.delay.percentage.value": ("fault: {delay: {fixedDelay: 5s, percentage: {value: 10}}}",),
    **_header_changes("headers", "headers: %s"),
    **_texts("match[].authority", "match: [{authority: %s}]", "shop.example", "shop.", "shop[.]example"),
    "match[].gateways[]": (
        "match: [{method: {exact: GET}, gateways: [mesh]}]",
        "match: [{method: {exact: GET}, gateways: [edge]}]",
    ),
    **_texts("match[].headers.*", "match: [{headers: {x-a: %s}}]", "b", "b", "b+"),
    "match[].ignoreUriCase": ("match: [{uri: {exact: /a}, ignoreUriCase: true}]",),
    **_texts("match[].method", "match: [{method: %s}]", "GET", "P", "GET|HEAD"),
    "match[].name": ("match: [{method: {exact: GET}, name: a}]",),
    "match[].port": ("match: [{method: {exact: GET}, port: 80}]",),
    **_texts("match[].queryParams.*", "match: [{queryParams: {a: %s}}]", "b", "b", "b+"),
    **_texts("match[].scheme", "match: [{scheme: %s}]", "https", "http", "https?"),
    "match[].sourceLabels.*": ("match: [{sourceLabels: {app: cart}}]",),
    "match[].sourceNamespace": ("match: [{sourceNamespace: cart}]",),
    "match[].statPrefix": ("match: [{method: {exact: GET}, statPrefix: a}]",),
    **_texts("match[].uri", "match: [{uri: %s}]", "/a", "/a", "/a/[0-9]+"),
    **_texts("match[].withoutHeaders.*", "match: [{method: {exact: GET}, withoutHeaders: {x-a: %s}}]", "b", "b", "b+"),
    **_destination("mirror", "mirror: %s"),
    "mirror_percent": ("mirror: {host: web}, mirror_percent: 50",),
    "mirrorPercent": ("mirror: {host: web}, mirrorPercent: 50",),
    "mirrorPercentage.value": (
        "mirror: {host: web}, mirrorPercentage: {value: 50}",
        "mirror: {host: web}, mirrorPercentage: {value: 100}",
    ),
    **_destination("mirrors[].destination", "mirrors: [{destination: %s}]"),
    "mirrors[].percentage.value": ("mirrors: [{destination: {host: web}, percentage: {value: 50}}]",),
    "name": ("name: first",),
    "redirect.authority": ("route: null, redirect: {authority: new.example}",),
    **_each("redirect.derivePort", "FROM_PROTOCOL_DEFAULT|FROM_REQUEST_PORT",
            "route: null, redirect: {authority: new.example, derivePort: %s}"),
    "redirect.port": ("route: null, redirect: {authority: new.example, port: 8443}",),
    "redirect.prefixRewrite": ("match: [{uri: {prefix: /a/}}], route: null, redirect: {prefixRewrite: /b/}",),
    "redirect.redirectCode": (
        "route: null, redirect: {authority: new.example, redirectCode: 302}",
        "route: null, redirect: {authority: new.example, redirectCode: 308}",
    ),
    "redirect.scheme": ("route: null, redirect: {scheme: https}",),
    "redirect.uri": ("route: null, redirect: {uri: /new}",),
    "retries.attempts": ("retries: {attempts: 2, retryOn: 5xx}", "retries: {attempts: 0}"),
    "retries.backoff": ("retries: {attempts: 2, retryOn: 5xx, backoff: 30ms}",),
    "retries.perTryTimeout": ("retries: {attempts: 2, retryOn: 5xx, perTryTimeout: 2s}",),
    "retries.retryIgnorePreviousHosts": ("retries: {attempts: 2, retryOn: 5xx, retryIgnorePreviousHosts: false}",),
    "retries.retryOn": ("retries: {attempts: 2, retryOn: 5xx}", "retries: {attempts: 2, retryOn: reset}"),
    "retries.retryRemoteLocalities": ("retries: {attempts: 2, retryOn: 5xx, retryRemoteLocalities: true}",),
    "rewrite.authority": ("rewrite: {authority: web.internal}",),
    "rewrite.uri": ("match: [{uri: {prefix: /a/}}], rewrite: {uri: /}",),
    "rewrite.uriRegexRewrite.match": ("rewrite: {uriRegexRewrite: {match: '^/a/(.*)', rewrite: '/\\1'}}",),
    "rewrite.uriRegexRewrite.rewrite": ("rewrite: {uriRegexRewrite: {match: '^/a/(.*)', rewrite: '/\\1'}}",),
    **_destination("route[].destination", "route: [{destination: %s}]"),
    **_header_changes("route[].headers", "route: [{destination: {host: web}, headers: %s}]"),
    "route[].weight": ("route: [{destination: {host: web}, weight: 90}, {destination: {host: other}, weight: 10}]",),
    "timeout": ("timeout: 5s",),
}  # fmt: skip

#: `spec.tcp[]` of a VirtualService.
TCP: Samples = {
    "match[].destinationSubnets[]": ("match: [{destinationSubnets: [10.0.0.0/8]}]",),
    "match[].gateways[]": ("match: [{gateways: [edge]}]",),
    "match[].port": ("match: [{port: 80}]",),
    "match[].sourceLabels.*": ("match: [{sourceLabels: {app: cart}}]",),
    "match[].sourceNamespace": ("match: [{sourceNamespace: cart}]",),
    "match[].sourceSubnet": ("match: [{sourceSubnet: 10.0.0.0/8}]",),
    **_destination("route[].destination", "route: [{destination: %s}]"),
    "route[].weight": (
        "route: [{destination: {host: web}, weight: 90}, {destination: {host: other}, weight: 10}]",
    ),
}

#: `spec.tls[]` of a VirtualService.
TLS: Samples = {
    "match[].destinationSubnets[]": (
        "match: [{sniHosts: [shop.example], destinationSubnets: [10.0.0.0/8]}]",
    ),
    "match[].gateways[]": ("match: [{sniHosts: [shop.example], gateways: [edge]}]",),
    "match[].port": ("match: [{sniHosts: [shop.example], port: 443}]",),
    "match[].sniHosts[]": ("match: [{sniHosts: [shop.example]}]",),
    "match[].sourceLabels.*": ("match: [{sniHosts: [shop.example], sourceLabels: {app: cart}}]",),
    "match[].sourceNamespace": ("match: [{sniHosts: [shop.example], sourceNamespace: cart}]",),
    **_destination("route[].destination", "route: [{destination: %s}]"),
    "route[].weight": (
        "route: [{destination: {host: web}, weight: 90}, {destination: {host: other}, weight: 10}]",
    ),
}

#: `spec` of a DestinationRule.
DESTINATION_RULE: Samples = {
    "exportTo[]": ("exportTo: ['*']", "exportTo: [.]"),
    "host": ("host: web",),
    "subsets[].labels.*": ("subsets: [{name: v1, labels: {version: v1}}]",),
    "subsets[].name": ("subsets: [{name: v1, labels: {version: v1}}]",),
    "subsets[].trafficPolicy.portLevelSettings[].port.number": (
        "subsets: [{name: v1, labels: {version: v1}, "
        "trafficPolicy: {portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]}}]",
    ),
    "trafficPolicy.portLevelSettings[].port.number": (
        "trafficPolicy: {portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]}",
    ),
    "workloadSelector.matchLabels.*": ("workloadSelector: {matchLabels: {app: cart}}",),
}

#: A traffic policy: of a host, of one of its ports, of a subset, of a port of a subset.
POLICY: Samples = {
    **_each("connectionPool.http.h2UpgradePolicy", "DEFAULT|DO_NOT_UPGRADE|UPGRADE",
            "connectionPool: {http: {h2UpgradePolicy: %s}}"),
    "connectionPool.http.http1MaxPendingRequests": ("connectionPool: {http: {http1MaxPendingRequests: 10}}",),
    "connectionPool.http.http2KeepAlive.interval": ("connectionPool: {http: {http2KeepAlive: {interval: 10s}}}",),
    "connectionPool.http.http2KeepAlive.timeout": ("connectionPool: {http: {http2KeepAlive: {timeout: 10s}}}",),
    "connectionPool.http.http2MaxRequests": ("connectionPool: {http: {http2MaxRequests: 10}}",),
    "connectionPool.http.idleTimeout": ("connectionPool: {http: {idleTimeout: 10s}}",),
    "connectionPool.http.maxConcurrentStreams": ("connectionPool: {http: {maxConcurrentStreams: 10}}",),
    "connectionPool.http.maxRequestsPerConnection": ("connectionPool: {http: {maxRequestsPerConnection: 1}}",),
    "connectionPool.http.maxRetries": ("connectionPool: {http: {maxRetries: 3}}",),
    "connectionPool.http.useClientProtocol": ("connectionPool: {http: {useClientProtocol: true}}",),
    "connectionPool.tcp.connectTimeout": ("connectionPool: {tcp: {connectTimeout: 1s}}",),
    "connectionPool.tcp.idleTimeout": ("connectionPool: {tcp: {idleTimeout: 10s}}",),
    "connectionPool.tcp.maxConnectionDuration": ("connectionPool: {tcp: {maxConnectionDuration: 1h}}",),
    "connectionPool.tcp.maxConnections": ("connectionPool: {tcp: {maxConnections: 100}}",),
    "connectionPool.tcp.tcpKeepalive.interval": ("connectionPool: {tcp: {tcpKeepalive: {interval: 75s}}}",),
    "connectionPool.tcp.tcpKeepalive.probes": ("connectionPool: {tcp: {tcpKeepalive: {probes: 3}}}",),
    "connectionPool.tcp.tcpKeepalive.time": ("connectionPool: {tcp: {tcpKeepalive: {time: 2h}}}",),
    "loadBalancer.consistentHash.httpCookie.attributes[].name": (
        "loadBalancer: {consistentHash: {httpCookie: {name: s, ttl: 0s, attributes: [{name: Secure}]}}}",),
    "loadBalancer.consistentHash.httpCookie.attributes[].value": (
        "loadBalancer: {consistentHash: {httpCookie: {name: s, ttl: 0s, attributes: [{name: SameSite, value: Lax}]}}}",),
    "loadBalancer.consistentHash.httpCookie.name": ("loadBalancer: {consistentHash: {httpCookie: {name: s}}}",),
    "loadBalancer.consistentHash.httpCookie.path": ("loadBalancer: {consistentHash: {httpCookie: {name: s, path: /}}}",),
    "loadBalancer.consistentHash.httpCookie.ttl": ("loadBalancer: {consistentHash: {httpCookie: {name: s, ttl: 0s}}}",),
    "loadBalancer.consistentHash.httpHeaderName": ("loadBalancer: {consistentHash: {httpHeaderName: x-user}}",),
    "loadBalancer.consistentHash.httpQueryParameterName": ("loadBalancer: {consistentHash: {httpQueryParameterName: user}}",),
    "loadBalancer.consistentHash.maglev.tableSize": (
        "loadBalancer: {consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 65537}}}",),
    "loadBalancer.consistentHash.minimumRingSize": (
        "loadBalancer: {consistentHash: {httpHeaderName: x-user, minimumRingSize: 2048}}",),
    "loadBalancer.consistentHash.ringHash.minimumRingSize": (
        "loadBalancer: {consistentHash: {httpHeaderName: x-user, ringHash: {minimumRingSize: 2048}}}",),
    "loadBalancer.consistentHash.useSourceIp": ("loadBalancer: {consistentHash: {useSourceIp: true}}",),
    "loadBalancer.localityLbSetting.distribute[].from": (
        "loadBalancer: {localityLbSetting: {distribute: [{from: eu/a/*, to: {'eu/b/*': 100}}]}}",),
    "loadBalancer.localityLbSetting.distribute[].to.*": (
        "loadBalancer: {localityLbSetting: {distribute: [{from: eu/a/*, to: {'eu/b/*': 100}}]}}",),
    "loadBalancer.localityLbSetting.enabled": ("loadBalancer: {localityLbSetting: {enabled: true}}",),
    "loadBalancer.localityLbSetting.failover[].from": (
        "loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}]}}",),
    "loadBalancer.localityLbSetting.failover[].to": (
        "loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}]}}",),
    "loadBalancer.localityLbSetting.failoverPriority[]": (
        "loadBalancer: {localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}}",),
    **_each("loadBalancer.simple", "UNSPECIFIED|LEAST_CONN|RANDOM|PASSTHROUGH|ROUND_ROBIN|LEAST_REQUEST",
            "loadBalancer: {simple: %s}"),
    "loadBalancer.warmup.aggression": ("loadBalancer: {warmup: {duration: 30s, aggression: 2}}",),
    "loadBalancer.warmup.duration": ("loadBalancer: {warmup: {duration: 30s}}",),
    "loadBalancer.warmup.minimumPercent": ("loadBalancer: {warmup: {duration: 30s, minimumPercent: 20}}",),
    "loadBalancer.warmupDurationSecs": ("loadBalancer: {warmupDurationSecs: 30s}",),
    "loadBalancer.zoneAwareLbSetting.enabled": ("loadBalancer: {zoneAwareLbSetting: {enabled: true}}",),
    "loadBalancer.zoneAwareLbSetting.failover[].from": (
        "loadBalancer: {zoneAwareLbSetting: {failover: [{from: eu, to: us}]}}",),
    "loadBalancer.zoneAwareLbSetting.failover[].to": (
        "loadBalancer: {zoneAwareLbSetting: {failover: [{from: eu, to: us}]}}",),
    "loadBalancer.zoneAwareLbSetting.failoverPriority[]": (
        "loadBalancer: {zoneAwareLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}}",),
    "loadBalancer.zoneAwareLbSetting.minClusterSize": ("loadBalancer: {zoneAwareLbSetting: {minClusterSize: 6}}",),
    "outlierDetection.baseEjectionTime": ("outlierDetection: {baseEjectionTime: 30s}",),
    "outlierDetection.consecutive5xxErrors": (
        "outlierDetection: {consecutive5xxErrors: 7}", "outlierDetection: {consecutive5xxErrors: 0}"),
    "outlierDetection.consecutiveErrors": ("outlierDetection: {consecutiveErrors: 7}",),
    "outlierDetection.consecutiveGatewayErrors": ("outlierDetection: {consecutiveGatewayErrors: 7}",),
    "outlierDetection.consecutiveLocalOriginFailures": (
        "outlierDetection: {splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 7}",),
    "outlierDetection.interval": ("outlierDetection: {interval: 10s}",),
    "outlierDetection.maxEjectionPercent": ("outlierDetection: {maxEjectionPercent: 50}",),
    "outlierDetection.minHealthPercent": ("outlierDetection: {minHealthPercent: 50}",),
    "outlierDetection.outlierDetectionHttpErrorCodes[]": ("outlierDetection: {outlierDetectionHttpErrorCodes: [500]}",),
    "outlierDetection.splitExternalLocalOriginErrors": ("outlierDetection: {splitExternalLocalOriginErrors: true}",),
    **_each("proxyProtocol.version", "V1|V2", "proxyProtocol: {version: %s}"),
    "retryBudget.budgetInterval": ("retryBudget: {percent: 20, budgetInterval: 10s}",),
    "retryBudget.minRetryConcurrency": ("retryBudget: {minRetryConcurrency: 3}",),
    "retryBudget.percent": ("retryBudget: {percent: 20}",),
    "tls.caCertificates": ("tls: {mode: SIMPLE, caCertificates: /etc/ca.pem}",),
    "tls.caCrl": ("tls: {mode: SIMPLE, caCertificates: /etc/ca.pem, caCrl: /etc/crl.pem}",),
    "tls.clientCertificate": ("tls: {mode: MUTUAL, clientCertificate: /etc/c.pem, privateKey: /etc/k.pem}",),
    "tls.credentialName": ("tls: {mode: MUTUAL, credentialName: client}",),
    "tls.insecureSkipVerify": ("tls: {mode: SIMPLE, insecureSkipVerify: true}",),
    "tls.mode": ("tls: {mode: DISABLE}", "tls: {mode: SIMPLE}", "tls: {mode: MUTUAL, credentialName: client}",
                 "tls: {mode: ISTIO_MUTUAL}"),
    "tls.privateKey": ("tls: {mode: MUTUAL, clientCertificate: /etc/c.pem, privateKey: /etc/k.pem}",),
    "tls.sni": ("tls: {mode: SIMPLE, sni: web.example}", "tls: {mode: ISTIO_MUTUAL, sni: web.example}"),
    "tls.subjectAltNames[]": (
        "tls: {mode: SIMPLE, subjectAltNames: [web.example]}",
        "tls: {mode: ISTIO_MUTUAL, subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/web']}",
    ),
    "tunnel.protocol": ("tunnel: {protocol: CONNECT, targetHost: a.example, targetPort: 443}",),
    "tunnel.targetHost": ("tunnel: {targetHost: a.example, targetPort: 443}",),
    "tunnel.targetPort": ("tunnel: {targetHost: a.example, targetPort: 443}",),
}  # fmt: skip

#: `spec` of a Gateway.
GATEWAY: Samples = {"selector.*": ("selector: {istio: ingressgateway}",)}

_HTTPS = "port: {number: 443, name: https, protocol: HTTPS}, tls: "
_PLAIN = "port: {number: 80, name: http, protocol: HTTP}"
#: `spec.servers[]` of a Gateway.
SERVER: Samples = {
    "bind": ("bind: 10.0.0.1",),
    "defaultEndpoint": ("defaultEndpoint: 127.0.0.1:8080",),
    "hosts[]": ("hosts: [shop.example]", "hosts: [./shop.example]", "hosts: [other/shop.example]"),
    "name": ("name: first",),
    "port.name": (_PLAIN,),
    "port.number": (_PLAIN,),
    "port.protocol": (
        _PLAIN,
        "port: {number: 80, name: grpc, protocol: GRPC}",
        "port: {number: 5432, name: tcp, protocol: TCP}",
        "port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}",
    ),
    "port.targetPort": ("port: {number: 80, name: http, protocol: HTTP, targetPort: 8080}",),
    "tls.caCertCredentialName": (_HTTPS + "{mode: MUTUAL, credentialName: c, caCertCredentialName: ca}",),
    "tls.caCertificates": (
        _HTTPS + "{mode: MUTUAL, serverCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem}",),
    "tls.caCrl": (
        _HTTPS + "{mode: MUTUAL, serverCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem, caCrl: /crl.pem}",),
    "tls.cipherSuites[]": (_HTTPS + "{mode: SIMPLE, credentialName: c, cipherSuites: [ECDHE-RSA-AES256-GCM-SHA384]}",),
    "tls.credentialName": (_HTTPS + "{mode: SIMPLE, credentialName: c}",),
    "tls.credentialNames[]": (_HTTPS + "{mode: SIMPLE, credentialNames: [c, d]}",),
    "tls.httpsRedirect": (_PLAIN + ", tls: {httpsRedirect: true}",),
    "tls.insecureSkipVerify": (_HTTPS + "{mode: SIMPLE, credentialName: c, insecureSkipVerify: true}",),
    **_each("tls.maxProtocolVersion", "TLS_AUTO|TLSV1_0|TLSV1_1|TLSV1_2|TLSV1_3",
            _HTTPS + "{mode: SIMPLE, credentialName: c, maxProtocolVersion: %s}"),
    **_each("tls.minProtocolVersion", "TLS_AUTO|TLSV1_0|TLSV1_1|TLSV1_2|TLSV1_3",
            _HTTPS + "{mode: SIMPLE, credentialName: c, minProtocolVersion: %s}"),
    "tls.mode": (
        _HTTPS + "{mode: PASSTHROUGH}",
        *(_HTTPS + f"{{mode: {mode}, credentialName: c}}" for mode in ("SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL")),
        _HTTPS + "{mode: ISTIO_MUTUAL}",
        "port: {number: 15443, name: tls, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}",
    ),
    "tls.privateKey": (_HTTPS + "{mode: SIMPLE, serverCertificate: /c.pem, privateKey: /k.pem}",),
    "tls.serverCertificate": (_HTTPS + "{mode: SIMPLE, serverCertificate: /c.pem, privateKey: /k.pem}",),
    "tls.subjectAltNames[]": (_HTTPS + "{mode: MUTUAL, credentialName: c, subjectAltNames: [a.example]}",),
    "tls.tlsCertificates[].caCertificates": (
        _HTTPS + "{mode: MUTUAL, tlsCertificates: [{serverCertificate: /c, privateKey: /k, caCertificates: /ca}]}",),
    "tls.tlsCertificates[].privateKey": (
        _HTTPS + "{mode: SIMPLE, tlsCertificates: [{serverCertificate: /c, privateKey: /k}]}",),
    "tls.tlsCertificates[].serverCertificate": (
        _HTTPS + "{mode: SIMPLE, tlsCertificates: [{serverCertificate: /c, privateKey: /k}]}",),
    "tls.verifyCertificateHash[]": (_HTTPS + "{mode: SIMPLE, credentialName: c, verifyCertificateHash: [ab]}",),
    "tls.verifyCertificateSpki[]": (_HTTPS + "{mode: SIMPLE, credentialName: c, verifyCertificateSpki: [ab]}",),
}  # fmt: skip

#: `spec` of a TrafficSplit.
TRAFFIC_SPLIT: Samples = {
    "backends[].service": ("backends: [{service: web-v1, weight: 1}]",),
    "backends[].weight": ("backends: [{service: web-v1, weight: 90}, {service: web-v2, weight: 10}]",),
    "matches[].kind": ("matches: [{kind: HTTPRouteGroup, name: group}]",),
    "matches[].name": ("matches: [{kind: HTTPRouteGroup, name: group}]",),
    "service": ("service: web",),
}

#: `spec` of an HTTPRouteGroup, the whole object before v1alpha3.
ROUTE_GROUP: Samples = {
    "matches[].headers[].*": ("matches: [{name: all, headers: [{x-a: b}]}]",),
    **_each("matches[].methods[]", "'*'|GET|HEAD|PUT|POST|DELETE|CONNECT|OPTIONS|TRACE|PATCH",
            "matches: [{name: all, methods: [%s]}]"),
    "matches[].name": ("matches: [{name: all}]",),
    "matches[].pathRegex": ("matches: [{name: all, pathRegex: /a}]",),
}  # fmt: skip
