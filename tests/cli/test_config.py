"""The configuration file: spellings, refusals, and that it says the same as flags do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from transformer import config, settings
from transformer.errors import UsageError
from transformer.options import OPTIONS, Acceptance, Option

SOURCE = "meshshift.yaml"


def sample(option: Option) -> tuple[list[str], Any]:
    """Texts for the flag of an option, and the same value as it stands in a file; other than the default."""
    if option.kind == "choice":
        chosen = next(choice for choice in reversed(option.choices) if choice and choice != option.default)
        return [chosen], chosen
    if option.key == "gateway-map":
        return ["a/b=c/d,d=e/f#g"], ["a/b=c/d", "d=e/f#g"]
    if option.kind == "list":
        return ["a,b", "c"], ["a", "b", "c"]
    if option.kind == "accept":
        entry = {"code": "MS010", "object": "A/b/c", "reason": "x, y", "expires": "2999-12-31"}
        return ["MS010@A/b/c=x, y (until 2999-12-31)"], [entry]
    shapes = {"ports": "80,443", "identity": "edge/front", "networks": "10.42.0.0/16"}
    text = shapes.get(option.key.rpartition("-")[2], "other")
    return [text], text


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_flag_variable_and_file_mean_the_same(option: Option) -> None:
    texts, written = sample(option)
    flags = settings.from_flags({option.key: texts}).values
    joined = "\n".join(texts) if option.kind == "accept" else ",".join(texts)
    assert settings.from_environment({option.variable: joined}).values == flags
    steps = option.key.split(".")
    nested: Any = written
    for step in reversed(steps):
        nested = {step: nested}
    spellings = [nested, {option.key: written}, {"-".join(steps): written}]
    as_object = {"apiVersion": config.API_VERSION, "kind": config.KIND, "spec": nested}
    for data in [*spellings, as_object]:
        assert config.read(yaml.safe_dump(data).encode(), SOURCE) == flags, data
    as_strings = {option.key: joined}
    assert config.read(yaml.safe_dump(as_strings).encode(), SOURCE) == flags, "as a ConfigMap has it"


@pytest.mark.parametrize(
    ("text", "values", "reason"),
    [
        ("linkerd: 2.20", {"linkerd": "2.20"}, "a version is no number"),
        ("linkerd: '2.20'", {"linkerd": "2.20"}, "in quotes"),
        ("gateway-api: 1.2 # here", {"gateway-api": "1.2"}, "with a comment"),
        ("", {}, "an empty file"),
        ("# nothing\n---\n", {}, "comments only"),
        ("mesh:\nnamespace:\n", {}, "nothing said about them"),
        ("complete: a, b", {"complete": ("a", "b")}, "a list as a text"),
        ("complete: ['a,b', c]", {"complete": ("a", "b", "c")}, "commas in entries"),
        ("complete: '*'", {"complete": ("*",)}, "every namespace"),
        ("only: [shop, app=cart]", {"only": ("shop", "app=cart")}, "a namespace and pods"),
        ("namespace: 123", {"namespace": "123"}, "a name of digits"),
        ("namespace: on", {"namespace": "on"}, "a name that YAML takes for true"),
        ("{linkerd: 2.19, gateway-api: 1.2}", {"linkerd": "2.19", "gateway-api": "1.2"}, "flow style"),
        ('{"mesh": {"mtls": "strict"}}', {"mesh.mtls": "strict"}, "JSON"),
        ("\ufeffchannel: standard", {"channel": "standard"}, "a byte order mark"),
        ("x: &x strict\nmesh: {mtls: *x}", None, "x is no option"),
        ("a: &a {mtls: strict}", None, "an anchor does not make an option"),
        ("mesh: &m {mtls: strict}\n", {"mesh.mtls": "strict"}, "an anchor"),
        (
            "accept: ['MS010@A/b=x']",
            {"accept": (Acceptance("MS010", "A/b", "x"),)},
            "an acceptance as on the command line",
        ),
        (
            "apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nmetadata: {name: x}\nspec: {channel: standard}",
            {"channel": "standard"},
            "the functionConfig itself",
        ),
        ("apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\n", {}, "an object without a spec"),
    ],
)
def test_a_file_is_read(text: str, values: dict[str, Any] | None, reason: str) -> None:
    if values is None:
        with pytest.raises(UsageError, match="unknown key"):
            config.read(text.encode(), SOURCE)
        return
    assert config.read(text.encode(), SOURCE) == values, reason


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("linkred: 2.20", ["meshshift.yaml: unknown key linkred; did you mean linkerd?"]),
        ("mseh: {mtls: strict}", ["unknown key mseh; did you mean mesh?"]),
        ("mesh: {mlts: strict}", ["unknown key mesh.mlts; did you mean mesh.mtls?"]),
        ("zzz: 1", ["unknown key zzz; keys are linkerd, gateway-api"]),
        (
            "linkerd: 2.2",
            ["meshshift.yaml: linkerd: '2.2' is not one of 2.16", "did you mean 2.20 in quotes?"],
        ),
        ("channel: [standard]", ["channel: expected one of its words"]),
        ("namespace: [a]", ["namespace: expected a text"]),
        ("namespace: A", ["namespace: 'A' is not a namespace"]),
        ("complete: {a: b}", ["complete: expected a list"]),
        ("only: ['app=cart,tier=web']", ["only: 'app=cart,tier=web': a comma could mean"]),
        ("mesh: strict", ["mesh: expected a mapping"]),
        ("mesh.mtls: strict\nmesh: {mtls: strict}", ["mesh.mtls is given twice"]),
        ("mesh-mtls: strict\nmesh.mtls: strict", ["mesh.mtls is given twice"]),
        ("channel: standard\nchannel: standard", ["meshshift.yaml:2: channel is written twice"]),
        ("accept: [{code: MS010, object: A/b}]", ["accept.reason is missing"]),
        (
            "accept: [{code: MS010, object: A/b, reason: x, expire: y}]",
            ["accept.expire; did you mean expires?"],
        ),
        ("accept: [{code: MS002, object: A/b, reason: x}]", ["accept: MS002", "cannot be accepted"]),
        ("accept: [{code: MS010, object: A/b, reason: x, expires: soon}]", ["'soon' is not a date"]),
        ("linkerd: 2.15\nchannel: x\nzzz: 1", ["linkerd:", "channel:", "zzz"]),
        ("[a]", ["a mapping of keys"]),
        ("a: [", ["meshshift.yaml:2: "]),
        ("\x00", ["meshshift.yaml:1: "]),
        ("kind: Deployment\napiVersion: apps/v1", ["Deployment of apps/v1 is not understood"]),
        (
            "apiVersion: meshshift.dev/v1\nkind: MeshShift",
            ["MeshShift of meshshift.dev/v1 is not understood"],
        ),
        ("apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nchannel: standard", ["unknown key channel"]),
        ("apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nspec: [a]", ["spec is a mapping"]),
    ],
)
def test_a_wrong_file_is_refused_with_source_and_key(text: str, says: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        config.read(text.encode(), SOURCE)
    for words in says:
        assert words in str(error.value)


def test_what_kustomize_makes_of_a_version_is_understood_only_where_it_has_rewritten_it() -> None:
    assert config.values({"linkerd": "2.2"}, "functionConfig", rewritten=True) == {"linkerd": "2.20"}
    with pytest.raises(UsageError):
        config.values({"linkerd": "2.1"}, "functionConfig", rewritten=True)
    with pytest.raises(UsageError):
        config.values({"linkerd": "2.2"}, SOURCE)


def test_the_model_has_every_option_and_nothing_else() -> None:
    def keys(schema: dict[str, Any], whole: dict[str, Any], prefix: str) -> set[str]:
        found: set[str] = set()
        for name, entry in schema["properties"].items():
            below = whole["$defs"].get(entry.get("$ref", "").rpartition("/")[2])
            found |= keys(below, whole, f"{prefix}{name}.") if below and "." not in name else {prefix + name}
        return found

    schema = config.model().model_json_schema(by_alias=True)
    assert keys(schema, schema, "") == {option.key for option in OPTIONS}
    assert schema["additionalProperties"] is False


def test_paths_in_a_file_start_at_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "meshshift.yaml"
    path.write_text("context: [more, /abs]\nreport-file: out.txt\n", encoding="utf-8")
    values = settings.from_file(str(path)).values
    assert values == {
        "context": (str(tmp_path / "more"), "/abs"),
        "report-file": (str(tmp_path / "out.txt"),),
    }


def test_the_file_of_the_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings.config_path("", {}) == ""
    Path(".meshshift.yaml").write_text("", encoding="utf-8")
    assert settings.config_path("", {}) == ".meshshift.yaml"
    assert settings.config_path("", {"MESHSHIFT_CONFIG": "x"}) == "x"
    assert settings.config_path("y", {"MESHSHIFT_CONFIG": "x"}) == "y"
    Path("meshshift.yaml").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="keep one"):
        settings.config_path("", {})


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"cannot be read: {tmp_path}{os.sep}no"):
        settings.from_file(str(tmp_path / "no"))
