"""Every case of AuthorizationPolicies and PeerAuthentications."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, run
from tests.crd_validation import Emitted

CASES = cases("authorization-policy") + cases("peer-authentication")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


def test_refusals_stand_beside_translations() -> None:
    refused = [case for case in CASES if any(line.startswith("error ") for line in case.findings)]
    assert 0.4 * len(CASES) <= len(refused) < len(CASES)


@pytest.mark.parametrize(
    ("name", "told"), [("policies-elsewhere-accepted", True), ("namespace-wide-alone-accepted", False)]
)
def test_who_accepts_that_policies_are_unseen_reads_what_it_leaves_open(name: str, told: bool) -> None:
    """Pods of other charts under a selector keep ports that the pod templates of this one close."""
    case = next(case for case in CASES if case.folder.name == name)
    (finding,) = (one for one in run(case, case.input).report.findings if one.code == "MS429")
    assert finding.accepted
    assert ("pods elsewhere that it selects" in finding.message) is told
