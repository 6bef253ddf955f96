"""Every case of NetworkPolicies that select moving pods."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted

CASES = cases("network-policies")


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


def test_silence_stands_beside_findings() -> None:
    silent = [case for case in CASES if not any("MS434" in line for line in case.findings)]
    assert 0.4 * len(CASES) <= len(silent) < len(CASES)
