"""All policies that reach a workload, combined into who may call one of its ports.

Istio's order: DENY before ALLOW, no ALLOW policy means everyone, an ALLOW policy without a match nobody; on a port that is
no HTTP an ALLOW rule with HTTP conditions is dropped and a DENY rule loses them
(https://istio.io/latest/docs/concepts/security/#authorization-policies, pilot/pkg/security/authz/builder).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir.authorization import SourceSet
from transformer.ir.request_classes import OTHER, ROOT, Cells, Path, Table, fold
from transformer.rules.istio.authorization_rules import ALLOW, DENY, Operation, Policy, Rule

STRICT, PERMISSIVE, DISABLE = "STRICT", "PERMISSIVE", "DISABLE"
#: How a port is read: always as HTTP, never, or by the first bytes of a connection.
HTTP, TCP, SNIFFED = "http", "tcp", "sniffed"


class Applied(NamedTuple):
    """What applies to a port: rules of both actions (None where no ALLOW policy exists), and how sources are known."""

    allow: tuple[tuple[Rule, tuple[Operation, ...]], ...] | None
    deny: tuple[tuple[Rule, tuple[Operation, ...]], ...]
    mode: str

    def sources(self, rule: Rule) -> SourceSet:
        """The rule's sources as the port's server knows them: without mutual TLS it learns no identity."""
        return ir.without_identity(rule.sources) if self.mode == DISABLE else rule.sources

    def decide(self, allowed: Iterable[Rule], denied: Iterable[Rule]) -> SourceSet:
        """Who may call where these rules match."""
        found = ir.ANYONE if self.allow is None else ir.union(self.sources(rule) for rule in allowed)
        found = found - ir.union(self.sources(rule) for rule in denied)
        return found & ir.ANY_IDENTITY if self.mode == STRICT else found


def applied(policies: Sequence[Policy], port: int, mode: str) -> Applied:
    """What the policies say about a container port; 0 is any port that nobody names."""

    def of(action: str) -> tuple[tuple[Rule, tuple[Operation, ...]], ...]:
        rules = [rule for policy in policies if policy.action == action for rule in policy.rules]
        return tuple((rule, operations) for rule in rules if (operations := rule.at_port(port)))

    has_allow = any(policy.action == ALLOW for policy in policies)
    return Applied(of(ALLOW) if has_allow else None, of(DENY), mode)


def table(policies: Sequence[Policy], port: int, mode: str, reading: str) -> Table:
    """Who may call the port, read as HTTP, TCP or SNIFFED."""
    what = applied(policies, port, mode)
    connections = None if reading == HTTP else _connections(what)
    return Table(connections, None if reading == TCP else _requests(what))


def looks_at_requests(policies: Sequence[Policy], port: int) -> bool:
    """Whether it matters to the port's table how the port is read."""
    what = applied(policies, port, PERMISSIVE)
    return any(rule.http_only for rule, _ in (*(what.allow or ()), *what.deny))


def _connections(what: Applied) -> SourceSet:
    allowed = [rule for rule, _ in what.allow or () if not rule.http_only]
    return what.decide(allowed, [rule for rule, _ in what.deny])


def _requests(what: Applied) -> dict[str, Cells]:
    rules = (*(what.allow or ()), *what.deny)
    operations = [operation for _, found in rules for operation in found]
    paths = {ROOT} | {path for op in operations for path in (*(op.paths or ()), *op.not_paths)}
    methods = {m for op in operations for m in (*(op.methods or ()), *op.not_methods)} - {"*"}
    hosts = {host for op in operations for host in (*(op.hosts or ()), *op.not_hosts)} - {"*"}
    by_host = {
        host: fold(
            {
                path: {m: _cell(what, path, m, host) for m in (*sorted(methods), OTHER)}
                for path in sorted(paths)
            }
        )
        for host in (OTHER, *sorted(hosts))
    }
    return {host: cells for host, cells in by_host.items() if host == OTHER or cells != by_host[OTHER]}


def _cell(what: Applied, path: Path, method: str, host: str) -> SourceSet:
    def matching(rules: Iterable[tuple[Rule, tuple[Operation, ...]]]) -> list[Rule]:
        return [rule for rule, found in rules if any(_matches(op, path, method, host) for op in found)]

    return what.decide(matching(what.allow or ()), matching(what.deny))


def _matches(operation: Operation, path: Path, method: str, host: str) -> bool:
    """Whether the operation matches every request of the class (it matches all of them or none)."""
    by_path: Callable[[Path], bool] = lambda condition: condition.covers(path)  # noqa: E731
    return (
        (operation.paths is None or any(map(by_path, operation.paths)))
        and not any(map(by_path, operation.not_paths))
        and (operation.methods is None or "*" in operation.methods or method in operation.methods)
        and not ("*" in operation.not_methods or method in operation.not_methods)
        and (operation.hosts is None or "*" in operation.hosts or host in operation.hosts)
        and not ("*" in operation.not_hosts or host in operation.not_hosts)
    )
