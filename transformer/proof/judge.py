"""Does a translation do what Istio did? Recorded questions of a world, asked again of the emitted objects.

Each question is asked as a meshed client would put it: the dialled name is looked up as DNS would from the
client's namespace, then Linkerd's outbound policy answers for the Service's address. One verdict comes for
every aspect that differs, so that a caller may excuse one aspect without losing sight of another; a
question without difference has exactly one verdict, `same`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .behaviour import (
    FAILS,
    Behaviour,
    Destination,
    Retries,
    changes,
    headless,
    of_istio,
    routed,
    status_codes,
    summed,
    target_of,
)
from .compare import DIFFERENT
from .istio_kept import kept_for_host, shown
from .judge_ingress import judge_ingress
from .linkerd_outbound import Outbound
from .matching import without_port
from .objects import Obj, Objects, is_external_name, is_headless
from .verdicts import KEPT, OUTSIDE, Verdict, judged, wire_request

__all__ = ["Verdict", "judge_ingress", "judge_world"]

_FAILING = frozenset(
    {"backend-500", "forbidden", "invalid-policy-500", "invalid-weights", "invalid-redirect-500"}
)


def judge_world(
    world: Mapping[str, Any], output: Iterable[Obj], *, cluster_domain: str = "cluster.local"
) -> list[Verdict]:
    """Verdicts for every question of a routing case about the emitted objects; the clients are meshed."""
    objects = Objects(output)
    mesh = Outbound(objects, cluster_domain=cluster_domain)
    found: list[Verdict] = []
    for number, question in enumerate(world["questions"]):
        found += _judge(number, question, mesh, objects, cluster_domain)
    return found


def _judge(
    number: int, question: Mapping[str, Any], mesh: Outbound, objects: Objects, cluster_domain: str
) -> list[Verdict]:
    request, recorded = wire_request(question["request"]), question["istio"]
    host, authority = str(request["host"]), str(request.get("authority") or request["host"])
    source = str(request["source_ns"])
    dialled = objects.resolve_host(host, source, cluster_domain)
    service = None if dialled is None else objects.service(*dialled)
    spellings = {host.lower(), without_port(authority).lower()}
    if dialled is not None:
        spellings |= {f"{dialled[1]}.{dialled[0]}.svc.{cluster_domain}"}
    remaining = [shown(obj) for obj in kept_for_host(objects, frozenset(spellings), source, cluster_domain)]
    if service is None or dialled is None or is_external_name(service):
        return [_outside(number, host, recorded, remaining)]
    asked = {**request, "service": "/".join(dialled), "host": authority}
    if remaining:
        answer = mesh.ask(asked)
        aspect = "also-routed" if answer["route"] is not None else ""
        return [Verdict(number, KEPT, aspect, ", ".join(sorted(remaining)))]
    istio = _as_sent(of_istio(recorded, objects), objects, asked)
    return judged(number, istio, asked, lambda sent: _ours(sent, service, mesh, objects))


def _outside(number: int, host: str, recorded: Obj, remaining: list[str]) -> Verdict:
    if remaining:
        return Verdict(number, KEPT, "", ", ".join(sorted(remaining)))
    if recorded["action"] == "passthrough" or (
        recorded["action"] == "route" and "virtual_service" not in recorded
    ):
        return Verdict(number, OUTSIDE, "", f"{host} is no Service")
    detail = f"{host} is no Service, Istio answered {recorded['action']} by {recorded.get('virtual_service')}"
    return Verdict(number, DIFFERENT, "outside", detail)


def _as_sent(istio: Behaviour, objects: Objects, asked: Mapping[str, Any]) -> Behaviour:
    """A request that Istio sends on unchanged reaches what stands behind the address that was dialled."""
    if istio.action != "passthrough":
        return istio
    target = target_of(objects, str(asked["service"]), int(asked["port"]))
    shares = {Destination(target, frozenset()): 1.0}
    return routed(Behaviour("route", shares=shares, path=None, authority=None))


def _ours(asked: Mapping[str, Any], service: Obj, mesh: Outbound, objects: Objects) -> Behaviour:
    if is_headless(service):
        # The client dials a pod, for which there is no outbound policy.
        shares = {Destination(headless(str(asked["service"])), frozenset()): 1.0}
        path = str(asked.get("path") or "/").partition("?")[0]
        return Behaviour("route", shares=shares, path=path, authority=str(asked["host"]))
    return of_linkerd(mesh.ask(asked), asked, objects)


def of_linkerd(answer: Mapping[str, Any], asked: Mapping[str, Any], objects: Objects) -> Behaviour:
    """Linkerd's answer to an outbound request; it never rewrites, mirrors, delays or answers by itself."""
    result = str(answer["result"])
    if result == "no-route-404":
        return Behaviour("not-found")
    if result in _FAILING:
        return Behaviour("fails")
    if result not in ("route", "default", "opaque"):
        return Behaviour(result)
    if answer["redirect"]:
        found = answer["redirect"]
        return Behaviour("redirect", redirect=(int(found["status"]), str(found["location"])))
    return routed(
        Behaviour(
            action="route",
            shares=_shares(answer, objects),
            path=str(asked.get("path") or "/").partition("?")[0],
            authority=str(asked["host"]),
            timeout_ms=_limit(answer),
            retries=_retries(answer["retry"]),
        )
    )


def _shares(answer: Mapping[str, Any], objects: Objects) -> dict[Destination, float]:
    common = changes("request", answer["request_headers"]) | changes("response", answer["response_headers"])
    backends = answer["backends"]
    weights = [float(backend["weight"]) for backend in backends]
    if len(backends) == 1:
        weights = [1.0]
    found = []
    for backend, weight in zip(backends, weights, strict=True):
        own = changes("request", backend.get("request_headers")) | changes(
            "response", backend.get("response_headers")
        )
        target = FAILS if backend.get("fails") else target_of(objects, backend["service"], backend["port"])
        if backend.get("redirect") is not None:
            target = frozenset({f"redirect {sorted(backend['redirect'].items())}"})
        found.append((Destination(target, common | own), weight / sum(weights)))
    return summed(found)


def _limit(answer: Mapping[str, Any]) -> int | None:
    """The tightest limit on a whole request; an idle limit on its own is told as a negative number."""
    limits = [answer[key] for key in ("timeout_ms", "response_timeout_ms") if answer[key] is not None]
    if limits:
        return int(min(limits))
    return None if answer["idle_timeout_ms"] is None else -int(answer["idle_timeout_ms"])


def _retries(block: Mapping[str, Any] | None) -> Retries | None:
    if block is None:
        return None
    codes = frozenset(str(code) for code in block.get("codes") or [])
    return Retries(block["limit"], block["timeout_ms"], status_codes(block.get("statuses") or []), codes)
