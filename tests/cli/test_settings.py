"""Options from flags and environment: values, refusals, precedence, expiry."""

from __future__ import annotations

import pytest

from transformer import settings
from transformer.errors import UsageError
from transformer.options import OPTIONS, Acceptance
from transformer.settings import Layer


@pytest.mark.parametrize(
    ("key", "texts", "value", "reason"),
    [
        ("linkerd", ["2.19"], "2.19", "a choice"),
        ("linkerd", ["2.18", "2.19"], "2.19", "the last of a repeated flag counts"),
        ("complete", ["a,b", "c"], ("a", "b", "c"), "lists take commas and may repeat"),
        ("complete", ["*"], ("*",), "every namespace"),
        ("only", ["shop,bank"], ("shop", "bank"), "namespaces"),
        (
            "only",
            ["shop:app=cart&example.com/tier=web", "x="],
            ("shop:app=cart&example.com/tier=web", "x="),
            "pod labels",
        ),
        ("complete", [" a , ,b "], ("a", "b"), "blanks and empty entries"),
        ("context", ["x y.yaml"], ("x y.yaml",), "paths may hold blanks"),
        (
            "linkerd-install.cluster-networks",
            ["10.42.0.0/16, fd00:42::/64"],
            "10.42.0.0/16, fd00:42::/64",
            "networks",
        ),
        ("linkerd-install.opaque-ports", ["25,4000-4010"], "25,4000-4010", "ports and ranges"),
        (
            "accept",
            ["MS010@ServiceEntry/shop/x=nobody calls it, since May"],
            (Acceptance("MS010", "ServiceEntry/shop/x", "nobody calls it, since May"),),
            "a reason may hold commas",
        ),
        (
            "accept",
            ["MS010@ServiceEntry/x=known = good (until 2030-01-31)"],
            (Acceptance("MS010", "ServiceEntry/x", "known = good", "2030-01-31"),),
            "an expiry, and an equals sign in the reason",
        ),
    ],
)
def test_a_value_is_read(key: str, texts: list[str], value: object, reason: str) -> None:
    assert settings.value_of(settings.BY_KEY[key], texts) == value, reason


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("linkerd", "2.15", ["'2.15'", "2.16", "edge"]),
        ("linkerd", "2.2", ["did you mean 2.20 in quotes?"]),
        ("channel", "standart", ["did you mean standard?"]),
        ("fail-on", "", ["error, warning, never"]),
        ("namespace", "Shop", ["'Shop' is not a namespace"]),
        ("complete", "a,-b", ["'-b' is not a namespace or *"]),
        ("only", "Shop", ["'Shop' is not a namespace, or pod labels"]),
        ("only", "app=cart,tier=web", ["a comma could mean"]),
        ("only", "app==cart", ["'app==cart' is not a namespace, or pod labels"]),
        ("ingress-identity", "front", ["'front' is not a ServiceAccount as namespace/name"]),
        ("ingress-identity", "edge/Front", ["'edge/Front' is not a ServiceAccount"]),
        ("gateway-map", "shop/edge", ["'shop/edge' is not namespace/name=namespace/name"]),
        ("gateway-map", "shop/edge=public", ["'shop/edge=public' is not namespace/name=namespace/name"]),
        ("mesh.cluster-domain", "cluster..local", ["not a DNS domain"]),
        ("linkerd-install.cluster-networks", "10.42.0.1/16", ["networks with commas"]),
        ("linkerd-install.cluster-networks", "10.42.0.0/16,", ["networks with commas"]),
        ("linkerd-install.opaque-ports", "70000", ["ports and ranges"]),
        ("linkerd-install.opaque-ports", "20-10", ["ports and ranges"]),
        ("linkerd-install.opaque-ports", "http", ["ports and ranges"]),
        ("accept", "MS010", ["CODE@Kind/namespace/name=reason"]),
        ("accept", "MS999@A/b=x", ["no code 'MS999'"]),
        ("accept", "MS002@A/b=x", ["MS002", "cannot be accepted"]),
        ("accept", "MS010@x=y", ["'x' is not Kind/namespace/name"]),
        ("accept", "MS010@A/b= ", ["needs a reason"]),
        ("accept", "MS010@A/b=x (until May)", ["'May' is not a date"]),
        ("accept", "MS010@A/b=x (until 2027-02-30)", ["'2027-02-30' is not a date"]),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(key: str, text: str, says: list[str]) -> None:
    option = settings.BY_KEY[key]
    with pytest.raises(UsageError) as flag:
        settings.from_flags({key: [text]})
    assert str(flag.value).startswith(f"{option.flag}: ")
    for words in says:
        assert words in str(flag.value)
    if text:
        with pytest.raises(UsageError) as variable:
            settings.from_environment({option.variable: text})
        assert str(variable.value).startswith(f"environment: {option.variable}: ")


