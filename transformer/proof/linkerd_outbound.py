"""What a meshed client gets when it dials a Service: Linkerd's outbound policy over plain objects.

Follows the policy controller and the proxy of the 2.20 line (linkerd2
`policy-controller/grpc/src/outbound.rs`, linkerd2-proxy `linkerd/http/route`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from . import policy_annotations as notes
from .matching import Request, best_rule
from .objects import Obj, Objects, annotations_of, items, service_port, spec
from .redirects import UnusableRedirect, linkerd_location
from .routes import Route, accepted_routes, backend_usable, header_changes, rule_timeouts

DEFAULT_OPAQUE_PORTS = frozenset({25, 587, 3306, 4444, 5432, 6379, 9300, 11211})
_OPAQUE_ANNOTATION = "config.linkerd.io/opaque-ports"

_T = TypeVar("_T")


class Outbound:
    """Outbound policy of a set of objects; unlisted objects do not exist."""

    def __init__(
        self,
        objects: Iterable[Obj],
        *,
        default_opaque_ports: Iterable[int] = DEFAULT_OPAQUE_PORTS,
        cluster_domain: str = "cluster.local",
    ) -> None:
        self.objects = objects if isinstance(objects, Objects) else Objects(objects)
        self._opaque = frozenset(default_opaque_ports)
        self._domain = cluster_domain
        self._routes = accepted_routes(self.objects)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request.

        `request` has `source_ns`, `service` (`ns/name`), `port`, `method`, `path`, `query`, `host`,
        `headers`; the answer has `result`, `route`, `rule`, `backends`, `request_headers`,
        `response_headers`, `redirect`, `timeout_ms`, `response_timeout_ms`, `idle_timeout_ms`, `retry` and
        `failure_accrual`. A Service that does not exist raises KeyError: there is no address to dial.
        """
        namespace, _, name = str(request["service"]).partition("/")
        service = self.objects.service(namespace, name)
        if service is None:
            raise KeyError(f"no Service {namespace}/{name}")
        port = int(request["port"])
        entry = service_port(service, port)
        own = [{"service": f"{namespace}/{name}", "port": port, "weight": 1}]
        # The profile's word on opaque ports comes before the policy's on undefined ones.
        if self._has_profile(namespace, name, str(request["source_ns"])):
            return _answer("profile")
        if self.is_opaque(service, namespace, port):
            return _answer("opaque", backends=own)
        if entry is None:
            return _answer("forbidden")
        protocol = _protocol(entry)
        if protocol == "opaque":
            return _answer("opaque", backends=own)
        return self._http(request, service, own, protocol)

    def _http(
        self, request: Mapping[str, Any], service: Obj, own: list[dict[str, Any]], protocol: str
    ) -> dict[str, Any]:
        namespace, _, name = str(request["service"]).partition("/")
        routes = self._attached(namespace, name, int(request["port"]), str(request["source_ns"]))
        grpc = any(route.grpc for route in routes) and protocol != "http1"
        routes = [route for route in routes if route.grpc == grpc]
        settings = annotations_of(service)
        accrual = _or_none(notes.failure_accrual, settings)
        if grpc and any(
            not match.get("method") for r in routes for rule in r.rules for match in items(rule, "matches")
        ):
            # The proxy refuses a policy with a gRPC match that names no method, and with it the whole port.
            return _answer("invalid-policy-500")
        limits = _or_none(notes.timeouts, settings) or notes.Timeouts()
        retry = _or_none(lambda found: notes.retry(found, grpc=grpc), settings)
        if not routes:
            return {
                **_answer("default", backends=own),
                **_tuning(limits, retry, grpc),
                "failure_accrual": accrual,
            }
        asked = Request.of(request)
        matched = best_rule(routes, asked, grpc=grpc)
        if matched is None:
            return {**_answer("no-route-404"), "failure_accrual": accrual}
        route, index, match = matched
        rule = route.rules[index]
        own_limits = rule_timeouts(route, rule)
        tuning = _tuning(
            own_limits if any(v is not None for v in own_limits) else limits, route.retry or retry, grpc
        )
        answer = {**_answer("route", route=route.identity, rule=index), **tuning, "failure_accrual": accrual}
        return {**answer, **self._outcome(rule, asked, match, own, namespace, grpc=grpc)}

    def _outcome(
        self,
        rule: Obj,
        asked: Request,
        match: Obj | None,
        own: list[dict[str, Any]],
        namespace: str,
        *,
        grpc: bool,
    ) -> dict[str, Any]:
        filters = items(rule, "filters")
        found: dict[str, Any] = {
            "request_headers": header_changes(filters, "RequestHeaderModifier", "requestHeaderModifier"),
            "response_headers": header_changes(filters, "ResponseHeaderModifier", "responseHeaderModifier"),
        }
        redirect = next((f["requestRedirect"] for f in filters if f.get("type") == "RequestRedirect"), None)
        if redirect is not None:
            try:
                location = linkerd_location(redirect, asked, match)
            except UnusableRedirect:
                return {**found, "result": "invalid-redirect-500"}
            if location is not None:
                return {
                    **found,
                    "redirect": {"status": redirect.get("statusCode") or 302, "location": location},
                }
        found["backends"] = backends = [
            self._backend(ref, namespace, grpc=grpc) for ref in items(rule, "backendRefs")
        ] or own
        if len(backends) > 1 and not any(backend["weight"] for backend in backends):
            found["result"] = "invalid-weights"
        elif all(backend.get("fails") for backend in backends):
            found["result"] = "backend-500"
        return found

    def _backend(self, ref: Obj, parent_namespace: str, *, grpc: bool) -> dict[str, Any]:
        weight = ref.get("weight")
        weight = 1 if weight is None else weight
        if not backend_usable(ref, grpc=grpc):
            return {"service": None, "port": None, "weight": weight, "fails": True}
        # A missing namespace is the parent Service's, also in a consumer route.
        namespace, name = str(ref.get("namespace") or parent_namespace), str(ref.get("name"))
        found: dict[str, Any] = {"service": f"{namespace}/{name}", "port": ref["port"], "weight": weight}
        if self.objects.service(namespace, name) is None:
            found["fails"] = True
            return found
        filters = items(ref, "filters")
        for key, kind in (("request", "RequestHeaderModifier"), ("response", "ResponseHeaderModifier")):
            changes = header_changes(filters, kind, f"{key}HeaderModifier")
            if changes is not None:
                found[f"{key}_headers"] = changes
        redirect = next((f["requestRedirect"] for f in filters if f.get("type") == "RequestRedirect"), None)
        if redirect is not None:
            found["redirect"] = redirect
        return found

    def _attached(self, namespace: str, name: str, port: int, source: str) -> list[Route]:
        """Producer routes for everybody, consumer routes for clients of their own namespace."""
        return [
            route
            for route in self._routes
            if route.namespace in (namespace, source)
            and any(
                parent.namespace == namespace and parent.name == name and parent.port in (None, port)
                for parent in route.parents
            )
        ]

    def is_opaque(self, service: Obj, namespace: str, port: int) -> bool:
        """The Service's own list, else its Namespace's, else the cluster's."""
        owner = self.objects.namespace(namespace)
        ports = items(spec(service), "ports")
        names = {
            str(entry["name"]): int(entry["port"])
            for entry in ports
            if entry.get("name") and entry.get("port")
        }
        for settings in (annotations_of(service), annotations_of(owner) if owner is not None else {}):
            if _OPAQUE_ANNOTATION in settings:
                return port in notes.port_list(settings[_OPAQUE_ANNOTATION], names)
        return port in self._opaque

    def _has_profile(self, namespace: str, name: str, source: str) -> bool:
        """Whether a ServiceProfile with routes or overrides hides everything; the client's comes first."""
        for owner in (source, namespace):
            profile = self.objects.get(
                "linkerd.io", "ServiceProfile", owner, f"{name}.{namespace}.svc.{self._domain}"
            )
            if profile is not None:
                return bool(items(spec(profile), "routes") or items(spec(profile), "dstOverrides"))
        return False


