"""The corrected pairs of the reference data, against what the program writes for their inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from transformer.options import Options
from transformer.targets.metadata import MARKER
from transformer.transform import transform

SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: {}
  namespace: faces
spec:
  ports:
  - name: http
    port: 80
"""
FACES = "---\n".join(
    SERVICE.format(name) for name in ("color", "color2", "smiley", "face", "faces-gui")
).encode()


def routes(output: bytes) -> list[dict[str, Any]]:
    """The emitted routes without our mark."""
    found = []
    for document in yaml.safe_load_all(output):
        if document["kind"] == "HTTPRoute":
            del document["metadata"]["annotations"][MARKER]
            if not document["metadata"]["annotations"]:
                del document["metadata"]["annotations"]
            found.append(document)
    return found


@pytest.mark.parametrize(
    ("source", "corrected"),
    [
        ("istio-04-virtualservice-split.input.yaml", "istio-04-virtualservice-split.expected-corrected.yaml"),
        ("osm-03-trafficsplit.input.yaml", "osm-03-trafficsplit.expected.yaml"),
    ],
)
def test_corrected_results(shared: Path, source: str, corrected: str) -> None:
    folder = shared / "reference" / "seed-examples"
    result = transform((folder / source).read_bytes(), Options(), [("services.yaml", FACES)])
    assert routes(b"".join(result.output)) == [yaml.safe_load((folder / corrected).read_text())]


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("istio-02-virtualservice-gui.input.yaml", {"MS270"}),
        ("istio-03-virtualservice-face.input.yaml", {"MS270"}),
        ("istio-05-virtualservice-fault.input.yaml", {"MS230"}),
    ],
)
def test_what_is_refused_in_this_version(shared: Path, source: str, codes: set[str]) -> None:
    data = (shared / "reference" / "seed-examples" / source).read_bytes()
    result = transform(data, Options(), [("services.yaml", FACES)])
    assert result.output == []
    assert {finding.code for finding in result.report.findings if finding.severity == "error"} == codes
    anyway = transform(data, Options({"fail-on": "never"}), [("services.yaml", FACES)])
    assert b"".join(anyway.output) == data


def test_the_ingress_of_the_guide(shared: Path) -> None:
    """What the guide prints has an illegal hostname, weight 0 and backends without ports; ours has none of these."""
    names = ("istio-01-gateway", "istio-02-virtualservice-gui", "istio-03-virtualservice-face")
    folder = shared / "reference" / "seed-examples"
    stream = b"---\n".join((folder / f"{name}.input.yaml").read_bytes() for name in names)
    result = transform(stream, Options({"gateway-class": "public"}), [("services.yaml", FACES)])
    found = list(yaml.safe_load_all(b"".join(result.output)))
    gateway, gui, face = found
    assert gateway["kind"] == "Gateway"
    assert gateway["spec"]["listeners"] == [
        {"name": "http", "port": 8080, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    ]
    for route, service, prefix in ((gui, "faces-gui", "/gui"), (face, "face", "/face")):
        assert "hostnames" not in route["spec"]
        (rule,) = route["spec"]["rules"]
        assert rule["backendRefs"] == [{"name": service, "port": 80}]
        assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": prefix}}]
    assert gui["spec"]["rules"][0]["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/"
