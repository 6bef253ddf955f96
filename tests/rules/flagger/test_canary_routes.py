"""What Flagger's HTTPRoute does after the move is what its VirtualService did before.

The VirtualService goes through the rule for VirtualServices, which is judged against recorded answers of Istio elsewhere.
"""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.flagger import flagger_routers
from transformer.options import Options
from transformer.proof.gateway_routes import Ingress
from transformer.proof.linkerd_outbound import Outbound
from transformer.transform import transform

Json = dict[str, Any]

PATHS = ("/", "/cart", "/carts", "/cart/1", "/v1/cart", "/v1/carts", "/other")
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"x-tester": "yes"},
    {"x-tester": "yesterday"},
    {"x-team": "a.b"},
    {"x-team": "acb", "x-tester": "no"},
)
_URIS = st.sampled_from([
    {"prefix": "/"}, {"prefix": "/cart"}, {"prefix": "/cart/"}, {"exact": "/cart"}, {"exact": "/"},
    {"regex": "/v[0-9]/(cart|carts)"}, {"regex": "/.*"},
])  # fmt: skip
_VALUES = st.sampled_from([{"exact": "yes"}, {"prefix": "yes"}, {"regex": "yes|no"}, {"exact": "a.b"}])
_HEADERS = st.dictionaries(st.sampled_from(["x-tester", "x-team"]), _VALUES, min_size=1, max_size=2)
_MATCH = st.fixed_dictionaries(
    {"uri": _URIS},
    optional={"method": st.sampled_from([{"exact": "GET"}, {"exact": "POST"}]), "headers": _HEADERS},
)
_SERVICE = st.fixed_dictionaries(
    {"port": st.just(80)},
    optional={
        "match": st.lists(_MATCH, min_size=1, max_size=3),
        "timeout": st.sampled_from(["0s", "1.5s", "1m", "250ms"]),
        "retries": st.sampled_from([{"attempts": 2, "retryOn": "5xx"}, {"attempts": 0}]),
        "headers": st.sampled_from([{"request": {"set": {"x-a": "b"}, "remove": ["x-c"]}}]),
        "hosts": st.sampled_from([["cart"], ["cart.shop.svc.cluster.local"]]),
        "gateways": st.just(["mesh"]),
        "rewrite": st.just({"uri": "/"}),
    },
)
_TESTERS = st.lists(st.fixed_dictionaries({"headers": _HEADERS}), max_size=2)


def _canary(service: Json, testers: list[Json]) -> Json:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "provider": "istio",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"},
            "service": service,
            "analysis": {"interval": "1m", "threshold": 5, **({"match": testers} if testers else {})},
        },
    }


def _run(objects: list[Json]) -> tuple[int, list[Json]]:
    data = yaml.safe_dump_all(objects, sort_keys=False).encode()
    result = transform(data, Options({"gateway-class": "any"}), ())
    return result.report.exit_code, list(yaml.safe_load_all(b"".join(result.output)))


def _answers(objects: list[Json]) -> list[Json]:
    mesh = Outbound(objects)
    asked = {"source_ns": "web", "service": "shop/cart", "port": 80, "query": "", "host": "cart.shop"}
    found = []
    for path in PATHS:
        for method in ("GET", "POST"):
            for headers in HEADERS:
                answer = mesh.ask({**asked, "method": method, "path": path, "headers": headers})
                # The order of rules and the names of routes are not what a client sees; nor is a share of nothing.
                backends = sorted(
                    (one["service"], one["port"]) for one in answer["backends"] if one["weight"]
                )
                found.append({**answer, "route": None, "rule": None, "info": None, "backends": backends})
    return found


@given(_SERVICE, _TESTERS)
def test_the_route_of_a_moved_canary_does_what_its_virtual_service_did(
    service: Json, testers: list[Json]
) -> None:
    before = _canary(service, testers)
    code, after = _run([before])
    if code:
        assert not after or after == [None]
        return
    moved = after[0]
    assert moved["spec"]["provider"] == "gatewayapi:v1"
    code, translated = _run([flagger_routers.virtual_service(before), *flagger_routers.services(before)])
    if code:
        return  # the order of the VirtualService's own rules cannot be kept, so there is nothing to compare with
    ours = [flagger_routers.http_route(moved), *flagger_routers.services(moved)]
    assert _answers(ours) == _answers(translated)


def test_most_canaries_of_the_property_move() -> None:
    matches = [{"uri": {"prefix": "/cart"}}, {"uri": {"regex": "/v[0-9]/(cart|carts)"}}]
    testers = [{"headers": {"x-tester": {"prefix": "yes"}}}]
    before = _canary({"port": 80, "match": matches, "timeout": "1.5s"}, testers)
    code, after = _run([before])
    assert code == 0
    translated = _run([flagger_routers.virtual_service(before), *flagger_routers.services(before)])
    assert translated[0] == 0
    answers = _answers([flagger_routers.http_route(after[0]), *flagger_routers.services(after[0])])
    assert answers == _answers(translated[1])
    assert {answer["result"] for answer in answers} == {"route", "no-route-404"}


HOSTS = ("cart.example.com", "other.example.com", "example.com")
GATEWAY: Json = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "public", "namespace": "edge"},
    "spec": {
        "selector": {"istio": "ingressgateway"},
        "servers": [
            {"hosts": ["*.example.com"], "port": {"name": "http", "number": 80, "protocol": "HTTP"}},
            {
                "hosts": ["*"],
                "port": {"name": "old", "number": 8080, "protocol": "HTTP"},
                "tls": {"httpsRedirect": True},
            },
        ],
    },
}


def _ingress_answers(objects: list[Json]) -> list[Json]:
    pods = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"template": {"metadata": {"labels": {"app": "cart"}}}},
        }
    ]
    edge = Ingress([*objects, *pods], ["edge/public"], regex_rank="lowest")
    found = []
    for host in HOSTS:
        for port in (80, 8080):
            for path in PATHS:
                for headers in HEADERS:
                    asked = {"port": port, "tls": False, "host": host, "method": "GET", "path": path}
                    answer = edge.ask({**asked, "headers": headers})
                    shares = {
                        one["service"]: one["share"]
                        for one in answer.get("destinations") or ()
                        if one["share"]
                    }
                    timeout = answer.get("timeout_ms")
                    found.append(
                        {"asked": asked, "action": answer["action"], "shares": shares, "timeout": timeout}
                    )
    return found


@given(_SERVICE, _TESTERS, st.sampled_from([["cart.example.com"], ["*.example.com"], ["*"]]))
def test_the_route_at_a_gateway_does_what_the_virtual_service_did(
    service: Json, testers: list[Json], hosts: list[str]
) -> None:
    before = _canary({**service, "gateways": ["edge/public"], "hosts": hosts}, testers)
    code, after = _run([before, GATEWAY])
    if code:
        return
    moved = after[0]
    code, translated = _run([
        flagger_routers.virtual_service(before), *flagger_routers.services(before), GATEWAY,
    ])  # fmt: skip
    if code:
        return  # expressions, whose rank at a gateway is unknown
    route = flagger_routers.http_route(moved)
    ours = [route, *flagger_routers.services(moved), *after[1:]]
    answers = _ingress_answers(ours)
    assert answers == _ingress_answers(translated)
    assert any(answer["shares"] for answer in answers) or service.get("match")
