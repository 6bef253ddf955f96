"""Who may call: sets of callers by identity and network, closed under union, intersection and difference.

A caller is (identity, address); an identity is a ServiceAccount of a namespace, one of another trust domain, or none. A set
says for every identity from which addresses it may call, so every operation works identity by identity; those of other
trust domains count as one, because no policy of Linkerd tells them apart. What Linkerd can say of it is a list
of clauses (https://linkerd.io/2/reference/authorization-policy/): it can only add, so "all but one" is inexpressible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from transformer.ir import networks
from transformer.ir.networks import EVERYWHERE, NOWHERE, Networks

_Operation = Callable[[Networks, Networks], Networks]


class OfNamespace(NamedTuple):
    """Addresses of the accounts of one namespace: those listed by name, and all others."""

    name: str
    others: Networks
    accounts: tuple[tuple[str, Networks], ...] = ()

    def account(self, name: str) -> Networks:
        """From where an account may call."""
        return next((found for account, found in self.accounts if account == name), self.others)


class SourceSet(NamedTuple):
    """Addresses by identity: callers without one, identities of listed namespaces, all others, those of other trust domains."""

    unauthenticated: Networks
    others: Networks
    namespaces: tuple[OfNamespace, ...] = ()
    foreign: Networks = NOWHERE

    @property
    def own(self) -> SourceSet:
        """The set as far as the mesh's own trust domain goes."""
        return self._replace(foreign=NOWHERE)

    def of(self, namespace: str) -> OfNamespace:
        """The accounts of a namespace."""
        found = (entry for entry in self.namespaces if entry.name == namespace)
        return next(found, OfNamespace(namespace, self.others))

    def __or__(self, other: SourceSet) -> SourceSet:
        return _pointwise(self, other, networks.union)

    def __and__(self, other: SourceSet) -> SourceSet:
        return _pointwise(self, other, networks.intersection)

    def __sub__(self, other: SourceSet) -> SourceSet:
        return _pointwise(self, other, networks.difference)

    def __le__(self, other: object) -> bool:
        return isinstance(other, SourceSet) and self - other == NOBODY


NOBODY = SourceSet(NOWHERE, NOWHERE)
ANYONE = SourceSet(EVERYWHERE, EVERYWHERE, foreign=EVERYWHERE)
ANY_IDENTITY = SourceSet(NOWHERE, EVERYWHERE, foreign=EVERYWHERE)
#: Every identity of the mesh's own trust domain.
OWN_IDENTITY = SourceSet(NOWHERE, EVERYWHERE)


def account(namespace: str, name: str) -> SourceSet:
    """One ServiceAccount, from anywhere."""
    return SourceSet(NOWHERE, NOWHERE, (OfNamespace(namespace, NOWHERE, ((name, EVERYWHERE),)),))


def whole_namespace(name: str) -> SourceSet:
    """Every ServiceAccount of a namespace, from anywhere."""
    return SourceSet(NOWHERE, NOWHERE, (OfNamespace(name, EVERYWHERE),))


def from_networks(found: Networks) -> SourceSet:
    """Anyone, with an identity or without, from these addresses."""
    return SourceSet(found, found, foreign=found)


def without_identity(found: SourceSet) -> SourceSet:
    """The set as a server sees it that learns no identities: everyone counts as a caller without one."""
    return from_networks(found.unauthenticated)


def union(sets: Iterable[SourceSet]) -> SourceSet:
    """Callers in any of the sets."""
    found = NOBODY
    for one in sets:
        found = found | one
    return found


def renamed(found: SourceSet, old: tuple[str, str], new: tuple[str, str]) -> SourceSet | None:
    """The set where one ServiceAccount (namespace, name) takes the place of another that it lists.

    Unchanged where the old one is not listed; None where the new one is listed too, and may do something else.
    """
    before = found.of(old[0])
    mine = [addresses for name, addresses in before.accounts if name == old[1]]
    if not mine or old == new:
        return found
    theirs = [addresses for name, addresses in found.of(new[0]).accounts if name == new[1]]
    if theirs and theirs != mine:
        return None
    without = _listed(found, before, {name: known for name, known in before.accounts if name != old[1]})
    space = without.of(new[0])
    return _listed(without, space, dict(space.accounts) | {new[1]: mine[0]})


