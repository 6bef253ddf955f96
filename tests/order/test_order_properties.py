"""Random lists: what compiles treats every request as the list does, in a second reading of both sides."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.order import generate, oracle, trials
from transformer.order.compile import Compiled
from transformer.order.precedence import FIRST, LINKERD, SECOND, TIE, Precedence, outcomes
from transformer.order.predicates import (
    Inexpressible,
    Match,
    Path,
    Request,
    conjunction,
    matches,
    overlap,
    subsumes,
)
from transformer.order.regular import automaton, sample
from transformer.order.verify import verify

PRECEDENCES = st.sampled_from(sorted(set(trials.PRECEDENCES)))
SHAPES = st.sampled_from(generate.SHAPES)
SEEDS = st.integers(0, 2**40)


@given(SEEDS, SHAPES, PRECEDENCES)
def test_compiled_lists_keep_every_request(seed: int, shape: generate.Shape, precedence: Precedence) -> None:
    assert trials.trial(seed, shape, precedence, 60)[1] is None


@given(st.randoms(use_true_random=False))
def test_relations_of_matches_hold_for_requests(draw: random.Random) -> None:
    one, two = (generate.entries(draw, generate.WILD)[0].match for _ in range(2))
    common = conjunction(one, two)
    meets, inside = overlap(one, two), subsumes(one, two)
    for _ in range(60):
        request = generate.request(draw, True)
        both = oracle.accepts(one, request) and oracle.accepts(two, request)
        assert matches(one, request) == oracle.accepts(one, request)
        assert meets or not both
        assert not inside or oracle.accepts(one, request) or not oracle.accepts(two, request)
        if not isinstance(common, Inexpressible):
            assert both == (common is not None and oracle.accepts(common, request))


@given(st.randoms(use_true_random=False), PRECEDENCES)
def test_outcomes_cover_what_each_request_gives(draw: random.Random, precedence: Precedence) -> None:
    one, two = (generate.entries(draw, generate.WILD)[0].match for _ in range(2))
    found = outcomes(precedence, one, two)
    for _ in range(60):
        request = generate.request(draw, True)
        if oracle.accepts(one, request) and oracle.accepts(two, request):
            for rank in oracle.RANKS[precedence.name]:
                for mine, other in zip(rank(one, request), rank(two, request), strict=True):
                    assert found & (FIRST if mine > other else SECOND if mine < other else TIE)


def test_random_lists_are_compiled_and_refused() -> None:
    """The trials would prove nothing if all lists were refused, or none."""
    results = [
        trials.trial(seed, generate.SHAPES[seed % 5], trials.PRECEDENCES[0], 20)[0] for seed in range(200)
    ]
    share = sum(isinstance(result, Compiled) for result in results) / len(results)
    assert 0.6 < share < 0.99
    assert any(rule.derived for result in results if isinstance(result, Compiled) for rule in result.rules)


def test_verification_sees_a_wrong_order() -> None:
    """Lists written down as they are differ often; verification and the second reading agree on where."""
    found = 0
    for seed in range(300):
        entries = generate.entries(random.Random(seed), generate.PLAUSIBLE)
        if any(entry.match.without_headers for entry in entries):
            continue
        rules = trials.as_written(entries)
        verdict = verify(entries, rules, LINKERD, None, 20000)
        if verdict.difference is not None:
            found += 1
            wanted = oracle.first(entries, verdict.difference)
            assert oracle.ranked(rules, "linkerd", verdict.difference) != {wanted}
        else:
            draw = random.Random(seed)
            for request in (generate.request(draw, False) for _ in range(60)):
                assert oracle.ranked(rules, "linkerd", request) == {oracle.first(entries, request)}
    assert found > 50


def test_samples_of_expressions_match_them() -> None:
    for expression in generate.EXPRESSIONS:
        machine = automaton(expression)
        assert machine is not None
        text = sample((machine,), start="/")
        assert text is not None
        assert oracle.accepts(Match(path=Path("regex", expression)), Request("h", text, "GET"))
