"""What an Application may say to the plugin, and what it is told about the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from transformer.errors import UsageError
from transformer.frontends import children, cmp_parameters
from transformer.frontends.cmp_parameters import Asked


def asked(*parameters: Any, **env: str) -> Asked:
    environ = {
        "ARGOCD_APP_PARAMETERS": json.dumps(list(parameters)),
        "ARGOCD_APP_NAME": "shop",
        "PARAM_X": "y",
    }
    return cmp_parameters.read(environ | {f"ARGOCD_ENV_{name}": text for name, text in env.items()})


@pytest.mark.parametrize(
    ("parameter", "key", "value"),
    [
        ({"name": "mesh.mtls", "string": "strict"}, "mesh.mtls", "strict"),
        ({"name": "only", "array": ["shop", "cart:app=x"]}, "only", ("shop", "cart:app=x")),
        ({"name": "only", "string": "shop,cart"}, "only", ("shop", "cart")),
        ({"name": "mesh.mtls", "string": ""}, "mesh.mtls", None),
        ({"name": "only", "array": []}, "only", None),
        ({"name": "linkerd", "string": "2.19", "array": None, "map": None}, "linkerd", "2.19"),
    ],
)
def test_every_option_is_a_parameter(parameter: dict[str, Any], key: str, value: Any) -> None:
    assert asked(parameter).layers[0].values.get(key) == value


def test_reasons_of_acceptances_may_hold_commas() -> None:
    entries = ["MS230@VirtualService/shop/a=a test, over", "MS230@VirtualService/shop/b=that, too"]
    accepted = asked({"name": "accept", "array": entries}).layers[0].values["accept"]
    assert [entry.reason for entry in accepted] == ["a test, over", "that, too"]
    assert asked({"name": "accept", "string": "\n".join(entries)}).layers[0].values["accept"] == accepted


def test_variables_of_an_application_are_options() -> None:
    found = asked(MESHSHIFT_MESH_MTLS="permissive", MESHSHIFT_ONLY="shop,cart", MESHSHIFT_PHASE="")
    assert found.layers[1].values == {"mesh.mtls": "permissive", "only": ("shop", "cart")}


def test_without_parameters_nothing_is_asked_for() -> None:
    assert cmp_parameters.read({}) == cmp_parameters.read({"ARGOCD_APP_PARAMETERS": "null"})
    assert cmp_parameters.read({}).source == {}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            [{"name": "mesh.mtl", "string": "strict"}],
            "there is no parameter mesh.mtl; did you mean mesh.mtls?",
        ),
        (
            [{"name": "value-files", "array": ["a"]}],
            "there is no parameter value-files; did you mean values-files?",
        ),
        (
            [{"name": "phase", "string": "both"}],
            "parameter phase: 'both' is not one of prepare, switch, enforce",
        ),
        ([{"name": "phase", "array": ["switch"]}], "parameter phase is a string"),
        ([{"name": "only", "map": {"a": "b"}}], "parameter only is an array or a string"),
        ([{"name": "phase", "string": "switch"}] * 2, "parameter phase is given twice"),
        ([{"name": "phase"}], "parameter phase needs one of string, array and map; it has 0"),
        ([{"name": "only", "string": "a", "array": ["b"]}], "it has 2"),
        ([{"name": "phase", "string": 1}], "parameter phase holds something else than strings"),
        ([{"name": "only", "array": ["a", {}]}], "parameter only holds something else than strings"),
        ([{"string": "strict"}], "a list of objects with a name"),
        ([{"name": "values", "string": "a\0"}], "parameter values holds NUL or half of a surrogate pair"),
        (
            [{"name": "only", "array": ["a", "\udc00"]}],
            "parameter only holds NUL or half of a surrogate pair",
        ),
        ([{"name": "helm-parameters", "map": {"a": "\ud800"}}], "helm-parameters holds NUL or half of a"),
        ([{"name": "helm-parameters", "map": {"\0": "a"}}], "helm-parameters holds NUL or half of a"),
        ([{"name": "a\ud800", "string": "a"}], "the name of a parameter holds NUL or half of a"),
        (["phase"], "a list of objects with a name"),
        ([{"name": "skip-crds", "string": "yes"}], "parameter skip-crds: 'yes' is not one of true, false"),
        ([{"name": "source", "string": "jsonnet"}], "'jsonnet' is not one of helm, kustomize, directory"),
        ([{"name": "values-files", "string": "a"}], "parameter values-files is an array, not a string"),
        ([{"name": "helm-parameters", "array": []}], "parameter helm-parameters is a map, not an array"),
        ([{"name": "report-file", "string": "/tmp/x"}], "report-file is not for Applications"),
    ],
)
def test_what_nobody_reads_is_refused(parameters: list[Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(*parameters)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MESHSHIFT_MESH_MTL", "there is no option MESHSHIFT_MESH_MTL; did you mean MESHSHIFT_MESH_MTLS?"),
        ("HELM_VALUES", "there is no option HELM_VALUES; values for charts are parameters"),
        ("MESHSHIFT_CONFIG", "there is no option MESHSHIFT_CONFIG"),
        ("MESHSHIFT_STATE", "there is no option MESHSHIFT_STATE"),
        ("MESHSHIFT_REPORT_FILE", "report-file is not for Applications"),
    ],
)
def test_variables_that_nobody_reads_are_refused(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(**{name: "x"})
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["[", "[" * 100_000, '[{"name": "a", "string": "a"'])
def test_parameters_that_are_no_json_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="ARGOCD_APP_PARAMETERS is no JSON"):
        cmp_parameters.read({"ARGOCD_APP_PARAMETERS": text})


@pytest.mark.parametrize("text", ["1", "0", "true", "false", '"a"', '""', "{}", '{"name": "phase"}'])
def test_parameters_that_are_no_list_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="ARGOCD_APP_PARAMETERS is a list of objects with a name"):
        cmp_parameters.read({"ARGOCD_APP_PARAMETERS": text})


def test_characters_beyond_the_first_plane_are_text() -> None:
    assert asked({"name": "values", "string": "a: \U0001f600"}).text("values") == "a: \U0001f600"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("200ms", 0.2),
        ("", None),
        ("90", None),
        ("-1s", None),
        ("1s x", None),
    ],
)
def test_durations_are_read_as_go_writes_them(text: str, seconds: float | None) -> None:
    assert children.seconds_of(text) == seconds
