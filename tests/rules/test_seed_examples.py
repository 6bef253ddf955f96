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
        ("istio-01-gateway.input.yaml", {"MS010"}),
        ("istio-02-virtualservice-gui.input.yaml", {"MS201"}),
        ("istio-03-virtualservice-face.input.yaml", {"MS201"}),
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
