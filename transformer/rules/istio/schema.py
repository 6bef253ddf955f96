"""Fields of Istio's traffic and security kinds (definitions of istio/api, 1.31; all served versions are alike)."""

from __future__ import annotations

from functools import cache

from transformer.rules import fields

_SHARED = {
    "StringMatch": "{exact:str, prefix:str, regex:str}",
    "Percent": "{value:num}",
    "Mode": "UNSET|DISABLE|PERMISSIVE|STRICT",
    "TargetRef": "{group:str, kind*:str, name*:str, namespace:str}",
    "Destination": "{host*:str, port:{number:int}, subset:str}",
    "HeaderOps": "{add:map<str>, remove:[str], set:map<str>}",
    "Headers": "{request:HeaderOps, response:HeaderOps}",
    "Cors": "{allowCredentials:bool, allowHeaders:[str], allowMethods:[str], allowOrigin:[str], allowOrigins:[StringMatch], "
    "exposeHeaders:[str], maxAge:dur, unmatchedPreflights:UNSPECIFIED|FORWARD|IGNORE}",
    "Fault": "{abort:{grpcStatus:str, http2Error:str, httpStatus:int, percentage:Percent}, "
    "delay:{exponentialDelay:dur, fixedDelay:dur, percent:int, percentage:Percent}}",
    "HTTPMatch": "{authority:StringMatch, gateways:[str], headers:map<StringMatch>, ignoreUriCase:bool, method:StringMatch, "
    "name:str, port:int, queryParams:map<StringMatch>, scheme:StringMatch, sourceLabels:map<str>, sourceNamespace:str, "
    "statPrefix:str, uri:StringMatch, withoutHeaders:map<StringMatch>}",
    "Redirect": "{authority:str, derivePort:FROM_PROTOCOL_DEFAULT|FROM_REQUEST_PORT, port:int, prefixRewrite:str, "
    "redirectCode:int, scheme:str, uri:str}",
    "Retries": "{attempts:int, backoff:dur, perTryTimeout:dur, retryIgnorePreviousHosts:bool, retryOn:str, "
    "retryRemoteLocalities:bool}",
    "HTTP": "{corsPolicy:Cors, delegate:{name:str, namespace:str}, directResponse:{body:{bytes:str, string:str}, status*:int}, "
    "fault:Fault, headers:Headers, match:[HTTPMatch], mirror:Destination, mirror_percent:int, mirrorPercent:int, "
    "mirrorPercentage:Percent, mirrors:[{destination*:Destination, percentage:Percent}], name:str, redirect:Redirect, "
    "retries:Retries, rewrite:{authority:str, uri:str, uriRegexRewrite:{match:str, rewrite:str}}, "
    "route:[{destination*:Destination, headers:Headers, weight:int}], timeout:dur}",
    "L4Route": "[{destination*:Destination, weight:int}]",
    "ConnectionPool": "{http:{h2UpgradePolicy:DEFAULT|DO_NOT_UPGRADE|UPGRADE, http1MaxPendingRequests:int, "
    "http2KeepAlive:{interval:dur, timeout:dur}, http2MaxRequests:int, idleTimeout:dur, maxConcurrentStreams:int, "
    "maxRequestsPerConnection:int, maxRetries:int, useClientProtocol:bool}, tcp:{connectTimeout:dur, idleTimeout:dur, "
    "maxConnectionDuration:dur, maxConnections:int, tcpKeepalive:{interval:dur, probes:int, time:dur}}}",
    "Failover": "[{from:str, to:str}]",
    "LoadBalancer": "{consistentHash:{httpCookie:{attributes:[{name*:str, value:str}], name*:str, path:str, ttl:dur}, "
    "httpHeaderName:str, httpQueryParameterName:str, maglev:{tableSize:int}, minimumRingSize:int, "
    "ringHash:{minimumRingSize:int}, useSourceIp:bool}, localityLbSetting:{distribute:[{from:str, to:map<int>}], enabled:bool, "
    "failover:Failover, failoverPriority:[str]}, simple:UNSPECIFIED|LEAST_CONN|RANDOM|PASSTHROUGH|ROUND_ROBIN|LEAST_REQUEST, "
    "warmup:{aggression:num, duration*:dur, minimumPercent:num}, warmupDurationSecs:dur, zoneAwareLbSetting:{enabled:bool, "
    "failover:Failover, failoverPriority:[str], minClusterSize:int}}",
    "OutlierDetection": "{baseEjectionTime:dur, consecutive5xxErrors:int, consecutiveErrors:int, consecutiveGatewayErrors:int, "
    "consecutiveLocalOriginFailures:int, interval:dur, maxEjectionPercent:int, minHealthPercent:int, "
    "outlierDetectionHttpErrorCodes:[int], splitExternalLocalOriginErrors:bool}",
    "ClientTLS": "{caCertificates:str, caCrl:str, clientCertificate:str, credentialName:str, insecureSkipVerify:bool, "
    "mode:DISABLE|SIMPLE|MUTUAL|ISTIO_MUTUAL, privateKey:str, sni:str, subjectAltNames:[str]}",
    "ServerTLS": "{caCertCredentialName:str, caCertificates:str, caCrl:str, cipherSuites:[str], "
    "credentialName:str, credentialNames:[str], httpsRedirect:bool, insecureSkipVerify:bool, "
    "maxProtocolVersion:TLS_AUTO|TLSV1_0|TLSV1_1|TLSV1_2|TLSV1_3, minProtocolVersion:TLS_AUTO|TLSV1_0|TLSV1_1|TLSV1_2|TLSV1_3, "
    "mode:PASSTHROUGH|SIMPLE|MUTUAL|AUTO_PASSTHROUGH|ISTIO_MUTUAL|OPTIONAL_MUTUAL, privateKey:str, serverCertificate:str, "
    "subjectAltNames:[str], tlsCertificates:[{caCertificates:str, privateKey:str, serverCertificate:str}], "
    "verifyCertificateHash:[str], verifyCertificateSpki:[str]}",
    "Selector": "{matchLabels:map<str>}",
    "SidecarPort": "{name:str, number:int, protocol:str, targetPort:int}",
    "TelemetryMatch": "{mode:CLIENT_AND_SERVER|CLIENT|SERVER}",
    "Providers": "[{name*:str}]",
    "TrafficPolicy": "{connectionPool:ConnectionPool, loadBalancer:LoadBalancer, outlierDetection:OutlierDetection, "
    "portLevelSettings:[{connectionPool:ConnectionPool, loadBalancer:LoadBalancer, outlierDetection:OutlierDetection, "
    "port:{number:int}, tls:ClientTLS}], proxyProtocol:{version:V1|V2}, retryBudget:{budgetInterval:dur, "
    "minRetryConcurrency:int, percent:num}, tls:ClientTLS, tunnel:{protocol:str, targetHost*:str, targetPort*:int}}",
}

