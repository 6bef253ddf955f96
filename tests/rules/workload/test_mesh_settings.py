"""Every case of Istio's own configuration against the options."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted

CASES = cases("mesh-settings")


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)
