"""Istio's and OSM's sidecar annotations, one by one: mapped, not needed, lost or held."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.rules.workload.running import pod_annotations, run, workload

TRAFFIC = "traffic.sidecar.istio.io/"
SIDECAR = "sidecar.istio.io/"
CONFIG = "proxy.istio.io/config"
OSM = "openservicemesh.io/"
LINKERD = "config.linkerd.io/"
BETA = "config.beta.linkerd.io/proxy-enable-native-sidecar"
ALPHA = "config.alpha.linkerd.io/proxy-enable-native-sidecar"
SKIP_IN, SKIP_OUT = LINKERD + "skip-inbound-ports", LINKERD + "skip-outbound-ports"


class Mapped(NamedTuple):
    """Annotations, what they become, and the findings besides the one about headers."""

    given: dict[str, str]
    after: dict[str, str]
    codes: str
    reason: str
    linkerd: str = "2.20"


MAPPED = [
    Mapped({TRAFFIC + "excludeOutboundPorts": "3306, 5432"}, {SKIP_OUT: "3306,5432"}, "", "spaces go"),
    Mapped({TRAFFIC + "excludeInboundPorts": "9090,15020"}, {SKIP_IN: "9090"}, "", "Istio's own ports are gone"),
    Mapped({TRAFFIC + "excludeInboundPorts": "15090"}, {}, "", "only Istio's own ports"),
    Mapped({TRAFFIC + "includeInboundPorts": "*"}, {}, "", "the default"),
    Mapped({TRAFFIC + "includeInboundPorts": "8080"}, {SKIP_IN: "1-8079,8081-65535"}, "", "an allow-list is its complement"),
    Mapped(
        {TRAFFIC + "includeInboundPorts": "1,80,81", TRAFFIC + "excludeInboundPorts": "80"}, {SKIP_IN: "2-79,82-65535"}, "",
        "beside an allow-list Istio ignores exclusions",
    ),
    Mapped({TRAFFIC + "includeInboundPorts": ""}, {SKIP_IN: "1-65535"}, "", "nothing is captured"),
    Mapped({TRAFFIC + "includeOutboundIPRanges": ""}, {SKIP_OUT: "1-65535"}, "", "nothing is captured"),
    Mapped(
        {TRAFFIC + "includeOutboundIPRanges": "", TRAFFIC + "includeOutboundPorts": "80,443",
         TRAFFIC + "excludeOutboundPorts": "443"},
        {SKIP_OUT: "1-79,81-65535"}, "", "captured by port only, less what is excluded",
    ),
    Mapped({TRAFFIC + "includeOutboundIPRanges": "*", TRAFFIC + "includeOutboundPorts": "80"}, {}, "", "all is captured"),
    Mapped({TRAFFIC + "excludeOutboundIPRanges": ""}, {}, "", "no range"),
    Mapped({"ambient.istio.io/bypass-inbound-capture": "true"}, {SKIP_IN: "1-65535"}, "", "ambient's bypass"),
    Mapped(
        {OSM + "outbound-port-exclusion-list": "6379, 7070", OSM + "inbound-port-exclusion-list": "9000"},
        {SKIP_OUT: "6379,7070", SKIP_IN: "9000"}, "", "OSM's lists",
    ),
    Mapped(
        {OSM + "inbound-port-exclusion-list": "80", TRAFFIC + "excludeInboundPorts": "81,80"}, {SKIP_IN: "81,80"}, "",
        "both meshes' lists",
    ),
    Mapped(
        {SIDECAR + "proxyCPU": "100m", SIDECAR + "proxyCPULimit": "2", SIDECAR + "proxyMemory": "128Mi",
         SIDECAR + "proxyMemoryLimit": "1Gi"},
        {LINKERD + "proxy-cpu-request": "100m", LINKERD + "proxy-cpu-limit": "2", LINKERD + "proxy-memory-request": "128Mi",
         LINKERD + "proxy-memory-limit": "1Gi"}, "", "resources",
    ),
    Mapped({SIDECAR + "logLevel": "debug"}, {LINKERD + "proxy-log-level": "warn,linkerd=debug,hickory=error"}, "", "log level"),
    Mapped({SIDECAR + "logLevel": "warning"}, {LINKERD + "proxy-log-level": "warn,hickory=error"}, "", "spelt differently"),
    Mapped({SIDECAR + "logLevel": "off"}, {}, "MS111", "Linkerd's proxy cannot be silent"),
    Mapped({SIDECAR + "nativeSidecar": "false"}, {LINKERD + "proxy-enable-native-sidecar": "false"}, "", "2.20"),
    Mapped({SIDECAR + "nativeSidecar": "true"}, {BETA: "true"}, "", "2.19", "2.19"),
    Mapped({SIDECAR + "nativeSidecar": "true"}, {ALPHA: "true"}, "", "2.18", "2.18"),
    Mapped({SIDECAR + "nativeSidecar": "auto"}, {}, "", "the install decides"),
    Mapped({SIDECAR + "interceptionMode": "REDIRECT"}, {}, "", "as Linkerd"),
    Mapped({SIDECAR + "interceptionMode": "TPROXY"}, {}, "MS111", "the caller's address is lost"),
    Mapped({"inject.istio.io/templates": "sidecar"}, {}, "", "the ordinary template"),
    Mapped({"inject.istio.io/templates": "sidecar,spire"}, {}, "MS111", "a template of the install"),
    Mapped(
        {SIDECAR + "rewriteAppHTTPProbers": "true", "status.sidecar.istio.io/port": "0",
         "prometheus.istio.io/merge-metrics": "false",
         SIDECAR + "statsInclusionPrefixes": "x",
         "readiness.status.sidecar.istio.io/periodSeconds": "2", SIDECAR + "proxyImage": "x"},
        {}, "MS112", "machinery of Istio, in one finding",
    ),
    Mapped({SIDECAR + "bootstrapOverride": "cm"}, {}, "MS111", "Envoy's bootstrap"),
    Mapped({SIDECAR + "userVolumeMount": "[]", SIDECAR + "userVolume": "[]"}, {}, "MS111", "volumes of the sidecar"),
    Mapped({SIDECAR + "somethingNew": "1"}, {SIDECAR + "somethingNew": "1"}, "MS115", "unknown: left"),
    Mapped({CONFIG: '{"holdApplicationUntilProxyStarts": true}'}, {LINKERD + "proxy-await": "enabled"}, "", "JSON"),
    Mapped(
        {"proxy.istio.io/config": "terminationDrainDuration: 30s\nhold_application_until_proxy_starts: false\nstatusPort: 1\n"},
        {LINKERD + "shutdown-grace-period": "30s", LINKERD + "proxy-await": "disabled"}, "", "YAML, either spelling",
    ),
    Mapped(
        {CONFIG: "concurrency: 2\ntracing: {}\nproxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true'}"}, {}, "MS113",
        "fields without a counterpart",
    ),
    Mapped({"proxy.istio.io/config": ""}, {}, "", "empty"),
    Mapped({"proxy.istio.io/config": "image: {imageType: distroless}"}, {}, "", "nothing needed"),
]  # fmt: skip


@pytest.mark.parametrize("case", MAPPED, ids=lambda case: case.reason + " " + " ".join(case.given))
def test_what_an_annotation_becomes(case: Mapped) -> None:
    outcome = run(
        workload(annotations=case.given),
        linkerd=case.linkerd,
        gateway_api="1.2" if case.linkerd > "2.17" else "1.1",
    )
    assert pod_annotations(outcome.objects["Deployment/cart"]) == case.after
    assert [code for code in outcome.codes if code != "MS151"] == case.codes.split()


HELD = [
    ({TRAFFIC + "excludeOutboundIPRanges": "10.0.0.0/8"}, "MS110", True, "skip-subnets is an inbound rule"),
    ({TRAFFIC + "includeOutboundIPRanges": "10.0.0.0/8"}, "MS110", True, "an allow-list of ranges"),
    ({TRAFFIC + "excludeInterfaces": "eth1"}, "MS110", True, "an interface"),
    ({OSM + "outbound-ip-range-exclusion-list": "10.0.0.0/8"}, "MS110", True, "OSM's ranges"),
    ({OSM + "outbound-ip-range-inclusion-list": "10.0.0.0/8"}, "MS110", True, "OSM's allow-list"),
    ({SIDECAR + "interceptionMode": "NONE"}, "MS123", True, "the application speaks to the sidecar"),
    ({"inject.istio.io/templates": "grpc-agent"}, "MS123", True, "proxyless gRPC"),
    ({"proxy.istio.io/config": "proxyMetadata: {OUTPUT_CERTS: /etc/certs}"}, "MS123", True, "certificates for the application"),
    ({"inject.istio.io/templates": "gateway"}, "MS121", False, "a gateway"),
    ({SIDECAR + "status": '{"containers": ["istio-proxy"]}'}, "MS120", False, "injected by hand"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "code", "acceptable", "reason"), HELD, ids=[row[3] for row in HELD])
def test_what_is_held_and_what_a_person_may_accept(
    given: dict[str, str], code: str, acceptable: bool, reason: str
) -> None:
    text = workload(annotations=given | {SIDECAR + "proxyCPU": "1"})
    outcome = run(text)
    assert (outcome.text, outcome.codes) == (text, [code]), reason
    assert "skip-subnets" not in outcome.text
    accepted = run(text, accept=(f"{code}@Deployment/shop/cart",))
    if acceptable:
        assert pod_annotations(accepted.objects["Deployment/cart"]) == {LINKERD + "proxy-cpu-request": "1"}
        assert accepted.outcome("Deployment/cart") == "degraded"
    else:
        assert accepted.text == text


def test_opted_out_pods_lose_what_does_nothing() -> None:
    given = {TRAFFIC + "excludeOutboundIPRanges": "10.0.0.0/8", SIDECAR + "proxyCPU": "lots"}
    outcome = run(workload(labels={SIDECAR + "inject": "false"}, annotations=given))
    assert pod_annotations(outcome.objects["Deployment/cart"]) == {"linkerd.io/inject": "disabled"}
    assert outcome.codes == []


def test_an_equal_linkerd_annotation_stays() -> None:
    given = {SIDECAR + "proxyCPU": "1", LINKERD + "proxy-cpu-request": "1"}
    assert pod_annotations(run(workload(annotations=given)).objects["Deployment/cart"]) == {
        LINKERD + "proxy-cpu-request": "1"
    }
