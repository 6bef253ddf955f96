"""Patterns of callers (`namespaces: [web*]`, `principals: ["*/sa/web"]`), as far as they can be told.

A pattern is settled for every account and namespace whose name is known: those that policies name, and where the whole
cluster is declared complete all ServiceAccounts of stream and context. For the others it is not, so three sets are kept.
Istio 1.31 `pilot/pkg/security/authz/matcher`; globs of namespaces as `pilot/pkg/security/authz/model` makes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir.authorization import SourceSet
from transformer.ir.networks import EVERYWHERE
from transformer.rules import reach
from transformer.run import Run

_HEAD = "cluster.local/ns/"


class Sources(NamedTuple):
    """Callers of a rule: those surely meant, those meant if nobody unknown fits a pattern, and those possibly meant."""

    least: SourceSet
    likely: SourceSet
    most: SourceSet

    @property
    def exact(self) -> bool:
        """Whether the three are one, as far as the mesh's own trust domain goes."""
        return self.least == self.most or self.least.own == self.most.own

    def __or__(self, other: Sources) -> Sources:
        return _each(lambda one, two: one | two, self, other)

    def __and__(self, other: Sources) -> Sources:
        return _each(lambda one, two: one & two, self, other)

    def __sub__(self, other: Sources) -> Sources:
        if self.least == self.most and other.least == other.most:
            return exactly(self.likely - other.likely)
        return Sources(self.least - other.most, self.likely - other.likely, self.most - other.least)


def _each(combine: Callable[[SourceSet, SourceSet], SourceSet], one: Sources, other: Sources) -> Sources:
    if one.least == one.most and other.least == other.most:
        return exactly(combine(one.likely, other.likely))
    return Sources(*(combine(a, b) for a, b in zip(one, other, strict=True)))


def exactly(found: SourceSet) -> Sources:
    """A set about which there is no doubt."""
    return Sources(found, found, found)


def in_every_domain(found: SourceSet) -> Sources:
    """Callers by names that count in every trust domain: which of another one are meant depends on their names."""
    return Sources(found, found, found._replace(foreign=EVERYWHERE))


NOBODY, ANYONE = exactly(ir.NOBODY), exactly(ir.ANYONE)


def union(found: Iterable[Sources]) -> Sources:
    """Callers in any of the sets."""
    out = NOBODY
    for one in found:
        out = out | one
    return out


def settled(found: Sources, *, complete: bool) -> SourceSet | None:
    """The set to write, None where a caller whom nobody names would be let in, or refused, by a guess.

    Where everything is declared, callers that only fit a pattern and do not exist yet may be left out. Callers of other
    trust domains are let in where all of them surely are.
    """
    sure = found.least.own == found.likely.own if complete else found.exact
    return found.likely._replace(foreign=found.least.foreign) if sure else None


class Known(NamedTuple):
    """Accounts by namespace; `complete` where the run is told that there are no others."""

    accounts: Mapping[str, frozenset[str]]
    complete: bool

    def namespaces(self, text: str, *, among: SourceSet = ir.ANY_IDENTITY) -> Sources:
        """Callers of the namespaces that a pattern picks, in every trust domain or `among` those of one."""
        glob = ".*".join(re.escape(part) for part in text.split("*"))
        fits = re.compile(f".*/ns/{glob}/.*")
        spaces = {space: bool(fits.fullmatch(f"{_HEAD}{space}/sa/x")) for space in self.accounts}
        likely = ir.union(ir.whole_namespace(space) for space, fit in spaces.items() if fit)
        refused = ir.union(ir.whole_namespace(space) for space, fit in spaces.items() if not fit)
        return Sources(likely, likely, among - refused)

    def principals(self, text: str) -> Sources | None:
        """Callers whose identity a pattern with one star at an end picks; None for any other pattern."""
        bare = text[1:] if text.startswith("*") else text[:-1]
        if "*" in bare:
            return None
        if text.endswith("*"):
            return self._beginning(bare)
        _, slash, name = bare.rpartition("/")
        likely = refused = ir.NOBODY
        for space, accounts in self.accounts.items():
            fitting = [one for one in {*accounts, name} if f"{_HEAD}{space}/sa/{one}".endswith(bare)]
            mine = ir.union(ir.account(space, one) for one in fitting if one)
            likely = likely | mine
            # With a slash the account's whole name is given, so all others of the namespace are settled too.
            settled = ir.whole_namespace(space) if slash else ir.union(ir.account(space, a) for a in accounts)
            refused = refused | (settled - mine)
        return Sources(likely, likely, ir.ANY_IDENTITY - refused)

    def _beginning(self, bare: str) -> Sources | None:
        space, part, begins = bare.removeprefix(_HEAD).partition("/sa/")
        if not bare.startswith(_HEAD) or "/" in space:
            return None
        if part:
            accounts = self.accounts.get(space, frozenset())
            likely = ir.union(ir.account(space, one) for one in accounts if one.startswith(begins))
            refused = ir.union(ir.account(space, one) for one in accounts if not one.startswith(begins))
            return Sources(likely, likely, ir.whole_namespace(space) - refused)
        return self.namespaces(f"{space}*", among=ir.OWN_IDENTITY) if space else None


def known(run: Run, named: Iterable[tuple[str, str]]) -> Known:
    """Accounts and namespaces that policies name (an empty account for a whole namespace), and those of the cluster."""
    found: dict[str, set[str]] = {}
    for space, account in named:
        found.setdefault(space, set()).update({account} - {""})
    complete = run.context.is_complete("*")
    if complete:
        for obj in run.context.objects("", "Namespace"):
            found.setdefault(obj.name, set()).add("default")
        for obj in run.context.objects("", "ServiceAccount"):
            found.setdefault(obj.namespace, set()).add(obj.name)
        for obj in run.context.workloads():
            found.setdefault(obj.namespace, set()).add(reach.account(obj))
    return Known({space: frozenset(accounts) for space, accounts in sorted(found.items())}, complete)
