"""At every weight the plugin's HTTPRoutes do what Argo's VirtualService would have become.

The VirtualService with its weights goes through the rule for VirtualServices, which is judged against Istio elsewhere.
"""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.argo import argo_routers
from transformer.options import Options
from transformer.proof.linkerd_outbound import Outbound
from transformer.transform import transform

Json = dict[str, Any]

PATHS = ("/", "/a", "/a/b", "/ab", "/b")
_MATCHES = st.sampled_from([
    None, [{"uri": {"prefix": "/a"}}], [{"uri": {"exact": "/a"}}, {"uri": {"prefix": "/b"}}],
    [{"headers": {"x-a": {"exact": "1"}}}], [{"uri": {"prefix": "/a/"}, "headers": {"x-a": {"exact": "1"}}}],
])  # fmt: skip
_SPLITS = ["split", "split-other-way", "stable", "canary", "other", "three"]


def _service(name: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"app": "cart"}, "ports": [{"name": "http", "port": 80}]},
    }


def _pair(subsets: bool) -> tuple[Json, Json]:
    if subsets:
        return {"host": "cart", "subset": "stable"}, {"host": "cart", "subset": "canary"}
    return {"host": "cart-stable"}, {"host": "cart-canary"}


def _route(kind: str, subsets: bool) -> list[Json]:
    (stable, canary), other = _pair(subsets), {"host": "other"}
    kinds: dict[str, list[tuple[Json, int | None]]] = {
        "split": [(stable, 100), (canary, 0)],
        "split-other-way": [(canary, 0), (stable, 100)],
        "stable": [(stable, None)],
        "canary": [(canary, None)],
        "other": [(other, None)],
        "three": [(stable, 90), (canary, 0), (other, 10)],
    }
    return [
        {"destination": to, **({} if weight is None else {"weight": weight})} for to, weight in kinds[kind]
    ]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Json], Json, list[str], bool]:
    """Objects without the VirtualService, the VirtualService, the routes that the Rollout names, and how it splits."""
    subsets = draw(st.booleans())
    http: list[Json] = []
    for index, kind in enumerate(
        draw(st.lists(st.sampled_from(["split", "split", "other", *_SPLITS]), min_size=1, max_size=3))
    ):
        rule: Json = {"name": f"r{index}", "route": _route(kind, subsets)}
        matches = draw(_MATCHES)
        http.append({**rule, **({"match": matches} if matches else {})})
        if draw(st.integers(0, 4)) == 0:
            http[-1]["retries"] = {"attempts": 2, "retryOn": "5xx"}
    splits = [rule["name"] for rule in http if len(rule["route"]) == 2]
    named = draw(st.one_of(st.just(splits), st.lists(st.sampled_from(["r0", "r1", "r2"]), unique=True)))
    virtual: Json = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"hosts": ["cart"], "http": http},
    }
    others = [_service("cart"), _service("other")]
    if subsets:
        rule_subsets = [{"name": name, "labels": {"app": "cart"}} for name in ("stable", "canary")]
        others.append({
            "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"host": "cart", "subsets": rule_subsets},
        })  # fmt: skip
    else:
        others += [_service("cart-stable"), _service("cart-canary")]
    return others, virtual, named, subsets


def _rollout(named: list[str], subsets: bool) -> Json:
    istio: Json = {"virtualService": {"name": "cart", **({"routes": named} if named else {})}}
    canary: Json = {"trafficRouting": {"istio": istio}, "steps": [{"setWeight": 20}]}
    if subsets:
        istio["destinationRule"] = {
            "name": "cart",
            "canarySubsetName": "canary",
            "stableSubsetName": "stable",
        }
    else:
        canary |= {"canaryService": "cart-canary", "stableService": "cart-stable"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"strategy": {"canary": canary}, "template": {"metadata": {"labels": {"app": "cart"}}}},
    }


def _run(objects: list[Json]) -> tuple[int, list[Json]]:
    data = yaml.safe_dump_all(objects, sort_keys=False).encode()
    result = transform(data, Options({}), ())
    return result.report.exit_code, [
        one for one in yaml.safe_load_all(b"".join(result.output)) if one is not None
    ]


def _answers(objects: list[Json]) -> list[Json]:
    mesh = Outbound([one for one in objects if one["kind"] != "Rollout"])
    asked = {
        "source_ns": "web",
        "service": "shop/cart",
        "port": 80,
        "method": "GET",
        "query": "",
        "host": "cart",
    }
    found = []
    for path in PATHS:
        for headers in ({}, {"x-a": "1"}):
            answer = mesh.ask({**asked, "path": path, "headers": headers})
            total = sum(one["weight"] for one in answer["backends"]) or 1
            shares = {one["service"]: one["weight"] / total for one in answer["backends"] if one["weight"]}
            found.append({
                "path": path, "headers": headers, "result": answer["result"], "shares": shares, "retry": answer["retry"],
            })  # fmt: skip
    return found


@given(worlds(), st.sampled_from([0, 20, 100]))
def test_the_plugin_shifts_what_argo_shifted(
    world: tuple[list[Json], Json, list[str], bool], weight: int
) -> None:
    others, virtual, named, subsets = world
    rollout = _rollout(named, subsets)
    code, moved = _run([rollout, *others, virtual])
    if code:
        assert not moved
        return
    (owner,) = [one for one in moved if one["kind"] == "Rollout"]
    ours = argo_routers.shift_routes(owner, moved, weight)
    code, theirs = _run([
        *others, argo_routers.shift_virtual_service(virtual, named, _pair(subsets), weight),
    ])  # fmt: skip
    assert code == 0
    assert _answers(ours) == _answers(theirs)


def test_a_rollout_of_two_named_routes_moves() -> None:
    for subsets in (False, True):
        http = [
            {"name": "r0", "match": [{"uri": {"prefix": "/a"}}], "route": _route("split", subsets)},
            {"name": "r1", "match": [{"uri": {"exact": "/b"}}], "route": _route("other", subsets)},
            {"name": "r2", "route": _route("split-other-way", subsets)},
        ]
        virtual = {
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"hosts": ["cart"], "http": http},
        }  # fmt: skip
        labels = [{"name": name, "labels": {"app": "cart"}} for name in ("stable", "canary")]
        rule = {
            "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"host": "cart", "subsets": labels},
        }  # fmt: skip
        others = [_service("cart"), _service("other")]
        others += [rule] if subsets else [_service("cart-stable"), _service("cart-canary")]
        code, moved = _run([_rollout(["r0", "r2"], subsets), *others, virtual])
        assert code == 0
        (owner,) = [one for one in moved if one["kind"] == "Rollout"]
        shifted = _answers(argo_routers.shift_routes(owner, moved, 20))
        assert {str(answer["shares"]) for answer in shifted} == {
            "{'shop/other': 1.0}",
            "{'shop/cart-stable': 0.8, 'shop/cart-canary': 0.2}",
            "{'shop/cart-canary': 0.2, 'shop/cart-stable': 0.8}",
        }
