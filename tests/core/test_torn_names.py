"""References of derived objects that a renaming tool has torn apart (MS025): tests/cases/torn-names."""

from __future__ import annotations

import pytest

from tests import case_tables
from tests.case_tables import Case
from tests.crd_validation import Emitted

CASES = case_tables.cases("torn-names")


@pytest.mark.parametrize("case", CASES, ids=case_tables.ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    case_tables.check(case, emitted)
