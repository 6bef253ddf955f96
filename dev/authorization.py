"""Measures translated policies against recorded verdicts of Istio: `python -m dev.authorization` writes the page.

Needs the folder of reference data, `../shared`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from dev.measure import pages
from dev.measure.authorization_runs import HELD, OUTSIDE, SAME, STRICTER, WIDER, AuthorizationRun, run_all
from transformer.codes import CODES

VECTORS = pages.DOCS.parent.parent / "shared" / "vectors"
COLUMNS = (SAME, STRICTER, "probe", WIDER, HELD, OUTSIDE)


def main() -> int:
    """Run, ask and write; returns the exit code, which is 1 where anybody may do more than before, or less without a word."""
    complete = list(run_all(VECTORS))
    partial = list(run_all(VECTORS, complete=()))
    rows = []
    for name, found in (('every object declared (`complete: "*"`)', complete), ("defaults", partial)):
        counts = _count(found)
        rows.append((name, counts.total(), *(counts[column] for column in COLUMNS), _untold(found)))
    head = ("worlds and options", "questions", *COLUMNS, "untold")
    body = [INTRODUCTION, pages.table(head, rows, numbers=8), STYLES]
    styles = sorted({_style(found) for found in complete})
    by_style = [(style, _count(f for f in complete if _style(f) == style)) for style in styles]
    rows = [(style, counts.total(), *(counts[column] for column in COLUMNS)) for style, counts in by_style]
    body.append(pages.table(("worlds", "questions", *COLUMNS), rows, numbers=7))
    body += [HOLDS, pages.table(("code", "meaning", "worlds"), _holds(complete), numbers=1)]
    print(pages.write("authorization.md", "python -m dev.authorization", "\n".join(body)))
    return 1 if _count([*complete, *partial])[WIDER] or _untold([*complete, *partial]) else 0


def _count(found: Iterable[AuthorizationRun]) -> Counter[str]:
    return Counter(answer.outcome for one in found for answer in one.answers)


def _untold(found: Iterable[AuthorizationRun]) -> int:
    return sum(len(one.untold) for one in found)


def _style(found: AuthorizationRun) -> str:
    tags = found.world["tags"]
    return "written by hand" if tags[0] == "handwritten" else f"random, {tags[1]}"


def _holds(found: Iterable[AuthorizationRun]) -> list[tuple[object, ...]]:
    codes = Counter(
        code
        for one in found
        for code in {f.code for f in one.report.findings if f.severity == "error" and f.code != "MS007"}
    )
    return [
        (code, CODES[code].title, count) for code, count in sorted(codes.items(), key=lambda e: (-e[1], e[0]))
    ]


INTRODUCTION = """\
# Policies against recorded verdicts

Istio's own configuration generator, version 1.31, recorded who may do what in several hundred little worlds of
workloads and policies. The program runs on each world, and an evaluator of Linkerd 2.20's inbound policy, which reads
the emitted objects and knows nothing of the translation, is asked the same questions.

- *same*: the same verdict.
- *stricter*: refused now, let in by Istio. A finding must say so, of that port and kind of request: *untold* is zero.
- *probe*: let in now, refused by Istio, and a GET of the very path that the kubelet probes: Linkerd lets probes in by path.
- *WIDER*: let in now, refused by Istio. It must be zero.
- *held*: the workload stays in Istio with all policies that reach it.
- *outside*: the workload is in no mesh.
"""
STYLES = """\
## By kind of world

With `complete: "*"`. Policies as one finds them are in the worlds written by hand and in the simple random ones; the
others combine every field of Istio's policies at random.
"""
HOLDS = """\
## What holds policies

With `complete: "*"`, worlds by the errors that they have.
"""

if __name__ == "__main__":
    sys.exit(main())
