"""What one request meets, in a form that answers of different meshes can be compared in.

A share of the traffic that gets an error of the 5xx class counts as failing, whatever the number: Envoy's
503 for an undefined cluster or an empty one, Linkerd's 500 for a backend that does not exist and its
refused connection say the same to the client: this share is not served.

A backend without endpoints fails on both sides: Linkerd would pass its share on to the other backends of
the rule, but only while these have endpoints themselves, and a translation must not count on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .objects import Obj, Objects, endpoints, spec

FAILS = frozenset({"(fails)"})
"""The target of a share that is not served."""

Target = frozenset[str]
Change = tuple[str, str, str, str]

DEFAULT_RETRY_CONDITIONS = frozenset(
    {"connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"}
)


class Destination(NamedTuple):
    """Who gets a share, and how its headers change; changes are `(request|response, verb, name, value)`."""

    target: Target
    changes: frozenset[Change]


class Retries(NamedTuple):
    """Retry settings; `statuses` are single codes, `other` the conditions that are no status."""

    attempts: int
    per_try_ms: int | None
    statuses: frozenset[int]
    other: frozenset[str]

    @property
    def built_in(self) -> bool:
        """Whether it is what Istio does where nobody asked for retries."""
        other = self.other | {"retriable-status-codes"}
        return (
            self.attempts == 2
            and self.per_try_ms is None
            and not self.statuses
            and other == DEFAULT_RETRY_CONDITIONS
        )


class Behaviour(NamedTuple):
    """One answer; fields that say nothing for the action keep their defaults."""

    action: str
    shares: Mapping[Destination, float] = {}
    path: str | None = None
    authority: str | None = None
    timeout_ms: int | None = None
    retries: Retries | None = None
    redirect: tuple[int, str] | None = None
    direct: tuple[int, str] | None = None
    fault: str = ""
    mirror: frozenset[tuple[Target, float]] = frozenset()
    cors: Mapping[str, Any] | None = None
    l4: bool = False
    """Told for a connection that the mesh takes for TCP: destinations only."""


def changes(direction: str, block: Any) -> frozenset[Change]:
    """Header changes as a set; `set` and `add` as a mapping (Istio) or as name and value pairs (Gateway
    API).
    """
    if not isinstance(block, Mapping):
        return frozenset()
    found: set[Change] = set()
    for verb in ("set", "add"):
        values = block.get(verb) or {}
        pairs = (
            values.items()
            if isinstance(values, Mapping)
            else [(e.get("name"), e.get("value")) for e in values]
        )
        found |= {(direction, verb, str(name).lower(), str(value)) for name, value in pairs}
    found |= {(direction, "remove", str(name).lower(), "") for name in block.get("remove") or []}
    return frozenset(found)


def summed(shares: Iterable[tuple[Destination, float]]) -> dict[Destination, float]:
    """Shares of equal destinations added up; what fails is one destination, and nothing for nobody is left
    out.
    """
    found: dict[Destination, float] = {}
    for destination, share in shares:
        key = Destination(FAILS, frozenset()) if destination.target == FAILS else destination
        if share > 0:
            found[key] = found.get(key, 0.0) + share
    return found


def routed(behaviour: Behaviour) -> Behaviour:
    """The behaviour, called `fails` where no share of it is served."""
    if behaviour.action == "route" and all(destination.target == FAILS for destination in behaviour.shares):
        return behaviour._replace(action="fails")
    return behaviour


def target_of(objects: Objects, service: str | None, port: int | None) -> Target:
    """What stands behind a Service port; a Service without a selector stands for itself."""
    if service is None:
        return FAILS
    namespace, _, name = service.partition("/")
    found = endpoints(objects, namespace, name, port)
    if found is None:
        return frozenset({f"service {service}:{port}"})
    return found or FAILS


def headless(service: str) -> Target:
    """The very address of a headless Service that the client dialled."""
    return frozenset({f"headless {service}"})


def status_codes(ranges: Iterable[str]) -> frozenset[int]:
    """Single codes of ranges such as `502-504`."""
    found: set[int] = set()
    for text in ranges:
        low, _, high = text.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return frozenset(found)


def _istio_retries(block: Any) -> Retries | None:
    if not isinstance(block, Mapping):
        return None
    by_name = {"5xx": "500-599", "gateway-error": "502-504", "retriable-4xx": "409"}
    conditions = {part for part in str(block.get("on") or "").split(",") if part}
    statuses = status_codes(by_name[part] for part in conditions & set(by_name))
    statuses |= {int(code) for code in block.get("status_codes") or []}
    other = conditions - set(by_name)
    if block.get("status_codes"):
        other -= {"retriable-status-codes"}
    return Retries(
        int(block.get("attempts") or 0), block.get("per_try_ms"), frozenset(statuses), frozenset(other)
    )


def _istio_target(objects: Objects, destination: Obj) -> Target:
    service = destination.get("service")
    if destination.get("missing"):
        return FAILS
    if destination.get("headless"):
        return headless(str(service))
    if service is None:
        return frozenset({f"host {destination.get('host')}"})
    workloads = destination.get("workloads")
    if workloads:
        return frozenset(workloads)
    namespace, _, name = str(service).partition("/")
    known = objects.service(namespace, name)
    # Endpoints that somebody else writes are not told by the recorded answer; the Service stands for them.
    if known is not None and not spec(known).get("selector"):
        return target_of(objects, str(service), destination.get("port"))
    return FAILS


def of_istio(answer: Obj, objects: Objects) -> Behaviour:
    """A recorded Istio answer; `objects` are only asked for Services without a selector."""
    action = {"no-cluster": "fails"}.get(str(answer["action"]), str(answer["action"]))
    common = changes("request", answer.get("request_headers")) | changes(
        "response", answer.get("response_headers")
    )
    shares = []
    for entry in answer.get("destinations") or []:
        own = changes("request", entry.get("request_headers")) | changes(
            "response", entry.get("response_headers")
        )
        shares.append((Destination(_istio_target(objects, entry), common | own), float(entry["share"])))
    redirect, direct = answer.get("redirect"), answer.get("direct_response")
    mirrors = [
        (_istio_target(objects, entry), float(entry["percent"])) for entry in answer.get("mirror") or []
    ]
    return routed(
        Behaviour(
            action=action,
            shares=summed(shares),
            path=answer.get("path_after"),
            authority=answer.get("authority_after"),
            timeout_ms=answer.get("timeout_ms"),
            retries=_istio_retries(answer.get("retries")),
            redirect=(int(redirect["status"]), str(redirect["location"])) if redirect else None,
            direct=(int(direct["status"]), str(direct.get("body") or "")) if direct else None,
            fault=_fault(answer.get("fault")),
            mirror=frozenset((target, percent) for target, percent in mirrors if percent > 0),
            cors=answer.get("cors"),
            l4=action == "route" and "timeout_ms" not in answer,
        )
    )


def _fault(block: Any) -> str:
    """A fault in words, empty where it never fires."""
    if not isinstance(block, Mapping):
        return ""
    kinds = {
        kind: entry for kind, entry in block.items() if isinstance(entry, Mapping) and entry.get("percent")
    }
    return "; ".join(
        kind + " " + " ".join(f"{key}={entry[key]}" for key in sorted(entry))
        for kind, entry in sorted(kinds.items())
    )
