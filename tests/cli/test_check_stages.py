"""`meshshift check` while a migration is under way: what a stage adds must be there, and which namespaces may go on."""

from __future__ import annotations

import json

import pytest

from tests.case_tables import CASES
from tests.cli.running import Call

STREAM = (CASES / "only" / "namespace" / "input.yaml").read_bytes()
STRICT = "--mesh-mtls=strict"


@pytest.mark.parametrize(
    ("argv", "following"),
    [
        (["--phase=prepare"], "phase: switch"),
        (["--phase=switch"], "phase: enforce"),
        (["--only=shop"], "enforce without only"),
        (["--only=shop", "--phase=prepare"], "phase: switch"),
    ],
)
def test_a_stage_passes_when_it_is_complete(call: Call, argv: list[str], following: str) -> None:
    before = call("check", STRICT, *argv, stdin=STREAM)
    assert before.code == 1
    assert b"error MS018 HTTPRoute shop/cart" in before.out
    done = call(STRICT, *argv, stdin=STREAM)
    assert done.code == 0, done.err
    after = call("check", STRICT, *argv, stdin=done.out)
    assert after.code == 0, after.out.decode()
    assert f"shop       {following}" in after.out.decode()


def test_the_table_names_what_blocks_a_namespace(call: Call) -> None:
    held = STREAM.replace(b"  - timeout: 3s", b"  - rewrite: {uri: /v2}", 1)
    found = call("check", STRICT, "--phase=prepare", stdin=held)
    lines = found.out.decode().splitlines()
    assert "bank       -          1 missing" in lines
    assert "shop       -          1 held" in lines


def test_the_last_stage_has_no_such_table(call: Call) -> None:
    assert b"READY FOR" not in call("check", STRICT, stdin=STREAM).out


def test_what_stays_on_purpose_says_so_in_json(call: Call) -> None:
    done = call(STRICT, "--only=shop", stdin=STREAM)
    report = json.loads(call("check", STRICT, "--only=shop", "--report=json", stdin=done.out).out)
    stays = {(entry["kind"], entry["name"]): entry["stays"] for entry in report["objects"]}
    assert stays["VirtualService", "cart"]
    assert stays["VirtualService", "ledger"]
    assert report["assumptions"]["only"] == "shop"


def test_a_harmless_label_is_no_remainder(call: Call) -> None:
    stream = (CASES / "phases" / "switch-again" / "input.yaml").read_bytes()
    found = call("check", STRICT, "--phase=switch", stdin=stream)
    assert found.code == 0, found.out.decode()