@pytest.mark.parametrize(
    ("name", "hint"), [("MESHSHIFT_LINKRED", "MESHSHIFT_LINKERD"), ("MESHSHIFT_CONFG", "MESHSHIFT_CONFIG")]
)
def test_an_unknown_variable_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"{name}; did you mean {hint}"):
        settings.from_environment({name: "x"})


def test_variables_of_others_and_empty_ones_do_not_count() -> None:
    own = dict.fromkeys(settings.OWN_VARIABLES, "x")
    assert settings.from_environment({"HOME": "/", "MESHSHIFT_CHANNEL": " ", **own}).values == {}


def test_acceptances_of_the_environment_stand_on_lines() -> None:
    layer = settings.from_environment({"MESHSHIFT_ACCEPT": "MS010@A/b=x, y\nMS010@C/d=z"})
    assert [entry.object for entry in layer.values["accept"]] == ["A/b", "C/d"]


def test_every_option_has_its_own_variable_and_flag() -> None:
    assert (
        len({option.variable for option in OPTIONS})
        == len({option.flag for option in OPTIONS})
        == len(OPTIONS)
    )


def test_the_stronger_source_wins_option_by_option() -> None:
    layers = [
        Layer("flags", {"channel": "experimental", "complete": ("a",)}),
        Layer("environment", {"channel": "standard", "linkerd": "2.19"}),
        Layer("functionConfig", {"linkerd": "2.18", "gateway-api": "1.1", "complete": ("b", "c")}),
        Layer("meshshift.yaml", {"gateway-api": "1.2", "namespace": "shop"}),
    ]
    options = settings.resolve(layers, {}).options
    assert (options["channel"], options["linkerd"], options["gateway-api"]) == ("experimental", "2.19", "1.1")
    assert (options["complete"], options["namespace"], options["fail-on"]) == (("a",), "shop", "error")


@pytest.mark.parametrize(
    ("linkerd", "gateway_api", "problem"),
    [("2.20", "1.2", ""), ("2.20", "1.6", "2.20"), ("2.16", "1.2", "2.16"), ("edge", "1.1", "edge")],
)
def test_unsupported_pairs_of_versions_are_refused(linkerd: str, gateway_api: str, problem: str) -> None:
    layers = [Layer("flags", {"linkerd": linkerd, "gateway-api": gateway_api})]
    if not problem:
        assert settings.resolve(layers, {}).options["linkerd"] == linkerd
        return
    with pytest.raises(UsageError, match=f"Linkerd {problem} supports Gateway API"):
        settings.resolve(layers, {})


@pytest.mark.parametrize(
    ("epoch", "kept", "reason"),
    [
        ("1800000000", False, "2027-01-15 is past"),
        ("1799971200", True, "the day itself still counts"),
        ("0", True, "long before"),
    ],
)
def test_expired_acceptances_no_longer_count(epoch: str, kept: bool, reason: str) -> None:
    entry = Acceptance("MS010", "A/b", "x", "2027-01-15" if epoch == "1799971200" else "2027-01-14")
    found = settings.resolve([Layer("flags", {"accept": (entry,)})], {"SOURCE_DATE_EPOCH": epoch})
    assert bool(found.options["accept"]) is kept, reason
    assert [("expired" in note) for note in found.notes] == ([] if kept else [True])


def test_a_wrong_date_of_the_build_is_refused() -> None:
    layer = Layer("flags", {"accept": (Acceptance("MS010", "A/b", "x", "2027-01-15"),)})
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        settings.resolve([layer], {"SOURCE_DATE_EPOCH": "tomorrow"})
