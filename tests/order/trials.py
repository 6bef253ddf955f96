"""Compiles random lists and compares both sides request by request: `python -m tests.order.trials 200000`.

A second number is the seed to start from.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from typing import NamedTuple

from tests.order import generate, oracle
from transformer.order.compile import (
    GATEWAY_API,
    LINKERD,
    LINKERD_ALIGNED,
    LINKERD_EITHER,
    Compiled,
    Refusal,
    compile,
)
from transformer.order.model import Entry, Limits, Rule
from transformer.order.precedence import Precedence

PRECEDENCES = (LINKERD, LINKERD, LINKERD, LINKERD_ALIGNED, LINKERD_EITHER, GATEWAY_API)
LIMITS = Limits(rules_per_route=16, matches_per_rule=8)


class Difference(NamedTuple):
    """A request that the rules treat otherwise than the list, or a refusal without a reason."""

    seed: int
    entries: list[Entry]
    result: Compiled | Refusal
    note: str


def as_written(entries: list[Entry]) -> list[Rule]:
    """The list as rules without any change, one object per group and hostname: what a refusal speaks of."""
    owners: list[tuple[object, str | None]] = []
    for entry in entries:
        if (entry.group, entry.match.hostname) not in owners:
            owners.append((entry.group, entry.match.hostname))
    return [
        Rule(
            (entry.match._replace(without_headers=()),),
            entry.action,
            entry.group,
            (),
            False,
            owners.index((entry.group, entry.match.hostname)),
        )
        for entry in entries
    ]


def trial(
    seed: int, shape: generate.Shape, precedence: Precedence, requests: int
) -> tuple[Compiled | Refusal, Difference | None]:
    """One list, compiled, and the first difference on random requests."""
    draw = random.Random(seed)
    entries = generate.entries(draw, shape)
    result = compile(entries, precedence, LIMITS)
    if isinstance(result, Refusal):
        return result, _unfounded(seed, entries, result, precedence)
    for _ in range(requests):
        request = generate.request(draw, shape.hosts)
        wanted, given = oracle.first(entries, request), oracle.ranked(result.rules, precedence.name, request)
        if given != {wanted}:
            return result, Difference(seed, entries, result, f"{request}: {wanted} became {given}")
        for entry in entries:
            if oracle.accepts(entry.match, request):
                if entry.source in result.shadowed:
                    return result, Difference(seed, entries, result, f"{request}: {entry.source} fires")
                break
    return result, None


def _unfounded(
    seed: int, entries: list[Entry], refusal: Refusal, precedence: Precedence
) -> Difference | None:
    """The first entry takes a refusal's witness; the second does something else and matches it too."""
    witness, one, two = refusal.witness, refusal.first, refusal.second
    if witness is None:
        return None
    wanted = oracle.first(entries, witness)
    if oracle.ranked(as_written(entries), precedence.name, witness) != {wanted}:
        return None
    # What had to be added may be what goes wrong: then the two entries, without exclusions, compete for it.
    pair = [entry for entry in (one, two) if entry]
    if all(oracle.accepts(entry.match._replace(without_headers=()), witness) for entry in pair) and (
        (two and one and one.action != two.action) or (one and one.match.without_headers)
    ):
        return None
    return Difference(seed, entries, refusal, f"{witness} is no reason")


def needless(seed: int, entries: list[Entry], shape: generate.Shape, precedence: Precedence) -> bool:
    """Whether 200 random requests show no difference for the untouched list, which was refused."""
    draw = random.Random(seed)
    for _ in range(200):
        request = generate.request(draw, shape.hosts)
        if oracle.ranked(as_written(entries), precedence.name, request) != {oracle.first(entries, request)}:
            return False
    return True


def main(count: int, start: int = 0) -> int:
    """Prints compiled, refused and different per shape and precedence; the number of differences."""
    counts: Counter[tuple[str, str, str]] = Counter()
    reasons: Counter[str] = Counter()
    different: list[Difference] = []
    started = time.perf_counter()
    for seed in range(start, start + count):
        shape = generate.SHAPES[seed % len(generate.SHAPES)]
        precedence = PRECEDENCES[seed // len(generate.SHAPES) % len(PRECEDENCES)]
        result, difference = trial(seed, shape, precedence, 40)
        refused = isinstance(result, Refusal)
        counts[shape.name, precedence.name, "refused" if refused else "compiled"] += 1
        if isinstance(result, Refusal):
            known = "" if result.witness else " (no witness)"
            if needless(seed, generate.entries(random.Random(seed), shape), shape, precedence):
                known += " (untouched list looks equal)"
            reasons[f"{shape.name:13} {precedence.name:16} {result.reason}{known}"] += 1
        if difference:
            different.append(difference)
    for shape_name, name in sorted({key[:2] for key in counts}):
        good, bad = counts[shape_name, name, "compiled"], counts[shape_name, name, "refused"]
        print(
            f"{shape_name:13} {name:16} compiled {good:7} refused {bad:7} ({100 * bad / (good + bad):.2f} %)"
        )
    for reason, times in sorted(reasons.items()):
        print(f"{times:8} {reason}")
    for one in different[:5]:
        print(f"seed {one.seed}: {one.note}", *one.entries, one.result, sep="\n    ")
    print(f"{count} lists, {len(different)} different, {time.perf_counter() - started:.0f} s")
    return len(different)


if __name__ == "__main__":
    sys.exit(1 if main(*map(int, sys.argv[1:3] or ["4000"])) else 0)
