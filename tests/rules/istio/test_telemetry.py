"""Every case of Telemetry objects: what ends is told."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted

CASES = cases("telemetry")


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)
