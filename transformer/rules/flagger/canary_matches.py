"""Conditions of a Canary as Flagger copies them into an HTTPRoute: its own reading differs from Istio's.

Flagger writes a `prefix` of characters as a PathPrefix of segments, regular expressions as they are, and leaves out what a
route cannot match. So each condition is lowered as one of a VirtualService and written back in the words that come out right.
"""

from __future__ import annotations

from typing import Any

from transformer.objects import Obj, View
from transformer.order.predicates import Match, Path
from transformer.rules.flagger.canary_service import Plan, refuse
from transformer.rules.istio import virtual_service_match
from transformer.run import Run
from transformer.targets.gateway_api import http_route

_CONDITIONS = frozenset({"uri", "ignoreUriCase", "method", "headers", "queryParams", "name"})


def translate(run: Run, obj: Obj, analysis: View, plan: Plan) -> None:
    """Rewrite the conditions of the service, and those that send testers to the canary; raises `Held`."""
    matches = list(obj.spec.get("service", "match").each())
    lowered = [_match(run, match, plan, len(matches)) for match in matches]
    if any(found.path.kind != "any" for found in lowered):
        run.once("MS228", obj.spec.get("service", "match"), "paths are matched as they are sent: Istio's proxies read "
                 "`/a/../b` as `/b` and `/%61` as `/a` before they match, Linkerd's do not; this holds for every "
                 "route of this run")  # fmt: skip
    _rewrite(run, obj.spec.get("service", "rewrite"), lowered, plan)
    for match in analysis.get("match").each():
        for name, field in match.items():
            if name != "headers":
                refuse(run, field, f"Flagger merges headers only into a route; {name} would be lost")
        if not list(match.get("headers").items()):
            refuse(run, match, "a condition without headers takes every request")
        _match(run, match, plan, 2)
    testers = list(analysis.get("match").each())
    most = 64 if run.target.gateway_api >= (1, 2) else 8
    if max(len(matches), 1) * max(len(testers), 1) > most:
        refuse(run, obj.spec.get("service"), f"the route would have more than {most} matches in a rule")
    if plan.ingress and testers and any(found.path.kind == "regex" for found in lowered):
        refuse(
            run,
            analysis.get("match"),
            "the rank of a regular expression at a gateway is unknown, so testers may be missed",
        )
    if any(found.headers for found in lowered) and testers:
        refuse(
            run,
            analysis.get("match"),
            "the service matches on headers too: testers would be told apart in another order",
        )


def _match(run: Run, match: View, plan: Plan, count: int) -> Match:
    for name, field in match.items():
        if name not in _CONDITIONS and field:
            refuse(run, field, f"Flagger leaves {name} out of a route, which would take more requests")
    lowered = virtual_service_match.lower(run, match, ingress=plan.ingress)
    if len(lowered.matches) != 1 or (lowered.matches[0] == Match() and count > 1 and not match.get("uri")):
        refuse(run, match, "Flagger cannot copy this condition into a route as one match")
    found = lowered.matches[0]
    plan.marks += lowered.marks
    plan.marks += run.translated(match.get("name"))
    _write(plan, match.get("uri"), _path(found.path))
    if match.get("ignoreUriCase").present:
        plan.below.append((match.path, {}, ["ignoreUriCase"]))
    if found.method is not None:
        _write(plan, match.get("method"), {"exact": found.method})
    for name, values in (("headers", found.headers), ("queryParams", found.query)):
        known = {key.lower(): value for key, value in values}
        for key, field in match.get(name).items():
            value = known.get(key.lower())
            if value is None or value.value == "":
                refuse(run, field, f"Flagger cannot copy the condition on {key}")
            elif value.kind == "exact":
                _write(plan, field, {"exact": value.value})
            else:
                _write(plan, field, {"regex": http_route.expression(value.value)})
    return found


def _path(path: Path) -> dict[str, Any]:
    if path.kind == "any":
        return {"prefix": "/"}
    text = http_route.expression(path.value) if path.kind == "regex" else path.value
    return {path.kind: text}


def _write(plan: Plan, field: View, wanted: dict[str, Any]) -> None:
    """Replace a condition that is written otherwise than it has to be."""
    if field and field.value() != wanted:
        plan.below.append((field.path, wanted, [key for key, _ in field.items() if key not in wanted]))


def _rewrite(run: Run, rewrite: View, lowered: list[Match], plan: Plan) -> None:
    """Linkerd drops a route that rewrites; a rewrite of every path's first slash to a slash is none."""
    if not rewrite:
        return
    same = rewrite.get("uri").text() == "/" and not rewrite.get("authority")
    if not same or any(found.path.kind != "any" for found in lowered):
        refuse(run, rewrite, "Linkerd drops a route that rewrites requests")
    run.no_op(rewrite, "the prefix / is replaced by itself")
    plan.remove.append("rewrite")
