"""Recorded questions to an Istio gateway, asked again of the Gateway API objects that replace it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .behaviour import FAILS, Behaviour, Destination, Retries, changes, of_istio, routed, summed, target_of
from .compare import DIFFERENT
from .gateway_routes import Ingress, RegexRank
from .istio_kept import kept_for_gateway, shown
from .objects import Obj, Objects
from .verdicts import KEPT, Verdict, judged, wire_request


def judge_ingress(
    world: Mapping[str, Any],
    output: Iterable[Obj],
    *,
    gateways: Mapping[str, Sequence[str]] | None = None,
    regex_ranks: Sequence[RegexRank] = ("lowest", "path", "highest"),
) -> list[Verdict]:
    """Verdicts for every question of an ingress case, as `judge_world` gives them for the mesh.

    `gateways` names, for an Istio Gateway `ns/name`, the Gateway API Gateways that share the address in its
    place; the default is the one of the same name. Every question is asked of a controller of each of
    `regex_ranks`, because a translation has to hold in all of them: the first that differs is told, with
    its rank in `detail`.
    """
    objects = Objects(output)
    found: list[Verdict] = []
    for number, question in enumerate(world["questions"]):
        asked = wire_request(question["request"])
        gateway = str(asked["gateway"])
        remaining = [shown(obj) for obj in kept_for_gateway(objects, gateway, str(asked.get("host") or ""))]
        if remaining:
            found.append(Verdict(number, KEPT, "", ", ".join(sorted(remaining))))
            continue
        names = (gateways or {}).get(gateway, (gateway,))
        found += _for_ranks(number, question["istio"], asked, objects, names, regex_ranks)
    return found


def _for_ranks(
    number: int,
    recorded: Obj,
    asked: Mapping[str, Any],
    objects: Objects,
    names: Sequence[str],
    regex_ranks: Sequence[RegexRank],
) -> list[Verdict]:
    istio = of_istio(recorded, objects)
    found: list[Verdict] = []
    for rank in regex_ranks:
        found = judged(number, istio, asked, _asking(objects, names, rank))
        if any(verdict.outcome == DIFFERENT for verdict in found):
            return [verdict._replace(detail=f"{verdict.detail} (regex rank {rank})") for verdict in found]
    return found


def _asking(
    objects: Objects, names: Sequence[str], rank: RegexRank
) -> Callable[[Mapping[str, Any]], Behaviour]:
    ingress = Ingress(objects, names, regex_rank=rank)
    return lambda sent: of_gateway(ingress.ask(sent), objects)


def of_gateway(answer: Mapping[str, Any], objects: Objects) -> Behaviour:
    """A Gateway API controller's answer."""
    action = str(answer["action"])
    if action == "redirect":
        found = answer["redirect"]
        return Behaviour("redirect", redirect=(int(found["status"]), str(found["location"])))
    if action == "terminated":
        # TLS that was not meant to be terminated finds a server that terminates it; Istio tells that as 404.
        return Behaviour("not-found")
    if action != "route":
        return Behaviour(action)
    common = changes("request", answer.get("request_headers")) | changes(
        "response", answer.get("response_headers")
    )
    shares = []
    for entry in answer["destinations"]:
        own = changes("request", entry.get("request_headers")) | changes(
            "response", entry.get("response_headers")
        )
        target = FAILS if entry.get("fails") else target_of(objects, entry["service"], entry["port"])
        shares.append((Destination(target, common | own), float(entry["share"])))
    mirrors = [
        (target_of(objects, entry["service"], entry["port"]), entry["percent"])
        for entry in answer.get("mirror", [])
    ]
    return routed(
        Behaviour(
            action="route",
            shares=summed(shares),
            path=answer.get("path_after"),
            authority=answer.get("authority_after"),
            timeout_ms=_timeout(answer),
            retries=_retries(answer.get("retry"), answer.get("backend_timeout_ms")),
            mirror=frozenset((target, percent) for target, percent in mirrors if percent > 0),
            cors=_cors(answer.get("cors")),
            l4="path_after" not in answer,
        )
    )


def _timeout(answer: Mapping[str, Any]) -> int | None:
    """Without retries the limit of one try is one of the request."""
    limits = [answer.get("timeout_ms"), None if answer.get("retry") else answer.get("backend_timeout_ms")]
    return min((int(limit) for limit in limits if limit is not None), default=None)


def _retries(block: Any, per_try: int | None) -> Retries | None:
    if not isinstance(block, Mapping):
        return None
    codes = frozenset(int(code) for code in block.get("codes") or [])
    attempts = block.get("attempts")
    # The specification leaves the default to the implementation; two is what Envoy-based ones take.
    return Retries(2 if attempts is None else int(attempts), per_try, codes, frozenset())


def _cors(block: Any) -> dict[str, Any] | None:
    if not isinstance(block, Mapping):
        return None
    return {
        "allow_origins": [_origin(str(origin)) for origin in block.get("allowOrigins") or []],
        "allow_methods": block.get("allowMethods") or [],
        "allow_headers": block.get("allowHeaders") or [],
        "expose_headers": block.get("exposeHeaders") or [],
        "allow_credentials": bool(block.get("allowCredentials")),
        "max_age_s": block.get("maxAge", 5),
    }


def _origin(origin: str) -> dict[str, str]:
    return {"wildcard": origin} if "*" in origin and origin != "*" else {"exact": origin}
