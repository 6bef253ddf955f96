"""kpt with the KRM function: files on disk, and the place of objects that are new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.crd_validation import Emitted
from tests.delivery.running import KRM_WRAPPER, Done, identities, run, write
from tests.delivery.samples import NAMESPACE, POLICY, SERVICE, VIRTUAL_SERVICE

KPTFILE = "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: shop\n"
SETTINGS = """\
# kept, comment and all
apiVersion: v1
kind: ConfigMap
metadata:
  name: last
  namespace: shop
"""
PACKAGE = {
    "Kptfile": KPTFILE,
    "ns.yaml": NAMESPACE,
    "app/app.yaml": "---\n".join((SERVICE, VIRTUAL_SERVICE, SETTINGS)),
}

Evaluate = Callable[[Path], Done]


@pytest.fixture
def evaluate(kpt: str, home: dict[str, str]) -> Evaluate:
    """`kpt fn eval FOLDER --exec …` with mesh.mtls told the way that kpt has for it."""

    def change(folder: Path) -> Done:
        return run([kpt, "fn", "eval", folder, "--exec", KRM_WRAPPER, "--", "mesh.mtls=strict"], home)

    return change


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def test_derived_objects_land_in_the_file_of_their_source(
    evaluate: Evaluate, tmp_path: Path, emitted: Emitted
) -> None:
    folder = write(tmp_path / "package", PACKAGE)
    evaluate(folder).succeeded()
    after = files(folder)
    assert set(after) == set(PACKAGE)
    app = list(yaml.safe_load_all(after["app/app.yaml"]))
    assert identities(app) == ["Service/cart", "HTTPRoute/cart", "ConfigMap/last"]
    assert after["app/app.yaml"].count("# kept, comment and all") == 1
    left = {note for document in app for note in document["metadata"].get("annotations", {})}
    assert left == {"meshshift.dev/from"}, "kpt takes its own annotations back"
    emitted.add("kpt", after["app/app.yaml"] + "---\n" + after["ns.yaml"])


def test_a_second_run_changes_nothing(evaluate: Evaluate, tmp_path: Path) -> None:
    folder = write(tmp_path / "package", PACKAGE)
    evaluate(folder).succeeded()
    once = files(folder)
    evaluate(folder).succeeded()
    assert files(folder) == once


def test_held_objects_leave_every_file_as_it_was(evaluate: Evaluate, tmp_path: Path) -> None:
    package = PACKAGE | {"policy.yaml": POLICY}
    folder = write(tmp_path / "package", package)
    done = evaluate(folder)
    assert done.code == 1
    assert "MS403" in done.err + done.out.decode()
    assert files(folder) == package


def test_a_pipeline_names_the_program_and_its_configuration(
    kpt: str, home: dict[str, str], tmp_path: Path
) -> None:
    mutators = {"mutators": [{"exec": "meshshift", "configPath": "meshshift.yaml"}]}
    kptfile = yaml.safe_dump({**yaml.safe_load(KPTFILE), "pipeline": mutators})
    head = {"apiVersion": "meshshift.dev/v1alpha1", "kind": "MeshShift", "metadata": {"name": "shop"}}
    config = yaml.safe_dump({**head, "spec": {"mesh.mtls": "strict"}})
    folder = write(tmp_path / "package", PACKAGE | {"Kptfile": kptfile, "meshshift.yaml": config})
    run([kpt, "fn", "render", folder, "--allow-exec"], home).succeeded()
    after = files(folder)
    assert "kind: HTTPRoute" in after["app/app.yaml"]
    assert "all-authenticated" in after["ns.yaml"]
