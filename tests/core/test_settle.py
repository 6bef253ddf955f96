"""Settlement on its own: plans of made-up rules that collide, contradict each other or leave something out."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from transformer import needles
from transformer.context.index import Context
from transformer.documents import Input
from transformer.objects import Obj
from transformer.options import Options
from transformer.run import Run
from transformer.settle import settle
from transformer.targets import metadata, versions

ONE = (
    "apiVersion: x.istio.io/v1\nkind: One\nmetadata:\n  name: one\n  namespace: shop\nspec:\n  a: 1\n  b: 2\n"
)
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: reviews\n  namespace: shop\n  annotations:\n    x: '1'\n"


def started(*documents: str) -> tuple[Run, list[Obj]]:
    """A run over some documents, with all their objects in it."""
    counter = itertools.count()
    parts = list(Input("---\n".join(documents).encode(), needles.NEEDLES).parts())
    run = Run(Options(), Context(parts, [], counter, "", ()), versions.target("2.20", "1.2", "standard"))
    objects = [obj for part in parts if (obj := part.obj(counter, "")) is not None]
    for obj in objects:
        run.objects[obj.uid] = obj
    return run, objects


def made(source: Obj, name: str = "made", **meta: Any) -> dict[str, Any]:
    spec = {"ports": [{"name": "http", "port": 80}], "selector": {}}
    value = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata.metadata(source, name) | meta,
        "spec": spec,
    }
    return value


def codes(run: Run) -> list[str]:
    return [finding.code for finding in run.findings]


def test_a_leaf_that_no_rule_answers_for_holds_its_object_and_is_our_fault() -> None:
    run, (one,) = started(ONE)
    run.account(one, [one.spec])
    run.drop(one)
    run.no_op(one.spec.get("a"), "why")
    settlement = settle(run)
    assert settlement.faulty
    assert settlement.held == {one.uid: one.uid}
    assert codes(run) == ["MS009"]


def test_what_a_plan_accounts_for_counts_only_if_the_plan_is_carried_out() -> None:
    run, (one, two) = started(ONE, ONE.replace("one", "two"))
    run.account(one, [one.spec])
    run.derive(made(one), [one, two], run.translated(one.spec))
    settlement = settle(run)
    assert not settlement.faulty
    assert [emitted.ref.name for emitted in settlement.emitted] == ["made"]
    run.hold("MS010", two, "stays")
    settlement = settle(run)
    assert settlement.emitted == []
    assert settlement.faulty


def test_nothing_is_emitted_for_held_owners() -> None:
    run, (one,) = started(ONE)
    run.account(one, [one.spec])
    run.derive(made(one), [one], run.translated(one.spec))
    run.hold("MS010", one, "stays")
    settlement = settle(run)
    assert (settlement.emitted, settlement.faulty) == ([], False)


def test_two_plans_of_one_name_hold_both_sources() -> None:
    run, (one, two) = started(ONE, ONE.replace("one", "two"))
    run.derive(made(one), [one])
    run.derive(made(two), [two])
    settlement = settle(run)
    assert settlement.held == {one.uid: one.uid, two.uid: two.uid}
    assert settlement.emitted == []
    assert codes(run) == ["MS006", "MS006"]


@pytest.mark.parametrize(
    ("existing", "emitted", "replaced", "held"),
    [
        ("", 1, 0, False),
        ("    meshshift.dev/from: One/shop/one\n", 1, 1, False),
        ("    meshshift.dev/from: One/shop/other\n", 0, 0, True),
        ("    other: x\n", 0, 0, True),
    ],
    ids=["free", "ours", "of another source", "unmarked"],
)
def test_a_name_that_is_taken(existing: str, emitted: int, replaced: int, held: bool) -> None:
    there = (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: made\n  namespace: shop\n  annotations:\n"
        + existing
    )
    run, (one, *_) = started(ONE, *([there] if existing else []))
    run.derive(made(one), [one])
    settlement = settle(run)
    assert len(settlement.emitted) == emitted
    assert sum(len(entry.replaces) for entry in settlement.emitted) == replaced
    assert (one.uid in settlement.held) is held


def test_what_the_api_server_would_refuse_is_not_emitted() -> None:
    run, (one,) = started(ONE)
    run.derive(made(one, "Not_A_Name"), [one])
    settlement = settle(run)
    assert settlement.emitted == []
    assert codes(run) == ["MS015"]


def test_edits_that_contradict_each_other_hold_everybody() -> None:
    run, (one, two, service) = started(ONE, ONE.replace("one", "two"), SERVICE)
    run.edit(service, ("metadata", "annotations"), write={"x": "2"}, owners=[one])
    run.edit(service, ("metadata", "annotations"), write={"x": "3"}, owners=[two])
    settlement = settle(run)
    assert settlement.held.keys() == {one.uid, two.uid, service.uid}
    assert settlement.operations == {}
    assert service.part is not None
    assert not service.part.changed


def test_an_edit_goes_with_its_owner() -> None:
    run, (one, two, service) = started(ONE, ONE.replace("one", "two"), SERVICE)
    run.edit(service, ("metadata", "annotations"), write={"y": "1"}, owners=[one])
    run.edit(service, ("metadata", "annotations"), write={"z": "1"}, owners=[two])
    run.hold("MS010", one, "stays")
    settlement = settle(run)
    assert list(settlement.operations) == [service.uid]
    assert service.part is not None
    (text,) = service.part.render()
    assert "z: '1'" in text
    assert "y:" not in text


def test_an_object_with_a_duplicate_key_is_not_touched() -> None:
    run, (one,) = started(ONE + "  a: 3\n")
    run.drop(one)
    assert settle(run).held == {one.uid: one.uid}
    assert codes(run) == ["MS002"]


def test_while_a_client_stays_values_are_asked_for_what_the_old_mesh_must_not_see() -> None:
    run, (one, two) = started(ONE, ONE.replace("one", "two"))
    seen: list[bool] = []

    def value(hidden: bool) -> dict[str, Any]:
        seen.append(hidden)
        return made(one)

    run.clients[two.uid] = two
    run.derive(value, [one])
    assert not settle(run).clients_stay
    assert set(seen) == {False}
    run.hold("MS010", two, "stays")
    assert settle(run).clients_stay
    assert seen[-1]


def test_what_only_an_open_route_can_say_waits_for_the_last_client() -> None:
    run, (one, two) = started(ONE, ONE.replace("one", "two"))
    run.clients[two.uid] = two
    run.gateway_only.append((one.view, "needs more"))
    run.hold("MS010", two, "stays")
    assert one.uid in settle(run).held
    assert codes(run) == ["MS010", "MS260"]
