"""What holds for every delivery, with the real kpt; the numbers are shared by all test_invariants_… files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.delivery.kustomizing import RESOURCES, notes, recorded, texts
from tests.delivery.running import Done, identities, one, run, write
from tests.delivery.samples import POLICY
from transformer.frontends import krm_files

HELD = RESOURCES | {"policy.yaml": POLICY}


@pytest.fixture
def through_kpt(
    kpt: str, home: dict[str, str], program: str, tmp_path: Path
) -> Callable[[dict[str, str]], Done]:
    """`kpt fn eval` of a package with these files; what went in and came out is kept as `recorded` keeps it."""

    def evaluate(files: dict[str, str]) -> Done:
        recorded(tmp_path / "seen", program)
        head = "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: shop\n"
        folder = write(tmp_path / "package", {"Kptfile": head, **files})
        command = [kpt, "fn", "eval", folder, "--exec", tmp_path / "seen" / "record"]
        return run([*command, "--", "mesh.mtls=strict"], home)

    return evaluate


def test_invariant_01_kpt_gets_items_that_need_nothing_back_as_they_came(
    through_kpt: Callable[[dict[str, str]], Done], tmp_path: Path
) -> None:
    through_kpt(RESOURCES).succeeded()
    before, after = texts(tmp_path / "seen" / "in"), texts(tmp_path / "seen" / "out")
    same = {name for name in before if after.get(name) == before[name]}
    assert same == {"Kptfile/shop", "Service/cart", "ConfigMap/settings"}


def test_invariant_04_kpt_gets_a_place_of_its_own_for_every_object_and_no_id_for_a_new_one(
    through_kpt: Callable[[dict[str, str]], Done], tmp_path: Path
) -> None:
    through_kpt({"all.yaml": "---\n".join(RESOURCES[name] for name in sorted(RESOURCES))}).succeeded()
    before, after = (
        yaml.safe_load((tmp_path / "seen" / name).read_text(encoding="utf-8"))["items"]
        for name in ("in", "out")
    )
    for document in before:
        if identities([document]) != ["VirtualService/cart"]:
            kept = notes(one(after, identities([document])[0]))
            assert all(kept[key] == notes(document)[key] for key in notes(document) if key.endswith("/id"))
    places = [(notes(item)[krm_files.PATH], notes(item)[krm_files.INDEX]) for item in after]
    assert len(set(places)) == len(places)
    route = notes(one(after, "HTTPRoute/cart"))
    assert route[krm_files.PATH] == "all.yaml"
    assert not [key for key in route if key.endswith("id")]


def test_invariant_04_kpt_writes_nothing_where_the_function_fails(
    through_kpt: Callable[[dict[str, str]], Done], tmp_path: Path
) -> None:
    done = through_kpt(HELD)
    assert done.code == 1
    found = {path.name: path.read_text() for path in (tmp_path / "package").iterdir()}
    assert {name: found[name] for name in HELD} == HELD
