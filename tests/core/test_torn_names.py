"""References of derived objects that a renaming tool has torn apart (MS025): tests/cases/torn-names."""

from __future__ import annotations

import itertools

import pytest
import yaml

from tests import case_tables
from tests.case_tables import Case
from tests.crd_validation import Emitted
from tests.real_tools import ROOT
from transformer import torn_names
from transformer.documents import Input
from transformer.objects import MARKER

CASES = case_tables.cases("torn-names")
#: kustomize compares names and not kinds: a Namespace in an identityRef keeps its name, and a grant may be for anything.
NOT_FOLLOWED = {("MeshTLSAuthentication", "spec/identityRefs/name"), ("ReferenceGrant", "spec/to/name")}


@pytest.mark.parametrize("case", CASES, ids=case_tables.ids(CASES))
def test_case(case: Case, emitted: Emitted) -> None:
    case_tables.check(case, emitted)


def test_the_component_tells_kustomize_of_every_reference_that_is_made() -> None:
    """Of every reference in every derived object of all cases: who refers, in which field, to which kind."""
    names = yaml.safe_load((ROOT / "kustomize-plugin/component/names.yaml").read_text(encoding="utf-8"))
    known = {
        (spec["group"], spec["kind"], spec["path"], entry.get("group", ""), entry["kind"])
        for entry in names["nameReference"]
        for spec in entry["fieldSpecs"]
    }
    made = set()
    for path in sorted(case_tables.CASES.glob("*/*/expected.yaml")):
        for part in Input(path.read_bytes(), (MARKER.encode(),)).parts():
            obj = part.obj(itertools.count(), "") if part.candidate else None
            if obj is None or MARKER not in obj.annotations:
                continue
            for found in torn_names.references(obj):
                field = "/".join(step for step in found.at.path if isinstance(step, str))
                if field.endswith("/name") and (obj.ref.kind, field) not in NOT_FOLLOWED:
                    made.add((obj.ref.group, obj.ref.kind, field, found.group, found.kind))
    assert len(made) > 15
    assert made - known == set()
