"""`tcp` and `tls` rules of a VirtualService: which of them Istio uses where, and what they account for.

The protocol of a port decides which list counts. A rule takes connections by port and gateway, a tls rule by server name,
too; what else a match may say is looked at by sidecars only.
https://istio.io/latest/docs/reference/config/networking/virtual-service/#TCPRoute
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from transformer.findings import FieldPath
from transformer.ledger import NO_OP, TRANSLATED, Fate
from transformer.objects import Obj, View
from transformer.rules import fields
from transformer.run import Run

#: Whether a name in `match.gateways` is the place that is asked about.
Here = Callable[[str], bool]


class Used(NamedTuple):
    """Rules and matches that decide something, by path; the others are told once all places have been looked at."""

    rules: set[FieldPath]
    matches: set[FieldPath]

    @classmethod
    def nothing(cls) -> Used:
        """The start of a VirtualService."""
        return cls(set(), set())


def rules(obj: Obj) -> Iterator[tuple[str, int, View]]:
    """Every tcp and tls rule with its list and its index there."""
    for kind in ("tcp", "tls"):
        yield from ((kind, index, rule) for index, rule in enumerate(obj.spec.get(kind).each()))


def applies(match: View, port: int, here: Here) -> bool:
    """Whether a match is for a port of a place."""
    gateways = [name.text() for name in match.get("gateways").each()]
    return match.get("port").value() in (None, 0, port) and (not gateways or any(map(here, gateways)))


def first(obj: Obj, port: int, here: Here) -> tuple[View, list[View]] | None:
    """The tcp rule that takes all connections to a port of a place, with those of its matches that say so."""
    for rule in obj.spec.get("tcp").each():
        matches = list(rule.get("match").each())
        fitting = [match for match in matches if applies(match, port, here)]
        if fitting or not matches:
            return rule, fitting
    return None


def server_names(match: View) -> tuple[str, ...]:
    """SNI hosts of a tls match in lower case, each once."""
    return tuple(dict.fromkeys(host.text().lower() for host in match.get("sniHosts").each()))


def use(used: Used, rule: View, matches: list[View]) -> None:
    """Note that a rule decides something, by some of its matches."""
    used.rules.add(rule.path)
    used.matches.update(match.path for match in matches)


def account(run: Run, obj: Obj, used: Used, *, mesh: bool, stays: bool = False) -> None:
    """Settle matches and unused rules; `mesh`: sidecars are among the places, which look at more than gateways do.

    `stays`: a gateway that obeys the object stays in Istio, so what is unused may be for it.
    """
    for kind, index, rule in rules(obj):
        if rule.path not in used.rules and stays:
            run.mark(rule, Fate(NO_OP, "for a gateway that stays in Istio"))
            continue
        if rule.path not in used.rules:
            run.say(
                "MS606",
                rule,
                f"{kind} rule {index} takes no connection: no port, gateway or server name is left for it",
            )
            run.mark(rule, Fate(NO_OP, "MS606"))
            continue
        if not list(rule.get("match").each()):
            run.no_op(rule.get("match"), "an empty list matches everything, as no list does")
        for match in rule.get("match").each():
            if match.path not in used.matches and stays:
                run.mark(match, Fate(NO_OP, "for a gateway that stays in Istio"))
            elif match.path not in used.matches:
                run.say(
                    "MS606",
                    match,
                    "the match takes no connection: no port, gateway or server name is left for it",
                )
                run.mark(match, Fate(NO_OP, "MS606"))
            else:
                _account_match(run, match, mesh)


def _account_match(run: Run, match: View, mesh: bool) -> None:
    for name, field in fields.effective(run, match):
        if name in ("port", "gateways", "sniHosts"):
            run.mark(field, Fate(TRANSLATED, "parentRefs and hostnames"))
        elif name == "sourceSubnet":
            run.no_op(field, "not implemented by Istio")
        elif not mesh:
            run.say(
                "MS608",
                field,
                f"{name} of a {'tls' if match.get('sniHosts') else 'tcp'} match is not looked at by gateways",
            )
            run.mark(field, Fate(NO_OP, "MS608"))
