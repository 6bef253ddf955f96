"""Whole streams before and after, from `tests/cases/<rule>/<case>/`; where nothing may change there is no `after.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real_tools import ROOT, shared_folder
from tests.rules.workload.running import run

RULES = ("namespace-injection", "workload-injection", "service-ports")
CASES = sorted(
    path.parent for rule in RULES for path in (ROOT / "tests" / "cases" / rule).glob("*/case.yaml")
)


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name} {folder.name}")
def test_whole_streams(folder: Path) -> None:
    case: dict[str, Any] = yaml.safe_load((folder / "case.yaml").read_text())
    before = (folder / "before.yaml").read_text()
    after = folder / "after.yaml"
    options = {key.replace(".", "_").replace("-", "_"): value for key, value in case["options"].items()}
    outcome = run(before, accept=tuple(case.get("accept", ())), **options)
    assert outcome.text == (after.read_text() if after.exists() else before), case["reason"]
    assert sorted(f"{f.severity} {f.code} {f.object}" for f in outcome.report.findings) == case["findings"]
    errors = [f for f in outcome.report.findings if f.severity == "error"]
    assert bool(errors) is not after.exists()


def test_every_rule_has_cases() -> None:
    assert {folder.parent.name for folder in CASES} == set(RULES)


@pytest.mark.parametrize(("accept", "same"), [(("MS110@Deployment/shop/cart",), False), ((), True)])
def test_the_guide_for_open_service_mesh(accept: tuple[str, ...], same: bool) -> None:
    folder = shared_folder() / "reference" / "seed-examples"
    before = (folder / "osm-02-injection.input.yaml").read_text()
    outcome = run(before, accept=accept)
    if same:
        assert outcome.text == before
        return
    expected = list(yaml.safe_load_all((folder / "osm-02-injection.expected.yaml").read_text()))
    assert list(yaml.safe_load_all(outcome.text)) == expected
