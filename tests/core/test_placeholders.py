"""Placeholders that another tool fills in after the run (MS027): tests/cases/placeholders."""

from __future__ import annotations

import pytest

from tests import case_tables
from tests.case_tables import Case
from tests.crd_validation import Emitted
from transformer.errors import DONE
from transformer.options import Options
from transformer.transform import transform

CASES = case_tables.cases("placeholders")


@pytest.mark.parametrize("case", CASES, ids=case_tables.ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    case_tables.check(case, emitted)


def test_a_label_is_copied_with_its_placeholder() -> None:
    """No case, since only what Flux makes of it is valid."""
    (case,) = (one for one in CASES if one.name.endswith("/not-consumed"))
    labelled = case.input.replace(b"  annotations:", b"  labels:\n    team: ${team}\n  annotations:", 1)
    result = transform(labelled, Options(case.settings))
    assert result.report.exit_code == DONE
    assert b"team: '${team}'" in b"".join(bytes(part) for part in result.output)
