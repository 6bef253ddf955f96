"""HTTPRoute and GRPCRoute with Services as parents, HTTPRoutes in the group that clients of the run may see.

`gateway.networking.k8s.io` normally; `policy.linkerd.io` where Istio must not see the route (it prefers Service-parented
Gateway API routes over VirtualServices while both meshes run), and for Linkerd 2.16 and 2.17.
"""

from __future__ import annotations

from typing import Any, assert_never

from transformer.ir.routes import (
    Attachment,
    Backend,
    Cors,
    Forward,
    HeaderChange,
    Mirror,
    Parent,
    Redirect,
    Retry,
    Rewrite,
    Route,
    RouteRule,
)
from transformer.order.predicates import Match, Named, Path
from transformer.stream.patterns import pattern
from transformer.targets.versions import Target

#: Literals with an open end, such as a string prefix: there is only one way to match them, so they need no anchors.
_SIMPLE = pattern(r"(?:[A-Za-z0-9/_~!&',;=:@%-]|\\[^A-Za-z0-9])*(?:\.\*)?")

GATEWAY_API = "gateway.networking.k8s.io/v1"
POLICY = "policy.linkerd.io/v1beta3"


def build(
    route: Route, metadata: dict[str, Any], target: Target, *, hidden: bool, release_namespace: str
) -> dict[str, Any]:
    """The route object. `hidden`: Istio must not see it. `release_namespace`: what an unwritten namespace means."""
    # Controllers of Gateways read Gateway API's own group and its limits, whatever Linkerd's version.
    at_gateway = any(isinstance(one, Attachment) for one in route.parents)
    policy = not at_gateway and (hidden or not target.reads_gateway_api)
    namespace = metadata.get("namespace", release_namespace)
    timeouts = at_gateway or policy or target.rule_timeouts
    annotations = dict(metadata["annotations"]) | _annotations(route, target, policy)
    return {
        "apiVersion": POLICY if policy else GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": {**metadata, "annotations": annotations},
        "spec": {
            "parentRefs": [parent(one, namespace) for one in route.parents],
            **({"hostnames": list(route.hostnames)} if route.hostnames else {}),
            "rules": [_rule(rule, implied_namespace(route, namespace), timeouts) for rule in route.rules],
        },
    }


def build_grpc(route: Route, metadata: dict[str, Any], release_namespace: str) -> dict[str, Any]:
    """The GRPCRoute that says what `route.grpc` does; it has no timeouts, so one of the object is an annotation."""
    namespace = metadata.get("namespace", release_namespace)
    notes = dict(metadata["annotations"])
    if route.retry is not None and route.retry.codes:
        notes |= _retries("grpc", route.retry, route.retry.codes)
    if route.timeout_ms is not None:
        notes["timeout.linkerd.io/request"] = duration(route.timeout_ms)
    return {
        "apiVersion": GATEWAY_API,
        "kind": "GRPCRoute",
        "metadata": {**metadata, "annotations": notes},
        "spec": {
            "parentRefs": [parent(one, namespace) for one in route.parents],
            "rules": [_grpc_rule(rule, implied_namespace(route, namespace)) for rule in route.grpc],
        },
    }


def _grpc_rule(rule: RouteRule, namespace: str) -> dict[str, Any]:
    action = rule.action
    assert isinstance(action, Forward)
    filters = _modifiers(action.request, action.response)
    return {
        # Every match names a service: one without a method match makes Linkerd refuse the whole policy (observed L24).
        "matches": [_grpc_match(match) for match in rule.matches],
        **({"filters": filters} if filters else {}),
        "backendRefs": [backend(one, namespace) for one in action.backends],
    }


def _grpc_match(match: Match) -> dict[str, Any]:
    _, service, *method = match.path.value.split("/")
    out: dict[str, Any] = {"method": {"service": service} | ({"method": method[0]} if method else {})}
    return out | ({"headers": _named(match.headers)} if match.headers else {})


