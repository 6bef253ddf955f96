"""Protocols of Service ports, as Istio and OSM read them and as Linkerd does, by target version."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.rules.workload.running import namespace, pod_annotations, run, service, workload

NAMESPACE = namespace(labels={"istio-injection": "enabled"})
DEFAULTS = "25,587,3306,4444,5432,6379,9300,11211"
OPAQUE_TCP = "linkerd.io/opaque"
OPAQUE = "config.linkerd.io/opaque-ports"


class Case(NamedTuple):
    """A port, the appProtocol and opaque lists (Service, pods) that come out, and the findings about ports."""

    port: dict[str, Any]
    app_protocol: str | None
    service_list: str | None
    pod_list: str | None
    codes: str
    reason: str
    linkerd: str = "2.20"


CASES = [
    Case({"port": 9000, "appProtocol": "grpc"}, "kubernetes.io/h2c", None, None, "MS140", "would be opaque"),
    Case({"port": 9000, "appProtocol": "gRPC"}, "kubernetes.io/h2c", None, None, "MS140", "in any case"),
    Case({"port": 9000, "appProtocol": "http2"}, "kubernetes.io/h2c", None, None, "MS140", "would be opaque"),
    Case({"port": 80, "appProtocol": "http"}, "http", None, None, "", "Linkerd reads it"),
    Case({"port": 80, "appProtocol": "HTTP"}, "HTTP", None, None, "", "in any case"),
    Case({"port": 80, "appProtocol": "http-admin"}, "http", None, None, "MS140", "Istio reads the first word only"),
    Case({"port": 80, "appProtocol": "kubernetes.io/h2c"}, "kubernetes.io/h2c", None, None, "", "Linkerd reads it"),
    Case({"port": 80, "appProtocol": "kubernetes.io/ws"}, "http", None, None, "MS140", "an upgrade of HTTP/1"),
    Case({"port": 443, "appProtocol": "https"}, "https", None, None, "", "opaque is what TLS is"),
    Case({"port": 443, "appProtocol": "kubernetes.io/wss"}, "kubernetes.io/wss", None, None, "", "TLS too"),
    Case({"port": 80, "appProtocol": "example.com/x"}, None, None, None, "MS144", "Istio detects, so Linkerd shall"),
    Case({"port": 6000, "appProtocol": "redis"}, "linkerd.io/opaque", None, None, "MS140", "the client speaks first"),
    Case({"port": 3307, "appProtocol": "mysql"}, OPAQUE_TCP, None, DEFAULTS + ",3307", "MS140", "the server speaks first"),
    Case({"port": 2525, "appProtocol": "tcp-server-first"}, "linkerd.io/opaque", None, DEFAULTS + ",2525", "MS140", "OSM's"),
    Case({"port": 80}, None, None, None, "", "detected by both"),
    Case({"port": 80, "name": "http"}, None, None, None, "", "detection finds HTTP"),
    Case({"port": 80, "name": "grpc-api"}, None, None, None, "", "detection finds HTTP/2"),
    Case({"port": 443, "name": "https"}, None, None, None, "", "detection finds TLS"),
    Case({"port": 4222, "name": "tcp-nats"}, "linkerd.io/opaque", None, DEFAULTS + ",4222", "MS140", "may be server-first"),
    Case({"port": 3306, "name": "mysql"}, None, None, None, "", "in Linkerd's default list"),
    Case({"port": 3306}, None, None, None, "", "TCP for Istio by number, opaque for Linkerd by default"),
    Case({"port": 4222, "name": "tcp-nats", "protocol": "UDP"}, None, None, None, "", "UDP is in no mesh"),
    Case({"port": 80, "targetPort": 4223, "name": "tcp"}, OPAQUE_TCP, None, DEFAULTS + ",4223", "MS140", "the pod's port"),
    Case({"port": 81, "targetPort": "db", "name": "tcp"}, OPAQUE_TCP, None, DEFAULTS + ",7001", "MS140", "by its name"),
    Case({"port": 81, "targetPort": "none", "name": "tcp"}, OPAQUE_TCP, None, None, "MS140 MS143", "no such name"),
    Case(
        {"port": 4444, "name": "http"}, None, DEFAULTS.replace("4444,", ""), DEFAULTS.replace("4444,", ""), "MS140",
        "HTTP on a port that Linkerd takes for opaque",
    ),
    # Before 2.18 appProtocol is not read.
    Case({"port": 9000, "appProtocol": "grpc"}, "grpc", None, None, "", "detected", "2.17"),
    Case({"port": 4222, "name": "tcp"}, None, DEFAULTS + ",4222", DEFAULTS + ",4222", "MS140", "lists on both sides", "2.17"),
    Case({"port": 6000, "name": "redis"}, None, DEFAULTS + ",6000", None, "MS140", "for clients only", "2.16"),
    Case({"port": 80, "appProtocol": "example.com/x"}, "example.com/x", None, None, "", "not read", "2.17"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.reason} {case.port} {case.linkerd}")
def test_protocol_of_a_port(case: Case) -> None:
    named = {
        "containers": [
            {"name": "app", "image": "shop/app:1", "ports": [{"name": "db", "containerPort": 7001}]}
        ]
    }
    text = NAMESPACE + workload(spec=named) + service([case.port])
    outcome = run(text, linkerd=case.linkerd, gateway_api="1.2" if case.linkerd == "2.20" else "1.1")
    found = outcome.objects["Service/cart"]
    assert found["spec"]["ports"][0].get("appProtocol") == case.app_protocol
    assert found["metadata"].get("annotations", {}).get(OPAQUE) == case.service_list
    assert pod_annotations(outcome.objects["Deployment/cart"]).get(OPAQUE) == case.pod_list
    assert [code for code in outcome.codes if code > "MS139" and code != "MS151"] == case.codes.split()


PORT = {"port": 4222, "name": "tcp-nats", "appProtocol": "tcp"}


def test_only_services_of_pods_that_move() -> None:
    text = service([PORT])
    assert run(text).text == text, "nobody moves"
    assert run(namespace() + workload() + text).text == namespace() + workload() + text
    elsewhere = service([PORT], namespace="other")
    assert elsewhere in run(NAMESPACE + workload() + elsewhere).text
    own = workload(labels={"sidecar.istio.io/inject": "true"})
    assert "linkerd.io/opaque" in run(own + text).text
    out = workload(labels={"sidecar.istio.io/inject": "false"})
    assert "linkerd.io/opaque" not in run(out + text).text


def test_a_held_workload_keeps_its_service() -> None:
    held = workload(annotations={"traffic.sidecar.istio.io/excludeInterfaces": "eth0"})
    text = NAMESPACE + held + service([PORT])
    outcome = run(text)
    assert outcome.text == text
    assert "linkerd.io/opaque" in run(text, accept=("MS110@Deployment/shop/cart",)).text


def test_two_services_of_one_workload_share_its_list() -> None:
    other = {"port": 2525, "name": "tcp-smtp"}
    outcome = run(NAMESPACE + workload() + service([PORT]) + service([other, PORT], name="cart-smtp"))
    assert pod_annotations(outcome.objects["Deployment/cart"])[OPAQUE] == DEFAULTS + ",4222,2525"


def test_lists_that_exist_are_extended() -> None:
    text = NAMESPACE + workload(annotations={OPAQUE: "4000-4300"}) + service([{"port": 4333, "name": "tcp"}])
    assert pod_annotations(run(text).objects["Deployment/cart"])[OPAQUE] == "4000-4300,4333"
    inside = NAMESPACE + workload(annotations={OPAQUE: "4000-4300"}) + service([PORT])
    assert pod_annotations(run(inside).objects["Deployment/cart"])[OPAQUE] == "4000-4300"
    inherited = namespace(labels={"istio-injection": "enabled"}, annotations={OPAQUE: "4000-4999"})
    outcome = run(inherited + workload() + service([{"port": 4222, "name": "http"}]))
    assert pod_annotations(outcome.objects["Deployment/cart"])[OPAQUE] == "4000-4221,4223-4999"
    assert outcome.objects["Service/cart"]["metadata"]["annotations"][OPAQUE] == "4000-4221,4223-4999"


def test_the_install_may_have_another_default_list() -> None:
    text = NAMESPACE + workload() + service([{"port": 4222, "name": "tcp"}])
    outcome = run(text, linkerd_install_opaque_ports="4222")
    assert outcome.objects["Service/cart"]["spec"]["ports"][0] == {"port": 4222, "name": "tcp"}
    assert pod_annotations(outcome.objects["Deployment/cart"]) == {}


def test_context_is_named_and_not_written() -> None:
    outcome = run(NAMESPACE + workload(), context=service([PORT]))
    assert "Service/cart" not in outcome.objects
    assert "appProtocol tcp becomes linkerd.io/opaque" in outcome.finding("MS141")
    # The pods are in the stream and are told.
    assert pod_annotations(outcome.objects["Deployment/cart"])[OPAQUE] == DEFAULTS + ",4222"
    pods = run(NAMESPACE + service([PORT]), context=workload())
    assert f"Deployment shop/cart is only context and was not changed: it needs {OPAQUE}" in pods.finding(
        "MS141"
    )
    nobody = run(NAMESPACE + service([PORT]))
    assert "no workload" in nobody.finding("MS143")


def test_grpc_web_is_held_with_the_pods() -> None:
    text = NAMESPACE + workload() + service([{"port": 8080, "name": "grpc-web", "appProtocol": "grpc-web"}])
    outcome = run(text)
    assert outcome.text == text
    assert "MS142" in outcome.codes
    accepted = run(text, accept=("MS142@Service/shop/cart",))
    assert accepted.objects["Service/cart"]["spec"]["ports"][0]["appProtocol"] == "http"
    assert pod_annotations(accepted.objects["Deployment/cart"]) == {}
    assert accepted.objects["Namespace/shop"]["metadata"]["annotations"] == {"linkerd.io/inject": "enabled"}


def test_istio_settings_of_a_service_are_named() -> None:
    text = service(
        [{"port": 80}],
        annotations={"networking.istio.io/exportTo": ".", "networking.istio.io/traffic-distribution": "Any"},
    )
    outcome = run(NAMESPACE + workload() + text)
    assert "networking.istio.io/exportTo, networking.istio.io/traffic-distribution" in outcome.finding(
        "MS145"
    )
    assert text in outcome.text


def test_labels_for_ambient_clients_of_a_service_go() -> None:
    text = service([{"port": 80}], labels={"istio.io/use-waypoint": "w", "app": "cart"})
    outcome = run(NAMESPACE + workload() + text)
    assert "no waypoints" in outcome.finding("MS103")
    assert outcome.objects["Service/cart"]["metadata"]["labels"] == {"app": "cart"}


def test_a_service_of_all_clusters_holds_its_pods() -> None:
    text = service([{"port": 80}], labels={"istio.io/global": "true"})
    assert run(NAMESPACE + workload() + text).text == NAMESPACE + workload() + text
    accepted = run(NAMESPACE + workload() + text, accept=("MS713@Service/shop/cart",))
    assert "labels" not in accepted.objects["Service/cart"]["metadata"]
    private = service([{"port": 80}], labels={"istio.io/global": "false"})
    assert "MS713" not in run(NAMESPACE + workload() + private).codes


def test_services_without_pods_of_this_mesh() -> None:
    external = service([PORT]).replace(
        "spec:\n", "spec:\n  type: ExternalName\n  externalName: example.com\n"
    )
    assert external in run(NAMESPACE + workload() + external).text


def test_only_the_lines_of_the_port_change() -> None:
    text = """\
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  selector: {app: cart}
  ports:
    - {name: web, port: 80}
    # backend
    - name: api
      appProtocol: grpc   # HTTP/2
      port: 9000
"""
    outcome = run(NAMESPACE + workload() + "---\n" + text)
    assert text.replace("grpc   # HTTP/2", "kubernetes.io/h2c   # HTTP/2") in outcome.text
