"""Sets of callers against a model that lists every caller of a small universe."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from transformer.ir import authorization as ir
from transformer.ir import networks
from transformer.ir.authorization import Clause, Inexpressible, SourceSet

#: An identity of another trust domain, which no set names.
FOREIGN = ("other.domain", "x")
#: Callers: (namespace, account) or none; `c/z` and `a/other` stand for all that no set names.
IDENTITIES = [None, FOREIGN, *((space, name) for space in ("a", "b", "c") for name in ("x", "y", "other"))]
BLOCKS = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3",
    "0.0.0.0/0",
    "192.168.0.0/17",
    "fd00::/8",
    "fd00:1::/32",
    "::/0",
]
ADDRESSES = [
    "10.0.0.1",
    "10.1.0.1",
    "10.1.2.3",
    "10.1.2.4",
    "192.168.1.1",
    "192.168.200.1",
    "fd00::1",
    "fd00:1::1",
    "2001::1",
]

Caller = tuple[tuple[str, str] | None, str]
UNIVERSE: list[Caller] = [(identity, address) for identity in IDENTITIES for address in ADDRESSES]

ATOMS: list[tuple[SourceSet, Callable[[Caller], bool]]] = [
    (ir.ANYONE, lambda caller: True),
    (ir.ANY_IDENTITY, lambda caller: caller[0] is not None),
    (ir.OWN_IDENTITY, lambda caller: caller[0] not in (None, FOREIGN)),
    *(
        (ir.account(space, name), lambda caller, wanted=(space, name): caller[0] == wanted)
        for space in ("a", "b")
        for name in ("x", "y")
    ),
    *(
        (ir.whole_namespace(space), lambda caller, space=space: caller[0] is not None and caller[0][0] == space)
        for space in ("a", "b")
    ),
    *(
        (ir.from_networks(networks.block(text)), lambda caller, text=text: ip_address(caller[1]) in ip_network(text))
        for text in BLOCKS
    ),
]  # fmt: skip

Pair = tuple[SourceSet, frozenset[Caller]]
LEAVES = st.sampled_from([(one, frozenset(filter(holds, UNIVERSE))) for one, holds in ATOMS])


def _apply(operation: str, one: Pair, other: Pair) -> Pair:
    if operation == "|":
        return one[0] | other[0], one[1] | other[1]
    if operation == "&":
        return one[0] & other[0], one[1] & other[1]
    return one[0] - other[0], one[1] - other[1]


PAIRS = st.recursive(
    LEAVES, lambda inner: st.builds(_apply, st.sampled_from("|&-"), inner, inner), max_leaves=12
)


def admits(found: SourceSet, caller: Caller) -> bool:
    identity, address = caller
    place = networks.block(address)
    if identity is None:
        return networks.within(place, found.unauthenticated)
    if identity == FOREIGN:
        return networks.within(place, found.foreign)
    return networks.within(place, found.of(identity[0]).account(identity[1]))


def says(clause: Clause, caller: Caller) -> bool:
    identity, address = caller
    listed = identity in clause.accounts or (identity is not None and identity[0] in clause.namespaces)
    own = identity != FOREIGN and (clause.own_identity or listed)
    who = clause.anyone or (identity is not None and (clause.any_identity or own))
    return who and _written(clause, address)


def _written(clause: Clause, address: str) -> bool:
    """By the entries that go into a NetworkAuthentication."""

    def inside(entry: dict[str, Any]) -> bool:
        place = ip_address(address)
        excepted = any(place in ip_network(text) for text in entry.get("except", []))
        return place in ip_network(entry["cidr"]) and not excepted

    return any(inside(entry) for entry in networks.entries(clause.networks))


@given(PAIRS)
def test_operations_agree_with_the_model(pair: Pair) -> None:
    found, model = pair
    assert {caller for caller in UNIVERSE if admits(found, caller)} == model


@given(PAIRS, PAIRS)
def test_equal_sets_are_equal_values(one: Pair, other: Pair) -> None:
    found = (one[0] - other[0]) | (one[0] & other[0])
    assert found == one[0]
    assert (one[0] <= other[0]) == (one[0] - other[0] == ir.NOBODY)


@given(PAIRS)
def test_clauses_say_exactly_the_set(pair: Pair) -> None:
    said = ir.clauses(pair[0])
    if isinstance(said, Inexpressible):
        assert said.reason
        return
    admitted = {caller for caller in UNIVERSE if any(says(clause, caller) for clause in said)}
    assert admitted <= pair[1]
    assert all(identity == FOREIGN for identity, _ in pair[1] - admitted), (
        "only those of other trust domains are left out"
    )
    assert all(clause.networks for clause in said), "a clause without networks would say everywhere"


def test_what_needs_a_subtraction_is_inexpressible() -> None:
    for found in (
        ir.ANYONE - ir.account("a", "x"),
        ir.ANYONE - ir.ANY_IDENTITY,
        ir.ANY_IDENTITY - ir.whole_namespace("a"),
        ir.whole_namespace("a") - ir.account("a", "x"),
        ir.ANYONE - (ir.ANY_IDENTITY - ir.OWN_IDENTITY),
    ):
        assert isinstance(ir.clauses(found), Inexpressible)


def test_exceptions_lie_inside_of_their_block() -> None:
    found = networks.difference(networks.block("10.0.0.0/8"), networks.block("10.1.0.0/16"))
    assert networks.entries(found) == [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}]
    everywhere_but = networks.difference(networks.EVERYWHERE, networks.block("10.1.2.3"))
    assert networks.entries(everywhere_but) == [
        {"cidr": "0.0.0.0/0", "except": ["10.1.2.3/32"]},
        {"cidr": "::/0"},
    ]


@given(PAIRS, st.sampled_from([("a", "y"), ("b", "x"), ("c", "x")]))
def test_a_renamed_account_may_do_what_the_old_one_might(pair: Pair, new: tuple[str, str]) -> None:
    found, old = pair[0], ("a", "x")
    renamed = ir.renamed(found, old, new)
    if old[1] not in dict(found.of(old[0]).accounts):
        assert renamed == found, "a set that does not list the account is not about it"
        return
    if renamed is None:
        accounts = dict(found.of(new[0]).accounts)
        assert accounts[new[1]] != found.of(old[0]).account(old[1])
        return
    assert renamed | ir.NOBODY == renamed, "in the one spelling of the set"
    for identity, address in UNIVERSE:
        before = {new: old, old: ("a", "other")}.get(identity, identity) if identity else None
        assert admits(renamed, (identity, address)) == admits(found, (before, address)), identity
