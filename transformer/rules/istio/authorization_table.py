"""All policies that reach a workload, combined into who may call one of its ports.

Istio's order: DENY before ALLOW, no ALLOW policy means everyone, an ALLOW policy without a match nobody; on a port that is
no HTTP an ALLOW rule with HTTP conditions is dropped and a DENY rule loses them
(https://istio.io/latest/docs/concepts/security/#authorization-policies, pilot/pkg/security/authz/builder).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir import path_conditions
from transformer.ir.authorization import SourceSet
from transformer.ir.path_conditions import Classes, Condition, TooManyStates
from transformer.ir.request_classes import METHODS, OTHER, ROOT, Cells, Path, Table, fold
from transformer.rules.istio import authorization_callers as callers
from transformer.rules.istio import authorization_samples as samples
from transformer.rules.istio.authorization_callers import Sources
from transformer.rules.istio.authorization_rules import ALLOW, DENY, Operation, Policy, Rule
from transformer.targets.linkerd.request_paths import Unwritable

STRICT, PERMISSIVE, DISABLE = "STRICT", "PERMISSIVE", "DISABLE"
#: How a port is read: always as HTTP, never, or by the first bytes of a connection.
HTTP, TCP, SNIFFED = "http", "tcp", "sniffed"


class Applied(NamedTuple):
    """What applies to a port: rules of both actions (None where no ALLOW policy exists), and how sources are known."""

    allow: tuple[tuple[Rule, tuple[Operation, ...]], ...] | None
    deny: tuple[tuple[Rule, tuple[Operation, ...]], ...]
    mode: str
    complete: bool

    def callers(self, rule: Rule) -> Sources:
        """The rule's callers as the port's server knows them: without mutual TLS it learns no identity."""
        if self.mode != DISABLE:
            return rule.callers
        return Sources(*map(ir.without_identity, rule.callers))

    def decide(self, allowed: Iterable[Rule], denied: Iterable[Rule]) -> SourceSet:
        """Who may call where these rules match. Raises `Unwritable` where that depends on callers nobody names."""
        allowed = list(allowed)
        found = callers.ANYONE if self.allow is None else callers.union(map(self.callers, allowed))
        found = found - callers.union(map(self.callers, denied))
        if self.mode == STRICT:
            found = found & callers.exactly(ir.ANY_IDENTITY)
        settled = callers.settled(found, complete=self.complete)
        if settled is None:
            raise Unwritable(
                "which callers a pattern stands for is not known here, and Linkerd has no patterns", "MS404"
            )
        return settled


def applied(policies: Sequence[Policy], port: int, mode: str) -> Applied:
    """What the policies say about a container port; 0 is any port that nobody names."""

    def of(action: str) -> tuple[tuple[Rule, tuple[Operation, ...]], ...]:
        rules = [rule for policy in policies if policy.action == action for rule in policy.rules]
        return tuple((rule, operations) for rule in rules if (operations := rule.at_port(port)))

    has_allow = any(policy.action == ALLOW for policy in policies)
    complete = all(policy.complete for policy in policies)
    return Applied(of(ALLOW) if has_allow else None, of(DENY), mode, complete)


def table(policies: Sequence[Policy], port: int, mode: str, reading: str) -> Table:
    """Who may call the port, read as HTTP, TCP or SNIFFED. Raises `Unwritable`."""
    what = applied(policies, port, mode)
    connections = None if reading == HTTP else _connections(what)
    if reading == TCP:
        return Table(connections, None)
    requests = _Requests(what)
    return Table(connections, requests.by_host(), frozenset(requests.narrowed))


def looks_at_requests(policies: Sequence[Policy], port: int) -> bool:
    """Whether it matters to the port's table how the port is read."""
    what = applied(policies, port, PERMISSIVE)
    return any(rule.http_only for rule, _ in (*(what.allow or ()), *what.deny))


def _connections(what: Applied) -> SourceSet:
    allowed = [rule for rule, _ in what.allow or () if not rule.http_only]
    return what.decide(allowed, [rule for rule, _ in what.deny])


