"""Every case of TrafficTargets and of the policy mode under which they are enforced."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted

CASES = cases("traffic-target")


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


def test_refusals_stand_beside_translations() -> None:
    refused = [case for case in CASES if any(line.startswith("error ") for line in case.findings)]
    assert 0.4 * len(CASES) <= len(refused) < len(CASES)
