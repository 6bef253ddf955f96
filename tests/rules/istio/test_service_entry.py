"""Every case of ServiceEntries: which hosts need nothing, and which entries lead elsewhere or permit."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted

CASES = cases("service-entry")


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)
