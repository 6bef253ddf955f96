"""A rule of an AuthorizationPolicy as the two filters that Istio makes of it, one for HTTP and one for TCP.

Source: Istio's `pilot/pkg/security/authz/{builder,model}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from . import istio_authorization_values as values_of
from .istio_authorization_request import Connection
from .istio_authorization_values import Attribute, Test
from .objects import Obj, annotations_of, items, meta, name_of, namespace_of, spec

ACTIONS = ("ALLOW", "DENY", "AUDIT", "CUSTOM")

Alternative = list[Test]
"""All of them must hold."""


class Filter(NamedTuple):
    """One rule in a filter: one alternative of each must hold."""

    permissions: list[Alternative]
    principals: list[Alternative]

    def matches(self, seen: Connection) -> bool:
        """Whether the rule applies. Raises NotModelled where that cannot be known."""
        return any(all(test(seen) for test in one) for one in self.permissions) and any(
            all(test(seen) for test in one) for one in self.principals
        )


class Entry(NamedTuple):
    """A rule of a policy, by its place; a filter is None where the rule has no part in it."""

    policy: str
    rule: int
    order: str
    http: Filter | None
    tcp: Filter | None


class _Dropped(Exception):
    """The rule has no part in the filter that is being made."""


def _operation_fields() -> dict[str, Attribute]:
    return {
        "hosts": Attribute(values_of.host, True),
        "methods": Attribute(values_of.method, True),
        "paths": Attribute(values_of.path, True),
        "ports": Attribute(values_of.port, False),
    }


class Mesh(NamedTuple):
    """What the reading of a policy depends on besides itself."""

    namespace: str
    trust_domain: str

    def principal(self, value: str) -> Test:
        """A principal; `cluster.local` at its head stands for the mesh's own trust domain."""
        parts = value.split("/")
        if len(parts) == 5 and parts[0] == "cluster.local":
            value = "/".join([self.trust_domain, *parts[1:]])
        return values_of.principal(value)

    def service_account(self, value: str) -> Test:
        """A service account, by default of the policy's namespace."""
        return values_of.service_account(value, self.namespace)

    def source_fields(self) -> dict[str, Attribute]:
        """The fields of `source`."""
        return {
            "principals": Attribute(self.principal, False),
            "requestPrincipals": Attribute(values_of.request_principal, True),
            "namespaces": Attribute(values_of.namespace, False),
            "serviceAccounts": Attribute(self.service_account, False),
            "ipBlocks": Attribute(values_of.source_block, False),
            "remoteIpBlocks": Attribute(values_of.remote_block, False),
            "trustDomains": Attribute(values_of.unknowable("source.trustDomain", needs_mtls=True), False),
        }

    def key(self, key: str) -> tuple[bool, Attribute]:
        """Whether a `when` key is about the operation, and what it looks at. Raises KeyError."""
        name, bracket, rest = key.partition("[")
        if bracket and rest.endswith("]"):
            inner = tuple(rest[:-1].split("]["))
            if name == "request.headers":
                return False, Attribute(lambda value: values_of.header("][".join(inner), value), True)
            if name == "request.auth.claims":
                return False, Attribute(lambda value: values_of.claim(inner, value), True)
        if key.startswith("experimental.envoy.filters."):
            return True, Attribute(values_of.unknowable(key), False)
        return _KEYS[key] if key in _KEYS else (False, self.source_fields()[_SOURCE_KEYS[key]])


_KEYS: dict[str, tuple[bool, Attribute]] = {
    "destination.ip": (True, Attribute(values_of.unknowable("destination.ip"), False)),
    "destination.port": (True, Attribute(values_of.port, False)),
    "connection.sni": (True, Attribute(values_of.unknowable("connection.sni", needs_mtls=True), False)),
    "request.auth.audiences": (False, Attribute(lambda value: values_of.claim(("aud",), value), True)),
    "request.auth.presenter": (False, Attribute(lambda value: values_of.claim(("azp",), value), True)),
}

_SOURCE_KEYS = {
    "source.ip": "ipBlocks",
    "remote.ip": "remoteIpBlocks",
    "source.namespace": "namespaces",
    "source.principal": "principals",
    "source.serviceAccount": "serviceAccounts",
    "source.trustDomain": "trustDomains",
    "request.auth.principal": "requestPrincipals",
}


