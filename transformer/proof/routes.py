"""HTTPRoutes and GRPCRoutes with a Service as parent, as Linkerd's policy controller reads them.

Admission, status (conflicts, headless parents) and index are all taken into account: a route that any of them
turns away has no effect (linkerd2, `policy-controller`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import policy_annotations as notes
from .durations import InvalidDuration, gateway_millis, linkerd_millis
from .linkerd_admission import refusal
from .objects import (
    GATEWAY,
    POLICY,
    Obj,
    Objects,
    annotations_of,
    group_of,
    is_external_name,
    is_headless,
    items,
    meta,
    name_of,
    namespace_of,
    spec,
)

_HTTP_FILTERS = {
    GATEWAY: {"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect"},
    POLICY: {"RequestHeaderModifier", "RequestRedirect"},
}
_BACKEND_FILTERS = {"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect"}
_GRPC_FILTERS = {"RequestHeaderModifier", "ResponseHeaderModifier"}


class Parent(NamedTuple):
    """A Service that a route names as its parent; `port` None means every port."""

    namespace: str
    name: str
    port: int | None


class Route(NamedTuple):
    """A route that takes part in outbound policy."""

    obj: Obj
    group: str
    kind: str
    parents: tuple[Parent, ...]
    timeouts: notes.Timeouts
    retry: notes.Retry | None

    @property
    def grpc(self) -> bool:
        """Whether it is a GRPCRoute."""
        return self.kind == "GRPCRoute"

    @property
    def namespace(self) -> str:
        """Namespace of the route itself."""
        return namespace_of(self.obj)

    @property
    def identity(self) -> str:
        """`group/kind/namespace/name`."""
        return f"{self.group}/{self.kind}/{self.namespace}/{name_of(self.obj)}"

    @property
    def age(self) -> tuple[bool, str, str]:
        """Sort key: routes with a creation time first, older first, then by name."""
        created = meta(self.obj).get("creationTimestamp")
        return (created is None, str(created or ""), name_of(self.obj))

    @property
    def hostnames(self) -> list[str]:
        """`spec.hostnames`."""
        found = spec(self.obj).get("hostnames")
        return [str(name) for name in found] if isinstance(found, list) else []

    @property
    def rules(self) -> list[Obj]:
        """`spec.rules`."""
        return rules_of(self.obj)


def rules_of(route: Obj) -> list[Obj]:
    """`spec.rules`; the CRDs give an HTTPRoute without the field one rule that matches everything."""
    if route.get("kind") == "HTTPRoute" and spec(route).get("rules") is None:
        return [{}]
    return items(spec(route), "rules")


def service_parents(route: Obj, group: str) -> tuple[Parent, ...]:
    """The Services among the parentRefs; a missing group or kind takes the CRD's default, which is a
    Gateway.
    """
    found = []
    for ref in items(spec(route), "parentRefs"):
        parent_group = str(ref.get("group") if ref.get("group") is not None else group)
        if ref.get("kind") == "Service" and parent_group.lower() in ("", "core"):
            port = ref.get("port")
            namespace = str(ref.get("namespace") or namespace_of(route))
            found.append(Parent(namespace, str(ref.get("name")), port if isinstance(port, int) else None))
    return tuple(found)


def is_service_backend(ref: Obj) -> bool:
    """Whether a backendRef names a core Service."""
    return (
        str(ref.get("group") or "").lower() in ("", "core") and str(ref.get("kind") or "Service") == "Service"
    )


def convertible(route: Obj, group: str, kind: str) -> bool:
    """Whether the index can read every filter of every rule; one that it cannot drops the route whole."""
    known = _GRPC_FILTERS if kind == "GRPCRoute" else _HTTP_FILTERS[group]
    grammar = "ResponseHeaderModifier", "RequestHeaderModifier", "RequestRedirect"
    for rule in items(spec(route), "rules"):
        for entry in items(rule, "filters"):
            if entry.get("type") not in known or entry.get("type") not in grammar:
                return False
    return True


def _read(objects: Objects, group: str, kind: str) -> Iterator[Route]:
    for obj in objects.of(group, kind):
        parents = service_parents(obj, group)
        # What admission refuses is not there at all; malformed annotations are among it.
        if parents and refusal(obj) is None:
            limits = notes.timeouts(annotations_of(obj))
            again = notes.retry(annotations_of(obj), grpc=kind == "GRPCRoute")
            yield Route(obj, group, kind, parents, limits, again)


def accepted_routes(objects: Objects) -> list[Route]:
    """Every route in effect, each with the parents that accept it, oldest first."""
    grpc = list(_read(objects, GATEWAY, "GRPCRoute"))
    taken = {parent for route in grpc for parent in route.parents}
    http = [*_read(objects, GATEWAY, "HTTPRoute"), *_read(objects, POLICY, "HTTPRoute")]
    found = []
    for route in grpc + http:
        parents = tuple(
            parent
            for parent in route.parents
            if (route.grpc or parent not in taken)
            and _can_be_parent(objects.service(parent.namespace, parent.name))
        )
        if parents and convertible(route.obj, route.group, route.kind):
            found.append(route._replace(parents=parents))
    return sorted(found, key=lambda route: route.age)


def _can_be_parent(service: Obj | None) -> bool:
    return service is not None and not is_headless(service) and not is_external_name(service)


def rule_timeouts(route: Route, rule: Obj) -> notes.Timeouts:
    """The route's annotations, with `timeouts.request` of the rule where no request annotation is set.

    A Gateway API route accepts a compound duration such as `1m30s` and then ignores it; zero is no timeout.
    """
    if route.timeouts.request is not None or route.grpc:
        return route.timeouts
    block = rule.get("timeouts")
    text = block.get("request") if isinstance(block, Mapping) else None
    if not isinstance(text, str):
        return route.timeouts
    try:
        millis = linkerd_millis(text) if group_of(route.obj) == GATEWAY else gateway_millis(text)
    except InvalidDuration:
        return route.timeouts
    return route.timeouts._replace(request=millis or None)


def header_changes(filters: list[Obj], kind: str, key: str) -> dict[str, Any] | None:
    """`{set, add, remove}` of the header filters of one kind with names in lower case, None for no such
    filter.
    """
    blocks = [entry.get(key) for entry in filters if entry.get("type") == kind]
    found: dict[str, Any] = {"set": [], "add": [], "remove": []}
    for block in blocks:
        if isinstance(block, Mapping):
            for verb in ("set", "add"):
                found[verb] += [
                    {"name": str(h.get("name")).lower(), "value": str(h.get("value"))}
                    for h in items(block, verb)
                ]
            found["remove"] += [str(name).lower() for name in block.get("remove") or []]
    return found if blocks else None


def backend_usable(ref: Obj, *, grpc: bool) -> bool:
    """Whether the policy controller can make a backend of the reference at all (existence aside)."""
    known = _GRPC_FILTERS if grpc else _BACKEND_FILTERS
    if not is_service_backend(ref) or not isinstance(ref.get("port"), int) or not ref["port"]:
        return False
    return all(entry.get("type") in known for entry in items(ref, "filters"))