def _listed(found: SourceSet, space: OfNamespace, accounts: dict[str, Networks]) -> SourceSet:
    """The set with these accounts listed in a namespace."""
    kept = [entry for entry in found.namespaces if entry.name != space.name]
    listed = tuple(sorted((name, known) for name, known in accounts.items() if known != space.others))
    if listed or space.others != found.others:
        kept.append(OfNamespace(space.name, space.others, listed))
    return found._replace(namespaces=tuple(sorted(kept)))


def _pointwise(one: SourceSet, other: SourceSet, operation: _Operation) -> SourceSet:
    others = operation(one.others, other.others)
    found = []
    for name in sorted({entry.name for entry in (*one.namespaces, *other.namespaces)}):
        entry = _namespace(one.of(name), other.of(name), operation)
        if entry.others != others or entry.accounts:
            found.append(entry)
    foreign = operation(one.foreign, other.foreign)
    return SourceSet(operation(one.unauthenticated, other.unauthenticated), others, tuple(found), foreign)


def _namespace(one: OfNamespace, other: OfNamespace, operation: _Operation) -> OfNamespace:
    others = operation(one.others, other.others)
    names = sorted({name for name, _ in (*one.accounts, *other.accounts)})
    accounts = [(name, operation(one.account(name), other.account(name))) for name in names]
    return OfNamespace(one.name, others, tuple(entry for entry in accounts if entry[1] != others))


class Clause(NamedTuple):
    """Callers that one Linkerd policy admits.

    `anyone` also takes callers without an identity; else `any_identity`, `own_identity` (those of the mesh's own trust
    domain), or the accounts (namespace, name) and namespaces that are listed.
    """

    networks: Networks
    anyone: bool = False
    any_identity: bool = False
    own_identity: bool = False
    accounts: tuple[tuple[str, str], ...] = ()
    namespaces: tuple[str, ...] = ()


class Inexpressible(NamedTuple):
    """Why Linkerd cannot say a set: what it would need to leave out."""

    reason: str


def clauses(found: SourceSet) -> tuple[Clause, ...] | Inexpressible:
    """The set as clauses that together admit exactly it, or why there are none.

    Identities of other trust domains may be left out where no clause can take them in: a policy that names callers of one
    namespace in every trust domain cannot name theirs.
    """
    listed = [
        entry for space in found.namespaces for entry in (space.others, *(a for _, a in space.accounts))
    ]
    for_identities = _common((found.others, *listed))
    for_any = networks.intersection(found.foreign, for_identities)
    for_all = networks.intersection(found.unauthenticated, for_any)
    if found.unauthenticated != networks.intersection(found.unauthenticated, for_identities):
        return Inexpressible("it admits callers without an identity where callers with one are refused")
    if found.unauthenticated != for_all:
        return Inexpressible(
            "it admits callers without an identity where those of other trust domains are refused"
        )
    if found.others != for_identities:
        return Inexpressible("it admits every identity except some")
    by_networks: dict[Networks, tuple[list[tuple[str, str]], list[str]]] = {}
    for space in found.namespaces:
        common = _common((space.others, *(addresses for _, addresses in space.accounts)))
        if space.others != common:
            return Inexpressible(f"it admits every account of namespace {space.name} except some")
        if common != for_identities:
            by_networks.setdefault(common, ([], []))[1].append(space.name)
        for name, addresses in space.accounts:
            by_networks.setdefault(addresses, ([], []))[0].append((space.name, name))
    out = []
    if for_all:
        out.append(Clause(for_all, anyone=True))
    if for_any and for_any != for_all:
        out.append(Clause(for_any, any_identity=True))
    if for_identities and for_identities != for_any:
        out.append(Clause(for_identities, own_identity=True))
    for addresses, (accounts, spaces) in sorted(by_networks.items()):
        out.append(Clause(addresses, accounts=tuple(accounts), namespaces=tuple(spaces)))
    return tuple(out)


def _common(sets: Iterable[Networks]) -> Networks:
    found = EVERYWHERE
    for one in sets:
        found = networks.intersection(found, one)
    return found