_KINDS = {
    "Gateway": "{selector:map<str>, servers:[{bind:str, defaultEndpoint:str, hosts*:[str], name:str, "
    "port*:{name*:str, number*:int, "
    "protocol*:str, targetPort:int}, tls:ServerTLS}]}",
    "VirtualService": "{exportTo:[str], gateways:[str], hosts:[str], http:[HTTP], "
    "tcp:[{match:[{destinationSubnets:[str], gateways:[str], port:int, sourceLabels:map<str>, sourceNamespace:str, "
    "sourceSubnet:str}], route:L4Route}], tls:[{match*:[{destinationSubnets:[str], gateways:[str], port:int, "
    "sniHosts*:[str], sourceLabels:map<str>, sourceNamespace:str}], route:L4Route}]}",
    "AuthorizationPolicy": "{action:ALLOW|DENY|AUDIT|CUSTOM, provider:{name:str}, rules:[{from:[{source:{ipBlocks:[str], "
    "namespaces:[str], notIpBlocks:[str], notNamespaces:[str], notPrincipals:[str], notRemoteIpBlocks:[str], "
    "notRequestPrincipals:[str], notServiceAccounts:[str], notTrustDomains:[str], principals:[str], remoteIpBlocks:[str], "
    "requestPrincipals:[str], serviceAccounts:[str], trustDomains:[str]}}], to:[{operation:{hosts:[str], methods:[str], "
    "notHosts:[str], notMethods:[str], notPaths:[str], notPorts:[str], paths:[str], ports:[str]}}], "
    "when:[{key*:str, notValues:[str], values:[str]}]}], selector:{matchLabels:map<str>}, "
    "targetRef:TargetRef, targetRefs:[TargetRef]}",
    "PeerAuthentication": "{mtls:{mode:Mode}, portLevelMtls:map<{mode:Mode}>, selector:{matchLabels:map<str>}}",
    "DestinationRule": "{exportTo:[str], host*:str, subsets:[{labels:map<str>, name*:str, trafficPolicy:TrafficPolicy}], "
    "trafficPolicy:TrafficPolicy, workloadSelector:{matchLabels:map<str>}}",
    "ServiceEntry": "{addresses:[str], endpoints:[{address:str, labels:map<str>, locality:str, network:str, ports:map<int>, "
    "serviceAccount:str, weight:int}], exportTo:[str], hosts*:[str], location:MESH_EXTERNAL|MESH_INTERNAL, "
    "ports:[{name*:str, number*:int, protocol:str, targetPort:int}], "
    "resolution:NONE|STATIC|DNS|DNS_ROUND_ROBIN|DYNAMIC_DNS, subjectAltNames:[str], workloadSelector:{labels:map<str>}}",
    "Sidecar": "{egress:[{bind:str, captureMode:DEFAULT|IPTABLES|NONE, hosts*:[str], port:SidecarPort}], "
    "inboundConnectionPool:ConnectionPool, ingress:[{bind:str, captureMode:DEFAULT|IPTABLES|NONE, "
    "connectionPool:ConnectionPool, defaultEndpoint:str, port*:SidecarPort, tls:ServerTLS}], "
    "outboundTrafficPolicy:{egressProxy:Destination, mode:REGISTRY_ONLY|ALLOW_ANY}, workloadSelector:{labels:map<str>}}",
    "ProxyConfig": "{concurrency:int, environmentVariables:map<str>, image:{imageType:str}, selector:Selector}",
    "Telemetry": "{accessLogging:[{disabled:bool, filter:{expression:str}, match:TelemetryMatch, providers:Providers}], "
    "metrics:[{overrides:[{disabled:bool, match:{customMetric:str, metric:ALL_METRICS|REQUEST_COUNT|REQUEST_DURATION|"
    "REQUEST_SIZE|RESPONSE_SIZE|TCP_OPENED_CONNECTIONS|TCP_CLOSED_CONNECTIONS|TCP_SENT_BYTES|TCP_RECEIVED_BYTES|"
    "GRPC_REQUEST_MESSAGES|GRPC_RESPONSE_MESSAGES, mode:CLIENT_AND_SERVER|CLIENT|SERVER}, "
    "tagOverrides:map<{operation:UPSERT|REMOVE, value:str}>}], providers:Providers, reportingInterval:dur}], "
    "selector:Selector, targetRef:TargetRef, targetRefs:[TargetRef], "
    "tracing:[{customTags:map<{environment:{defaultValue:str, name*:str}, formatter:{value*:str}, "
    "header:{defaultValue:str, name*:str}, literal:{value*:str}}>, disableContextPropagation:bool, "
    "disableSpanReporting:bool, enableIstioTags:bool, match:TelemetryMatch, providers:Providers, "
    "randomSamplingPercentage:num, useRequestIdForTraceSampling:bool}]}",
}


@cache
def shape(kind: str) -> fields.Shape:
    """The spec's shape of a kind, with shared types filled in."""
    return _fill(fields.parse(_KINDS[kind]))


def _fill(found: fields.Shape) -> fields.Shape:
    if isinstance(found, dict):
        return {name: _fill(below) for name, below in found.items()}
    if isinstance(found, list):
        return [_fill(found[0])]
    if isinstance(found, tuple):
        return (_fill(found[0]),)
    return _shared(found) if found in _SHARED else found


@cache
def _shared(name: str) -> fields.Shape:
    return _fill(fields.parse(_SHARED[name]))
