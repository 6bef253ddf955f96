"""Cases as folders, `tests/cases/<rule>/<case>/`, and the one check that every case goes through.

A case holds `input.yaml`, `expected.yaml` (the output, for refusals that under `fail-on: never`) and `findings.txt`:
a line `# reason: …`, then one line per finding, `severity CODE Kind ns/name field`. `options.yaml` is a configuration
file, `context.yaml` a context file; both may be absent. `python -m tests.regenerate_cases` writes what is expected.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.crd_validation import GATEWAY_API, MARKER, Emitted, Manifests
from tests.real_tools import ROOT
from transformer import config, needles, scope
from transformer.documents import Input
from transformer.errors import DONE, FINDINGS, UNPARSEABLE, USAGE, InputError
from transformer.findings import Finding
from transformer.options import Options
from transformer.outcome import Report
from transformer.transform import Result, transform

CASES = ROOT / "tests" / "cases"
#: CRDs of a Gateway API version that is not at hand are judged by those of the next one.
_JUDGED_BY = {"1.1": "1.2", "1.3": "1.4"}


class Case(NamedTuple):
    """One case: its folder and what stands in it."""

    folder: Path
    input: bytes
    expected: bytes
    findings: tuple[str, ...]
    reason: str
    settings: dict[str, Any]
    context: tuple[tuple[str, bytes], ...]

    @property
    def name(self) -> str:
        """`rule/case`."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    def options(self, **changes: Any) -> Options:
        """The case's options, with changes."""
        return Options(self.settings | {key.replace("_", "-"): value for key, value in changes.items()})


class Outcome(NamedTuple):
    """What a run of a case gives: exit code under the default `fail-on`, output and findings."""

    code: int
    output: bytes
    findings: tuple[str, ...]


def load(folder: Path) -> Case:
    """Read one case; expected files may be missing only while they are regenerated."""
    lines = _lines(folder / "findings.txt")
    reason = next((line for line in lines if line.startswith("# reason: ")), "")
    options = folder / "options.yaml"
    context = folder / "context.yaml"
    return Case(
        folder,
        (folder / "input.yaml").read_bytes(),
        _bytes(folder / "expected.yaml"),
        tuple(line for line in lines if line and not line.startswith("#")),
        reason.removeprefix("# reason: "),
        config.read(options.read_bytes(), options.name) if options.exists() else {},
        ((context.name, context.read_bytes()),) if context.exists() else (),
    )


@functools.cache
def cases(rule: str) -> tuple[Case, ...]:
    """Every case of a rule, by name."""
    return tuple(load(folder) for folder in sorted((CASES / rule).iterdir()) if folder.is_dir())


def ids(found: Iterable[Case]) -> list[str]:
    """Names of cases for pytest."""
    return [case.folder.name for case in found]


def outcome(case: Case) -> Outcome:
    """Run a case twice, as it is and with `fail-on: never`; a failed run must have written nothing."""
    try:
        result = run(case, case.input)
    except InputError as error:
        return Outcome(UNPARSEABLE, b"", (f"unreadable {error}",))
    report = result.report
    if report.exit_code == DONE:
        return Outcome(DONE, b"".join(result.output), lines_of(report))
    assert not result.output, f"{case.name}: output in spite of exit code {report.exit_code}"
    anyway = run(case, case.input, fail_on="never")
    assert lines_of(anyway.report) == lines_of(report), f"{case.name}: fail-on changes the findings"
    return Outcome(report.exit_code, b"".join(anyway.output), lines_of(report))


def run(case: Case, data: bytes, **changes: Any) -> Result:
    """Run the case's options and context on some input."""
    return transform(data, case.options(**changes), case.context)


def lines_of(report: Report) -> tuple[str, ...]:
    """Findings and missing facts as `findings.txt` has them, sorted."""
    facts = [f"fact {key} {missing.at.ref}" for key, entries in report.facts.items() for missing in entries]
    return tuple(sorted(map(_line, report.findings)) + sorted(facts))


def _line(finding: Finding) -> str:
    line = f"{finding.severity} {finding.code}"
    if finding.object is not None:
        line += f" {finding.object}"
    if finding.field:
        line += f" {finding.field}"
    if finding.held_by:
        line += f" <- {finding.held_by}"
    return line + (" (accepted)" if finding.accepted else "")


def check(case: Case, emitted: Emitted) -> None:
    """Everything that is true of a case: bytes, findings, exit code, idempotence, fates, held bytes, validity."""
    assert case.reason, f"{case.name} does not say what it is for"
    found = outcome(case)
    assert found.output.decode() == case.expected.decode()
    assert found.findings == case.findings
    assert found.code == _code(case)
    if found.code == UNPARSEABLE:
        return
    report = run(case, case.input, fail_on="never").report
    for fate in report.objects:
        assert "unaccounted" not in fate.fates, f"{fate.ref}: {fate.fates}"
    _check_held(case, report, found.output)
    if found.code == USAGE:
        return
    again = run(case, found.output, fail_on="never")
    assert b"".join(again.output).decode() == found.output.decode(), "a second run changes something"
    options = case.options()
    version = options["gateway-api"]
    emitted.add(
        case.name, _documents(found.output), options["linkerd"],
        version if version in GATEWAY_API else _JUDGED_BY[version], options["channel"], marked_only=True,
    )  # fmt: skip


def _documents(output: bytes) -> Manifests:
    """The output as the validator takes it: items of Lists one by one, line ends of one kind."""
    text = output.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    if "kind: List" not in text:
        return text
    found: list[dict[str, Any]] = []
    for document in yaml.safe_load_all(text):
        found += document["items"] if document["kind"] == "List" else [document]
    return [item for item in found if MARKER in (item["metadata"].get("annotations") or {})]


def _code(case: Case) -> int:
    """The exit code that the findings of a case call for, with the default `fail-on`."""
    if any(line.startswith("unreadable ") for line in case.findings):
        return UNPARSEABLE
    if any(line.startswith("fact ") for line in case.findings):
        return USAGE
    return FINDINGS if any(line.startswith("error ") for line in case.findings) else DONE


def _check_held(case: Case, report: Report, output: bytes) -> None:
    """Held objects stand in the output as the bytes that came in, in the order in which they came."""
    held = {fate.ref for fate in report.objects if fate.outcome == "held"}
    position = 0
    found = set()
    stems = needles.NEEDLES + scope.needles(case.options()["only"])
    for part in Input(case.input, stems).parts():
        obj = part.obj(itertools.count(), case.options()["namespace"]) if part.candidate else None
        if obj is None or obj.ref not in held or report.exit_code == USAGE:
            continue
        found.add(obj.ref)
        raw = part.raw.strip()
        at = output.find(raw, position)
        assert at >= 0, f"{obj.ref} is held but was changed"
        position = at + len(raw)
    assert found == held or report.exit_code == USAGE


def regenerate(folders: Sequence[Path]) -> list[Path]:
    """Write `expected.yaml` and `findings.txt` of the folders; returns the files that changed."""
    changed = []
    for folder in folders:
        found = outcome(load(folder))
        comments = [line for line in _lines(folder / "findings.txt") if line.startswith("#")]
        text = "".join(f"{line}\n" for line in (*comments, *found.findings))
        for path, content in (
            (folder / "expected.yaml", found.output),
            (folder / "findings.txt", text.encode()),
        ):
            if _bytes(path) != content or not path.exists():
                path.write_bytes(content)
                changed.append(path)
    return changed


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _lines(path: Path) -> list[str]:
    return _bytes(path).decode().splitlines()
