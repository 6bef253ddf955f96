"""What a pod's proxy does with a connection or a request: Linkerd's inbound policy over plain objects.

Follows the policy controller and the proxy of the 2.20 line (linkerd2 `policy-controller/k8s/index/src/inbound`
and `policy-controller/grpc/src/inbound.rs`, linkerd2-proxy `linkerd/app/inbound/src/policy`). Rate
limits, ExternalWorkloads, pods of Jobs and the history of updates are not modelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .linkerd_admission import MODES, refusal
from .linkerd_admission_shapes import access_policy
from .linkerd_inbound_clients import LOCAL, Authorization, Client, Clients, selects
from .linkerd_inbound_networks import networks
from .linkerd_inbound_pods import Injector, Pod
from .linkerd_inbound_routes import DEFAULT, DEFAULT_GRPC, ServerRoute, ServerRoutes, probe_route
from .linkerd_outbound import DEFAULT_OPAQUE_PORTS
from .matching import Request, best_rule
from .objects import POLICY, Obj, Objects, flattened, items, meta, name_of, namespace_of, spec
from .redirects import UnusableRedirect, linkerd_location
from .routes import header_changes

CLUSTER_NETWORKS = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")
PROBE_NETWORKS = ("0.0.0.0/0", "::/0")
DEFAULT_SKIP_INBOUND_PORTS = frozenset({4567, 4568})


class _Policy(NamedTuple):
    """What decides about one port of one pod; `routes` None where requests are not looked at.

    `per_connection` is what decides about streams that are not HTTP, None where they are refused.
    """

    server: str | None
    authorizations: tuple[Authorization, ...]
    routes: list[ServerRoute] | None
    per_connection: tuple[Authorization, ...] | None
    grpc: bool = False


class Inbound:
    """Inbound policy of a set of objects; unlisted objects do not exist, ServiceAccounts are taken to exist.

    The settings are those of the control plane. Objects that the policy webhook refuses have no effect.
    Raises `UnsupportedRegex` for a route with a pattern that this package does not model, ValueError for an
    unknown policy or a malformed network.
    """

    def __init__(
        self,
        objects: Iterable[Obj],
        *,
        default_inbound_policy: str = "all-unauthenticated",
        probe_networks: Iterable[str] = PROBE_NETWORKS,
        cluster_networks: Iterable[str] = CLUSTER_NETWORKS,
        default_opaque_ports: Iterable[int] = DEFAULT_OPAQUE_PORTS,
        default_skip_inbound_ports: Iterable[int] = DEFAULT_SKIP_INBOUND_PORTS,
        trust_domain: str = "cluster.local",
        control_plane_namespace: str = "linkerd",
    ) -> None:
        self.objects = Objects(obj for obj in flattened(objects) if refusal(obj) is None)
        self._injector = Injector(
            frozenset(default_opaque_ports), frozenset(default_skip_inbound_ports), control_plane_namespace
        )
        self._clients = Clients(
            self.objects,
            cluster_networks=cluster_networks,
            trust_domain=trust_domain,
            control_plane_namespace=control_plane_namespace,
        )
        self._clients.default(default_inbound_policy)
        self._default = default_inbound_policy
        self._probes = networks(probe_networks)
        self._routes = ServerRoutes(self.objects, self._clients)
        self._servers = sorted(self.objects.of(POLICY, "Server"), key=_age)
        self._policies: dict[tuple[str, int], tuple[Pod, _Policy]] = {}

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request.

        `request` has `pod` (`namespace/workload`), `port`, `client` (`identity`, `ip`), `method`, `path`,
        `query`, `host`, `headers` and `tcp`; the answer has `verdict`, `status`, `server`, `route`, `rule` and,
        where they apply, `location` and `request_headers`. A pod that does not exist raises KeyError, one that
        workloads of several kinds could be ValueError. A prefix redirect of a match without prefix answers
        `invalid-redirect`, status 500.
        """
        client, port = Client.of(request["client"]), int(request["port"])
        pod, policy = self._policy(str(request["pod"]), port)
        if pod.bypasses(port, client.ip):
            return _answer("allow", None)
        if request.get("tcp") or policy.routes is None:
            allowed = policy.per_connection is not None and _verdict(policy.per_connection, client)
            return _answer(allowed or "deny-connection", policy.server)
        return _request(policy, policy.routes, Request.of(request), client)

    def server(self, pod: str, port: int) -> str | None:
        """`namespace/name` of the Server in charge of a pod's port, None where there is none."""
        return self._policy(pod, port)[1].server

    def _policy(self, name: str, port: int) -> tuple[Pod, _Policy]:
        found = self._policies.get((name, port))
        if found is None:
            namespace, _, workload = name.partition("/")
            pod = self._injector.pod(self.objects, namespace, workload)
            if pod is None:
                raise KeyError(f"no pod {name}")
            server = next((obj for obj in self._servers if _is_for(obj, pod, port)), None)
            policy = self._without_server(pod, port) if server is None else self._by_server(server, pod, port)
            found = self._policies[(name, port)] = (pod, policy)
        return found

    def _without_server(self, pod: Pod, port: int) -> _Policy:
        mode = pod.default_policy if pod.default_policy in MODES else self._default
        if port in pod.identity_ports:
            mode = mode.replace("-unauthenticated", "-authenticated")
        authorizations = (*self._clients.default(mode), LOCAL)
        if port in pod.opaque_ports:
            return _Policy(None, authorizations, None, authorizations)
        return _Policy(None, authorizations, self._default_routes(pod, port), authorizations)

    def _by_server(self, server: Obj, pod: Pod, port: int) -> _Policy:
        protocol, name = spec(server).get("proxyProtocol") or "unknown", f"{pod.namespace}/{name_of(server)}"
        policy = access_policy(server)
        authorizations = (
            *self._clients.of_server(server),
            *(() if policy is None else self._clients.default(policy)),
            LOCAL,
        )
        if protocol in ("opaque", "TLS"):
            return _Policy(name, authorizations, None, authorizations)
        grpc = protocol == "gRPC"
        routes = self._routes.of(server, grpc=grpc)
        if grpc and any(map(_is_unreadable, routes)):
            # The proxy cannot read the policy and falls back to one that lets nobody in.
            return _Policy(name, (), [DEFAULT], None, grpc)
        if not routes:
            routes = [DEFAULT_GRPC] if grpc else self._default_routes(pod, port)
        return _Policy(name, authorizations, routes, authorizations if protocol == "unknown" else None, grpc)

    def _default_routes(self, pod: Pod, port: int) -> list[ServerRoute]:
        probes = probe_route(pod.probes.get(port, frozenset()), self._probes)
        return [DEFAULT] if probes is None else [DEFAULT, probes]


