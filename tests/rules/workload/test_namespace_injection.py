"""Injection settings of Namespaces, in and out of the mesh, with what holds them."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.rules.workload.running import namespace, pod_annotations, run, workload

STRICT = {"config.linkerd.io/default-inbound-policy": "all-authenticated"}
ON, OFF = {"linkerd.io/inject": "enabled"}, {"linkerd.io/inject": "disabled"}
OSM = "openservicemesh.io/"


class Case(NamedTuple):
    """Labels and annotations before and after; `codes` are those of all findings."""

    labels: dict[str, str]
    annotations: dict[str, str]
    labels_after: dict[str, str]
    annotations_after: dict[str, str]
    codes: str
    reason: str
    mtls: str = "permissive"
    name: str = "shop"


SAME: dict[str, str] = {}
CASES = [
    Case({"istio-injection": "enabled"}, {}, {}, ON, "MS134 MS151", "the usual label"),
    Case({"istio-injection": "enabled"}, {}, {}, ON | STRICT, "MS133 MS134 MS151", "mandatory mTLS", "strict"),
    Case({"team": "a", "istio-injection": "enabled"}, {"x": "y"}, {"team": "a"}, {"x": "y"} | ON, "MS134 MS151", "others stay"),
    Case({"istio.io/rev": "1-24"}, {}, {}, ON, "MS134 MS151", "a revision injects"),
    Case({"istio-injection": "disabled", "istio.io/rev": "1-24"}, {}, {}, OFF, "", "istio-injection beats the revision"),
    Case({"istio-injection": "disabled"}, {}, {}, OFF, "", "an opt-out carries over, and asks for no fact", ""),
    Case({"istio.io/dataplane-mode": "ambient"}, {}, {}, ON, "MS134 MS151", "ambient pods are meshed"),
    Case({"istio.io/dataplane-mode": "none"}, {}, {}, {}, "", "not ambient, nothing else said"),
    Case(
        {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "w"}, {}, {}, ON, "MS103 MS134 MS151",
        "a waypoint is named",
    ),
    Case({"istio-injection": "true"}, {}, {}, {}, "MS102", "a value that no webhook selects"),
    Case({"istio-injection": "enabled"}, {}, {}, {}, "MS102", "never injected by Istio", name="kube-system"),
    Case({"topology.istio.io/network": "n"}, {}, {"topology.istio.io/network": "n"}, {}, "", "for Istio's control plane"),
    Case({"istio.io/newer-thing": "x"}, {}, {"istio.io/newer-thing": "x"}, {}, "MS115", "unknown: left and reported"),
    Case({OSM + "monitored-by": "osm"}, {OSM + "sidecar-injection": "yes"}, {}, ON, "MS134 MS151", "OSM's pair"),
    Case(
        {OSM + "monitored-by": "osm"}, {OSM + "sidecar-injection": "yes"}, {}, ON | STRICT, "MS133 MS134 MS151",
        "OSM takes connections of the mesh only, and nobody is asked", "",
    ),
    Case({OSM + "monitored-by": "osm"}, {OSM + "sidecar-injection": "disabled"}, {}, OFF, "", "OSM's opt-out"),
    Case({OSM + "monitored-by": "osm"}, {}, {}, {}, "", "monitored alone injects nothing"),
    Case({}, {OSM + "sidecar-injection": "enabled"}, {}, {}, "MS102", "not monitored: OSM does not inject"),
    Case(
        {OSM + "monitored-by": "osm"}, {OSM + "sidecar-injection": "enabled", OSM + "metrics": "enabled"}, {}, ON,
        "MS112 MS134 MS151", "OSM's metrics switch is not needed",
    ),
    Case({OSM + "ignore": "true"}, {}, {}, OFF, "", "OSM's webhook is told to ignore it"),
    # What stands already.
    Case({"istio-injection": "enabled"}, ON, {}, ON, "MS134 MS151", "Linkerd is on already"),
    Case(
        {"istio-injection": "enabled"}, {"linkerd.io/inject": "ingress"}, {}, {"linkerd.io/inject": "ingress"}, "MS134 MS151",
        "ingress mode is on too",
    ),
    Case(
        {"istio-injection": "disabled"}, ON, {"istio-injection": "disabled"}, ON, "MS105",
        "a finished move: the label keeps Istio out",
    ),
    Case(
        {"istio-injection": "enabled"}, {"config.linkerd.io/default-inbound-policy": "deny"}, {},
        {"config.linkerd.io/default-inbound-policy": "deny"} | ON, "MS133 MS134 MS151", "stricter: no fact needed", "",
    ),
    # Refusals.
    Case({"istio-injection": "enabled"}, OFF, SAME, SAME, "MS101", "contradiction"),
    Case({"istio-injection": "enabled"}, {"linkerd.io/inject": "enable"}, SAME, SAME, "MS101", "a value that Linkerd ignores"),
    Case(
        {"istio-injection": "enabled"}, {"config.linkerd.io/default-inbound-policy": "all-unauthenticated"}, SAME, SAME,
        "MS101", "would open the ports that STRICT closes", "strict",
    ),
    Case(
        {"istio-injection": "enabled", "config.linkerd.io/admission-webhooks": "disabled"}, {}, SAME, SAME, "MS101",
        "Linkerd's webhook is kept out",
    ),
    Case({"istio-injection": "enabled"}, {}, SAME, SAME, "MS101", "Linkerd never injects there", name="cert-manager"),
    Case({OSM + "monitored-by": "osm"}, {OSM + "sidecar-injection": "on"}, SAME, SAME, "MS114", "OSM refuses the value"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_settings_of_a_namespace(case: Case) -> None:
    text = namespace(case.name, labels=case.labels, annotations=case.annotations)
    outcome = run(text, mesh_mtls=case.mtls)
    assert outcome.codes == case.codes.split()
    if case.labels_after is SAME:
        assert outcome.text == text
        assert outcome.outcome(f"Namespace/{case.name}") == "held"
        return
    found = outcome.objects[f"Namespace/{case.name}"]["metadata"]
    assert found.get("labels", {}) == case.labels_after
    assert found.get("annotations", {}) == case.annotations_after
    assert outcome.report.exit_code == 0


def test_without_the_fact_nothing_is_written() -> None:
    outcome = run(namespace(labels={"istio-injection": "enabled"}), mesh_mtls="")
    assert outcome.text == ""
    assert outcome.report.exit_code == 2
    assert [m.at.name for m in outcome.report.facts["mesh.mtls"]] == ["shop"]


PEER = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: %s}
spec: %s
"""


