"""Who is injected today, and what its pod template says afterwards."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.rules.workload.running import namespace, pod_annotations, pod_labels, run, template, workload

INJECT = "sidecar.istio.io/inject"
ON, OFF = {"linkerd.io/inject": "enabled"}, {"linkerd.io/inject": "disabled"}
ENABLED = namespace(labels={"istio-injection": "enabled"})
DISABLED = namespace(labels={"istio-injection": "disabled"})
AMBIENT = namespace(labels={"istio.io/dataplane-mode": "ambient"})
PLAIN = namespace()
MONITORED = namespace(labels={"openservicemesh.io/monitored-by": "osm"})
OSM = "openservicemesh.io/sidecar-injection"
NOTED = "MS151"


class Case(NamedTuple):
    """Pod labels and annotations, the context (a Namespace or nothing), what the template says after, and the codes."""

    labels: dict[str, str]
    annotations: dict[str, str]
    context: str
    after: dict[str, str]
    codes: str
    reason: str


CASES = [
    Case({INJECT: "true"}, {}, "", ON, NOTED, "the label, Namespace unknown"),
    Case({INJECT: "false"}, {}, "", OFF, "", "an opt-out carries over, Namespace unknown"),
    Case({}, {INJECT: "true"}, "", ON, NOTED, "the deprecated annotation, Namespace unknown"),
    Case({}, {INJECT: "false"}, ENABLED, OFF, "", "opt-out by annotation"),
    Case({INJECT: "false"}, {INJECT: "true"}, ENABLED, OFF, "", "the label beats the annotation"),
    Case({INJECT: "true"}, {INJECT: "false"}, ENABLED, ON, NOTED, "the label beats the annotation, both ways"),
    Case({INJECT: "yes"}, {}, ENABLED, {}, NOTED, "other values fall back to the Namespace"),
    Case({"istio.io/rev": "canary"}, {}, PLAIN, ON, NOTED, "a revision on the pod injects"),
    Case({"istio.io/rev": "canary", INJECT: "false"}, {}, PLAIN, OFF, "", "and is overruled"),
    Case({INJECT: "true"}, {}, DISABLED, {}, "MS104", "no webhook selects a disabled Namespace"),
    Case({"istio.io/rev": "canary"}, {}, DISABLED, {}, "MS104", "nor for a revision"),
    Case({INJECT: "false"}, {}, DISABLED, OFF, "", "both say no"),
    Case({}, {INJECT: "true"}, PLAIN, ON, f"MS109 {NOTED}", "annotation alone, unlabelled Namespace: doubtful"),
    Case({INJECT: "true"}, {}, PLAIN, ON, NOTED, "the label injects without the Namespace's"),
    Case({INJECT: "false"}, {}, AMBIENT, {}, NOTED, "no sidecar, but ambient captures the pods: they stay meshed"),
    Case({"istio.io/dataplane-mode": "none"}, {}, AMBIENT, OFF, "", "out of ambient"),
    Case({"istio.io/dataplane-mode": "ambient"}, {}, PLAIN, ON, NOTED, "ambient by the pod"),
    Case({}, {OSM: "enabled"}, MONITORED, ON, NOTED, "OSM, monitored"),
    Case({}, {OSM: "No"}, MONITORED, OFF, "", "OSM's opt-out, any case"),
    Case({}, {OSM: "enabled"}, PLAIN, {}, "MS104", "OSM injects in monitored Namespaces only"),
    Case({"version": "v1"}, {"prometheus.io/port": "8080"}, ENABLED, {"prometheus.io/port": "8080"}, "", "nothing to do"),
    Case({INJECT: "false"}, ON, ENABLED, ON, "MS105", "moved already, beside the opt-out"),
    Case({INJECT: "true"}, {"linkerd.io/inject": "ingress"}, "", {"linkerd.io/inject": "ingress"}, NOTED, "ingress mode"),
    Case({"istio-injection": "enabled"}, {}, PLAIN, {}, "MS106", "a label for Namespaces"),
    Case(
        {"service.istio.io/canonical-name": "cart", INJECT: "true"}, {}, "", ON, NOTED,
        "labels that others select by stay",
    ),
    Case({"istio.io/use-waypoint": "w"}, {}, ENABLED, {}, f"MS103 {NOTED}", "waypoint label"),
    Case({"istio.io/odd": "w", INJECT: "true"}, {}, "", ON, f"MS115 {NOTED}", "an unknown label stays, with a finding"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_who_is_injected(case: Case) -> None:
    outcome = run(workload(labels=case.labels, annotations=case.annotations), context=case.context)
    found = outcome.objects["Deployment/cart"]
    assert pod_annotations(found) == case.after
    assert outcome.codes == case.codes.split()
    kept = {"service.istio.io/canonical-name", "istio.io/odd", "istio-injection", "version"}
    assert pod_labels(found) == {key: text for key, text in case.labels.items() if key in kept}


@pytest.mark.parametrize(
    "kind", ["Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Rollout"]
)
def test_every_kind_with_a_pod_template(kind: str) -> None:
    outcome = run(
        workload(kind=kind, labels={INJECT: "true"}, annotations={"sidecar.istio.io/proxyMemory": "64Mi"})
    )
    found = outcome.objects[f"{kind}/cart"]
    assert pod_annotations(found) == ON | {"config.linkerd.io/proxy-memory-request": "64Mi"}
    assert pod_labels(found) == {}
    assert ("MS125" in outcome.codes) == (kind in ("Pod", "Job"))


def test_knative_service() -> None:
    text = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: hello, namespace: shop}
spec:
  template:
    metadata:
      annotations:
        sidecar.istio.io/inject: "true"  # in the mesh
    spec:
      containers: [{image: shop/hello:1}]
"""
    assert run(text).text == text.replace('sidecar.istio.io/inject: "true"', 'linkerd.io/inject: "enabled"')


