"""Which clients Linkerd's policy objects authorise.

Authorisations only ever allow; a policy that names something missing is passed over (linkerd2,
`policy-controller/k8s/index/src/inbound/index.rs`; linkerd2-proxy, `linkerd/proxy/server-policy/src/authz.rs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .linkerd_admission import MODES
from .linkerd_admission_shapes import OPERATORS, targets
from .linkerd_inbound_networks import ANYWHERE, LOCALHOST, Address, Network, address, network, networks
from .objects import GATEWAY, POLICY, Obj, Objects, items, meta, name_of, namespace_of, spec


class Client(NamedTuple):
    """Who connects: the mesh TLS identity, None without mesh TLS, and the address of the connection's peer."""

    identity: str | None
    ip: Address

    @classmethod
    def of(cls, client: Mapping[str, Any]) -> Client:
        """From `{identity, ip}`."""
        return cls(client.get("identity") or None, address(client["ip"]))


class Authorization(NamedTuple):
    """Clients that are let in: from one of the networks and, unless `identities` is None, with mesh TLS.

    An identity is a name, `.suffix`, or the empty suffix, which is any name but no SPIFFE id; `tls` alone asks
    for mesh TLS of whatever identity. `audit` marks what lets pass only to log it.
    """

    networks: tuple[Network, ...]
    identities: frozenset[str] | None = None
    tls: bool = False
    audit: bool = False

    def permits(self, client: Client) -> bool:
        """Whether the client is one of them."""
        if not any(found.contains(client.ip) for found in self.networks):
            return False
        if self.identities is None:
            return client.identity is not None if self.tls else True
        name = client.identity
        if name is None:
            return False
        if name in self.identities:
            return True
        return not name.startswith("spiffe://") and any(
            name.endswith(suffix) for suffix in self.identities if suffix[:1] in ("", ".")
        )


LOCAL = Authorization(LOCALHOST)
"""The proxy always lets its own host pass."""


def identity_match(text: str) -> str:
    """`*` as the empty suffix, `*.x` as the suffix `.x`, else the name."""
    return "" if text == "*" else text[1:] if text.startswith("*.") else text


def selects(selector: Obj, labels: Mapping[str, str]) -> bool:
    """Whether a label selector, `{matchLabels, matchExpressions}`, picks the labels; an empty one picks all."""
    wanted = selector.get("matchLabels")
    if isinstance(wanted, Mapping) and any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(entry, labels) for entry in items(selector, "matchExpressions"))


def _expression(entry: Obj, labels: Mapping[str, str]) -> bool:
    key, operator, values = str(entry.get("key")), entry.get("operator"), entry.get("values")
    # Values go with In and NotIn, and with them only: anything else selects nothing.
    if operator not in OPERATORS or (values is None) == (operator in ("In", "NotIn")):
        return False
    found = key in labels if values is None else labels.get(key) in values
    return bool(found) == (operator in ("Exists", "In"))


