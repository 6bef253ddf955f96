"""Measures the program on real manifests and writes `docs/corpus.md`: `python -m dev.corpus`.

Needs the folder of reference data, `../shared`, and kubectl-validate.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dev import tools
from dev.measure import corpus_policies, pages, stream_checks
from dev.measure.corpus_runs import OPTIONS, Ran, reports, run, run_all
from tests.crd_validation import CrdValidator
from transformer.codes import CODES
from transformer.outcome import ObjectFate

SHARED = pages.DOCS.parent.parent / "shared"
OUTCOMES = ("translated", "degraded", "edited", "held", "unchanged")

#: ingress2gateway 1.1 on the same manifests, measured apart from this program.
PEER_VALID, PEER_EMITTED = 438, 854


class Validity(NamedTuple):
    """How many derived and edited objects were judged, and how many the validator accepts."""

    derived: int
    derived_valid: int
    edited: int
    edited_worse: int


def main() -> int:
    """Run, count and write; returns the exit code."""
    alone, folders = run_all(SHARED / "corpus")
    found = validity([*alone, *folders])
    body = "\n".join([
        _introduction(alone, folders), "## Every file alone\n", _outcomes(alone),
        "## The files of a folder as one stream\n", _outcomes(folders), _policies(alone, folders),
        _promises(alone, folders, found),
        _peer(alone, folders, found),
    ])  # fmt: skip
    print(pages.write("corpus.md", "python -m dev.corpus", body))
    return 0


def validity(runs: Iterable[Ran]) -> Validity:
    """Validate what the runs emitted and edited, in one process of the validator."""
    sets: dict[str, Sequence[dict[str, Any]]] = {}
    for position, ran in enumerate(runs):
        if ran.report is None:
            continue
        objects = stream_checks.to_validate(ran)
        sets |= {f"{what} {position}.{number}": [value] for what, values in objects._asdict().items()
                 for number, value in enumerate(values)}  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        validator = CrdValidator(tools.find("kubectl-validate"), SHARED / "crds", Path(work))
        answers = validator.validate(sets, foreign=True)
    derived = [name for name in answers if name.startswith("derived ")]
    after = [name for name in answers if name.startswith("after ")]
    worse = [n for n in after if set(answers[n]) - set(answers[n.replace("after ", "before ", 1)])]
    return Validity(len(derived), sum(not answers[name] for name in derived), len(after), len(worse))


def _introduction(alone: list[Ran], folders: list[Ran]) -> str:
    size = sum(len(ran.source.data) for ran in alone)
    count = sum(len(stream_checks.documents(ran.source.data)) for ran in alone)
    refused = [ran for ran in alone if ran.report is None]
    options = ", ".join(f"`{key}: {value}`" for key, value in OPTIONS.items())
    return f"""\
# What becomes of real manifests

The program, run over the manifests of public projects that use Istio, SMI or Open Service Mesh: applications,
courses, distributions, charts rendered with Helm, overlays built with kustomize, and Istio's own test data. Options:
{options}; everything else is default (Linkerd 2.20, Gateway API 1.2, standard channel).

{len(alone):,} files with {count:,} documents, {size / 1e6:.1f} MB. {len(refused)} are templates that
hold `{{{{` and are refused with file and line; the rest is read. {len(folders)} folders with several files were
run a second time as one stream, where a VirtualService meets its Services.

An object is *translated* when all it says has a place on the target or needs none, *degraded* when tuning is lost and
a warning says so, *edited* when it stays with other labels or annotations, *held* when it stays byte for byte and an
error says why. *Unchanged* are objects that were looked at and need nothing.
"""


def _outcomes(runs: list[Ran]) -> str:
    fates = [fate for report in reports(runs) for fate in report.objects]
    kinds: dict[tuple[str, str], Counter[str]] = {}
    for fate in fates:
        kinds.setdefault((fate.ref.kind, fate.ref.group), Counter())[fate.outcome] += 1
    rows = [
        (kind, group or "core", sum(counts.values()), *(counts[outcome] or "" for outcome in OUTCOMES))
        for (kind, group), counts in sorted(kinds.items())
    ]
    total = Counter(fate.outcome for fate in fates)
    rows.append(("all", "", len(fates), *(total[outcome] for outcome in OUTCOMES)))
    emitted = Counter(ref.kind for report in reports(runs) for ref, _ in report.emitted)
    made = ", ".join(f"{count:,} {kind}" for kind, count in sorted(emitted.items())) or "nothing"
    head = ("kind", "group", "objects", *OUTCOMES)
    return f"""\
{pages.table(head, rows, numbers=6)}
Emitted: {made}.

### Why objects are held

An object counts under every error of its own; under MS007 where it would move and another object keeps it.

