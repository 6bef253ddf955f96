"""Random policies against both evaluators: `python -m dev.authorization_trials [how many] [first seed]`.

Prints what became of the requests; the exit code is 1 where one is let in that Istio refuses, or refused without a finding.
"""

from __future__ import annotations

import sys
from collections import Counter

from dev.measure.authorization_trials import trial


def main(arguments: list[str]) -> int:
    """Run the trials and print; returns the exit code."""
    count = int(arguments[0]) if arguments else 100_000
    first = int(arguments[1]) if len(arguments) > 1 else 0
    counts: Counter[str] = Counter()
    faulty = 0
    for seed in range(first, first + count):
        found = trial(seed)
        counts.update(found.counts)
        faulty += bool(found.faults)
        for outcome, request in found.faults[:1]:
            print(f"seed {seed}: {outcome} {request}")
    print(f"{count} sets of policies, {counts.total()} answers: {dict(counts)}; sets with faults: {faulty}")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