def _protocol(port: Obj) -> str:
    app = port.get("appProtocol")
    if app is None:
        return "detect"
    return {"http": "http1", "kubernetes.io/h2c": "http2"}.get(str(app).lower(), "opaque")


def _or_none(read: Callable[[Mapping[str, str]], _T], settings: Mapping[str, str]) -> _T | None:
    """A group of Service annotations; the controller logs a malformed one and goes on without the group."""
    try:
        return read(settings)
    except ValueError:
        return None


def _answer(
    result: str,
    *,
    route: str | None = None,
    rule: int | None = None,
    backends: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {
        "result": result, "route": route, "rule": rule, "backends": backends or [],
        "request_headers": None, "response_headers": None, "redirect": None,
        "timeout_ms": None, "response_timeout_ms": None, "idle_timeout_ms": None,
        "retry": None, "failure_accrual": None,
    }  # fmt: skip


def _tuning(limits: notes.Timeouts, retry: notes.Retry | None, grpc: bool) -> dict[str, Any]:
    again = None
    if retry is not None:
        key = "codes" if grpc else "statuses"
        again = {"limit": retry.limit, "timeout_ms": retry.timeout_ms, key: list(retry.conditions)}
    return {
        "timeout_ms": limits.request,
        "response_timeout_ms": limits.response,
        "idle_timeout_ms": limits.idle,
        "retry": again,
    }
