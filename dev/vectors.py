"""Measures translations against recorded answers of Istio and writes `docs/vectors.md`: `python -m dev.vectors`.

Needs the folder of reference data, `../shared`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from dev.measure import pages
from dev.measure.vector_runs import Judged, judge_all
from transformer.codes import CODES

VECTORS = pages.DOCS.parent.parent / "shared" / "vectors"

#: What each run is called and the options that differ from the defaults.
SETTINGS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("mesh, every object declared (`complete: \"*\"`)", "routing", {"complete": ("*",)}),
    ("mesh, defaults", "routing", {}),
    ("mesh, `complete: \"*\"`, `prefix-mode: segment`", "routing", {"complete": ("*",), "prefix-mode": "segment"}),
    ("mesh, `complete: \"*\"`, objects for Linkerd 2.18", "routing",
     {"complete": ("*",), "linkerd": "2.18", "gateway-api": "1.1"}),
    ("mesh, `complete: \"*\"`, objects for Linkerd 2.16", "routing",
     {"complete": ("*",), "linkerd": "2.16", "gateway-api": "1.1"}),
    ("ingress gateways, `complete: \"*\"`", "ingress", {"complete": ("*",)}),
    ("ingress gateways, `complete: \"*\"`, Gateway API 1.5", "ingress", {"complete": ("*",), "gateway-api": "1.5"}),
)  # fmt: skip
#: A question counts once, under the gravest of its verdicts.
GRAVEST = ("different", "degraded", "kept", "outside", "same")


class Tally(NamedTuple):
    """Counts over the questions of one run: by outcome, by (outcome, aspect), untold ones, and what held."""

    outcomes: Counter[str]
    aspects: Counter[tuple[str, str]]
    untold: int
    held: Counter[str]


def tally(found: Iterable[Judged]) -> Tally:
    """Count verdicts by question; a question that has several counts under each aspect."""
    result = Tally(Counter(), Counter(), 0, Counter())
    untold = 0
    for judged in found:
        by_question: dict[int, set[str]] = {}
        for verdict in judged.verdicts:
            by_question.setdefault(verdict.question, set()).add(verdict.outcome)
            if verdict.outcome in ("different", "degraded"):
                result.aspects[verdict.outcome, verdict.aspect] += 1
        outcomes = [next(o for o in GRAVEST if o in given) for given in by_question.values()]
        result.outcomes.update(outcomes)
        untold += len({verdict.question for verdict in judged.untold})
        errors = {f.code for f in judged.report.findings if f.severity == "error" and f.code != "MS007"}
        result.held.update({code: outcomes.count("kept") for code in errors if "kept" in outcomes})
    return result._replace(untold=untold)


def main() -> int:
    """Run, judge and write; returns the exit code."""
    tallies = [(name, tally(judge_all(VECTORS, kind, **options))) for name, kind, options in SETTINGS]
    rows = [
        (
            name,
            found.outcomes.total(),
            *(found.outcomes[o] for o in ("same", "degraded", "different", "kept")),
            found.untold,
        )
        for name, found in tallies
    ]
    head = ("worlds and options", "questions", "same", "degraded", "different", "kept in Istio", "untold")
    body = [INTRODUCTION, pages.table(head, rows, numbers=6), ASPECTS]
    for name, found in tallies:
        if found.aspects:
            rows = [(outcome, aspect, count) for (outcome, aspect), count in sorted(found.aspects.items())]
            body.append(
                f"### {name[0].upper()}{name[1:]}\n\n{pages.table(('outcome', 'aspect', 'questions'), rows, numbers=1)}"
            )
    body += [HELD, pages.table(("code", "meaning", "questions"), _held(tallies[0][1]), numbers=1)]
    print(pages.write("vectors.md", "python -m dev.vectors", "\n".join(body)))
    return 0


def _held(found: Tally) -> list[tuple[object, ...]]:
    return [
        (code, CODES[code].title, count)
        for code, count in sorted(found.held.items(), key=lambda e: (-e[1], e[0]))
    ]


INTRODUCTION = """\
# Translations against recorded answers

Istio's own configuration generator, version 1.31, recorded where requests go in several hundred little worlds of
Kubernetes and Istio objects. The program runs on each world; the same requests are then put to an evaluator of
Linkerd 2.20's outbound policy (for gateways: of Gateway API) that reads the emitted objects and knows nothing of the
translation, and the two answers are compared: destinations and shares, path and authority, headers, timeouts,
retries, redirects, mirrors.

- *same*: the same answer. Istio's built-in retry of failed connections, which no manifest states, is not counted.
- *degraded*: the same answer with less tuning.
- *different*: another answer.
- *kept in Istio*: the objects that answer are held and stay byte for byte; the report says why.
- *untold*: different or degraded, and no finding of the run says so. It must be zero, except with
  `prefix-mode: segment`, whose one warning (MS212) stands for whatever differs.

The evaluator models 2.20. For older targets it only shows that what is emitted for them (routes of
`policy.linkerd.io`, limits as annotations) says the same to a 2.20 proxy.
"""
ASPECTS = """\
## What differs

`path-normalization`: the client sends a path that Istio normalises (`/a/../b`, `/%61`) and Linkerd does not. It counts
as *different* where another rule matches then (warning MS228), as *degraded* where the request goes to the same place
with the path as the client spelt it. A question with several aspects counts under each.
"""
HELD = """\
## What keeps requests in Istio

With `complete: "*"`: questions whose objects stay, by the errors of their world. A world with several errors counts
under each.
"""

if __name__ == "__main__":
    sys.exit(main())
