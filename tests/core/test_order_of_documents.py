"""The order of documents in a stream decides where objects stand, not which ones there are."""

from __future__ import annotations

import random

import pytest
import yaml

from tests.case_tables import CASES, Case, load, run
from transformer.findings import Finding

#: Cases of several plain documents in which no order is the subject.
RULES = ("destination-rule", "security", "traffic-split", "units", "virtual-service")
#: Documents in it are no YAML.
OTHER_SUBJECT = frozenset({"unrelated-bytes"})
#: Findings that are made once for a run, on the first object that gives occasion.
RUN_WIDE = frozenset({"MS151", "MS228"})
SEPARATOR = b"\n---\n"


def several(folder_of: str) -> list[Case]:
    found = []
    for path in sorted((CASES / folder_of).glob("*/input.yaml")):
        case = load(path.parent)
        if case.folder.name in OTHER_SUBJECT or any(line.startswith("unreadable ") for line in case.findings):
            continue
        separators = case.input.count(SEPARATOR)
        if separators >= 2 and case.input.count(b"---") == separators:
            found.append(case)
    return found


def objects(output: bytes) -> list[str]:
    return sorted(yaml.safe_dump(document) for document in yaml.safe_load_all(output) if document)


def said(finding: Finding) -> tuple[str, str, str, str]:
    if finding.code in RUN_WIDE:
        return (finding.severity, finding.code, "", "")
    return (finding.severity, finding.code, str(finding.object), finding.field)


@pytest.mark.parametrize("rule", RULES)
def test_permuted_documents_give_the_same_objects_and_findings(rule: str) -> None:
    cases = several(rule)
    assert len(cases) >= 5
    chance = random.Random(rule)
    for case in cases:
        expected = run(case, case.input, fail_on="never")
        for _ in range(3):
            documents = case.input.rstrip(b"\n").split(SEPARATOR)
            chance.shuffle(documents)
            result = run(case, SEPARATOR.join(documents) + b"\n", fail_on="never")
            assert objects(b"".join(result.output)) == objects(b"".join(expected.output)), case.name
            found, wanted = result.report.findings, expected.report.findings
            assert sorted(map(said, found)) == sorted(map(said, wanted)), case.name
            assert result.report.exit_code == expected.report.exit_code
