"""The program over recorded worlds of Istio, and the proof's verdict on every question that was put to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dev.measure.stream_checks import documents, values
from transformer.options import Options
from transformer.proof.judge import judge_ingress, judge_world
from transformer.proof.verdicts import Verdict
from transformer.transform import Report, transform

World = Mapping[str, Any]
Judge = Callable[[World, Iterable[Any]], list[Verdict]]

JUDGES: Mapping[str, Judge] = {"routing": judge_world, "ingress": judge_ingress}

#: Differences that a translation may have where it says so: the aspect, the outcome, and the codes that tell it.
TOLD: Mapping[tuple[str, str], frozenset[str]] = {
    ("path-normalization", "different"): frozenset({"MS228"}),
    ("retries", "degraded"): frozenset({"MS240", "MS241"}),
    ("mirror", "degraded"): frozenset({"MS235"}),
}
#: The same place, with the path spelt as the client wrote it: nothing that a report would have to tell.
HARMLESS = frozenset({("path-normalization", "degraded")})


class Judged(NamedTuple):
    """A world, the report of the run on it, and the verdicts; a question may have several."""

    world: World
    report: Report
    verdicts: list[Verdict]

    @property
    def codes(self) -> frozenset[str]:
        """Codes of all findings of the run."""
        return frozenset(finding.code for finding in self.report.findings)

    @property
    def untold(self) -> list[Verdict]:
        """Verdicts that neither agree with Istio nor were announced by a finding."""
        return [verdict for verdict in self.verdicts if not self._excused(verdict)]

    def _excused(self, verdict: Verdict) -> bool:
        if verdict.outcome in ("same", "outside") or (verdict.aspect, verdict.outcome) in HARMLESS:
            return True
        if verdict.outcome == "kept":
            return any(fate.outcome == "held" for fate in self.report.objects)
        return bool(self.codes & TOLD.get((verdict.aspect, verdict.outcome), frozenset()))


def worlds(vectors: Path, kind: str) -> list[World]:
    """The recorded worlds of one kind (`routing`, `ingress`)."""
    text = (vectors / "istio" / f"{kind}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def judge(world: World, kind: str, **options: Any) -> Judged:
    """Run the program on a world, with the facts that it states, and judge what comes out."""
    chosen = {"mesh.mtls": world["facts"]["mtls"], "fail-on": "never", **options}
    result = transform(world["manifests"].encode(), Options(chosen), name=world["id"])
    emitted = [
        value for document in documents(b"".join(result.output)) for value in values(document) if value
    ]
    return Judged(world, result.report, JUDGES[kind](world, emitted))


def judge_all(vectors: Path, kind: str, **options: Any) -> Iterator[Judged]:
    """Every world of one kind, judged one by one."""
    return (judge(world, kind, **options) for world in worlds(vectors, kind))
