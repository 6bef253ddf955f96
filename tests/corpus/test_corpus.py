"""The whole program over real manifests of many projects: each file alone, and each folder as one stream."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from dev.measure import stream_checks
from dev.measure.corpus_runs import Ran, reports, run, run_all
from tests.crd_validation import CrdValidator
from tests.real_tools import absent
from transformer import cli
from transformer.frontends import output


class Runs(NamedTuple):
    """Every run over the corpus: files alone, and folders as one stream."""

    files: list[Ran]
    folders: list[Ran]

    @property
    def done(self) -> list[Ran]:
        """Runs that have an output."""
        return [ran for ran in [*self.files, *self.folders] if ran.report is not None]


@pytest.fixture(scope="module")
def corpus(shared: Path) -> Runs:
    folder = shared / "corpus"
    if not folder.is_dir():
        absent("the manifests of other projects, ../shared/corpus, are not beside the repository")
    return Runs(*run_all(folder))


def test_the_corpus_is_large_enough_to_mean_something(corpus: Runs) -> None:
    assert len(corpus.files) > 1000
    assert len(corpus.folders) > 50
    assert sum(len(report.emitted) for report in reports(corpus.done)) > 20
    assert sum(len(report.edited) for report in reports(corpus.done)) > 20


def test_only_unreadable_input_is_refused_and_its_place_is_told(corpus: Runs) -> None:
    # Folders are joined from files that can be read.
    assert [ran.refusal for ran in corpus.folders if ran.refusal] == []
    for ran in corpus.files:
        if ran.report is None:
            assert re.match(r"\S+:\d+: ", ran.refusal), ran.refusal
            assert ran.source.data.count(b"\n") + 1 >= int(ran.refusal.split(":")[1])
            # Templates; anything else that is refused should be looked at first.
            assert b"{{" in ran.source.data, ran.refusal


def test_no_field_is_left_without_a_fate(corpus: Runs) -> None:
    assert _faults(stream_checks.unaccounted, corpus.done) == []


def test_what_nothing_concerns_passes_byte_for_byte(corpus: Runs) -> None:
    assert _faults(stream_checks.pass_through, corpus.done) == []


def test_a_second_run_changes_nothing(corpus: Runs) -> None:
    assert _faults(stream_checks.idempotent, corpus.done) == []


def test_findings_at_the_limit_leave_standard_output_empty(
    corpus: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Through the command line, so that front ends and reports see every file too.
    written: list[bytes] = []
    monkeypatch.setattr(output, "write", written.append)
    monkeypatch.setattr(output, "say", lambda text: None)
    ends: Counter[int] = Counter()
    for ran in [*corpus.files, *corpus.folders]:
        written.clear()
        code = cli.run(["--mesh-mtls", "permissive", "--gateway-class", "corpus"], ran.source.data)
        ends[code] += 1
        assert (b"".join(written) != b"") == (code == 0 and ran.source.data != b""), ran.source.name
        assert (code == 3) == (ran.report is None), ran.source.name
    assert set(ends) <= {0, 1, 3}
    assert ends[0] > 50
    assert ends[1] > 50


def test_a_missing_fact_leaves_standard_output_empty(corpus: Runs) -> None:
    asked = 0
    for ran in corpus.done:
        report = run(ran.source, {"fail-on": "never"}).report
        assert report is not None
        if any(report.facts.values()):
            asked += 1
            assert report.exit_code == 2
            assert run(ran.source, {"fail-on": "never"}).output == b""
        else:
            assert report.exit_code == 0
    assert asked > 5


def test_every_derived_object_is_valid_and_no_edit_makes_one_invalid(
    corpus: Runs, crd_validator: CrdValidator
) -> None:
    sets = {}
    for ran in corpus.done:
        objects = stream_checks.to_validate(ran)
        for what, found in objects._asdict().items():
            if found:
                sets[f"{what} {ran.source.name}"] = found
    answers = crd_validator.validate(sets, foreign=True)
    derived = {name: errors for name, errors in answers.items() if name.startswith("derived ")}
    assert sum(len(sets[name]) for name in derived) > 20
    assert {name: errors for name, errors in derived.items() if errors} == {}
    for name, errors in answers.items():
        if name.startswith("after "):
            # What the file brought along is not ours to judge.
            earlier = answers[name.replace("after ", "before ", 1)]
            assert set(errors) <= set(earlier), name


def _faults(check: Callable[[Ran], list[str]], runs: Iterable[Ran]) -> list[str]:
    return [fault for ran in runs for fault in check(ran)]
