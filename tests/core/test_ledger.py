"""The fate of leaves: the gravest counts, whatever the order in which they were entered."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer.findings import FieldPath
from transformer.ledger import ACCEPTED, DEGRADED, HELD, NO_OP, TRANSLATED, Fate, Ledger, Mark

GRAVITY = [TRANSLATED, NO_OP, DEGRADED, ACCEPTED, HELD]
LEAF: FieldPath = ("spec", "http", 0, "timeout")
PATHS = st.sampled_from([LEAF[:depth] for depth in range(len(LEAF) + 1)])
MARKS = st.lists(st.tuples(PATHS, st.sampled_from(GRAVITY)), min_size=1, max_size=6)


def ledger(*leaves: FieldPath) -> Ledger:
    found = Ledger()
    found.open(1, leaves)
    return found


@given(MARKS)
def test_the_gravest_fate_counts_in_any_order(marks: list[tuple[FieldPath, str]]) -> None:
    gravest = max((kind for _, kind in marks), key=GRAVITY.index)
    for order in itertools.islice(itertools.permutations(marks), 24):
        found = ledger(LEAF)
        for path, kind in order:
            found.enter(Mark(1, path, Fate(kind, "why")))
        fate = found.fate(1, LEAF)
        assert fate is not None
        assert fate.kind == gravest


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ((), True),
        (("spec",), True),
        (("spec", "http", 0), True),
        (LEAF, True),
        (("spec", "http", 1), False),
        (("spec", "tcp"), False),
        ((*LEAF, "seconds"), False),
        (("metadata",), False),
    ],
)
def test_a_mark_covers_what_lies_below_it_and_nothing_else(path: FieldPath, covered: bool) -> None:
    found = ledger(LEAF)
    found.enter(Mark(1, path, Fate(NO_OP, "why")))
    assert (found.unaccounted(1) == []) is covered


def test_a_leaf_without_a_fate_is_unaccounted() -> None:
    found = ledger(("a",), ("b",))
    found.enter(Mark(1, ("a",), Fate(TRANSLATED, "x")))
    assert found.unaccounted(1) == [("b",)]
    assert dict(found.entries(1)) == {("a",): Fate(TRANSLATED, "x"), ("b",): None}


def test_marks_of_another_object_do_not_count() -> None:
    found = ledger(("a",))
    found.enter(Mark(2, ("a",), Fate(TRANSLATED, "x")))
    assert found.unaccounted(1) == [("a",)]
    assert found.accounts() == (1,)


def test_a_closed_account_has_one_fate_for_every_leaf() -> None:
    found = ledger(("a",), ("b",))
    found.enter(Mark(1, ("a",), Fate(ACCEPTED, "MS230")))
    found.close(1, Fate(HELD, "MS007"))
    assert {fate for _, fate in found.entries(1)} == {Fate(HELD, "MS007")}


def test_what_plans_answer_for_is_replaced_and_never_outweighs_graver_fates() -> None:
    found = ledger(("a",), ("b",))
    found.enter(Mark(1, ("a",), Fate(DEGRADED, "MS312")))
    found.plan([Mark(1, ("a",), Fate(TRANSLATED, "x")), Mark(1, ("b",), Fate(TRANSLATED, "x"))])
    assert dict(found.entries(1)) == {("a",): Fate(DEGRADED, "MS312"), ("b",): Fate(TRANSLATED, "x")}
    found.plan([])
    assert found.unaccounted(1) == [("b",)]