{pages.table(("code", "meaning", "objects"), _codes(fates), numbers=1)}"""


def _codes(fates: Iterable[ObjectFate]) -> list[tuple[object, ...]]:
    held = Counter(
        code
        for fate in fates
        if fate.outcome == "held"
        for code in fate.codes
        if CODES[code].severity == "error"
    )
    return [(code, CODES[code].title, count) for code, count in held.most_common()]


def _policies(alone: list[Ran], folders: list[Ran]) -> str:
    """Istio's policies whose workloads are there: what becomes of them, why, and how much there is to read then."""
    joined = {ran.source.name for ran in folders}
    single = [
        ran.source for ran in alone if ran.report is not None and not _is_joined(ran.source.name, joined)
    ]
    judged, sizes = corpus_policies.judge([*(ran.source for ran in folders), *single])
    holds = Counter(code for one in judged if one.outcome == "held" for code in one.codes)
    rows = [(code, CODES[code].title, count) for code, count in holds.most_common()]
    middle, most = corpus_policies.per_policy(sizes)
    worst = f"{most.objects} for {most.policies} in {most.source.rpartition('/')[2]}" if most else "none"
    return f"""\
## Policies whose workloads are there

Most files hold policies without workloads, and a policy whose pods are out of sight is held. Here are the streams in which
a policy selects a workload, once each, run as in a cluster: Namespaces that lie elsewhere are added with Istio's
label, and everything is declared complete.

{pages.table(("kind", "policies", "translated", "degraded", "held"), corpus_policies.share(judged), numbers=4)}
{pages.table(("code", "what holds them", "policies"), rows, numbers=1)}
Where all policies of a stream moved, the median is {middle:.1f} objects of Linkerd for a policy; the most is {worst}.

"""


def _is_joined(name: str, folders: set[str]) -> bool:
    top, _, rest = name.partition("/")
    return top == "files" and f"{rest.rpartition('/')[0]}/" in folders


def _promises(alone: list[Ran], folders: list[Ran], valid: Validity) -> str:
    runs = [ran for ran in [*alone, *folders] if ran.report is not None]
    checks = {
        "fields without a fate": stream_checks.unaccounted,
        "streams with a changed or moved document that nothing concerns": stream_checks.pass_through,
        "streams that a second run changes": stream_checks.idempotent,
    }
    faults = {what: sum(bool(check(ran)) for ran in runs) for what, check in checks.items()}
    rows = list(faults.items())
    rows += [
        ("derived objects that the API server would refuse", valid.derived - valid.derived_valid),
        ("edits after which the API server would refuse more than before", valid.edited_worse),
    ]
    return f"""\
## What must be zero

{pages.table(("over both runs", "found"), rows, numbers=1)}
"""


def _peer(alone: list[Ran], folders: list[Ran], valid: Validity) -> str:
    ours = sum(len(report.emitted) for report in reports([*alone, *folders]))
    assert ours == valid.derived, f"{ours} objects were emitted and {valid.derived} judged"
    mesh = _mesh_parents([*alone, *folders])
    ends = Counter(_exit(ran) for ran in alone)
    losing = sum(any(f.outcome == "held" for f in r.objects) for r in reports(alone))
    faults = (
        "none" if valid.derived == valid.derived_valid else f"{valid.derived - valid.derived_valid} objects"
    )
    rows = [
        (
            "what is translated",
            "ingress gateways and their VirtualServices",
            "the same, mesh traffic, TrafficSplits, injection",
        ),
        ("objects emitted", PEER_EMITTED, valid.derived),
        (
            "valid (schema and CEL)",
            f"{PEER_VALID} ({PEER_VALID / PEER_EMITTED:.0%})",
            _share(valid.derived_valid, valid.derived),
        ),
        ("routes with a Service as parent", 0, mesh),
        ("commonest fault", "backendRef to a Service without a port: 315 routes", faults),
        ("exit code when constructs are lost", 0, f"1 ({ends[1]} of {losing} files that hold something)"),
    ]
    return f"""\
## Beside ingress2gateway

ingress2gateway 1.1 translates Istio *ingress*: Gateways and what is bound to them. It emits an object for nearly every
source, whether or not anything is lost; meshshift emits none where a Service, a Gateway or a meaning is missing, which in
single files of a repository is the rule, so it emits fewer. What it does emit (here over both runs) was validated with the
CRDs of its target, as ingress2gateway's was with those of Gateway API 1.6.1, experimental. For ingress2gateway the
VirtualServices and Gateways of the same projects were rewritten to `v1beta1`, the only version that it reads.

{pages.table(("", "ingress2gateway 1.1", "meshshift"), rows)}
Speed is compared in [benchmark.md](benchmark.md).
"""


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.0%})" if whole else "none emitted"


def _mesh_parents(runs: Iterable[Ran]) -> int:
    count = 0
    for ran in runs:
        if ran.report is not None:
            routes = [
                value for value in stream_checks.to_validate(ran).derived if value["kind"].endswith("Route")
            ]
            count += sum(
                all(ref["kind"] == "Service" for ref in route["spec"]["parentRefs"]) for route in routes
            )
    return count


def _exit(ran: Ran) -> int:
    report = run(ran.source, {**OPTIONS, "fail-on": "error"}).report
    return 3 if report is None else report.exit_code


if __name__ == "__main__":
    sys.exit(main())