CONTRADICTIONS = [
    ({INJECT: "true"}, {"linkerd.io/inject": "disabled"}, "MS101", "Linkerd is switched off"),
    ({INJECT: "true"}, {"linkerd.io/inject": "true"}, "MS101", "a value that Linkerd ignores"),
    ({INJECT: "true"}, {"sidecar.istio.io/proxyCPU": "1", "config.linkerd.io/proxy-cpu-request": "2"}, "MS101", "two requests"),
    ({}, {OSM: "maybe"}, "MS114", "OSM refuses the value"),
    ({INJECT: "true"}, {"traffic.sidecar.istio.io/excludeInboundPorts": "http"}, "MS114", "no port list"),
    ({INJECT: "true"}, {"traffic.sidecar.istio.io/excludeInboundPorts": "70000"}, "MS114", "no port number"),
    ({INJECT: "true"}, {"sidecar.istio.io/proxyCPU": "lots"}, "MS114", "no quantity"),
    ({INJECT: "true"}, {"proxy.istio.io/config": "concurrency: [2"}, "MS114", "no YAML"),
    ({INJECT: "true"}, {"proxy.istio.io/config": "- 2"}, "MS114", "no mapping"),
    ({INJECT: "true"}, {"proxy.istio.io/config": "holdApplicationUntilProxyStarts: maybe"}, "MS114", "no truth value"),
    ({INJECT: "true"}, {"proxy.istio.io/config": "terminationDrainDuration: 30"}, "MS114", "no duration"),
]  # fmt: skip


@pytest.mark.parametrize(("labels_", "annotations_", "code", "reason"), CONTRADICTIONS)
def test_contradictions_hold(
    labels_: dict[str, str], annotations_: dict[str, str], code: str, reason: str
) -> None:
    text = workload(labels=labels_, annotations=annotations_)
    outcome = run(text)
    assert outcome.text == text, reason
    assert outcome.codes == [code], reason
    assert run(text, fail_on="error").report.exit_code == 1


def test_mandatory_mtls_closes_pods_whose_namespace_is_elsewhere() -> None:
    closed = ON | {"config.linkerd.io/default-inbound-policy": "all-authenticated"}
    text = workload(labels={INJECT: "true"})
    assert pod_annotations(run(text, mesh_mtls="strict").objects["Deployment/cart"]) == closed
    # A Namespace of the stream that does not inject cannot close them either.
    assert pod_annotations(run(PLAIN + text, mesh_mtls="strict").objects["Deployment/cart"]) == closed
    # One that does is closed itself, and pods inherit it.
    assert pod_annotations(run(ENABLED + text, mesh_mtls="strict").objects["Deployment/cart"]) == ON
    # Without a setting of its own the workload follows its Namespace, wherever that is.
    tuned = workload(annotations={"sidecar.istio.io/proxyCPU": "100m"})
    assert pod_annotations(run(tuned, mesh_mtls="").objects["Deployment/cart"]) == {
        "config.linkerd.io/proxy-cpu-request": "100m"
    }
    assert run(text, mesh_mtls="").report.exit_code == 2


