"""Servers, their routes, and the policies and authentications that open them, as objects of `policy.linkerd.io`.

https://linkerd.io/2/reference/authorization-policy/ , https://linkerd.io/2/reference/httproute/
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from transformer.ir import authorization as ir
from transformer.ir import networks
from transformer.ir.authorization import Clause, SourceSet
from transformer.ir.networks import EVERYWHERE
from transformer.ir.request_classes import OTHER
from transformer.targets.linkerd.inbound_plan import Plan, RoutePlan
from transformer.targets.metadata import fit

_GROUP = "policy.linkerd.io"
_PER_RULE = 8
#: Linkerd's identities of its own trust domain, by the control plane's namespace and the domain.
_OWN = "*.serviceaccount.identity.{}.{}"


class Object(NamedTuple):
    """An object without its metadata: apiVersion, kind, name and spec."""

    api_version: str
    kind: str
    name: str
    spec: dict[str, Any]


def access_policy(sources: SourceSet) -> str:
    """The word for who may call, as `accessPolicy` and `default-inbound-policy` have it; empty where there is none."""
    words = {ir.NOBODY: "deny", ir.ANYONE: "all-unauthenticated", ir.ANY_IDENTITY: "all-authenticated"}
    return words.get(sources, "")


def own_identities(control_plane: str, trust_domain: str) -> str:
    """The pattern of every identity that a Linkerd install gives to its own pods."""
    return _OWN.format(control_plane, trust_domain)


def objects(plan: Plan, name: str, selector: Mapping[str, str], port: int, own: str = "") -> Iterator[Object]:
    """Everything that makes a plan: the Server first, then its policies, routes and authentications.

    `own` is the pattern of the mesh's own identities, for a default install where it is left out.
    """
    own = own or own_identities("linkerd", "cluster.local")
    spec: dict[str, Any] = {"podSelector": {"matchLabels": dict(selector)} if selector else {}, "port": port}
    if plan.opaque:
        spec["proxyProtocol"] = "opaque"
    word = access_policy(plan.base)
    if word not in ("", "deny"):
        spec["accessPolicy"] = word
    yield Object(f"{_GROUP}/v1beta3", "Server", name, spec)
    names = _route_names(plan, name)
    # A policy is called after what it opens; the second one for a route must not take another route's name.
    taken = {name, *names}
    if not word:
        yield from _opened("Server", name, plan.base, taken, own)
    for route, route_name in zip(plan.routes, names, strict=True):
        yield Object(f"{_GROUP}/v1beta3", "HTTPRoute", route_name, _route(route, name))
        if not route.sources <= plan.base:
            yield from _opened("HTTPRoute", route_name, route.sources, taken, own)


def _route_names(plan: Plan, name: str) -> list[str]:
    used: dict[str, int] = {}
    found = []
    for route in plan.routes:
        stem = f"{name}-{_label(route)}"
        used[stem] = used.get(stem, 0) + 1
        found.append(fit(stem if used[stem] == 1 else f"{stem}-{used[stem]}"))
    return found


def _label(route: RoutePlan) -> str:
    label = {"deny": "refused", "all-unauthenticated": "open", "all-authenticated": "meshed"}.get(
        access_policy(route.sources), "allowed"
    )
    label = "probes" if route.probes else label
    return f"{route.hosts[0].partition('.')[0]}-{label}" if route.hosts else label


def _route(route: RoutePlan, server: str) -> dict[str, Any]:
    headers = route.headers or ((),) * len(route.matches)
    found = [_match(*match) | _headers(those) for match, those in zip(route.matches, headers, strict=True)]
    spec: dict[str, Any] = {"parentRefs": [{"group": _GROUP, "kind": "Server", "name": server}]}
    if route.hosts:
        spec["hostnames"] = list(route.hosts)
    spec["rules"] = [{"matches": found[at : at + _PER_RULE]} for at in range(0, len(found), _PER_RULE)]
    return spec


def _match(kind: str, value: str, method: str) -> dict[str, Any]:
    match: dict[str, Any] = {"path": {"type": kind, "value": value}}
    return match if method == OTHER else match | {"method": method}


def _headers(conditions: tuple[tuple[str, str, str], ...]) -> dict[str, Any]:
    """Conditions on headers, as a match has them; nothing where there is none."""
    found = [{"type": kind, "name": name, "value": value} for kind, name, value in conditions]
    return {"headers": found} if found else {}


def _opened(kind: str, name: str, sources: SourceSet, taken: set[str], own: str) -> Iterator[Object]:
    """A policy per clause for a Server or route, and the authentications that they ask for; notes names in `taken`."""
    said = ir.clauses(sources)
    for index, clause in enumerate(said):
        assert isinstance(clause, Clause), "the plan was checked"
        needed = list(_authentications(clause, own))
        refs = [{"group": _GROUP, "kind": found.kind, "name": found.name} for found in needed]
        target = {"group": _GROUP, "kind": kind, "name": name}
        number = index + 1
        while index and fit(f"{name}-{number}") in taken:
            number += 1
        title = fit(f"{name}-{number}") if index else name
        taken.add(title)
        spec = {"targetRef": target, "requiredAuthenticationRefs": refs}
        yield Object(f"{_GROUP}/v1alpha1", "AuthorizationPolicy", title, spec)
        yield from needed


def _authentications(clause: Clause, own: str) -> Iterator[Object]:
    if clause.any_identity:
        yield Object(f"{_GROUP}/v1alpha1", "MeshTLSAuthentication", "any-identity", {"identities": ["*"]})
    elif clause.own_identity:
        yield Object(f"{_GROUP}/v1alpha1", "MeshTLSAuthentication", "own-identities", {"identities": [own]})
    elif not clause.anyone:
        refs = [
            {"kind": "ServiceAccount", "name": name, "namespace": space} for space, name in clause.accounts
        ]
        refs += [{"kind": "Namespace", "name": space} for space in clause.namespaces]
        yield Object(f"{_GROUP}/v1alpha1", "MeshTLSAuthentication", _clients(clause), {"identityRefs": refs})
    if clause.anyone or clause.networks != EVERYWHERE:
        listed = networks.entries(clause.networks)
        spec = {"networks": listed}
        yield Object(f"{_GROUP}/v1alpha1", "NetworkAuthentication", _places(clause, listed), spec)


def _clients(clause: Clause) -> str:
    """`namespace.account` or `namespace-name`; for several the first, how many more, and a digest of all."""
    names = [f"{space}.{name}" for space, name in clause.accounts] + [
        f"namespace-{s}" for s in clause.namespaces
    ]
    if len(names) == 1:
        return fit(names[0])
    digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
    return fit(f"{names[0]}-and-{len(names) - 1}-more-{digest}")


def _places(clause: Clause, listed: list[dict[str, Any]]) -> str:
    if clause.networks == EVERYWHERE:
        return "anywhere"
    if len(listed) == 1 and "except" not in listed[0]:
        # No two blocks may share a name, so nothing of an address is shortened.
        return "from-" + str(listed[0]["cidr"]).translate(str.maketrans(":/", "--"))
    return f"from-networks-{hashlib.sha256(repr(listed).encode()).hexdigest()[:8]}"