def _is_for(server: Obj, pod: Pod, port: int) -> bool:
    wanted, selector = spec(server)["port"], spec(server).get("podSelector")
    return (
        namespace_of(server) == pod.namespace
        and isinstance(selector, Mapping)
        and selects(selector, pod.labels)
        and (wanted == port if isinstance(wanted, int) else port in pod.port_names.get(wanted, frozenset()))
    )


def _age(server: Obj) -> tuple[bool, str, str]:
    """Older first, then by name; of Servers it is those without a creation time that come first."""
    created = meta(server).get("creationTimestamp")
    return (created is not None, str(created or ""), name_of(server))


def _is_unreadable(route: ServerRoute) -> bool:
    """Whether a gRPC match names no method."""
    return any(match.get("method") is None for rule in route.rules for match in items(rule, "matches"))


def _verdict(authorizations: Iterable[Authorization], client: Client) -> str | None:
    """`allow`, `audit` where nothing but the audit default permits the client, None where nothing does."""
    permitting = [found for found in authorizations if found.permits(client)]
    if not permitting:
        return None
    return "audit" if all(found.audit for found in permitting) else "allow"


def _request(policy: _Policy, routes: list[ServerRoute], asked: Request, client: Client) -> dict[str, Any]:
    matched = best_rule(routes, asked, grpc=policy.grpc)
    if matched is None:
        return _answer("not-found", policy.server, status=404)
    route, index, match = matched
    where: dict[str, Any] = {"route": route.identity, "rule": None if route.identity is None else index}
    verdict = _verdict((*route.authorizations, *policy.authorizations), client)
    if verdict is None:
        return _answer("deny", policy.server, status=403) | where
    # Filters come after authorisation; the response modifier has no effect on this side.
    filters = items(route.rules[index], "filters")
    for redirect in (entry.get("requestRedirect") for entry in filters):
        if not isinstance(redirect, Mapping):
            continue
        try:
            location = linkerd_location(redirect, asked, match)
        except UnusableRedirect:
            return _answer("invalid-redirect", policy.server, status=500) | where
        if location is not None:
            status = redirect.get("statusCode") or 302
            return _answer("redirect", policy.server, status=status) | where | {"location": location}
    changes = header_changes(filters, "RequestHeaderModifier", "requestHeaderModifier")
    found = _answer(verdict, policy.server, status=200) | where
    return found if changes is None else found | {"request_headers": changes}


def _answer(verdict: str, server: str | None, *, status: int | None = None) -> dict[str, Any]:
    return {"verdict": verdict, "status": status, "server": server, "route": None, "rule": None}