def test_an_open_policy_on_pods_contradicts_mandatory_mtls() -> None:
    text = workload(
        labels={INJECT: "true"},
        annotations={"config.linkerd.io/default-inbound-policy": "all-unauthenticated"},
    )
    assert run(text, mesh_mtls="strict").codes == ["MS101"]
    assert pod_annotations(run(text).objects["Deployment/cart"])["linkerd.io/inject"] == "enabled"


def test_metrics_ports_under_mandatory_mtls() -> None:
    text = workload(labels={INJECT: "true"}, annotations={"prometheus.io/scrape": "true"})
    assert "MS133" in run(text, mesh_mtls="strict").codes
    assert "MS133" not in run(text).codes


# Selectors.


def test_a_label_in_the_selector_stays_and_the_namespace_is_closed_to_istio() -> None:
    text = workload(labels={INJECT: "true"}, selector={INJECT: "true"})
    outcome = run(PLAIN + text)
    assert pod_annotations(outcome.objects["Deployment/cart"]) == ON
    assert pod_labels(outcome.objects["Deployment/cart"]) == {INJECT: "true"}
    assert outcome.objects["Namespace/shop"]["metadata"]["labels"] == {"istio-injection": "disabled"}
    assert outcome.objects["Namespace/shop"]["metadata"]["annotations"] == OFF
    assert outcome.codes == ["MS107", NOTED]
    meshed = run(ENABLED + text).objects["Namespace/shop"]["metadata"]
    assert (meshed["labels"], meshed["annotations"]) == ({"istio-injection": "disabled"}, ON)


def test_the_namespace_stays_closed_where_it_was() -> None:
    text = workload(labels={INJECT: "true"}, selector={INJECT: "true"})
    found = run(DISABLED + text)
    assert found.objects["Namespace/shop"]["metadata"]["labels"] == {"istio-injection": "disabled"}
    assert found.objects["Namespace/shop"]["metadata"]["annotations"] == OFF
    assert pod_annotations(found.objects["Deployment/cart"]) == {}


def test_a_namespace_that_cannot_be_closed_keeps_the_workload() -> None:
    text = workload(labels={INJECT: "true"}, selector={INJECT: "true"})
    doubtful = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {a: b, a: c}}\n"
    outcome = run(doubtful + text)
    assert outcome.text == doubtful + text
    assert outcome.codes == ["MS002", "MS007"]


def test_a_label_in_the_selector_without_the_namespace() -> None:
    text = workload(labels={"istio.io/rev": "x"}, selector={"istio.io/rev": "x"})
    outcome = run(text)
    assert outcome.text == text, "both injectors would take the pods"
    assert "Render the Namespace shop in the same stream" in outcome.finding("MS118")
    accepted = run(text, accept=("MS118@Deployment/shop/cart",))
    assert pod_annotations(accepted.objects["Deployment/cart"]) == ON


def test_a_label_in_the_selector_with_a_closed_namespace_in_the_context() -> None:
    closed = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: disabled}}\n"
    outcome = run(workload(labels={"istio.io/rev": "x"}, selector={"istio.io/rev": "x"}), context=closed)
    assert "MS118" not in outcome.codes


def test_an_opt_out_in_the_selector_does_no_harm() -> None:
    outcome = run(PLAIN + workload(labels={INJECT: "false"}, selector={INJECT: "false"}))
    assert pod_annotations(outcome.objects["Deployment/cart"]) == OFF
    assert outcome.objects["Namespace/shop"]["metadata"] == {"name": "shop"}
    assert outcome.codes == ["MS107"]


def test_a_label_that_a_service_selects_by_stays() -> None:
    service = """\
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {sidecar.istio.io/inject: "true"}, ports: [{port: 80}]}
"""
    assert pod_labels(run(workload(labels={INJECT: "true"}) + service).objects["Deployment/cart"]) == {
        INJECT: "true"
    }


