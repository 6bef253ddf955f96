"""Random policies through the program, and every request asked of Istio's and of Linkerd's evaluator.

Neither evaluator shares code with the rules. `python -m dev.authorization_trials` asks as often as one likes.
"""

from __future__ import annotations

from collections import Counter

import pytest

from dev.measure.authorization_trials import HELD, PROBE, SAME, STRICTER, trial

_PARTS, _EACH = 8, 250


@pytest.mark.parametrize("part", range(_PARTS))
def test_nobody_may_do_more_and_whatever_is_refused_is_told(part: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(part * _EACH, (part + 1) * _EACH):
        found = trial(seed, requests=30)
        assert found.faults == (), f"python -m dev.authorization_trials 1 {seed}"
        counts.update(found.counts)
    # Holding everything would prove nothing, and the interesting answers have to occur.
    assert counts[SAME] > 10 * _EACH
    assert 0 < counts[HELD] < _EACH * 2 / 3
    assert counts[STRICTER] > 0
    assert counts[PROBE] < counts[SAME] / 100


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        (9009462, "an account is excluded in every trust domain and given back in one"),
    ],
)
def test_faults_that_were_found_once(seed: int, reason: str) -> None:
    assert trial(seed).faults == (), reason
