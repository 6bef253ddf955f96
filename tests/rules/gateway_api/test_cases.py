"""Every case of the rules for Gateway API objects that are used with Istio."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check, ids
from tests.crd_validation import Emitted

RULES = ("gateway-class", "gateway-map", "waypoint", "mesh-route", "ingress-route", "backend-policy")
CASES = [case for rule in RULES for case in cases(rule)]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


@pytest.mark.parametrize("rule", RULES)
def test_refusals_stand_beside_translations(rule: str) -> None:
    """At least two cases in five refuse something, or change nothing."""
    found = cases(rule)
    quiet = [
        case
        for case in found
        if case.input == case.expected or any(line.startswith("error") for line in case.findings)
    ]
    assert len(quiet) * 5 >= len(found) * 2, ids(found)
