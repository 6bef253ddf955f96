"""Every case of AuthorizationPolicies and PeerAuthentications."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check
from tests.crd_validation import Emitted

CASES = cases("authorization-policy") + cases("peer-authentication")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


def test_refusals_stand_beside_translations() -> None:
    refused = [case for case in CASES if any(line.startswith("error ") for line in case.findings)]
    assert 0.4 * len(CASES) <= len(refused) < len(CASES)
