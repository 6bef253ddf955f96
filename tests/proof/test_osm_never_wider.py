"""Nobody may call more after the move than Open Service Mesh, or the specification of SMI, lets call today."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.proof.osm_worlds import Json, questions, world
from transformer.options import Options
from transformer.proof.linkerd_inbound import Inbound
from transformer.proof.osm_authorization import OsmAuthorization, Question
from transformer.rules.smi import protocols, route_group, target_plans, target_reading
from transformer.targets.linkerd import inbound_policy
from transformer.transform import transform

WORLDS = 150
READINGS = ("osm", "spec")


def compare(
    objects: list[Json], reading: str = "osm", *, permissive: bool = False, context: list[Json] | None = None
) -> Counter[str]:
    """Every question about what moved, by how the answers compare; `held` where nothing moved."""
    mode = "permissive" if permissive else "deny-by-default"
    chosen = {
        "authorization": "translate", "complete": ("*",), "fail-on": "never", "mesh.osm-policy-mode": mode,
        "smi-implementation": reading,
    }  # fmt: skip
    files = [("context.yaml", _stream(context))] if context else []
    result = transform(_stream(objects), Options(chosen), files)
    report = result.report
    assert not any("unaccounted" in fate.fates for fate in report.objects)
    assert not any(finding.code in ("MS009", "MS015", "MS006") for finding in report.findings)
    # Route groups that nothing uses are held by themselves.
    if any(fate.outcome == "held" and fate.ref.group != "specs.smi-spec.io" for fate in report.objects):
        return Counter(held=1)
    after = [found for found in yaml.safe_load_all(b"".join(result.output)) if found] + (context or [])
    asked = Counter[str]()
    linkerd, osm = Inbound(after), OsmAuthorization(objects, permissive=permissive, reading=reading)
    for obj in objects:
        if obj["kind"] == "Deployment":
            name = f"shop/{obj['metadata']['name']}"
            for port in (8080, 9000):
                for question in questions(name, port, osm.protocol(name, port)):
                    asked[_compared(linkerd, osm, question, obj)] += 1
    return asked


def _stream(objects: list[Json]) -> bytes:
    return yaml.safe_dump_all(objects, sort_keys=False).encode()


def _compared(linkerd: Inbound, osm: OsmAuthorization, question: Question, workload: Json) -> str:
    identity = None
    if question.client is not None:
        space, account = question.client
        identity = f"{account}.{space}.serviceaccount.identity.linkerd.cluster.local"
    protocol = osm.protocol(question.workload, question.port)
    answer = linkerd.ask({
        "pod": question.workload, "port": question.port, "method": question.method, "path": question.path, "query": "",
        "host": "store.shop", "headers": dict(question.headers), "tcp": protocol == "tcp",
        "client": {"identity": identity, "ip": "10.0.0.9"},
    })  # fmt: skip
    now, before = answer["verdict"] == "allow", osm.ask(question)
    if now and before != "allow":
        return "probe" if _is_probe(question, workload) else "WIDER"
    return "stricter" if before == "allow" and not now else "same"


def _is_probe(question: Question, workload: Json) -> bool:
    container = workload["spec"]["template"]["spec"]["containers"][0]
    probed = container.get("readinessProbe", {}).get("httpGet", {}).get("path")
    return question.port == 8080 and question.method == "GET" and question.path == probed


def counted(reading: str, worlds: int = WORLDS, **more: Any) -> Counter[str]:
    """The questions of many worlds, the same ones each time."""
    asked = Counter[str]()
    for seed in range(worlds):
        asked += compare(world(random.Random(seed)), reading, **more)
    return asked


@pytest.mark.parametrize("reading", READINGS)
def test_worlds_answer_as_before(reading: str) -> None:
    asked = counted(reading)
    assert asked["WIDER"] == 0
    assert asked["stricter"] == 0
    # A program that holds nearly everything, or closes everything, would prove nothing.
    assert asked["held"] < 0.6 * WORLDS
    assert asked["same"] > 10_000


@given(st.integers(min_value=1000), st.sampled_from(READINGS))
def test_nobody_may_do_more_than_before(seed: int, reading: str) -> None:
    asked = compare(world(random.Random(seed)), reading)
    assert asked["WIDER"] == 0
    assert asked["stricter"] == 0


def test_in_permissive_mode_every_meshed_client_is_let_in_as_before() -> None:
    asked = counted("osm", 60, permissive=True)
    assert asked["held"] == 0
    assert asked["stricter"] == 0
    assert asked["same"] > 1_000


def test_pods_that_join_by_their_own_annotation_close_themselves() -> None:
    asked = Counter[str]()
    for seed in range(60):
        namespace, *objects = world(random.Random(seed))
        annotations = namespace["metadata"].pop("annotations")
        for obj in objects:
            if obj["kind"] == "Deployment":
                obj["spec"]["template"]["metadata"]["annotations"] = dict(annotations)
        asked += compare(objects, context=[namespace])
    assert asked["WIDER"] == 0
    assert asked["stricter"] == 0
    assert asked["same"] > 5_000


def _everyone(emit: Callable[..., Any]) -> Callable[..., Any]:
    def emitted(*args: Any) -> Any:
        for made in emit(*args):
            if made.kind == "Server":
                yield made._replace(spec={**made.spec, "accessPolicy": "all-authenticated"})
            else:
                yield made

    return emitted


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "overlaps are let pass": lambda m: m.setattr(target_plans, "_meet", lambda key, other: False),
    "ports are forgotten": lambda m: m.setattr(target_reading.Target, "opens", lambda self, port: True),
    "every port is TCP": lambda m: m.setattr(protocols, "protocol", lambda port: "tcp"),
    "headers are forgotten": lambda m: m.setattr(inbound_policy, "_headers", lambda conditions: {}),
    "expressions match the beginning": lambda m: m.setattr(
        route_group, "_as_read", lambda text, reading: f"{text}.*"
    ),
    "Servers are open": lambda m: m.setattr(inbound_policy, "objects", _everyone(inbound_policy.objects)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    FAULTS[fault](monkeypatch)
    noticed = (compare(world(random.Random(seed)))["WIDER"] for seed in range(WORLDS))
    assert any(noticed)


def _moved(objects: list[Json]) -> list[Json]:
    chosen = {"authorization": "translate", "complete": ("*",), "fail-on": "never"}
    stream = yaml.safe_dump_all(objects, sort_keys=False).encode()
    return [
        found for found in yaml.safe_load_all(b"".join(transform(stream, Options(chosen)).output)) if found
    ]


def test_a_second_run_and_another_order_change_nothing() -> None:
    for seed in range(40):
        objects = world(random.Random(seed))
        once = _moved(objects)
        assert _moved(once) == once, seed
        turned = _moved(objects[::-1])
        assert sorted(map(str, turned)) == sorted(map(str, once)), seed
