"""The measuring itself: checks of streams that must notice what they are there for, and inputs for timing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import inputs
from bench.processes import Command, measure
from dev.measure import corpus_runs, stream_checks
from dev.measure.corpus_runs import Ran, Source, files, joined_folders, run
from dev.measure.vector_runs import Judged
from transformer.errors import DONE
from transformer.findings import Finding
from transformer.proof.verdicts import Verdict

CONFIG = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
NAMESPACE = """\
---
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio-injection: enabled
"""
OTHER = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: two}\n"
STREAM = (CONFIG + NAMESPACE + OTHER).encode()


def ran() -> Ran:
    """A run that edits the Namespace in the middle."""
    found = run(Source("stream.yaml", STREAM))
    assert found.report is not None
    assert found.report.exit_code == DONE
    assert [ref.kind for ref in found.report.edited] == ["Namespace"]
    return found


def test_a_sound_run_has_no_faults() -> None:
    for check in (stream_checks.pass_through, stream_checks.idempotent, stream_checks.unaccounted):
        assert check(ran()) == []
    assert [value["kind"] for value in stream_checks.to_validate(ran()).after] == ["Namespace"]
    assert stream_checks.to_validate(ran()).derived == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (
            lambda out: out.replace(b"{name: one}", b"{name: one }"),
            "a document that nothing concerns changed",
        ),
        (lambda out: out.replace(OTHER.encode(), b""), "a document that nothing concerns is gone"),
        (
            lambda out: OTHER.encode() + out.replace(OTHER.encode(), b""),
            "a document that nothing concerns moved",
        ),
        (
            lambda out: (
                out + b"---\napiVersion: v1\nkind: Service\n"
                b"metadata: {name: x, annotations: {meshshift.dev/from: X/y/z}}\n"
            ),
            "an object appeared that the report does not tell",
        ),
    ],
)
def test_a_spoilt_output_is_noticed(spoil: Callable[[bytes], bytes], reason: str) -> None:
    sound = ran()
    assert stream_checks.pass_through(sound._replace(output=spoil(sound.output))), reason


def test_a_change_without_any_plan_is_noticed() -> None:
    untouched = run(Source("stream.yaml", (CONFIG + OTHER).encode()))
    assert stream_checks.pass_through(untouched) == []
    assert stream_checks.pass_through(untouched._replace(output=untouched.output + b"\n"))


def test_an_output_that_would_be_changed_again_is_noticed() -> None:
    assert stream_checks.idempotent(ran()._replace(output=STREAM))


def test_a_leaf_without_a_fate_is_noticed() -> None:
    sound = ran()
    assert sound.report is not None
    [fate] = sound.report.objects
    spoilt = sound.report._replace(objects=[fate._replace(fates={"unaccounted": 1})])
    assert stream_checks.unaccounted(sound._replace(report=spoilt))
    assert stream_checks.unaccounted(sound._replace(report=sound.report._replace(exit_code=4)))


def test_files_are_joined_by_folder(tmp_path: Path) -> None:
    for name, text in {
        "files/a+b/x/1.yaml": CONFIG, "files/a+b/x/2.yaml": NAMESPACE, "files/a+b/y/3.yaml": OTHER,
        "files/a+b/x/4.yaml": "{{ broken", "files/a+b/x/notes.md": "no manifest", "charts/5.yaml": OTHER,
    }.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = files(tmp_path)
    assert [source.name for source in found] == sorted(source.name for source in found)
    assert len(found) == 5
    readable = {source.name: "broken" not in source.data.decode() for source in found}
    [joined] = joined_folders(found, readable)
    assert joined.name == "a+b/x/"
    kinds = [
        value["kind"]
        for document in stream_checks.documents(joined.data)
        for value in stream_checks.values(document)
    ]
    assert kinds == ["ConfigMap", "Namespace"]


def test_input_that_cannot_be_read_is_an_answer_and_no_crash() -> None:
    refused = corpus_runs.run(
        Source("bad.yaml", b"kind: VirtualService\napiVersion: istio.io/v1\n  bad: [\n")
    )
    assert refused.report is None
    assert refused.refusal.startswith("bad.yaml:")


@pytest.mark.parametrize(
    ("outcome", "aspect", "code", "excused", "reason"),
    [
        ("same", "", "", True, "nothing to excuse"),
        ("degraded", "retries", "MS240", True, "the report says so"),
        ("degraded", "retries", "MS235", False, "a finding about something else"),
        ("degraded", "retries", "", False, "nobody says so"),
        ("different", "path-normalization", "MS228", True, "the report says so"),
        ("different", "path-normalization", "", False, "nobody says so"),
        ("different", "destinations", "MS228", False, "no finding excuses another destination"),
        ("degraded", "path-normalization", "", True, "the same place, spelt as the client did"),
        ("kept", "", "", False, "nothing is held, so nothing may be left"),
    ],
)
def test_what_the_report_has_to_tell(
    outcome: str, aspect: str, code: str, excused: bool, reason: str
) -> None:
    report = ran().report
    assert report is not None
    told = [Finding(code, "warning", "", 0, None, "", "", "")] if code else []
    judged = Judged({}, report._replace(findings=told), [Verdict(0, outcome, aspect, "")])
    assert (judged.untold == []) == excused, reason


def test_generated_inputs_are_what_they_are_called(tmp_path: Path) -> None:
    stream = tmp_path / "in.yaml"
    assert inputs.write(stream, inputs.mixed(100, 10)) == stream.stat().st_size
    text = stream.read_text(encoding="utf-8")
    assert len(stream_checks.documents(text.encode())) == 100
    assert text.count("sidecar.istio.io/inject") == 10
    assert inputs.write(stream, inputs.settings(1_000_000)) >= 1_000_000
    report = run(Source("in.yaml", "---\n".join(inputs.virtual_services(3)).encode())).report
    assert report is not None
    assert len(report.emitted) == 3


def test_commands_are_timed_in_turn_and_failures_told(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(b"x")
    commands = [
        Command("works", ["cat"], source, tmp_path),
        Command("fails", ["sh", "-c", "echo why >&2; exit 3"], None, tmp_path),
        Command("hangs", ["sleep", "9"], None, tmp_path),
    ]
    found = measure(commands, {"PATH": "/usr/bin:/bin"}, rounds=3, limit=0.4, work=tmp_path)
    assert (found["works"].rounds, found["works"].trouble) == (3, "")
    assert found["works"].mebibytes > 0
    assert (found["fails"].rounds, found["fails"].trouble) == (1, "exit code 3: why")
    assert (found["hangs"].rounds, found["hangs"].trouble) == (1, "more than 0.4 s")
