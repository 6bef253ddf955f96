"""The byte strings that decide what is read at all cover everything that rules read."""

from __future__ import annotations

import re

import pytest

from tests.real_tools import ROOT
from transformer import config, needles, options, settings
from transformer.outcome import MESH_SUFFIXES
from transformer.rules import registry
from transformer.rules.registry import Rule
from transformer.targets import metadata

RULES = registry.load()
#: Rules for kinds of other groups that name no keys, and how the objects are found all the same.
WITHOUT_KEYS = {
    "mesh-queries": "the metrics that it looks for are called istio_…",
    "service-ports": "follows the workloads that move, which carry a key",
    "closed-ports": "follows the workloads that move, which carry a key",
    "named-callers": "follows the workloads that move, which carry a key",
    "context-policies": "reaches the workloads that move, which carry a key",
    "root-policies": "reaches the workloads that move, which carry a key",
    "outbound-policy": "follows the workloads that move, which carry a key",
    "mesh-settings": "the ConfigMap is called istio",
    "traffic-routing": "the block that it replaces is called istio",
    "gateway-class": "looked at wherever the stream names a mesh; a class of Istio may have any name",
    "gateway-map": "looked at wherever the stream names a mesh",
    "waypoint": "looked at wherever the stream names a mesh; a class of Istio may have any name",
    "mesh-route": "looked at wherever the stream names a mesh",
    "ingress-route": "looked at wherever the stream names a mesh",
    "backend-policy": "looked at wherever the stream names a mesh",
    "osm-mesh-config": "follows the workloads that move, which carry a key",
    "smi-metrics": "the APIService is called after the group that it registers",
    "mesh-departure": "follows the workloads that move, which carry a key",
    "network-policies": "follows the workloads that move, which carry a key",
}


def covered(text: str) -> bool:
    return any(needle.decode() in text for needle in needles.NEEDLES)


def test_there_are_rules() -> None:
    assert {"virtual-service", "destination-rule", "traffic-split", "security"} <= {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_every_key_of_a_rule_holds_a_needle(rule: Rule) -> None:
    assert not [key for key in rule.keys if not covered(key)]


def test_rules_are_given_what_they_are_for() -> None:
    """A group without a needle is only read where a key, or the reason above, makes its objects relevant."""
    blind = {
        rule.id for rule in RULES if not rule.keys and not all(covered(group) for group, _ in rule.kinds)
    }
    assert blind == set(WITHOUT_KEYS)


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
