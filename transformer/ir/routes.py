"""Mesh-neutral routing decisions: what a route does with the requests that it takes.

Values are hashable and carry no provenance, so that equal means "the same outcome"; the source fields travel beside
them (`Rule.sources`). What a target cannot say never gets here: rules hold the object instead.
"""

from __future__ import annotations

from typing import NamedTuple

from transformer.order.predicates import Match

Pairs = tuple[tuple[str, str], ...]


class HeaderChange(NamedTuple):
    """Header changes of one direction; names as written, `set` overwrites, `add` appends."""

    set: Pairs = ()
    add: Pairs = ()
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.set or self.add or self.remove)


class Backend(NamedTuple):
    """A Service port that gets a share; `weight` None where it is the only one."""

    namespace: str
    name: str
    port: int
    weight: int | None = None
    request: HeaderChange = HeaderChange()
    response: HeaderChange = HeaderChange()


class Rewrite(NamedTuple):
    """Rewrite of the path before forwarding: `prefix` replaces the matched prefix, `full` the whole path; and of the host."""

    prefix: str | None = None
    full: str | None = None
    hostname: str = ""


class Mirror(NamedTuple):
    """A copy of `numerator` in `denominator` requests for another Service port."""

    namespace: str
    name: str
    port: int
    numerator: int = 100
    denominator: int = 100


class Cors(NamedTuple):
    """Cross-origin rules: exact origins or `*`; `max_age` in seconds, None for the browser's default."""

    origins: tuple[str, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int | None = None


class Forward(NamedTuple):
    """Forward to backends; `timeout_ms` is for the whole request, None for none.

    Rewrite, mirrors and CORS exist on routes of a gateway only: Linkerd drops a mesh route that carries one.
    """

    backends: tuple[Backend, ...]
    request: HeaderChange = HeaderChange()
    response: HeaderChange = HeaderChange()
    timeout_ms: int | None = None
    rewrite: Rewrite | None = None
    mirrors: tuple[Mirror, ...] = ()
    cors: Cors | None = None


class Redirect(NamedTuple):
    """Answer with a redirect; unset parts keep those of the request. `path` replaces the whole path."""

    code: int
    scheme: str = ""
    hostname: str = ""
    port: int | None = None
    path: str = ""


Action = Forward | Redirect


class Retry(NamedTuple):
    """Retry on HTTP statuses such as `5xx`, `gateway-error`, `429`; an attempt may take `timeout_ms`.

    `codes` are gRPC statuses such as `unavailable`, which only a GRPCRoute knows.
    """

    limit: int
    statuses: tuple[str, ...]
    timeout_ms: int | None = None
    codes: tuple[str, ...] = ()


class Parent(NamedTuple):
    """The Service port whose clients the route steers."""

    namespace: str
    name: str
    port: int


class Clients(NamedTuple):
    """Clients must show a certificate of this authority, a ConfigMap or a Secret with the key `ca.crt`.

    `namespace` is empty where it is the Gateway's own. `optional`: clients without a valid one are served, too.
    """

    kind: str
    namespace: str
    name: str
    optional: bool = False


class Listener(NamedTuple):
    """One listener: `protocol` HTTP, HTTPS (terminated), TLS or TCP; no hostname means every host.

    TLS is passed through, or terminated for connections that are not HTTP where there are certificates. A certificate is
    a Secret of the Gateway's namespace, or `namespace/name`. `namespaces` are those whose routes may attach; `*` is all of
    them. `redirect`: everything is sent to https. `hosts`: all hosts of the same server, each with such a namespace.
    `listener_set`: the object that holds it where the Gateway is full.
    """

    name: str
    port: int
    protocol: str
    hostname: str
    namespaces: tuple[str, ...]
    redirect: bool
    certificates: tuple[str, ...] = ()
    clients: Clients | None = None
    hosts: tuple[tuple[str, str], ...] = ()
    listener_set: str = ""

    @property
    def takes_requests(self) -> bool:
        """Whether HTTP routes attach to it."""
        return self.protocol in ("HTTP", "HTTPS")

    @property
    def passes_through(self) -> bool:
        """Whether connections go on encrypted, told apart by server name."""
        return self.protocol == "TLS" and not self.certificates

    def attachment(self, namespace: str, gateway: str) -> Attachment:
        """Where routes for this listener of a Gateway attach."""
        kind = "ListenerSet" if self.listener_set else "Gateway"
        return Attachment(namespace, self.listener_set or gateway, self.name, kind)

    def admits(self, namespace: str) -> bool:
        """Whether routes of a namespace may attach."""
        return "*" in self.namespaces or namespace in self.namespaces


class Attachment(NamedTuple):
    """The Gateway or ListenerSet, or one listener of it (`section`), that a route is attached to."""

    namespace: str
    name: str
    section: str = ""
    kind: str = "Gateway"


class RouteRule(NamedTuple):
    """Alternatives of matches (none: everything) and what happens."""

    matches: tuple[Match, ...]
    action: Action


class Route(NamedTuple):
    """One route object: rules in order, one retry policy (Linkerd keeps it per object), `timeout_ms` where rules cannot.

    `label`: what people call the route, to name the object after where one list needs several. `grpc`: the rules that say
    the same as a GRPCRoute, where every request is a gRPC call; an exact path is a method, a prefix a service.
    """

    parents: tuple[Parent | Attachment, ...]
    rules: tuple[RouteRule, ...]
    retry: Retry | None = None
    timeout_ms: int | None = None
    label: str = ""
    hostnames: tuple[str, ...] = ()
    grpc: tuple[RouteRule, ...] = ()
