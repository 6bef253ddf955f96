"""Faults put into the rules on purpose: the evaluators must notice every one of them within some random policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from dev.measure.authorization_trials import trial
from transformer.ir import authorization as ir
from transformer.ir import path_conditions
from transformer.ir.authorization import SourceSet
from transformer.ir.request_classes import OTHER, ROOT, Path
from transformer.rules.istio import authorization_callers as callers
from transformer.rules.istio import authorization_emission as emission
from transformer.rules.istio import authorization_plans as plans
from transformer.rules.istio import authorization_pods as pods
from transformer.rules.istio import authorization_rules as rules
from transformer.rules.istio import authorization_samples as samples
from transformer.rules.istio import authorization_table as table
from transformer.rules.istio import peer_authentication
from transformer.targets.linkerd import inbound_plan, inbound_policy

_MOST = 500


class Fault(NamedTuple):
    """What is changed: an attribute of a module or class, and what stands there instead, made from what it was."""

    owner: Any
    name: str
    change: Callable[[Any], Any]


def always(value: Any) -> Callable[[Any], Any]:
    """A function that gives one answer."""
    return lambda was: lambda *args, **more: value


def other(value: Any) -> Callable[[Any], Any]:
    """Another value."""
    return lambda was: value


def wider_prefix(was: Any) -> Any:
    def read(view: Any) -> Any:
        found = was(view)
        return Path(found.text[:-2] or "/", True) if isinstance(found, Path) and found.prefix else found

    return read


def suffix_as_everything(was: Any) -> Any:
    return lambda view: ROOT if view.text().startswith("*") else was(view)


def segments_for_segment(was: Any) -> Any:
    def moves(self: Any, place: int, symbol: str) -> Any:
        if symbol == "/" and place < len(self.items) and self.items[place][0] == path_conditions.SEGMENT:
            return iter((place,))
        return was(self, place, symbol)

    return moves


def without_catch_all(was: Any) -> Any:
    def routes(*args: Any, **more: Any) -> Any:
        for route in was(*args, **more):
            kept = tuple(match for match in route.matches if match[:2] != ("PathPrefix", "/"))
            if kept:
                yield route._replace(matches=kept)

    return routes


def without_methods(was: Any) -> Any:
    return lambda *args, **more: [
        route._replace(matches=tuple((kind, value, OTHER) for kind, value, _ in route.matches))
        for route in was(*args, **more)
    ]


def not_an_allow_policy(was: Any) -> Any:
    """An ALLOW policy without rules counts as none."""
    return lambda policies, *args: was([policy for policy in policies if policy.rules], *args)


def without_deny(was: Any) -> Any:
    return lambda *args: was(*args)._replace(deny=())


def never_strict(was: Any) -> Any:
    return lambda *args: was(*args)._replace(mode="PERMISSIVE") if was(*args).mode == "STRICT" else was(*args)


def open_rest(was: Any) -> Any:
    return lambda *args: plans.Rest("all-unauthenticated", stricter=False)


def audit_as_allow(was: Any) -> Any:
    return lambda obj: rules.ALLOW if was(obj) == rules.AUDIT else was(obj)


def probes_open_everything(was: Any) -> Any:
    return lambda cells, probes: was(cells, probes) if not probes else {ROOT: {OTHER: ir.ANYONE}}


def hosts_without_ports(was: Any) -> Any:
    return lambda texts: {
        name: [one for one in found if not name or one.usual] for name, found in was(texts).items()
    }


def deny_only_connections(was: Any) -> Any:
    """A DENY rule about requests counts for nothing on a port that is no HTTP."""
    return lambda what: was(what._replace(deny=tuple(entry for entry in what.deny if not entry[0].http_only)))


def first_identity_only(was: Any) -> Any:
    """What is lost is refused, on ports that have a Server: no word about undeclared ports explains that."""

    def objects(*args: Any) -> Any:
        for made in was(*args):
            refs = made.spec.get("identityRefs", ())
            yield made._replace(spec={**made.spec, "identityRefs": refs[:1]}) if refs else made

    return objects


def first_rule_only(was: Any) -> Any:
    return lambda self, allowed, denied: was(self, allowed, list(denied)[:1])


FAULTS = {
    "methods are not compared": Fault(inbound_plan, "_routes", without_methods),
    "values always match": Fault(samples, "fits", always(True)),
    "every operation is for every port": Fault(rules.Operation, "at_port", always(True)),
    "conditions on the port are lost": Fault(
        rules.Rule, "at_port", lambda was: lambda self, port: self.operations
    ),
    "prefixes are wider": Fault(rules, "_path", wider_prefix),
    "a suffix is everything": Fault(rules, "_path", suffix_as_everything),
    "one segment is many": Fault(path_conditions.Automaton, "moves", segments_for_segment),
    "a namespace is everyone": Fault(ir, "whole_namespace", always(ir.ANY_IDENTITY)),
    "an account is its namespace": Fault(
        ir, "account", lambda was: lambda space, name: ir.whole_namespace(space)
    ),
    "addresses do not count": Fault(ir, "from_networks", always(ir.ANYONE)),
    "everything of a source is or": Fault(SourceSet, "__and__", lambda was: lambda a, b: a | b),
    "nothing is subtracted": Fault(SourceSet, "__sub__", lambda was: lambda a, b: a),
    "no catch-all": Fault(inbound_plan, "_routes", without_catch_all),
    "no DENY": Fault(table, "applied", without_deny),
    "one DENY rule": Fault(table.Applied, "decide", first_rule_only),
    "ALLOW without rules": Fault(table, "applied", not_an_allow_policy),
    "STRICT is permissive": Fault(table, "applied", never_strict),
    "modes of ports are lost": Fault(
        peer_authentication.Modes, "of", lambda was: lambda self, port, mesh: self.workload or mesh
    ),
    "identities under DISABLE": Fault(
        table.Applied, "callers", lambda was: lambda self, rule: rule.callers
    ),
    "requests on TCP ports": Fault(pods, "reading", always("http")),
    "DENY of requests on TCP ports": Fault(table, "_connections", deny_only_connections),
    "odd paths": Fault(inbound_plan, "_looks_at_paths", always(False)),
    "undeclared ports are open": Fault(plans, "rest", open_rest),
    "a pattern of namespaces is everyone": Fault(
        callers.Known, "namespaces", always(callers.exactly(ir.ANY_IDENTITY))
    ),
    "hosts without ports": Fault(samples, "hosts", hosts_without_ports),
    "AUDIT allows": Fault(rules, "action", audit_as_allow),
    "probes open the port": Fault(inbound_plan, "_with_probes", probes_open_everything),
    "Servers that let everyone in": Fault(
        inbound_policy, "access_policy", lambda was: lambda sources: was(sources) or "all-unauthenticated"
    ),
    "callers but the first": Fault(inbound_policy, "objects", first_identity_only),
    "nothing is told": Fault(emission, "_tell", always(None)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    fault = FAULTS[name]
    was = getattr(fault.owner, fault.name)
    monkeypatch.setattr(fault.owner, fault.name, fault.change(was))
    assert any(trial(seed).faults for seed in range(_MOST)), f"{name}: not noticed"


def test_without_a_fault_nothing_is_noticed() -> None:
    assert not any(trial(seed).faults for seed in range(25))