@pytest.mark.parametrize(
    ("peers", "closed", "reason"),
    [
        ([("istio-system", "{mtls: {mode: STRICT}}")], True, "the mesh requires it"),
        (
            [("istio-system", "{mtls: {mode: STRICT}}"), ("shop", "{mtls: {mode: PERMISSIVE}}")],
            False,
            "the namespace overrides",
        ),
        (
            [("istio-system", "{mtls: {mode: STRICT}}"), ("shop", "{mtls: {mode: UNSET}}")],
            True,
            "UNSET inherits",
        ),
        ([("istio-system", "{mtls: {mode: PERMISSIVE}}")], False, "said, so not asked for"),
        (
            [("shop", "{mtls: {mode: STRICT}}"), ("shop", "{mtls: {mode: PERMISSIVE}}")],
            True,
            "which is older is not known",
        ),
    ],
)
def test_context_answers_the_question_of_mtls(
    peers: list[tuple[str, str]], closed: bool, reason: str
) -> None:
    context = "---\n".join(PEER % peer for peer in peers)
    outcome = run(namespace(labels={"istio-injection": "enabled"}), context=context, mesh_mtls="")
    found = outcome.objects["Namespace/shop"]["metadata"]["annotations"]
    assert (STRICT.items() <= found.items()) is closed, reason
    assert not outcome.report.facts


def test_a_selector_of_the_root_namespace_answers_nothing() -> None:
    context = PEER % ("istio-system", "{selector: {matchLabels: {app: x}}, mtls: {mode: STRICT}}")
    outcome = run(namespace(labels={"istio-injection": "enabled"}), context=context, mesh_mtls="")
    assert outcome.report.exit_code == 2


def test_injected_workloads_hold_their_namespace_and_each_other() -> None:
    stuck = workload(
        name="odd", annotations={"traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.0.0.0/8"}
    )
    plain = workload(name="plain")
    own = workload(name="own", annotations={"sidecar.istio.io/inject": "true"})
    text = namespace(labels={"istio-injection": "enabled"}) + stuck + plain + own
    outcome = run(text)
    assert outcome.text == text
    assert outcome.outcome("Namespace/shop") == outcome.outcome("Deployment/own") == "held"
    accepted = run(text, accept=("MS110@Deployment/shop/odd",))
    assert accepted.objects["Namespace/shop"]["metadata"]["annotations"] == ON
    assert pod_annotations(accepted.objects["Deployment/odd"]) == {}
    assert pod_annotations(accepted.objects["Deployment/own"]) == ON


def test_pods_elsewhere_are_not_held() -> None:
    text = namespace(labels={"istio-injection": "enabled"}) + namespace(
        "other", labels={"istio-injection": "enabled"}
    )
    odd = workload(
        namespace="other", annotations={"traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.0.0.0/8"}
    )
    outcome = run(text + odd)
    assert outcome.outcome("Namespace/shop") == "edited"
    assert outcome.outcome("Namespace/other") == "held"


def test_a_namespace_that_is_context_is_not_written() -> None:
    context = namespace(labels={"istio-injection": "enabled"})
    outcome = run(workload(annotations={"sidecar.istio.io/proxyCPU": "100m"}), context=context)
    assert list(outcome.objects) == ["Deployment/cart"]
    assert pod_annotations(outcome.objects["Deployment/cart"]) == {
        "config.linkerd.io/proxy-cpu-request": "100m"
    }
