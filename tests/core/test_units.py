"""The closure of holds over migration units, compared with plain reachability."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transformer.units import Units

NUMBERS = st.integers(0, 9)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=25)


def reachable(pairs: list[tuple[int, int]], asked: set[int]) -> dict[int, set[int]]:
    """For every object that must stay, which of the asked ones reach it; by repeated relaxation."""
    found = {uid: {uid} for uid in asked}
    changed = True
    while changed:
        changed = False
        for held, follower in pairs:
            missing = found.get(held, set()) - found.get(follower, set())
            if missing:
                found.setdefault(follower, set()).update(missing)
                changed = True
    return found


@given(PAIRS, st.sets(NUMBERS, max_size=4))
def test_what_stays_is_what_the_held_reach(pairs: list[tuple[int, int]], asked: set[int]) -> None:
    units = Units()
    for held, follower in pairs:
        units.link(held, follower)
    for uid in sorted(asked):
        units.hold(uid)
    expected = reachable(pairs, asked)
    closure = units.closure()
    assert closure.keys() == expected.keys()
    assert all(holder in expected[uid] for uid, holder in closure.items())
    assert {uid for uid in closure if units.asked(uid)} == asked
    assert all(closure[uid] == uid for uid in asked)


@given(PAIRS, st.sets(NUMBERS, max_size=4), NUMBERS)
def test_a_further_hold_frees_nothing(pairs: list[tuple[int, int]], asked: set[int], more: int) -> None:
    units = Units()
    for held, follower in pairs:
        units.link(held, follower)
    for uid in asked:
        units.hold(uid)
    before = units.closure().keys()
    units.hold(more)
    assert before | {more} <= units.closure().keys()


@given(st.lists(NUMBERS, min_size=1, max_size=6), NUMBERS)
def test_a_bound_ring_stays_or_moves_whole(members: list[int], held: int) -> None:
    units = Units()
    units.bind(members)
    units.hold(held)
    assert units.closure().keys() == (set(members) if held in members else {held})


def test_a_link_is_not_followed_backwards() -> None:
    units = Units()
    units.link(1, 2)
    units.hold(2)
    assert units.closure() == {2: 2}


def test_the_first_hold_names_the_holder() -> None:
    units = Units()
    units.link(1, 3)
    units.link(2, 3)
    units.hold(2)
    units.hold(1)
    assert units.closure()[3] == 2
