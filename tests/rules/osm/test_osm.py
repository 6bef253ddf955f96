"""Every case of Open Service Mesh's own kinds, and of SMI's metrics."""

from __future__ import annotations

import pytest

from tests.case_tables import Case, cases, check
from tests.crd_validation import Emitted

RULES = (
    "osm-mesh-config", "osm-telemetry", "smi-metrics", "osm-egress", "ingress-backend", "osm-retry", "osm-upstream-traffic",
)  # fmt: skip
CASES = [case for rule in RULES for case in cases(rule)]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


def test_refusals_stand_beside_translations() -> None:
    refused = [case for case in CASES if any(line.startswith("error ") for line in case.findings)]
    assert 0.4 * len(CASES) <= len(refused) < len(CASES)
