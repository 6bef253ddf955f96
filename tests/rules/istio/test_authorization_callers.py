"""Patterns of callers against the evaluator: what is surely meant, what possibly, and what is known to be meant."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from transformer.ir import authorization as ir
from transformer.ir.authorization import SourceSet
from transformer.proof import istio_authorization_values as evaluator
from transformer.proof.istio_authorization_request import Connection
from transformer.rules.istio import authorization_callers as callers
from transformer.rules.istio.authorization_callers import Known, Sources

KNOWN = Known(
    {"web": frozenset({"front", "fast", "default"}), "web-2": frozenset({"job"}), "ops": frozenset()}, True
)
#: Accounts that are known, accounts of known namespaces that are not, and others.
EVERYONE = [
    (space, account)
    for space in ("web", "web-2", "ops", "intruder", "xops")
    for account in ("front", "fast", "default", "job", "f", "evil")
]
PRINCIPALS = (
    "*/sa/front", "*front", "*job", "cluster.local/ns/web*", "cluster.local/ns/web/sa/f*", "cluster.local/ns/we*",
    "*/ns/web/sa/front", "*t",
)  # fmt: skip
NAMESPACES = ("web*", "*ops", "w*2", "*a", "none*")


def identity(caller: tuple[str, str]) -> Connection:
    return Connection(
        f"cluster.local/ns/{caller[0]}/sa/{caller[1]}", ip_address("10.0.0.1"), ip_address("10.0.0.1"), 80, True,
        "GET", "", "/", "", {}, None,
    )  # fmt: skip


def admits(found: SourceSet, caller: tuple[str, str]) -> bool:
    return bool(found.of(caller[0]).account(caller[1]))


def bounds(found: Sources, caller: tuple[str, str]) -> tuple[bool, bool, bool]:
    return admits(found.least, caller), admits(found.likely, caller), admits(found.most, caller)


@pytest.mark.parametrize("pattern", PRINCIPALS)
def test_principals(pattern: str) -> None:
    found = KNOWN.principals(pattern)
    assert found is not None
    check(found, evaluator.principal(pattern))


@pytest.mark.parametrize("pattern", NAMESPACES)
def test_namespaces(pattern: str) -> None:
    check(KNOWN.namespaces(pattern), evaluator.namespace(pattern))


def check(found: Sources, meant: evaluator.Test) -> None:
    for caller in EVERYONE:
        least, likely, most = bounds(found, caller)
        truth = meant(identity(caller))
        assert least <= truth <= most, caller
        if caller[1] in KNOWN.accounts.get(caller[0], ()):
            assert likely == truth, caller
    assert not found.most.unauthenticated


@pytest.mark.parametrize("pattern", ["*/ns/*/sa/x", "other.domain/*", "a*b*", "cluster.local/x/*"])
def test_patterns_that_are_not_read(pattern: str) -> None:
    assert KNOWN.principals(pattern) is None


def test_operations_keep_the_bounds() -> None:
    pairs = [
        KNOWN.namespaces("web*"),
        KNOWN.principals("*/sa/front"),
        callers.exactly(ir.account("web", "fast")),
    ]
    sets = [found for found in pairs if found is not None]
    assert len(sets) == 3
    for one in sets:
        for other in sets:
            for caller in EVERYONE:
                for combined in (one | other, one & other, one - other):
                    least, likely, most = bounds(combined, caller)
                    assert least <= likely <= most, caller


def test_what_may_be_written() -> None:
    web, few = KNOWN.namespaces("web*"), callers.exactly(ir.account("web", "fast") | ir.account("ops", "x"))
    assert callers.settled(web, complete=True) == ir.whole_namespace("web") | ir.whole_namespace("web-2")
    assert callers.settled(web, complete=False) is None, "others may come, and be refused"
    assert callers.settled(few - web, complete=False) == ir.account("ops", "x")
    everyone = callers.exactly(ir.ANY_IDENTITY)
    assert callers.settled(everyone - web, complete=True) is None, "unknown callers would be let in"
