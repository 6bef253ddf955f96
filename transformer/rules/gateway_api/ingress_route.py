"""Routes of a Gateway whose class changes: they stay; what only Istio serves in them holds both.

Gateway API's own filters, matches and backends are the new class's business.
https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.objects import Obj, View
from transformer.rules.gateway_api import references
from transformer.rules.gateway_api.problems import Problem
from transformer.rules.parents import GATEWAY_API
from transformer.rules.registry import rule
from transformer.run import Run

_REFERS = {"RequestMirror": "requestMirror", "ExtensionRef": "extensionRef"}


@rule(
    id="ingress-route",
    kinds=[(GATEWAY_API, kind) for kind in references.ROUTE_KINDS],
    order=66,
    unnamed=True,
    summary="routes of a Gateway whose class changes stay, unless they use what only Istio knows",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Look for Istio's own kinds in every route of a Gateway that gets another class."""
    gateways: dict[tuple[str, str], Obj] = run.memo.get("gateways-that-change", {})
    for obj in objs if gateways else ():
        mine = [
            gateways[parent.namespace, parent.name]
            for parent in references.parents(obj)
            if parent.kind == "Gateway" and (parent.namespace, parent.name) in gateways
        ]
        if mine:
            _check(run, obj, mine)


def _check(run: Run, obj: Obj, gateways: Sequence[Obj]) -> None:
    run.objects[obj.uid] = obj
    held = [run.hold(found.code, found.at, found.message) for found in _of_istio(obj)]
    if any(held):
        for gateway in gateways:
            run.units.link(obj.uid, gateway.uid)
    expression = next(_expressions(obj), None)
    if expression is not None:
        run.say("MS734", expression, f"how the new class reads and ranks `{expression.text()}` is its own")


def _of_istio(obj: Obj) -> Iterator[Problem]:
    for rule_ in obj.spec.get("rules").each():
        filters = [*rule_.get("filters").each()]
        for backend in references.backends(rule_):
            filters += backend.at.get("filters").each()
            if _is_istio(backend.group):
                yield Problem(
                    "MS733", backend.at, f"no other class knows the backend {backend.kind} {backend.name}"
                )
        for entry in filters:
            name = entry.get("type").text()
            place = entry.get(_REFERS.get(name, name))
            target = place.get("backendRef") if name == "RequestMirror" else place
            if _is_istio(target.get("group").text()):
                yield Problem(
                    "MS733",
                    entry,
                    f"no other class knows {target.get('kind').text()} {target.get('name').text()}",
                )


def _is_istio(group: str) -> bool:
    return group.endswith("istio.io")


def _expressions(obj: Obj) -> Iterator[View]:
    for rule_ in obj.spec.get("rules").each():
        for match in rule_.get("matches").each():
            places = [match.get("path"), *match.get("headers").each(), *match.get("queryParams").each()]
            for place in places:
                if place.get("type").text() == "RegularExpression":
                    yield place.get("value")
