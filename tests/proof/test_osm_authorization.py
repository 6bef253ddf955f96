"""The evaluator of Open Service Mesh against what its code does: every sentence of the reference is one question."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.osm_worlds import Json, obj
from transformer.proof.osm_authorization import OsmAuthorization, Question

WEB, ADMIN = ("shop", "web"), ("shop", "admin")


def target(name: str, rules: list[Json], *sources: tuple[str, str], space: str | None = "shop") -> Json:
    destination = {"kind": "ServiceAccount", "name": "store"} | (
        {} if space is None else {"namespace": space}
    )
    listed = [{"kind": "ServiceAccount", "name": name, "namespace": namespace} for namespace, name in sources]
    spec = {"destination": destination, "rules": rules, "sources": listed}
    return obj("access.smi-spec.io/v1alpha3", "TrafficTarget", name, spec)


def http(*matches: str) -> Json:
    return {"kind": "HTTPRouteGroup", "name": "routes"} | ({"matches": list(matches)} if matches else {})


TCP: Json = {"kind": "TCPRoute", "name": "tcp"}
BASE = [
    obj("apps/v1", "Deployment", "store", {"template": {
        "metadata": {"labels": {"app": "store"}},
        "spec": {"serviceAccountName": "store", "containers": [{"name": "a", "ports": [{"name": "w", "containerPort": 8080}]}]},
    }}),
    obj("v1", "Service", "store", {"selector": {"app": "store"}, "ports": [
        {"port": 80, "targetPort": "w"}, {"name": "tcp-db", "port": 3306}, {"port": 9443, "appProtocol": "https"},
    ]}),
    obj("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "routes", {"matches": [
        {"name": "a", "pathRegex": "/a", "methods": ["GET"]}, {"name": "all"},
        {"name": "user", "headers": [{"x-user": "al.*"}]},
    ]}),
    obj("specs.smi-spec.io/v1alpha4", "TCPRoute", "tcp", {"matches": {"ports": [3306]}}),
]  # fmt: skip


def ask(
    targets: list[Json], client: tuple[str, str] | None = WEB, port: int = 8080, path: str = "/a", **more: Any
) -> str:
    headers, method = more.pop("headers", {}), more.pop("method", "GET")
    return OsmAuthorization([*BASE, *targets], **more).ask(
        Question("shop/store", port, client, method, path, headers)
    )


QUESTIONS: list[tuple[str, str, str]] = [
    ("deny", ask([]), "no target"),
    ("allow", ask([], permissive=True), "permissive mode"),
    ("deny", ask([], None, permissive=True), "permissive mode takes meshed clients only"),
    ("deny", ask([], port=9443, permissive=True), "a protocol that OSM does not support has no listener"),
    ("deny", ask([], port=1234, permissive=True), "nor has a port without a Service"),
    ("allow", ask([target("t", [http("a")], WEB)]), "the match"),
    ("deny", ask([target("t", [http("a")], WEB)], path="/a/b"), "an expression takes the whole path"),
    ("allow", ask([target("t", [http("a")], WEB)], path="/a/b", reading="spec"), "the specification: its beginning"),
    ("deny", ask([target("t", [http("a")], WEB)], method="POST"), "the method"),
    ("deny", ask([target("t", [http("a")], WEB)], ADMIN), "the source"),
    ("allow", ask([target("t", [http("user")], WEB)], headers={"X-User": "alice"}), "a header in any case"),
    ("deny", ask([target("t", [http("user")], WEB)], headers={"x-user": "bob"}), "another value"),
    ("deny", ask([target("t", [http()], WEB)]), "a rule without matches has none"),
    ("allow", ask([target("t", [http()], WEB)], reading="spec"), "by the specification it has all"),
    ("deny", ask([target("t", [http("a")], WEB, space=None)]), "a destination without namespace"),
    ("deny", ask([target("t", [http("a"), {"kind": "UDPRoute", "name": "u"}], WEB)]), "a UDPRoute spoils the target"),
    ("deny", ask([target("t", [TCP], WEB)]), "a TCPRoute opens no HTTP port"),
    ("allow", ask([target("t", [TCP], WEB)], port=3306), "a TCPRoute opens its port"),
    ("allow", ask([target("t", [http("a")], WEB)], port=3306), "without a TCPRoute every TCP port is open"),
    ("deny", ask([target("t", [http("a"), TCP], WEB)]), "a TCPRoute limits the routes beside it to its ports"),
    ("deny", ask([target("t", [{"kind": "TCPRoute", "name": "no"}], WEB)], port=3306), "a missing TCPRoute"),
    ("depends", ask([target("s", [http("a")], WEB), target("t", [http("all")], ADMIN)]), "overlap: the first route counts"),
    ("allow", ask([target("s", [http("a")], WEB), target("t", [http("a")], ADMIN)]), "the same match: sources add up"),
    ("allow", ask([target("s", [http("a")], WEB), target("t", [http("all")], ADMIN)], reading="spec"), "targets add up"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "found", "reason"), QUESTIONS, ids=[reason for _, _, reason in QUESTIONS]
)
def test_answers_of_the_reference(expected: str, found: str, reason: str) -> None:
    assert found == expected, reason
