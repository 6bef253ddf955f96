"""Representative values for every field of Istio's security kinds, as `field_values` has them for the traffic kinds."""

from __future__ import annotations

from dev.measure.field_values import Samples

_SOURCE = "from[].source."
_OPERATION = "to[].operation."


def _source(name: str, *values: str) -> Samples:
    """A field of a source, and its negation."""
    negated = f"not{name[0].upper()}{name[1:]}"
    return {
        f"{_SOURCE}{written}[]": tuple(f"from: [{{source: {{{written}: [{value}]}}}}]" for value in values)
        for written in (name, negated)
    }


def _operation(name: str, *values: str) -> Samples:
    """A field of an operation, and its negation."""
    negated = f"not{name[0].upper()}{name[1:]}"
    return {
        f"{_OPERATION}{written}[]": tuple(
            f"to: [{{operation: {{{written}: [{value}]}}}}]" for value in values
        )
        for written in (name, negated)
    }


_KEYS = (
    ("request.headers[x-role]", "admin"), ("source.ip", "10.1.0.0/16"), ("remote.ip", "10.1.0.0/16"),
    ("source.namespace", "shop"), ("source.principal", "cluster.local/ns/shop/sa/web"), ("source.serviceAccount", "web"),
    ("source.trustDomain", "cluster.local"), ("request.auth.principal", "x/y"), ("request.auth.audiences", "x"),
    ("request.auth.presenter", "x"), ("request.auth.claims[group]", "x"), ("destination.ip", "10.1.0.1"),
    ("destination.port", "'8080'"), ("connection.sni", "x.example.com"),
    ("experimental.envoy.filters.network.mysql_proxy[db.table]", "x"),
)  # fmt: skip

#: `spec.rules[]` of an AuthorizationPolicy.
RULE: Samples = {
    **_source("principals", "cluster.local/ns/shop/sa/web", "cluster.local/ns/shop/*", "'*'", "'*/sa/web'", "other/ns/a/sa/b"),
    **_source("requestPrincipals", "'*'"),
    **_source("namespaces", "shop", "'sh*'"),
    **_source("serviceAccounts", "web", "shop/web"),
    **_source("ipBlocks", "10.1.0.0/16"),
    **_source("remoteIpBlocks", "10.1.0.0/16"),
    **_source("trustDomains", "cluster.local"),
    **_operation("hosts", "shop.example", "shop.example, 'shop.example:*', shop.example., 'shop.example.:*'", "'*.example'"),
    **_operation("ports", "'8080'"),
    **_operation("methods", "GET", "'P*'", "PURGE"),
    **_operation("paths", "/admin", "/admin/*", "/adm*", "'*.json'", "'/users/{*}'", "'/files/{**}'"),
    "when[].key": tuple(f"when: [{{key: '{key}', values: [{value}]}}]" for key, value in _KEYS),
    "when[].values[]": tuple(f"when: [{{key: '{key}', values: [{value}]}}]" for key, value in _KEYS[1:5]),
    "when[].notValues[]": tuple(f"when: [{{key: '{key}', notValues: [{value}]}}]" for key, value in _KEYS[:5]),
}  # fmt: skip

_TARGET = "{group: gateway.networking.k8s.io, kind: Gateway, name: edge, namespace: shop}"
_TARGETS: Samples = {
    **{f"targetRef.{name}": (f"targetRef: {_TARGET}",) for name in ("group", "kind", "name", "namespace")},
    **{
        f"targetRefs[].{name}": (f"targetRefs: [{_TARGET}]",)
        for name in ("group", "kind", "name", "namespace")
    },
}

#: `spec` of an AuthorizationPolicy.
AUTHORIZATION_POLICY: Samples = {
    "action": ("action: ALLOW", "action: DENY", "action: AUDIT", "action: CUSTOM, provider: {name: ext}"),
    "provider.name": ("action: CUSTOM, provider: {name: ext}",),
    "selector.matchLabels.*": ("selector: {matchLabels: {app: web}}", "selector: {matchLabels: {app: gone}}"),
    **_TARGETS,
}

_MODES = ("UNSET", "DISABLE", "PERMISSIVE", "STRICT")
_SELECTOR = "selector: {matchLabels: {app: web}}"

#: `spec` of a PeerAuthentication.
PEER_AUTHENTICATION: Samples = {
    "mtls.mode": tuple(f"mtls: {{mode: {mode}}}" for mode in _MODES),
    "portLevelMtls.*.mode": tuple(
        f"{_SELECTOR}, portLevelMtls: {{8080: {{mode: {mode}}}}}" for mode in _MODES
    ),
    "selector.matchLabels.*": (f"{_SELECTOR}, mtls: {{mode: PERMISSIVE}}",),
}

_JWT = {
    "audiences[]": "audiences: [x]", "forwardOriginalToken": "forwardOriginalToken: true", "fromCookies[]": "fromCookies: [x]",
    "fromHeaders[].name": "fromHeaders: [{name: x}]", "fromHeaders[].prefix": "fromHeaders: [{name: x, prefix: y}]",
    "fromParams[]": "fromParams: [x]", "issuer": "issuer: y", "jwks": "jwks: '{}'", "jwksUri": "jwksUri: 'https://x'",
    "jwks_uri": "jwks_uri: 'https://x'", "outputClaimToHeaders[].claim": "outputClaimToHeaders: [{claim: x, header: y}]",
    "outputClaimToHeaders[].header": "outputClaimToHeaders: [{claim: x, header: y}]",
    "outputPayloadToHeader": "outputPayloadToHeader: x", "spaceDelimitedClaims[]": "spaceDelimitedClaims: [x]",
    "timeout": "timeout: 5s",
}  # fmt: skip

#: `spec` of a RequestAuthentication.
REQUEST_AUTHENTICATION: Samples = {
    **{f"jwtRules[].{path}": (f"jwtRules: [{{{sample}}}]",) for path, sample in _JWT.items()},
    "selector.matchLabels.*": (_SELECTOR,),
    **_TARGETS,
}
