"""Containers, probes and commands that tie pods to the old mesh."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.workload.running import namespace, run, workload

INJECT = {"sidecar.istio.io/inject": "true"}
ENABLED = namespace(labels={"istio-injection": "enabled"})
APP: dict[str, Any] = {"name": "app", "image": "shop/app:1"}

OBSTACLES: list[tuple[dict[str, Any], str, str]] = [
    ({"containers": [APP, {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.24.0"}]}, "MS120", "a sidecar"),
    ({"initContainers": [{"name": "istio-proxy", "image": "proxyv2"}], "containers": [APP]}, "MS120", "native sidecar"),
    ({"initContainers": [{"name": "istio-init", "image": "proxyv2"}], "containers": [APP]}, "MS120", "iptables set-up"),
    ({"initContainers": [{"name": "istio-validation", "image": "proxyv2"}], "containers": [APP]}, "MS120", "with Istio's CNI"),
    ({"initContainers": [{"name": "osm-init", "image": "openservicemesh/init"}], "containers": [APP]}, "MS120", "OSM"),
    ({"containers": [APP | {"livenessProbe": {"httpGet": {"path": "/app-health/a/livez", "port": 1}}}]}, "MS120", "path"),
    ({"containers": [APP | {"readinessProbe": {"httpGet": {"path": "/ready", "port": 15021}}}]}, "MS120", "probe port"),
    ({"containers": [APP | {"lifecycle": {"preStop": {"httpGet": {"path": "/app-lifecycle/a/prestopz"}}}}]}, "MS120", "hook"),
    ({"containers": [{"name": "istio-proxy", "image": "auto"}]}, "MS121", "a gateway"),
    ({"containers": [APP, {"name": "istio-proxy", "image": "auto", "resources": {}}]}, "MS122", "customisation"),
    ({"containers": [APP, {"name": "istio-proxy"}]}, "MS122", "customisation without an image"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "code", "reason"), OBSTACLES, ids=[row[2] for row in OBSTACLES])
def test_pods_that_cannot_change_meshes(spec: dict[str, Any], code: str, reason: str) -> None:
    text = workload(labels=INJECT, spec=spec)
    outcome = run(text)
    assert (outcome.text, outcome.codes) == (text, [code])
    whole = ENABLED + workload(spec=spec, annotations={"sidecar.istio.io/proxyCPU": "1"})
    assert run(whole).text == whole, "the Namespace stays with it"


def test_gateways_outside_the_mesh_are_not_held() -> None:
    spec = {
        "containers": [
            {"name": "istio-proxy", "image": "proxyv2:1", "readinessProbe": {"httpGet": {"port": 15021}}}
        ]
    }
    outcome = run(workload(labels={"sidecar.istio.io/inject": "false"}, spec=spec))
    assert outcome.outcome("Deployment/cart") == "edited"


CALLS: list[tuple[dict[str, Any], bool, str]] = [
    ({"args": ["sh", "-c", "work; curl -fsI -X POST http://localhost:15020/quitquitquit"]}, True, "Istio's quit"),
    ({"command": ["sh", "-c", "until curl -s 127.0.0.1:15021/healthz/ready; do sleep 1; done; work"]}, True, "a wait"),
    ({"lifecycle": {"preStop": {"exec": {"command": ["pilot-agent", "request", "GET", "stats"]}}}}, True, "pilot-agent"),
    ({"env": [{"name": "ENVOY_ADMIN_API", "value": "http://127.0.0.1:15000"}]}, True, "scuttle"),
    ({"env": [{"name": "TIMEOUT_MS", "value": "15000"}]}, False, "a number that is no port"),
    ({"args": ["--port=15021"]}, False, "the application's own port"),
    ({"env": [{"name": "FROM", "valueFrom": {"fieldRef": {"fieldPath": "15000"}}}]}, False, "no value"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "found", "reason"), CALLS, ids=[row[2] for row in CALLS])
def test_commands_that_talk_to_the_agent(container: dict[str, Any], found: bool, reason: str) -> None:
    text = workload(kind="Job", spec={"containers": [APP | container]})
    # Nothing in this Job names Istio: it is found through the Namespace that injects it.
    outcome = run(ENABLED + text)
    assert ("MS130" in outcome.codes) is found
    assert outcome.objects["Job/cart"] == run(text).objects["Job/cart"]


def test_context_is_not_judged() -> None:
    text = workload(kind="Job", spec={"containers": [APP | {"args": ["curl localhost:15020/quitquitquit"]}]})
    assert "MS130" not in run(ENABLED, context=text).codes


def test_the_remedy_follows_the_target_version() -> None:
    text = ENABLED + workload(
        kind="Job", spec={"containers": [APP | {"args": ["curl localhost:15020/quitquitquit"]}]}
    )
    assert "Delete the call" in run(text).finding("MS130")
    older = run(text, linkerd="2.19")
    assert "config.beta.linkerd.io/proxy-enable-native-sidecar" in older.finding("MS130")
    assert "config.beta.linkerd.io/proxy-enable-native-sidecar" in older.finding("MS131")
    assert "MS131" not in run(text).codes


@pytest.mark.parametrize(
    ("annotations", "linkerd", "found", "reason"),
    [
        ({}, "2.20", False, "native sidecars by default"),
        ({"sidecar.istio.io/nativeSidecar": "false"}, "2.20", True, "switched off"),
        ({}, "2.19", True, "off by default"),
        ({"sidecar.istio.io/nativeSidecar": "true"}, "2.19", False, "switched on"),
    ],
)
def test_jobs_that_their_proxy_keeps(
    annotations: dict[str, str], linkerd: str, found: bool, reason: str
) -> None:
    outcome = run(workload(kind="CronJob", labels=INJECT, annotations=annotations), linkerd=linkerd)
    assert ("MS131" in outcome.codes) is found, reason


def test_metrics_of_istios_agent() -> None:
    given = {"prometheus.io/port": "15020", "prometheus.io/path": "/stats/prometheus"}
    outcome = run(workload(labels=INJECT, annotations=given))
    assert "MS132" in outcome.codes
    assert (
        outcome.objects["Deployment/cart"]["spec"]["template"]["metadata"]["annotations"].items()
        >= given.items()
    )
    assert "MS132" not in run(workload(labels=INJECT, annotations={"prometheus.io/port": "8080"})).codes