def needs_gateway_group(route: Route) -> str:
    """Why the route cannot be a policy.linkerd.io HTTPRoute, or an empty string."""
    for rule in route.rules:
        action = rule.action
        if isinstance(action, Redirect) and action.code not in (301, 302):
            return f"redirect code {action.code}"
        if isinstance(action, Forward) and (
            action.response or any(backend.response for backend in action.backends)
        ):
            return "response header changes"
    return ""


def _annotations(route: Route, target: Target, policy: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    if route.retry is not None and route.retry.statuses:
        # Conditions always stand beside the limit: a limit alone retries nothing and hides the Service's conditions.
        found |= _retries("http", route.retry, route.retry.statuses)
    if route.timeout_ms is not None and not (policy or target.rule_timeouts):
        found["timeout.linkerd.io/request"] = duration(route.timeout_ms)
    return found


def _retries(kind: str, retry: Retry, conditions: tuple[str, ...]) -> dict[str, str]:
    found = {f"retry.linkerd.io/{kind}": ",".join(conditions), "retry.linkerd.io/limit": str(retry.limit)}
    if retry.timeout_ms is not None:
        found["retry.linkerd.io/timeout"] = duration(retry.timeout_ms)
    return found


def parent(to: Parent | Attachment, namespace: str) -> dict[str, Any]:
    """A parentRef for a Service port or a Gateway listener, seen from a route of `namespace`."""
    if isinstance(to, Attachment):
        found: dict[str, Any] = {"group": "gateway.networking.k8s.io", "kind": to.kind, "name": to.name}
        if to.namespace != namespace:
            found["namespace"] = to.namespace
        return found | ({"sectionName": to.section} if to.section else {})
    # Group and kind are always written: their defaults (a Gateway) would make the reference inert.
    found = {"group": "", "kind": "Service", "name": to.name}
    if to.namespace != namespace:
        found["namespace"] = to.namespace
    return found | {"port": to.port}


def _rule(rule: RouteRule, namespace: str, timeouts: bool) -> dict[str, Any]:
    out: dict[str, Any] = {}
    matches = [_match(match) for match in rule.matches]
    if any(matches) and all(matches):
        out["matches"] = matches
    action = rule.action
    if isinstance(action, Redirect):
        out["filters"] = [{"type": "RequestRedirect", "requestRedirect": _redirect(action)}]
    elif isinstance(action, Forward):
        filters = _modifiers(action.request, action.response) + _gateway_filters(action, namespace)
        if filters:
            out["filters"] = filters
        out["backendRefs"] = [backend(one, namespace) for one in action.backends]
        if action.timeout_ms is not None and timeouts:
            out["timeouts"] = {"request": duration(action.timeout_ms)}
    else:
        assert_never(action)
    return out


def _match(match: Match) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if match.path.kind != "any":
        out["path"] = _path(match.path)
    if match.headers:
        out["headers"] = _named(match.headers)
    if match.query:
        out["queryParams"] = _named(match.query)
    if match.method is not None:
        out["method"] = match.method
    return out


def _path(path: Path) -> dict[str, str]:
    kind = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression", "any": "PathPrefix"}[
        path.kind
    ]
    return {"type": kind, "value": expression(path.value) if path.kind == "regex" else path.value}


def _named(conditions: Named) -> list[dict[str, str]]:
    return [
        {"name": name, "value": value.value}
        if value.kind == "exact"
        else {"type": "RegularExpression", "name": name, "value": expression(value.value)}
        for name, value in conditions
    ]


def expression(text: str) -> str:
    """A regular expression that must match the whole value.

    Alternatives are leftmost-first in Linkerd: without the group `a|ab` would fail on `ab` (observed L5).
    """
    return text if text and _SIMPLE.fullmatch(text) else f"^(?:{text})$"


