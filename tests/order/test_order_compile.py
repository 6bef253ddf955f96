"""Lists that need nothing, lists that need more matches, and lists that are refused, each with its reason."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.order import oracle
from tests.order.trials import as_written
from transformer.order.compile import (
    GATEWAY_API,
    LINKERD,
    LINKERD_ALIGNED,
    LINKERD_EITHER,
    NOT_FOUND,
    Compiled,
    Entry,
    Limits,
    Refusal,
    compile,
)
from transformer.order.precedence import Precedence
from transformer.order.predicates import Match, Path, Value
from transformer.order.verify import verify


def path(text: str) -> Path:
    """`=/a` exact, `~/a.*` regex, `/a` segment prefix, empty no condition."""
    if not text:
        return Path("any", "")
    return (
        Path("exact", text[1:])
        if text[0] == "="
        else Path("regex", text[1:])
        if text[0] == "~"
        else Path("prefix", text)
    )


def value(text: str) -> Value:
    return Value("regex", text[1:]) if text[0] == "~" else Value("exact", text)


def match(text: str = "", **conditions: Any) -> Match:
    named = {
        name: tuple((key, value(wanted)) for key, wanted in conditions.pop(name, {}).items())
        for name in ("headers", "query", "without_headers")
    }
    return Match(path=path(text), **{**conditions, **named})


def listed(*rows: tuple[Any, ...]) -> list[Entry]:
    """Entries from (match, action) or (match, action, group); each its own rule."""
    return [Entry(row[0], row[1], row[2] if len(row) > 2 else None, (i,), i) for i, row in enumerate(rows)]


def shown(one: Match) -> str:
    """A match as one short line."""
    mark = {"exact": "=", "regex": "~"}.get(one.path.kind, "")
    parts = [one.hostname or "", mark + one.path.value, one.method or ""]
    parts += [f"{name}:{wanted.value}" for name, wanted in one.headers]
    parts += [f"{name}?{wanted.value}" for name, wanted in one.query]
    return " ".join(part for part in parts if part)


def compiled(entries: list[Entry], precedence: Precedence = LINKERD, **options: Any) -> Compiled:
    result = compile(entries, precedence, **options)
    assert isinstance(result, Compiled), result
    return result


X, Y = {"x": "1"}, {"y": "1"}


class Case(NamedTuple):
    reason: str
    rows: list[tuple[Any, ...]]
    rules: list[tuple[str, list[str]]]
    shadowed: tuple[int, ...] = ()
    precedence: Precedence = LINKERD


COMPILED = [
    Case("a single catch-all", [(match(), "A")], [("A", [""])]),
    Case("an earlier root prefix hides all", [(match("/"), "A"), (match("/api"), "B")], [("A", ["/"])], (1,)),
    Case(
        "specific before general needs nothing",
        [(match("/api"), "A"), (match("/"), "B")],
        [("A", ["/api"]), ("B", ["/"])],
    ),
    Case(
        "exact ties with the prefix of its length: written order decides in one object",
        [(match("=/api"), "A"), (match("/api/"), "B")],
        [("A", ["=/api"]), ("B", ["/api/"])],
    ),
    Case(
        "a header rule before longer paths needs their conjunctions",
        [(match("/", headers=X), "A"), (match("/api"), "B"), (match("/api/v1"), "C"), (match("/"), "D")],
        [("A", ["/api x:1", "/ x:1"]), ("B", ["/api"]), ("D", ["/"])],
        (2,),
    ),
    Case(
        "header rule after the general rule never fires",
        [(match("/"), "A"), (match("/", headers=X), "B")],
        [("A", ["/"])],
        (1,),
    ),
    Case(
        "Linkerd counts headers before the method",
        [(match("", method="GET"), "A"), (match("", headers=X), "B"), (match(), "C")],
        [("A", ["GET x:1", "GET"]), ("B", ["x:1"]), ("C", [""])],
    ),
    Case(
        "the Gateway API counts the method before headers",
        [(match("", method="GET"), "A"), (match("", headers=X), "B"), (match(), "C")],
        [("A", ["GET"]), ("B", ["x:1"]), ("C", [""])],
        precedence=GATEWAY_API,
    ),
    Case(
        "and then it is the header rule that needs help",
        [(match("", headers=X), "A"), (match("", method="GET"), "B"), (match(), "C")],
        [("A", ["GET x:1", "x:1"]), ("B", ["GET"]), ("C", [""])],
        precedence=GATEWAY_API,
    ),
    Case(
        "a regex counts as the whole path, so a prefix before it moves up to one",
        [(match("/static"), "A"), (match(r"~/.*\.png"), "B"), (match(), "C")],
        [("A", ["~/static(?:/.*)?"]), ("B", [r"~/.*\.png"]), ("C", [""])],
    ),
    Case(
        "two regexes tie; written order decides in one object",
        [(match(r"~/.*\.png"), "A"), (match("~/a/.+"), "B")],
        [("A", [r"~/.*\.png"]), ("B", ["~/a/.+"])],
    ),
    Case(
        "a regex loses to a prefix with a header only on the prefix itself",
        [(match("~/a.*"), "A"), (match("/a", headers=X), "B")],
        [("A", ["~/a.*"])],
        (1,),
    ),
    Case(
        "the same, not hidden, needs that one path",
        [(match("~/a.*", headers=Y), "A"), (match("/a", headers={"x": "1", "z": "1"}), "B")],
        [("A", ["=/a y:1 x:1 z:1", "~/a.* y:1"]), ("B", ["/a x:1 z:1"])],
    ),
    Case(
        "string prefixes that do not meet need nothing",
        [(match("~/ab.*"), "A"), (match("/a"), "B")],
        [("A", ["~/ab.*"]), ("B", ["/a"])],
    ),
    Case(
        "different values of one header do not meet",
        [(match("", headers=X), "A"), (match("/a", headers={"x": "2"}), "B"), (match(), "C")],
        [("A", ["x:1"]), ("B", ["/a x:2"]), ("C", [""])],
    ),
    Case(
        "header expressions that may meet: the earlier condition is kept, the path added",
        [(match("", headers={"x": "~a.*"}), "A"), (match("/a", headers={"x": "~.*b"}), "B")],
        [("A", ["/a x:a.*", "x:a.*"]), ("B", ["/a x:.*b"])],
    ),
    Case(
        "excluded requests get what comes next",
        [(match("/", without_headers=X), "A"), (match("/"), "B")],
        [("B", ["/ x:1"]), ("A", ["/"])],
    ),
    Case(
        "excluding a header that must be absent",
        [(match("/", without_headers={"x": "~.*"}), "A"), (match("/"), "B")],
        [("B", ["/ x:.*"]), ("A", ["/"])],
    ),
    Case(
        "an exclusion whose requests an earlier rule takes is void",
        [(match("/", headers=X), "A"), (match("/", without_headers=X), "B")],
        [("A", ["/ x:1"]), ("B", ["/"])],
    ),
    Case(
        "requiring and excluding one value never fires",
        [(match("/", headers=X, without_headers=X), "A"), (match("/"), "B")],
        [("B", ["/"])],
        (0,),
    ),
    Case(
        "a hostname outranks any path, so the general rule is repeated for it",
        [(match("/api"), "A"), (match("", hostname="a.example"), "B")],
        [("A", ["a.example /api"]), ("A", ["/api"]), ("B", ["a.example"])],
    ),
    Case(
        "a header rule of one group before a header rule of another outranks it with both headers",
        [(match("", headers=X), "A", 1), (match("", headers=Y), "B", 2), (match(), "C", 3)],
        [("A", ["x:1 y:1", "x:1"]), ("B", ["y:1"]), ("C", [""])],
    ),
    Case(
        "an exact path and its prefix in different objects: the prefix gives the path up",
        [(match("=/a"), "A", 1), (match("/a"), "B", 2)],
        [("A", ["=/a"]), ("B", ["~/a/.*"])],
    ),
    Case(
        "an order that both ranks of Linkerd keep",
        [(match("", headers=X), "A"), (match("", method="GET"), "B"), (match(), "C")],
        [("A", ["GET x:1", "x:1"]), ("B", ["GET"]), ("C", [""])],
        precedence=LINKERD_EITHER,
    ),
    Case(
        "exact outranks a regex of the same length where Linkerd follows the Gateway API",
        [(match("~/a.*"), "A"), (match("=/a/b", headers=X), "B")],
        [("A", ["~/a.*"])],
        (1,),
        LINKERD_ALIGNED,
    ),
    Case(
        "an expression that is really an exact path is no unknown for the Gateway API",
        [(match("~^/a$"), "A"), (match("/"), "B")],
        [("A", ["=/a"]), ("B", ["/"])],
        precedence=GATEWAY_API,
    ),
    Case(
        "equal actions need no order",
        [(match("", headers=X), "A", 1), (match("/a"), "A", 2)],
        [("A", ["x:1"]), ("A", ["/a"])],
    ),
]


@pytest.mark.parametrize("case", COMPILED, ids=[case.reason for case in COMPILED])
def test_compiled(case: Case) -> None:
    result = compiled(listed(*case.rows), case.precedence)
    assert [(rule.action, [shown(one) for one in rule.matches]) for rule in result.rules] == case.rules
    assert result.shadowed == [(index,) for index in case.shadowed]


class Refused(NamedTuple):
    reason: str
    rows: list[tuple[Any, ...]]
    says: str
    pair: tuple[int, int | None]
    precedence: Precedence = LINKERD


REFUSED = [
    Refused(
        "header expressions that may meet, in objects whose ages nobody knows",
        [(match("", headers={"x": "~a.*"}), "A", 1), (match("", headers={"x": "~.*b"}), "B", 2)],
        "rank equally",
        (0, 1),
    ),
    Refused(
        "two regexes in different objects tie on every common path",
        [(match(r"~/.*\.png"), "A", 1), (match("~/a/.+"), "B", 2)],
        "rank equally",
        (0, 1),
    ),
    Refused(
        "nobody knows where a Gateway API implementation ranks a regex",
        [(match("/static"), "A"), (match(r"~/.*\.png"), "B")],
        "may rank higher",
        (0, 1),
        GATEWAY_API,
    ),
    Refused(
        "excluded requests would need a 404",
        [(match("/", without_headers=X), "A")],
        "nothing else matches",
        (0, None),
    ),
    Refused(
        "the same with a later rule that takes only some of them",
        [(match("/", without_headers=X), "A"), (match("/api"), "B")],
        "nothing else matches",
        (0, None),
    ),
    Refused(
        "a header that is required and excluded in part",
        [(match("/", headers={"x": "~a.*"}, without_headers={"x": "~.*b"}), "A"), (match("/"), "B")],
        "required and excluded",
        (0, None),
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=[case.reason for case in REFUSED])
def test_refused(case: Refused) -> None:
    entries = listed(*case.rows)
    result = compile(entries, case.precedence)
    assert isinstance(result, Refusal)
    assert case.says in result.reason
    assert result.first == entries[case.pair[0]]
    assert result.second == (None if case.pair[1] is None else entries[case.pair[1]])
    # The witness is checked against a second reading of both sides.
    assert result.witness is not None
    wanted = oracle.first(entries, result.witness)
    assert oracle.ranked(as_written(entries), case.precedence.name, result.witness) != {wanted}


def test_excluded_requests_get_the_not_found_action() -> None:
    rows = listed((match("/", without_headers=X), "A"), (match("/api"), "B"))
    rules = compiled(rows, not_found_action="404").rules
    assert [(rule.action, [shown(one) for one in rule.matches]) for rule in rules] == [
        ("B", ["/api x:1"]),
        ("404", ["/ x:1"]),
        ("A", ["/"]),
    ]
    assert isinstance(compile(rows, LINKERD, not_found_action=NOT_FOUND), Refusal)


def test_matches_of_one_rule_stay_one_rule() -> None:
    entries = [
        Entry(match("/a"), "A", None, ("a",), 0),
        Entry(match("/b", headers=X), "A", None, ("b",), 0),
        Entry(match("/b/c"), "B", None, ("c",), 1),
    ]
    first, second = compiled(entries).rules
    assert [shown(one) for one in first.matches] == ["/a", "/b/c x:1", "/b x:1"]
    assert (first.sources, first.derived) == ((("a",), ("b",)), True)
    assert (second.sources, second.derived) == ((("c",),), False)


def test_an_action_bound_to_its_path_keeps_it_or_is_refused() -> None:
    general, longer = match("/a", headers=X), match("/a/b")
    entries = [Entry(general, "A", None, (0,), 0, True), Entry(longer, "B", None, (1,), 1)]
    refusal = compile(entries, LINKERD)
    assert isinstance(refusal, Refusal)
    assert "depends on its path" in refusal.reason
    alone = [entry._replace(rule=0, action="A") for entry in entries]
    alone[1] = alone[1]._replace(keep_path=True)
    assert [len(rule.matches) for rule in compiled(alone).rules] == [1, 1]


def test_a_header_named_twice_is_refused() -> None:
    twice = Match(headers=(("x", value("1")), ("x", value("2"))))
    refusal = compile([Entry(twice, "A")], LINKERD)
    assert isinstance(refusal, Refusal)
    assert "twice" in refusal.reason


def test_an_unreadable_expression_is_refused_where_order_matters() -> None:
    odd = match(r"~/\pL+")
    assert len(compiled([Entry(odd, "A")]).rules) == 1
    refusal = compile(listed((odd, "A"), (match("/"), "B")), LINKERD)
    assert isinstance(refusal, Refusal)
    assert "cannot be read" in refusal.reason


class TestLimits:
    def test_matches_beyond_a_rule_make_more_rules(self) -> None:
        rows = [(match("", headers=X), "A"), *((match(f"/p{i}"), f"P{i}") for i in range(9)), (match(), "Z")]
        rules = compiled(listed(*rows), limits=Limits(matches_per_rule=8)).rules
        assert [len(rule.matches) for rule in rules if rule.action == "A"] == [8, 2]

    def test_rules_beyond_a_route_make_more_objects_where_they_are_ranked(self) -> None:
        rows = [(match(f"/p{i}"), f"P{i}") for i in range(20)]
        rules = compiled(listed(*rows, (match(), "Z"))).rules
        assert [rule.object for rule in rules] == [0] * 16 + [1] * 5

    def test_rules_that_tie_stay_in_one_object(self) -> None:
        rows = [
            (match("=/last"), "A"),
            *((match(f"/p{i}"), f"P{i}") for i in range(20)),
            (match("/last"), "B"),
        ]
        rules = compiled(listed(*rows)).rules
        assert rules[0].object == rules[-1].object

    def test_too_many_added_matches_are_refused(self) -> None:
        rows = [(match("", headers=X), "A"), *((match(f"/p{i}"), f"P{i}") for i in range(9)), (match(), "Z")]
        assert len(compiled(listed(*rows), limits=Limits(added_matches=9)).rules) == 11
        refusal = compile(listed(*rows), LINKERD, Limits(added_matches=8))
        assert isinstance(refusal, Refusal)
        assert "more than 8 further matches" in refusal.reason
        both = [(match(f"/p{i}", without_headers={"x": str(i)}), f"P{i}") for i in range(9)]
        refusal = compile(listed(*both, (match(), "Z")), LINKERD, Limits(added_matches=8))
        assert isinstance(refusal, Refusal)
        assert "more than 8 further matches" in refusal.reason

    def test_a_list_too_large_to_enumerate_is_sampled(self) -> None:
        rows = [
            (match(f"/p{i}", headers={f"h{i}": "1"}, query={f"q{i}": "1"}, method="GET"), f"P{i}")
            for i in range(6)
        ]
        entries = listed(*rows, (match(), "Z"))
        assert compile(entries, LINKERD, Limits(requests=100)) == compiled(entries)
        wrong = as_written(listed((match("", headers=X), "A"), (match("/a"), "B"), *rows, (match(), "Z")))
        backwards = [entry._replace(rule=9 - entry.rule) for entry in reversed(entries)]
        verdict = verify(backwards, as_written(entries), LINKERD, NOT_FOUND, 100)
        assert (verdict.complete, verdict.difference is not None) == (False, True)
        first = listed((match("", headers=X), "A"), (match("/a"), "B"), *rows, (match(), "Z"))
        verdict = verify(first, wrong, LINKERD, NOT_FOUND, 100)
        assert verdict.difference is not None
        assert oracle.ranked(wrong, "linkerd", verdict.difference) != {
            oracle.first(first, verdict.difference)
        }

    def test_too_many_rules_that_need_their_order_are_refused(self) -> None:
        rows = [(match(f"~/{letter}.*[0-9]"), letter) for letter in "abcdefghijklmnopqrst"]
        refusal = compile(listed(*rows, (match("~/.+[0-9]"), "Z")), LINKERD)
        assert isinstance(refusal, Refusal)
        assert "must keep their order" in refusal.reason