class _Requests:
    """The HTTP part of a table; `narrowed` says where a route's class of requests gets what all of them may."""

    def __init__(self, what: Applied) -> None:
        self._what = what
        rules = (*(what.allow or ()), *what.deny)
        operations = [operation for _, found in rules for operation in found]
        self._paths = {path for op in operations for path in (*(op.paths or ()), *op.not_paths)} - {ROOT}
        self._methods = samples.methods(
            m for op in operations for m in (*(op.methods or ()), *op.not_methods)
        )
        self._hosts = samples.hosts(host for op in operations for host in (*(op.hosts or ()), *op.not_hosts))
        self.narrowed: set[str] = set()
        self._known: dict[tuple[tuple[int, ...], tuple[int, ...]], SourceSet] = {}

    def by_host(self) -> dict[str, Cells | Classes]:
        """Cells by host, without hosts that say what all others say."""
        found = {host: self._of_host(host) for host in self._hosts}
        return {host: cells for host, cells in found.items() if host == OTHER or cells != found[OTHER]}

    def _of_host(self, host: str) -> Cells | Classes:
        """Cells where every condition on a path is a text or a prefix, else classes."""
        tree = [path for path in self._paths if isinstance(path, Path)]
        if len(tree) == len(self._paths):
            return fold({path: self._row(_covering(path), host) for path in (ROOT, *sorted(tree))})
        ordered = sorted(self._paths, key=repr)
        places = {condition: at for at, condition in enumerate(ordered)}
        try:
            found = path_conditions.classes(
                ordered, lambda truth: self._row(lambda one: one == ROOT or truth[places[one]], host)
            )
        except TooManyStates as problem:
            raise Unwritable(str(problem)) from problem
        rows = {one for _, one in found.rows}
        return found if len(rows) > 1 else {ROOT: dict(rows.pop())}

    def _row(self, holds: Callable[[Condition], bool], host: str) -> dict[str, SourceSet]:
        found = {method: self._cell(holds, method, host) for method in self._methods}
        return {m: who for m, who in found.items() if m == OTHER or who != found[OTHER]}

    def _cell(self, holds: Callable[[Condition], bool], method: str, host: str) -> SourceSet:
        """Callers that may send every request of the class. Raises `Unwritable` where usual requests lose callers."""
        pairs = [(one, other) for one in self._methods[method] for other in self._hosts[host]]
        found = {pair: self._decided(holds, pair[0].text, pair[1].text) for pair in pairs}
        everywhere = next(iter(found.values()))
        for who in found.values():
            everywhere = everywhere & who
        lost = {pair for pair, who in found.items() if who != everywhere}
        for one, other in lost:
            if one.usual and other.usual:
                what = one.text if method == OTHER and one.text not in METHODS else other.text
                raise Unwritable(f"routes cannot tell {what} apart from what is named like it", "MS405")
        by_host = {"hosts" for one, other in lost if one.usual}
        by_method = {"methods" for one, other in lost if other.usual}
        self.narrowed |= by_host | by_method or ({"hosts", "methods"} if lost else set())
        return everywhere

    def _decided(self, holds: Callable[[Condition], bool], method: str, host: str) -> SourceSet:
        """Callers of one request of a class; rules that match the same requests are added up once."""

        def matching(rules: Sequence[tuple[Rule, tuple[Operation, ...]]]) -> tuple[int, ...]:
            return tuple(
                at
                for at, (_, found) in enumerate(rules)
                if any(_matches(op, holds, method, host) for op in found)
            )

        allow, deny = self._what.allow or (), self._what.deny
        key = matching(allow), matching(deny)
        if key not in self._known:
            self._known[key] = self._what.decide(
                [allow[at][0] for at in key[0]], [deny[at][0] for at in key[1]]
            )
        return self._known[key]


def _covering(path: Path) -> Callable[[Condition], bool]:
    """Whether a condition holds for every path of a cell."""
    return lambda condition: isinstance(condition, Path) and condition.covers(path)


def _matches(operation: Operation, holds: Callable[[Condition], bool], method: str, host: str) -> bool:
    """Whether the operation matches every request of the class (it matches all of them or none)."""

    def among(texts: Iterable[str] | None, seen: str) -> bool:
        return texts is None or any(samples.fits(text, seen) for text in texts)

    return (
        (operation.paths is None or any(map(holds, operation.paths)))
        and not any(map(holds, operation.not_paths))
        and among(operation.methods, method)
        and not among(operation.not_methods, method)
        and among(operation.hosts, host)
        and not among(operation.not_hosts, host)
    )
