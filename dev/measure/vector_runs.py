"""The program over recorded worlds of Istio, and the proof's verdict on every question that was put to them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dev.measure.stream_checks import documents, values
from transformer.options import Options
from transformer.outcome import Report
from transformer.proof.judge import judge_ingress, judge_world
from transformer.proof.paths import normalized
from transformer.proof.verdicts import Verdict
from transformer.transform import transform

World = Mapping[str, Any]
Judge = Callable[[World, Iterable[Any]], list[Verdict]]


def _at_one_address(world: World, emitted: Iterable[Any]) -> list[Verdict]:
    """Judge gateways as the worlds mean them: all Gateways of a world select the pods of one ingress."""
    names = re.findall(
        r"^kind: Gateway\nmetadata:\n  name: (\S+)\n  namespace: (\S+)$", world["manifests"], re.MULTILINE
    )
    shared = [f"{namespace}/{name}" for name, namespace in names]
    return judge_ingress(world, emitted, gateways=dict.fromkeys(shared, shared))


JUDGES: Mapping[str, Judge] = {"routing": judge_world, "ingress": _at_one_address}

#: Differences that a translation may have where it says so: the aspect, the outcome, and the codes that tell it.
TOLD: Mapping[tuple[str, str], frozenset[str]] = {
    ("path-normalization", "different"): frozenset({"MS228"}),
    ("retries", "degraded"): frozenset({"MS240", "MS241"}),
    ("mirror", "degraded"): frozenset({"MS235"}),
    ("redirect-port", "different"): frozenset({"MS285"}),
    ("rewrite-slashes", "different"): frozenset({"MS281"}),
}
#: The same place, with the path spelt as the client wrote it: nothing that a report would have to tell.
HARMLESS = frozenset({("path-normalization", "degraded"), ("cors-max-age", "degraded")})


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
        if "MS278" in self.codes and "refused" in verdict.detail:
            # Gateways that shared an address have their own now; the host is served at the other one.
            return True
        if "MS212" in self.codes and self._between_segments(verdict.question):
            return True
        if "MS229" in self.codes and self._oddly_addressed(verdict.question):
            return True
        return bool(self.codes & TOLD.get((verdict.aspect, verdict.outcome), frozenset()))

    def _oddly_addressed(self, question: int) -> bool:
        """Whether the Host header is spelt in a way that hostnames of a route do not tell apart."""
        request = self.world["questions"][question]["request"]
        sent = str(request.get("authority") or "")
        return sent != sent.lower() or sent.endswith(":80")

    def _between_segments(self, question: int) -> bool:
        """Whether a prefix of characters and one of segments differ on the path that was asked for."""
        sent = self.world["questions"][question]["request"].get("path", "/").partition("?")[0]
        return any(self._divides(path) for path in (sent, normalized(sent)))

    def _divides(self, path: str) -> bool:
        for prefix in set(
            re.findall(r"^ *prefix: ['\"]?(/[^'\"\s]*)", self.world["manifests"], re.MULTILINE)
        ):
            base = prefix.rstrip("/")
            by_segment = path.rstrip("/") == base or path.startswith(f"{base}/")
            if path.startswith(prefix) != by_segment:
                return True
        return False


def worlds(vectors: Path, kind: str) -> list[World]:
    """The recorded worlds of one kind (`routing`, `ingress`)."""
    text = (vectors / "istio" / f"{kind}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def judge(world: World, kind: str, **options: Any) -> Judged:
    """Run the program on a world, with the facts that it states, and judge what comes out."""
    facts = {"mesh.mtls": world["facts"]["mtls"], "gateway-class": "vectors"}
    chosen = {**facts, "fail-on": "never", **options}
    result = transform(world["manifests"].encode(), Options(chosen), name=world["id"])
    emitted = [
        value for document in documents(b"".join(result.output)) for value in values(document) if value
    ]
    return Judged(world, result.report, JUDGES[kind](world, emitted))


def judge_all(vectors: Path, kind: str, **options: Any) -> Iterator[Judged]:
    """Every world of one kind, judged one by one."""
    return (judge(world, kind, **options) for world in worlds(vectors, kind))
