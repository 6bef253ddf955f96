"""Random policies of namespaces and of the root namespace, moved step by step, before both evaluators; and faults put in.

`PYTHONPATH=. python -c "from dev.measure.root_trials import trial; print(trial(SEED))"` shows one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from dev.measure import authorization_trials as trials
from dev.measure.root_trials import AGAIN, CHANGED, LEFT_OPEN, trial
from transformer.rules import reach, root_policies
from transformer.rules.istio import authorization_pods as pods
from transformer.rules.istio import standing_policies
from transformer.rules.workload import named_callers
from transformer.run import Run

_PARTS, _EACH = 4, 20
_MOST = 120


@pytest.mark.parametrize("part", range(_PARTS))
def test_a_journey_opens_nothing_changes_nothing_of_others_and_ends_like_one_run(part: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(part * _EACH, (part + 1) * _EACH):
        found = trial(seed)
        assert found.faults == (), seed
        counts.update(found.counts)
    # Holding everything would prove nothing.
    assert counts[trials.SAME] > 20 * _EACH
    assert counts["step by step"] > _EACH / 5
    assert counts["as context"] > _EACH / 5


class Fault(NamedTuple):
    """What is changed: an attribute of a module or class, what stands there instead, and what must be noticed."""

    owner: Any
    name: str
    change: Callable[[Any], Any]
    noticed: frozenset[str]


def always(value: Any) -> Callable[[Any], Any]:
    """A function that gives one answer."""
    return lambda was: lambda *args, **more: value


def as_if_audit(was: Any) -> Any:
    """Policies of the root namespace count as settled, and nothing is made of them."""

    def read(run: Run, obj: Any, scope: Any, known: Any) -> list[Any]:
        root_policies.settle(run, obj, reach.of(run, obj))
        return []

    return read


def as_if_translated(was: Any) -> Any:
    """Policies of the root namespace are dropped, though others are still under them."""

    def stands(run: Run, obj: Any) -> bool:
        found: bool = was(run, obj)
        if found and obj.part is not None:
            obj.part.dropped = True
        return found

    return stands


FAULTS = {
    "root policies are not combined": Fault(standing_policies, "_read", as_if_audit, frozenset({trials.WIDER})),
    "root policies count for what has moved": Fault(
        pods, "_has_arrived", always(False), frozenset({AGAIN})
    ),
    "callers keep their names everywhere": Fault(
        named_callers, "_refuses_the_nameless", always(True), frozenset({LEFT_OPEN})
    ),
    "root policies go with the first who moves": Fault(
        root_policies, "stands", as_if_translated, frozenset({CHANGED})
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    fault = FAULTS[name]
    monkeypatch.setattr(fault.owner, fault.name, fault.change(getattr(fault.owner, fault.name)))
    seen = (outcome for seed in range(_MOST) for outcome, _ in trial(seed, requests=10).faults)
    assert any(outcome in fault.noticed for outcome in seen), f"{name}: not noticed"