class Clients:
    """Authorisations of servers and routes by the policies of a set of objects."""

    def __init__(
        self,
        objects: Objects,
        *,
        cluster_networks: Iterable[str],
        trust_domain: str,
        control_plane_namespace: str,
    ) -> None:
        self._objects = objects
        self._cluster = networks(cluster_networks)
        self._domain = f"serviceaccount.identity.{control_plane_namespace}.{trust_domain}"
        self._policies = [
            (obj, found)
            for obj in objects.of(POLICY, "AuthorizationPolicy")
            if (found := self._policy(obj)) is not None
        ]

    def default(self, mode: str) -> tuple[Authorization, ...]:
        """What a default inbound policy or an `accessPolicy` allows; raises ValueError for an unknown one."""
        if mode not in MODES:
            raise ValueError(f"unknown inbound policy {mode!r}")
        if mode == "deny":
            return ()
        if mode == "audit":
            return (Authorization(ANYWHERE, audit=True),)
        return (
            Authorization(
                self._cluster if mode.startswith("cluster-") else ANYWHERE,
                identities=frozenset({""}) if mode.endswith("-authenticated") else None,
            ),
        )

    def of_server(self, server: Obj) -> tuple[Authorization, ...]:
        """Policies on the Server and on its Namespace, and ServerAuthorizations; not its `accessPolicy`."""
        namespace, found = namespace_of(server), []
        for policy, authorization in self._policies:
            target = spec(policy)["targetRef"]
            if namespace_of(policy) == namespace and (
                targets(target, "", "Namespace")
                or (targets(target, POLICY, "Server") and target["name"] == name_of(server))
            ):
                found.append(authorization)
        for obj in self._objects.of(POLICY, "ServerAuthorization"):
            if namespace_of(obj) == namespace and _picks(obj, server):
                found += self._server_authorization(obj)
        return tuple(found)

    def of_route(self, route: Obj, group: str, kind: str) -> tuple[Authorization, ...]:
        """Policies whose target is the route; letter case does not count."""
        return tuple(
            authorization
            for policy, authorization in self._policies
            if namespace_of(policy) == namespace_of(route)
            and targets(spec(policy)["targetRef"], group, kind)
            and str(spec(policy)["targetRef"]["name"]).lower() == name_of(route).lower()
            and (group, kind) in ((POLICY, "HTTPRoute"), (GATEWAY, "HTTPRoute"), (GATEWAY, "GRPCRoute"))
        )

    def _policy(self, obj: Obj) -> Authorization | None:
        """What all required authentications together allow; no authentication at all allows everybody."""
        identities: frozenset[str] | None = None
        blocks = ANYWHERE
        for ref in items(spec(obj), "requiredAuthenticationRefs"):
            namespace, name = str(ref.get("namespace") or namespace_of(obj)), str(ref["name"])
            if targets(ref, "", "ServiceAccount"):
                identities = frozenset({self._account(namespace, name)})
                continue
            kind = "MeshTLSAuthentication" if targets(ref, POLICY, "MeshTLSAuthentication") else ""
            found = self._objects.get(POLICY, kind or "NetworkAuthentication", namespace, name)
            if found is None:
                return None
            if kind:
                identities = self._identities(found)
                if not identities:
                    return None
            else:
                blocks = tuple(network(entry) for entry in items(spec(found), "networks"))
        return Authorization(blocks, identities)

    def _account(self, namespace: str, name: str) -> str:
        return f"{name}.{namespace}.{self._domain}"

    def _identities(self, authentication: Obj) -> frozenset[str]:
        found = spec(authentication)
        names = {identity_match(text) for text in found.get("identities") or []}
        for ref in items(found, "identityRefs"):
            if targets(ref, "", "Namespace"):
                names.add(f".{ref['name']}.{self._domain}")
            else:
                names.add(
                    self._account(str(ref.get("namespace") or namespace_of(authentication)), str(ref["name"]))
                )
        return frozenset(names)

    def _server_authorization(self, obj: Obj) -> list[Authorization]:
        """Its clients; without networks those of the cluster, without any client nothing."""
        client = spec(obj)["client"]
        blocks = tuple(network(entry) for entry in items(client, "networks")) or self._cluster
        if client.get("unauthenticated"):
            return [Authorization(blocks)]
        mesh = client.get("meshTLS")
        if not isinstance(mesh, Mapping):
            return []
        if mesh.get("unauthenticatedTLS"):
            return [Authorization(blocks, tls=True)]
        names = {identity_match(text) for text in mesh.get("identities") or []}
        names |= {
            self._account(str(ref.get("namespace") or namespace_of(obj)), str(ref["name"]))
            for ref in items(mesh, "serviceAccounts")
        }
        return [Authorization(blocks, frozenset(names))] if names else []


def _picks(authorization: Obj, server: Obj) -> bool:
    wanted = spec(authorization)["server"]
    if wanted.get("name") is not None:
        return bool(wanted["name"] == name_of(server))
    labels = meta(server).get("labels")
    return selects(wanted.get("selector") or {}, labels if isinstance(labels, Mapping) else {})
