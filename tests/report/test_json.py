"""The machine-readable report: complete, stable, deterministic."""

from __future__ import annotations

import json as parser

from tests.report import samples
from transformer.findings import Finding
from transformer.report import json


def test_every_field_of_a_finding_is_there() -> None:
    entries = samples.data()["findings"]
    assert [set(entry) for entry in entries] == [set(Finding._fields)] * len(samples.FINDINGS)
    assert entries[0]["object"] == {
        "group": "networking.istio.io",
        "version": "v1",
        "kind": "VirtualService",
        "namespace": "shop",
        "name": "cart",
    }
    assert entries[3]["object"] is None
    assert entries[4]["held_by"] == "VirtualService shop/cart"


def test_objects_emitted_and_edited() -> None:
    data = samples.data()
    assert data["objects"][0]["fates"] == {"translated": 4, "no-op": 1}
    assert [(entry["kind"], entry["outcome"]) for entry in data["objects"]] == [
        ("VirtualService", "translated"),
        ("AuthorizationPolicy", "held"),
    ]
    assert data["emitted"][0] == json.identity(samples.NEW) | {"from": "VirtualService shop/cart"}
    assert data["edited"] == [json.identity(samples.ROUTE)]
    assert data["assumptions"] == {
        "linkerd": "2.20",
        "gateway-api": "1.2",
        "channel": "standard",
        "mesh.mtls": "strict",
    }
    assert data["summary"] == {
        "findings": {"error": 2, "warning": 1, "info": 1, "accepted": 1},
        "objects": {"held": 1, "translated": 1},
    }


def test_the_documented_fields_are_the_fields() -> None:
    words = [line.split()[0] for line in (json.__doc__ or "").splitlines() if line[:1].isalpha()]
    assert [word for word in words if word != "The"] == list(samples.data())
    assert set(json.failure("check", 3, "x")) == set(samples.data())


def test_the_text_is_deterministic_and_says_the_same() -> None:
    data = samples.data()
    shuffled = dict(reversed(data.items()))
    assert json.dumps(data) == json.dumps(shuffled)
    assert parser.loads(json.dumps(data)) == data
    assert json.dumps(data).endswith("}\n")


def test_lines_are_one_finding_each() -> None:
    lines = json.lines(samples.data()).splitlines()
    assert [parser.loads(line) for line in lines] == samples.data()["findings"]
    failed = json.lines(json.failure("transform", 3, "not\nYAML")).splitlines()
    assert [parser.loads(line) for line in failed] == [{"error": "not\nYAML", "exit_code": 3}]