class _Build(NamedTuple):
    """The making of one filter."""

    mesh: Mesh
    tcp: bool
    allow: bool

    def tests_of(self, attribute: Attribute, values: list[str], refused: list[str]) -> Alternative:
        """The tests of one field. Raises _Dropped where an ALLOW would lose a condition.

        A filter for TCP cannot look at HTTP. Istio errs on the side of denying: it leaves an ALLOW rule out,
        but keeps any other rule without the field, so that it applies to more.
        """
        if (values or refused) and self.tcp and attribute.http:
            if self.allow:
                raise _Dropped
            return []
        found: Alternative = []
        if values:
            positive = [attribute.test(value) for value in values]
            found.append(lambda seen: any(test(seen) for test in positive))
        if refused:
            negative = [attribute.test(value) for value in refused]
            found.append(lambda seen: not any(test(seen) for test in negative))
        return found

    def conditions(self, rule: Obj) -> tuple[Alternative, Alternative]:
        """The `when` of a rule, as tests on the operation and on the source."""
        operation: Alternative = []
        source: Alternative = []
        for entry in items(rule, "when"):
            try:
                of_operation, attribute = self.mesh.key(str(entry.get("key")))
            except KeyError:
                raise _Dropped from None
            found = self.tests_of(attribute, strings(entry, "values"), strings(entry, "notValues"))
            (operation if of_operation else source).extend(found)
        return operation, source

    def alternatives(
        self, entries: Iterator[Obj], fields: dict[str, Attribute], common: Alternative
    ) -> list[Alternative]:
        """One alternative an entry of `from` or `to`; none of them means no condition but the common ones."""
        found = []
        for entry in entries:
            tests_here = list(common)
            for name, attribute in fields.items():
                negated = "not" + name[0].upper() + name[1:]
                tests_here += self.tests_of(attribute, strings(entry, name), strings(entry, negated))
            found.append(tests_here)
        return found or [common]

    def filter(self, rule: Obj) -> Filter | None:
        """The rule in this filter, or None."""
        try:
            operation, source = self.conditions(rule)
            return Filter(
                self.alternatives(_inner(rule, "to", "operation"), _operation_fields(), operation),
                self.alternatives(_inner(rule, "from", "source"), self.mesh.source_fields(), source),
            )
        except _Dropped:
            return None


def _inner(rule: Obj, outer: str, inner: str) -> Iterator[Obj]:
    return (entry.get(inner) or {} for entry in items(rule, outer))


def strings(owner: Obj, key: str) -> list[str]:
    """A list field as strings; null and missing are the empty list. Raises ValueError for anything else."""
    found = owner.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise ValueError(f"{key} is not a list")
    return [str(value) for value in found]


class Policy:
    """An AuthorizationPolicy. Raises ValueError for what Istio's API would not take."""

    __slots__ = ("action", "dry_run", "entries", "key", "namespace", "provider", "selector", "targeted")

    def __init__(self, obj: Obj, trust_domain: str) -> None:
        self.namespace = namespace_of(obj)
        self.key = f"{self.namespace}/{name_of(obj)}"
        body = spec(obj)
        self.action = str(body.get("action") or "ALLOW")
        if self.action not in ACTIONS:
            raise ValueError(f"{self.key}: unknown action {self.action}")
        # Go's ParseBool; anything else is an error, which leaves the policy in force.
        written = annotations_of(obj).get("istio.io/dry-run", "")
        self.dry_run = written in ("1", "t", "T", "true", "TRUE", "True")
        self.provider = str((body.get("provider") or {}).get("name") or "")
        self.selector: dict[str, Any] = dict((body.get("selector") or {}).get("matchLabels") or {})
        self.targeted = bool(body.get("targetRef") or body.get("targetRefs"))
        self.entries = list(self._entries(body, name_of(obj), trust_domain))

    def _entries(self, body: Obj, name: str, trust_domain: str) -> Iterator[Entry]:
        mesh, allow = Mesh(self.namespace, trust_domain), self.action == "ALLOW"
        for number, rule in enumerate(body.get("rules") or []):
            if not isinstance(rule, dict):
                continue
            order = f"ns[{self.namespace}]-policy[{name}]-rule[{number}]"
            made = (_Build(mesh, tcp, allow).filter(rule) for tcp in (False, True))
            yield Entry(self.key, number, order, *made)

    def covers(self, namespace: str, labels: Obj, root_namespace: str) -> bool:
        """Whether it binds a workload's sidecar; the root namespace reaches every other, `targetRefs` none."""
        if self.targeted or self.namespace not in (namespace, root_namespace):
            return False
        return all(labels.get(key) == value for key, value in self.selector.items())


def age(obj: Obj) -> tuple[str, str, str]:
    """What Istio sorts objects by: the older first, then name, then namespace."""
    return str(meta(obj).get("creationTimestamp") or ""), name_of(obj), namespace_of(obj)
