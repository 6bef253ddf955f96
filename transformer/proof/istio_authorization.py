"""What Istio's sidecar says to a request at a workload: mutual TLS first, then CUSTOM, DENY and ALLOW policies.

Source: Istio's `pilot/pkg/security/authz/builder/builder.go`, `pilot/pkg/model/authorization.go`, and Envoy's
RBAC filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .istio_authorization_ports import (
    DETECTED,
    DISABLE,
    HTTP,
    MODES,
    SECURITY,
    STRICT,
    Inbound,
    Ports,
    labels_of,
)
from .istio_authorization_request import NORMALIZATIONS, Connection, NotModelled, connection
from .istio_authorization_rules import Entry, Policy, age
from .istio_authorization_tokens import RefusedToken, accepted_claims, authorizers, is_preflight, jwt_rules
from .objects import Obj, Objects, flattened, name_of, namespace_of

__all__ = ["Authorization", "NotModelled"]

Json = dict[str, Any]


class Decision(NamedTuple):
    """A verdict (`allow`, `deny`, `unknown`) and the rule that gave it, if one did."""

    verdict: str
    entry: Entry | None = None


class Authorization:
    """A world of manifests, asked what Istio lets through.

    `objects` are plain manifests; `mtls` is the mesh's mode where no PeerAuthentication says it (`strict`,
    `permissive`); `rejected` are `{kind, namespace, name}` of objects that Istio's validation refuses and
    that count for nothing. Raises ValueError for what is no Istio.
    """

    def __init__(
        self,
        objects: Iterable[Obj],
        *,
        mtls: str = "permissive",
        root_namespace: str = "istio-system",
        trust_domain: str = "cluster.local",
        path_normalization: str = "BASE",
        rejected: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        mode = mtls.upper()
        if mode not in MODES:
            raise ValueError(f"unknown mutual TLS mode {mtls!r}")
        if path_normalization not in NORMALIZATIONS:
            raise ValueError(f"unknown path normalization {path_normalization!r}")
        refused = {(str(one["kind"]), str(one["namespace"]), str(one["name"])) for one in rejected}
        world = Objects(
            obj
            for obj in flattened(objects)
            if (str(obj.get("kind")), namespace_of(obj), name_of(obj)) not in refused
        )
        self._root = root_namespace
        self._normalization = path_normalization
        self._ports = Ports(world, world.of(SECURITY, "PeerAuthentication"), mode, root_namespace)
        self._token_rules = sorted(world.of(SECURITY, "RequestAuthentication"), key=age)
        self._authorizers = authorizers(world, root_namespace)
        policies = sorted(world.of(SECURITY, "AuthorizationPolicy"), key=age)
        self._policies = [Policy(obj, trust_domain) for obj in policies]

    def ask(self, request: Mapping[str, Any]) -> Json:
        """The answer to a request: `verdict`, `policy`, `rule`, `transport`, `mtls_mode`, `seen_as`.

        `workload` is "ns/name", `port` the container's, `client` `{identity, ip, mtls}`; then `method`,
        `path`, `host`, `headers`, `jwt`, or `protocol: tcp`. Keys that have nothing to say are left out.
        Raises NotModelled where the world does not tell the answer, ValueError for an unknown workload.
        """
        namespace, _, name = str(request["workload"]).partition("/")
        workload = self._ports.workload(namespace, name)
        inbound = self._ports.inbound(workload, int(request["port"]))
        if inbound is None:  # nothing guards it
            return {"verdict": "allow", "policy": None}
        mtls = bool(request["client"].get("mtls")) and inbound.mode != DISABLE
        answer: Json = {"transport": "mtls" if mtls else "plaintext", "mtls_mode": inbound.mode}
        if inbound.mode == STRICT and not mtls:
            return {"verdict": "refused-by-mtls", "policy": None, **answer}
        decision, seen_as = self._decide(request, workload, inbound, mtls)
        found: Json = {"verdict": decision.verdict, "policy": None}
        if decision.entry is not None:
            found |= {"policy": decision.entry.policy, "rule": decision.entry.rule}
        return {**found, **answer, "seen_as": seen_as}

    def _decide(
        self, request: Mapping[str, Any], workload: Obj, inbound: Inbound, mtls: bool
    ) -> tuple[Decision, str]:
        speaks_http = request.get("protocol") != "tcp"
        as_http = inbound.protocol == HTTP or (inbound.protocol == DETECTED and speaks_http)
        if as_http and not speaks_http:
            # No policy is reached: what is no HTTP ends in a parser's error.
            return Decision("deny"), "http"
        namespace, labels = namespace_of(workload), labels_of(workload)
        policies = [
            policy
            for policy in self._policies
            if not policy.dry_run and policy.covers(namespace, labels, self._root)
        ]
        claims, refused = None, False
        token = request.get("jwt")
        if as_http and token is not None and not is_preflight(request):
            rules = jwt_rules(self._token_rules, namespace, labels, self._root)
            try:
                claims = accepted_claims(token, rules)
            except RefusedToken:
                refused = True
        seen = connection(request, mtls=mtls, normalization=self._normalization, claims=claims)
        decision = self._filtered(policies, seen, as_http, refused)
        return decision, "http" if as_http else "tcp"

    def _filtered(self, policies: list[Policy], seen: Connection, http: bool, refused: bool) -> Decision:
        """The filters in their order: external authorizers, tokens, AUDIT, DENY, ALLOW.

        What an authorizer decides is unknown only where nothing behind it denies.
        """
        asked = self._custom(policies, seen, http)
        if asked is not None and asked.verdict == "deny":
            return asked
        if refused:
            return Decision("deny")
        denied = _first(_of(policies, "DENY"), seen, http)
        if denied is not None:
            return Decision("deny", denied)
        allowing = _of(policies, "ALLOW")
        # Where no ALLOW is in force, the last filter that can name a rule is that of AUDIT.
        allowed = _first(allowing or _of(policies, "AUDIT"), seen, http)
        if allowing and allowed is None:
            return Decision("deny")
        return asked or Decision("allow", allowed)

    def _custom(self, policies: list[Policy], seen: Connection, http: bool) -> Decision | None:
        custom = _of(policies, "CUSTOM")
        providers = {policy.provider for policy in custom}
        asked: Decision | None = None
        for provider in sorted(providers):
            speaks = self._authorizers.get(provider)
            usable = speaks is not None and len(providers) == 1
            if usable and speaks == "http" and not http:
                continue  # an authorizer over HTTP has no part in TCP
            entry = _first((p for p in custom if p.provider == provider), seen, http)
            if entry is not None and not usable:
                return Decision("deny", entry)
            if entry is not None and asked is None:
                asked = Decision("unknown", entry)
        return asked


def _of(policies: list[Policy], action: str) -> list[Policy]:
    return [policy for policy in policies if policy.action == action]


def _first(policies: Iterable[Policy], seen: Connection, http: bool) -> Entry | None:
    """The rule that decides among the matching ones: Envoy goes by the names it was given, in byte order."""

    def entries() -> Iterator[Entry]:
        for policy in policies:
            yield from policy.entries

    for entry in sorted(entries(), key=lambda one: one.order):
        rule = entry.http if http else entry.tcp
        if rule is not None and rule.matches(seen):
            return entry
    return None
