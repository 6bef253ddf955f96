"""Every case of the workload rules, and the guide for Open Service Mesh as it was given."""

from __future__ import annotations

import pytest
import yaml

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted
from tests.real_tools import shared_folder
from tests.rules.workload.running import run

CASES = [
    case
    for rule in ("namespace-injection", "workload-injection", "service-ports", "root-policies")
    for case in cases(rule)
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


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
