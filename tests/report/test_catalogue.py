"""Pages of `explain` and `rules`."""

from __future__ import annotations

import pytest

from transformer.codes import CODES, Code
from transformer.errors import UsageError
from transformer.report import catalogue
from transformer.rules import registry


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.code)
def test_every_code_has_a_whole_page(code: Code) -> None:
    page = catalogue.explain(code.code.lower())
    words = " ".join(page.split())
    for part in (code.code, code.title, code.severity, code.cause, code.effect, code.remedy):
        assert part
        assert " ".join(part.split()) in words
    for line in code.example.splitlines():
        assert f"    {line}" in page
    assert ("--accept" in page) is (code.acceptable and code.severity == "error")


@pytest.mark.parametrize(
    ("wrong", "near"), [("MS01", "MS010"), ("MS00", "MS001"), ("M010", "MS010"), ("xyz", "lists them all")]
)
def test_an_unknown_code_names_those_near_it(wrong: str, near: str) -> None:
    with pytest.raises(UsageError, match=near):
        catalogue.explain(wrong)


def test_a_retired_code_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "RETIRED", frozenset({"MS998"}))
    with pytest.raises(UsageError, match="MS998 is no longer used"):
        catalogue.explain("ms998")


def test_all_codes_are_listed_in_order() -> None:
    listed = [line.split()[0] for line in catalogue.all_codes().splitlines()[1:]]
    assert listed == sorted(CODES)


def test_all_rules_are_listed() -> None:
    page = catalogue.rules()
    loaded = registry.load()
    assert loaded
    for rule in loaded:
        assert f"{rule.id}\n" in page
        assert all(kind in page for _, kind in rule.kinds)


@pytest.mark.parametrize("word", ["VirtualService", "virtualservice", "VirtualService.networking.istio.io"])
def test_the_rules_of_a_kind(word: str) -> None:
    page = catalogue.rules(word)
    assert "VirtualService (networking.istio.io)" in page
    assert "What becomes what" in page


def test_every_rule_has_a_page() -> None:
    for rule in registry.load():
        page = catalogue.rules(rule.id)
        assert page.startswith(rule.id), rule.id
        assert page.split("What becomes what\n")[-1].strip(), f"{rule.id} has no words"


def test_a_kind_without_rules_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean VirtualService"):
        catalogue.rules("VirtualServce")
