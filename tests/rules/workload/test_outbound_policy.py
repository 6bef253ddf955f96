"""Every case of meshes that refuse unknown hosts."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted

CASES = cases("outbound-policy")


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)
