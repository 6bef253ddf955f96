"""The byte strings that decide what is read at all cover everything that rules read."""

from __future__ import annotations

import re

import pytest

from tests.real_tools import ROOT
from transformer import config, needles, options, settings
from transformer.rules import registry
from transformer.rules.registry import Rule
from transformer.targets import metadata
from transformer.transform import MESH_SUFFIXES

RULES = registry.load()
#: Groups whose objects are given to rules only if they carry a mesh key: workloads, Namespaces, Services.
ORDINARY_GROUPS = {"", "apps", "batch", "extensions", "argoproj.io", "serving.knative.dev"}


def covered(text: str) -> bool:
    return any(needle.decode() in text for needle in needles.NEEDLES)


def test_there_are_rules() -> None:
    assert {"virtual-service", "destination-rule", "traffic-split", "security"} <= {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_every_group_of_a_rule_holds_a_needle(rule: Rule) -> None:
    missing = {group for group, _ in rule.kinds if not covered(group)} - ORDINARY_GROUPS
    assert not missing, f"{rule.id} would never be given objects of {missing}"


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_every_key_of_a_rule_holds_a_needle(rule: Rule) -> None:
    assert not [key for key in rule.keys if not covered(key)]


def test_a_rule_for_ordinary_kinds_says_which_keys_make_them_relevant() -> None:
    silent = [
        rule.id
        for rule in RULES
        if not rule.keys and any(group in ORDINARY_GROUPS for group, _ in rule.kinds)
    ]
    assert not silent


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
def test_every_mesh_group_holds_a_needle(suffix: str) -> None:
    assert covered(suffix)


@pytest.mark.parametrize("key", [metadata.MARKER, "meshshift.dev/accept", config.API_VERSION])
def test_our_own_keys_hold_a_needle(key: str) -> None:
    assert covered(key)


@pytest.mark.parametrize("needle", needles.NEEDLES)
def test_needles_are_made_of_letters_that_the_scan_can_find(needle: bytes) -> None:
    assert re.fullmatch(rb"[a-z0-9./_-]{4,}", needle)


def test_every_option_that_is_read_is_in_the_table_and_every_option_of_the_table_is_read() -> None:
    read: set[str] = set()
    for path in (ROOT / "transformer").rglob("*.py"):
        read |= set(re.findall(r'options\["([a-z.-]+)"\]', path.read_text(encoding="utf-8")))
        read |= set(re.findall(r'\.fact\("([a-z.-]+)"', path.read_text(encoding="utf-8")))
    table = set(settings.BY_KEY)
    assert read <= table
    assert table - read == set()


def test_options_have_names_of_their_own_everywhere() -> None:
    flags = [option.flag for option in options.OPTIONS]
    variables = [option.variable for option in options.OPTIONS]
    assert len(set(flags)) == len(flags)
    assert len(set(variables)) == len(variables)