def test_a_selector_by_expression() -> None:
    text = workload(labels={INJECT: "true"}).replace(
        "    matchLabels:\n      app: cart\n",
        "    matchLabels:\n      app: cart\n    matchExpressions:\n    - {key: sidecar.istio.io/inject, operator: Exists}\n",
    )
    assert "matchExpressions" in text
    assert pod_labels(run(text).objects["Deployment/cart"]) == {INJECT: "true"}


def test_an_ambient_label_in_the_selector_holds() -> None:
    mode = {"istio.io/dataplane-mode": "ambient"}
    text = workload(labels=mode, selector=mode)
    outcome = run(text)
    assert (outcome.text, outcome.codes) == (text, ["MS108"])


def test_old_kinds_select_by_all_labels() -> None:
    text = """\
apiVersion: v1
kind: ReplicationController
metadata: {name: old, namespace: shop}
spec:
  template:
    metadata: {labels: {app: old, sidecar.istio.io/inject: "false"}}
    spec: {containers: [{name: a, image: b}]}
"""
    outcome = run(text)
    assert (
        pod_labels(outcome.objects["ReplicationController/old"]) == {"sidecar.istio.io/inject": "false"} | {}
    )
    assert pod_annotations(outcome.objects["ReplicationController/old"]) == OFF


# Places and bytes.


def test_settings_above_the_template_are_named_and_left() -> None:
    text = workload(own={INJECT: "false", "proxy.istio.io/config": "{}"})
    outcome = run(text)
    assert (outcome.text, outcome.codes) == (text, ["MS106"])
    cron = workload(kind="CronJob", labels={INJECT: "false"}).replace(
        "  jobTemplate:\n",
        '  jobTemplate:\n    metadata: {annotations: {sidecar.istio.io/inject: "false"}}\n',
    )
    outcome = run(cron)
    assert outcome.codes == ["MS106"]
    assert outcome.objects["CronJob/cart"]["spec"]["jobTemplate"]["metadata"]["annotations"] == {
        INJECT: "false"
    }


def test_pods_on_the_host_network() -> None:
    outcome = run(workload(labels={INJECT: "true"}, spec={"hostNetwork": True}), context=ENABLED)
    assert pod_annotations(outcome.objects["Deployment/cart"]) == {}
    assert outcome.codes == ["MS124"]


def test_only_the_lines_that_must_change() -> None:
    text = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
    selector: {matchLabels: {app: cart}}
    template:
        metadata:
            labels:
                app: cart   # selected
                sidecar.istio.io/inject: 'true'
            annotations:
                proxy.istio.io/config: |
                    holdApplicationUntilProxyStarts: true
                team:   "a"
        spec:
            containers: [ {name: a, image: b} ]
"""
    outcome = run(text)
    assert (
        outcome.text
        == """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
    selector: {matchLabels: {app: cart}}
    template:
        metadata:
            labels:
                app: cart   # selected
            annotations:
                team:   "a"
                linkerd.io/inject: enabled
                config.linkerd.io/proxy-await: enabled
        spec:
            containers: [ {name: a, image: b} ]
"""
    )


def test_a_template_without_metadata() -> None:
    text = workload(labels={INJECT: "true"}).replace("        app: cart\n        sidecar", "        sidecar")
    assert "app: cart\n        sidecar" not in text
    found = run(text).objects["Deployment/cart"]
    assert template(found)["metadata"] == {"annotations": ON}


def test_labels_behind_an_anchor_hold_the_workload() -> None:
    text = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, labels: &all {app: cart, sidecar.istio.io/inject: "true"}}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: *all}
    spec: {containers: [{name: a, image: b}]}
"""
    from transformer.options import Options
    from transformer.transform import transform

    result = transform(text.encode(), Options({"mesh.mtls": "permissive", "fail-on": "never"}))
    assert b"".join(result.output).decode() == text
    assert "MS003" in {finding.code for finding in result.report.findings}


@pytest.mark.parametrize(("mtls", "held"), [("strict", True), ("permissive", False)])
def test_a_port_that_already_passes_by_the_proxy(mtls: str, held: bool) -> None:
    text = workload(labels={INJECT: "true"}, annotations={"config.linkerd.io/skip-inbound-ports": "8080"})
    outcome = run(text, mesh_mtls=mtls)
    assert ("MS101" in outcome.codes) == held
    assert (outcome.text == text) == held
