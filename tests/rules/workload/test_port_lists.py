"""Port lists and their complements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer.rules.workload import port_lists
from transformer.rules.workload.service_ports import Wishes


@pytest.mark.parametrize(
    ("text", "ports", "reason"),
    [
        ("80, 8080", [80, 8080], "spaces"),
        ("80,,80", [80], "empty entries and repetitions"),
        ("", [], "empty"),
        ("80-90", None, "a range is none of Istio's"),
        ("0", None, "no port"),
        ("65536", None, "no port"),
        ("٣", None, "a digit, but not of ASCII"),
        ("*", None, "not a number"),
    ],
)
def test_parse(text: str, ports: list[int] | None, reason: str) -> None:
    assert port_lists.parse(text) == ports, reason


@given(st.sets(st.integers(1, port_lists.LAST_PORT), max_size=20))
def test_a_complement_covers_exactly_the_rest(ports: set[int]) -> None:
    text = port_lists.complement(ports)
    near = {port + step for port in ports for step in (-1, 0, 1)} | {1, port_lists.LAST_PORT}
    for port in near & set(range(1, port_lists.LAST_PORT + 1)):
        assert port_lists.contains(text, port) is (port not in ports)


@given(
    st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)), max_size=5),
)  # fmt: skip
def test_wishes_change_what_they_name_only(
    add: set[int], leave_out: set[int], base: list[tuple[int, int]]
) -> None:
    wishes = Wishes()
    wishes.add.update(dict.fromkeys(sorted(add)))
    wishes.leave_out |= leave_out
    text = ",".join(f"{first}-{first + more}" if more else str(first) for first, more in base)
    result = wishes.over(text)
    for port in range(1, 75):
        wanted = port in add or (port_lists.contains(text, port) and port not in leave_out)
        assert port_lists.contains(result, port) is wanted, (text, result, port)


def test_no_wish_leaves_the_list_as_written() -> None:
    assert Wishes().over("25, 587") == "25, 587"


def test_a_list_that_cannot_be_read_is_not_overwritten() -> None:
    wishes = Wishes()
    wishes.add[80] = None
    assert wishes.over("25,mysql") == "25,mysql"