def _redirect(redirect: Redirect) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if redirect.scheme:
        out["scheme"] = redirect.scheme
    if redirect.hostname:
        out["hostname"] = redirect.hostname
    if redirect.path:
        out["path"] = {"type": "ReplaceFullPath", "replaceFullPath": redirect.path}
    if redirect.port is not None:
        out["port"] = redirect.port
    return out | {"statusCode": redirect.code}


def implied_namespace(route: Route, namespace: str) -> str:
    """What a backendRef without namespace means in a route of `namespace`; nothing where it has to be written.

    For a consumer route Linkerd takes the Service's namespace, the specification the route's own (observed L8).
    """
    consumer = any(isinstance(one, Parent) and one.namespace != namespace for one in route.parents)
    return "" if consumer else namespace


def backend(to: Backend, namespace: str) -> dict[str, Any]:
    """A backendRef of a route where one without namespace means `namespace`."""
    out: dict[str, Any] = {"name": to.name}
    if to.namespace != namespace:
        out["namespace"] = to.namespace
    out["port"] = to.port
    if to.weight is not None:
        out["weight"] = to.weight
    filters = _modifiers(to.request, to.response)
    return out | ({"filters": filters} if filters else {})


def _gateway_filters(action: Forward, namespace: str) -> list[dict[str, Any]]:
    """Filters that only routes of a gateway carry."""
    out: list[dict[str, Any]] = []
    if action.rewrite is not None:
        out.append({"type": "URLRewrite", "urlRewrite": _rewrite(action.rewrite)})
    out += [
        {"type": "RequestMirror", "requestMirror": _mirror(mirror, namespace)} for mirror in action.mirrors
    ]
    if action.cors is not None:
        out.append({"type": "CORS", "cors": _cors(action.cors)})
    return out


def _rewrite(rewrite: Rewrite) -> dict[str, Any]:
    out: dict[str, Any] = {"hostname": rewrite.hostname} if rewrite.hostname else {}
    if rewrite.full is not None:
        out["path"] = {"type": "ReplaceFullPath", "replaceFullPath": rewrite.full}
    elif rewrite.prefix is not None:
        out["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": rewrite.prefix}
    return out


def _mirror(mirror: Mirror, namespace: str) -> dict[str, Any]:
    backend: dict[str, Any] = {"name": mirror.name}
    if mirror.namespace != namespace:
        backend["namespace"] = mirror.namespace
    out: dict[str, Any] = {"backendRef": backend | {"port": mirror.port}}
    if mirror.numerator != mirror.denominator:
        whole = mirror.denominator == 100
        out |= (
            {"percent": mirror.numerator}
            if whole
            else {"fraction": {"numerator": mirror.numerator, "denominator": mirror.denominator}}
        )
    return out


def _cors(cors: Cors) -> dict[str, Any]:
    out: dict[str, Any] = {"allowOrigins": list(cors.origins)}
    for key, values in (
        ("allowMethods", cors.methods),
        ("allowHeaders", cors.headers),
        ("exposeHeaders", cors.expose),
    ):
        if values:
            out[key] = list(values)
    if cors.credentials:
        out["allowCredentials"] = True
    return out | ({"maxAge": cors.max_age} if cors.max_age is not None else {})


def _modifiers(request: HeaderChange, response: HeaderChange) -> list[dict[str, Any]]:
    out = []
    for kind, change in (("RequestHeaderModifier", request), ("ResponseHeaderModifier", response)):
        if change:
            body: dict[str, Any] = {}
            if change.set:
                body["set"] = [{"name": name, "value": value} for name, value in change.set]
            if change.add:
                body["add"] = [{"name": name, "value": value} for name, value in change.add]
            if change.remove:
                body["remove"] = list(change.remove)
            out.append({"type": kind, kind[0].lower() + kind[1:]: body})
    return out


def duration(ms: int) -> str:
    """One integer with one unit: Linkerd ignores or refuses everything else (observed L11)."""
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms}ms"
