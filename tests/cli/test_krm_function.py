"""The KRM front end: which input it takes, options in functionConfig, results, places of derived items."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.cli.running import BROKEN, NAMESPACE, PLAIN, POLICY, ROUTE, SERVICE, Call
from transformer.errors import BugError, UsageError
from transformer.frontends import krm, krm_files

STRICT = "functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  data: {mesh.mtls: strict}\n"
PATH, INDEX, OLD_INDEX = krm_files.PATH, krm_files.INDEX, "config.kubernetes.io/index"


def item(text: str) -> str:
    """A manifest as an item of a block list, with the line breaks and comments that it has."""
    first, *rest = text.rstrip("\n").split("\n")
    return "\n".join([f"- {first}", *(f"  {line}" for line in rest)]) + "\n"


def resource_list(*manifests: str, tail: str = "", version: str = "v1") -> bytes:
    head = f"apiVersion: config.kubernetes.io/{version}\nkind: ResourceList\nitems:\n"
    return (head + "".join(item(text) for text in manifests) + tail).encode()


def placed(text: str, path: str, index: int) -> str:
    """A manifest with kpt's annotations."""
    value = yaml.safe_load(text)
    value["metadata"]["annotations"] = {OLD_INDEX: str(index), INDEX: str(index), PATH: path}
    return str(yaml.safe_dump(value, sort_keys=False))


def function_config(spec: str) -> str:
    return f"functionConfig:\n  apiVersion: meshshift.dev/v1alpha1\n  kind: MeshShift\n  spec: {spec}\n"


# -- which input it is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "is_one", "reason"),
    [
        (resource_list(SERVICE), True, "v1"),
        (resource_list(SERVICE, version="v1beta1"), True, "v1beta1"),
        (b"---\n" + resource_list(SERVICE), True, "after a separator"),
        (b"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n", True, "items: null"),
        (b"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n", True, "no items"),
        (b'{"kind":"ResourceList","apiVersion":"config.kubernetes.io/v1","items":[]}', True, "JSON"),
        (SERVICE.encode() + b"---\nkind: ConfigMap\ndata: {a: ResourceList}\n", False, "a word in a stream"),
        (b"kind: ResourceList\napiVersion: example.com/v1\n", False, "another group"),
        (b"kind: ConfigMap\ndata: {a: ResourceList}\n", False, "only the word"),
        (b"kind: ResourceList\n  x: [\n", False, "not YAML"),
    ],
)
def test_a_resource_list_is_recognised(data: bytes, is_one: bool, reason: str) -> None:
    assert (krm.detect(data) is not None) is is_one, reason


def test_another_version_is_refused() -> None:
    with pytest.raises(UsageError, match=r"v2 is not understood, only v1 and v1beta1"):
        krm.detect(resource_list(SERVICE, version="v2"))


@pytest.mark.parametrize("tail", [b"---\n" + PLAIN, b"---\n", b"--- # nothing\n"])
def test_a_resource_list_among_other_documents_is_refused(call: Call, tail: bytes) -> None:
    """As items of a stream its objects would be translated without the options of its functionConfig."""
    done = call(stdin=resource_list(SERVICE, tail=STRICT) + tail)
    assert (done.code, done.out) == (2, b"")
    assert "<stdin>:1: a ResourceList stands in a stream of 2 documents" in done.err


# -- functionConfig -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "code", "says"),
    [
        (function_config("{mesh: {mtls: strict}}"), 0, ""),
        (function_config("{mesh.mtls: strict, linkerd: 2.2}"), 0, ""),
        (STRICT, 0, ""),
        (STRICT.replace("mesh.mtls", "mesh-mtls"), 0, ""),
        ("functionConfig: {apiVersion: v1, kind: ConfigMap}\n", 2, "1 fact is missing"),
        ("functionConfig:\n", 2, "1 fact is missing"),
        ("", 2, "1 fact is missing"),
        (
            function_config("{mesh: {mlts: strict}}"),
            2,
            "functionConfig: unknown key mesh.mlts; did you mean mesh.mtls?",
        ),
        (STRICT.replace("mesh.mtls", "mesh.mlts"), 2, "functionConfig: unknown key mesh.mlts"),
        (function_config("{linkerd: 2.15}"), 2, "functionConfig: linkerd: '2.15' is not one of"),
        ("functionConfig: {apiVersion: v1, kind: Secret}\n", 2, "Secret of v1 is not understood"),
        (
            "functionConfig: {apiVersion: meshshift.dev/v9, kind: MeshShift}\n",
            2,
            "MeshShift of meshshift.dev/v9",
        ),
        ("functionConfig: [a]\n", 2, "functionConfig is not an object"),
    ],
)
def test_options_come_from_the_function_config(call: Call, config: str, code: int, says: str) -> None:
    done = call(stdin=resource_list(NAMESPACE, tail=config))
    assert done.code == code, done.err
    assert says in done.err
    if code:
        assert done.out == b""
    else:
        assert done.out.decode().count(config) == 1, "the configuration itself is no item and stays as it is"
        assert "linkerd.io/inject" in done.out.decode()


def test_flag_and_environment_win_over_the_function_config(call: Call) -> None:
    data = resource_list(NAMESPACE, tail=function_config("{linkerd: '2.15', mesh: {mtls: strict}}"))
    assert call(stdin=data).code == 2
    data = resource_list(
        NAMESPACE, tail=function_config("{linkerd: '2.19', gateway-api: '1.4', mesh: {mtls: strict}}")
    )
    assert call(stdin=data).code == 2, "Linkerd 2.19 has no support for 1.4"
    assert call("--gateway-api", "1.1", stdin=data).code == 0
    assert call(stdin=data, env={"MESHSHIFT_GATEWAY_API": "1.1"}).code == 0


def test_the_function_config_wins_over_the_file(call: Call, tmp_path: Any) -> None:
    (tmp_path / "meshshift.yaml").write_text(
        "channel: experimental\nmesh.mtls: permissive\n", encoding="utf-8"
    )
    done = call("--report", "json", stdin=resource_list(NAMESPACE, tail=STRICT))
    assert (
        json.loads(done.err)["assumptions"] | {"channel": "experimental", "mesh.mtls": "strict"}
        == (json.loads(done.err)["assumptions"])
    )


# -- results ------------------------------------------------------------------------------------------------------


def test_untouched_items_are_the_bytes_that_came_in(call: Call) -> None:
    odd = '# head\napiVersion: v1\nkind:   ConfigMap\nmetadata: {name: "x"}   # odd\ndata: {a: &a 0777, b: *a}\n'
    done = call(stdin=resource_list(odd, SERVICE, ROUTE, odd.replace('"x"', "y")))
    assert done.code == 0, done.err
    assert item(odd) in done.out.decode()
    assert item(SERVICE) in done.out.decode()


def test_findings_become_results_and_go_to_standard_error(call: Call) -> None:
    data = resource_list(placed(SERVICE, "shop.yaml", 0), placed(POLICY, "shop.yaml", 1))
    done = call(stdin=data)
    assert done.code == 1
    answer = yaml.safe_load(done.out)
    assert done.out.startswith(data), "the items go back as they came"
    result = next(result for result in answer["results"] if result["tags"]["code"] == "MS403")
    assert result["severity"] == "error"
    assert result["message"].startswith("MS403: ")
    assert result["resourceRef"] == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "name": "cart",
        "namespace": "shop",
    }
    assert result["file"] == {"path": "shop.yaml", "index": 1}
    assert "shop.yaml: error MS403 AuthorizationPolicy shop/cart" in done.err


def test_the_field_of_a_finding_is_in_its_result(call: Call) -> None:
    done = call(stdin=resource_list(SERVICE, ROUTE.replace("hosts: [cart]", "hosts: ['*']")))
    fields = [result["field"]["path"] for result in yaml.safe_load(done.out)["results"] if "field" in result]
    assert "spec.hosts[0]" in fields


@pytest.mark.parametrize("as_json", [False, True])
def test_results_of_an_earlier_function_are_replaced(call: Call, as_json: bool) -> None:
    data = resource_list(SERVICE, ROUTE, tail="results:\n- message: old\n  severity: error\n")
    if as_json:
        data = json.dumps(yaml.safe_load(data)).encode()
    done = call(stdin=data)
    assert done.code == 0, done.err
    answer = json.loads(done.out) if as_json else yaml.safe_load(done.out)
    assert [result["tags"]["code"] for result in answer["results"]] == ["MS008"]
    assert [each["kind"] for each in answer["items"]] == ["Service", "HTTPRoute"]


@pytest.mark.parametrize(
    ("text", "results", "wanted", "reason"),
    [
        ("kind: ResourceList\nitems:\n- a: 1\n", [], None, "nothing to say, nothing said before"),
        (
            "kind: ResourceList\nitems:\n- a: 1",
            [{"message": "x"}],
            "- a: 1\nresults:\n",
            "no final line break",
        ),
        (
            "items:\n- a: |+\n    x\n\nkind: ResourceList\n",
            [{"message": "x"}],
            "x\n\nkind: ResourceList\n",
            "items first",
        ),
        (
            "items:\n- a: |+\n    x\n\n\n",
            [{"message": "x"}],
            "    x\n\n\nresults:\n",
            "a scalar that keeps its breaks",
        ),
        ("items: []\nkind: ResourceList\n", [{"message": "x"}], "items: []\n", "no items"),
        ("items:\nkind: ResourceList\n", [{"message": "x"}], "items:\nkind", "null items"),
        ("results: []\nitems:\n- a: 1\n", [], "items:\n- a: 1\n", "empty results go"),
        (
            "results:\n- message: a\n# c\nitems:\n- a: 1\n",
            [{"message": "x"}],
            "items:\n- a: 1\n",
            "before the items",
        ),
        ("items:\n- a: &x 1\n- b: *x\n", [{"message": "x"}], "- a: &x 1\n- b: *x\n", "aliases between items"),
        ("items:\r\n- a: 1\r\n", [{"message": "x"}], "- a: 1\r\nresults:\r\n", "Windows line ends"),
        ('{"items": [{"a": 1}, {"b": 2}]}', [{"message": "x"}], '[{"a": 1}, {"b": 2}]', "JSON"),
        ('{"items": [{"a": 1}], "results": [{"message": "y"}]}', [], '[{"a": 1}]', "JSON, without results"),
    ],
)
def test_results_are_written_beside_the_items(
    text: str, results: list[dict[str, str]], wanted: str | None, reason: str
) -> None:
    answer = krm.with_results(text, results)
    if wanted is None:
        assert answer == text, reason
        return
    assert wanted in answer, reason
    before, after = yaml.safe_load(text), yaml.safe_load(answer)
    assert after.get("results", []) == results, reason
    assert {key: value for key, value in after.items() if key != "results"} == {
        key: value for key, value in before.items() if key != "results"
    }, reason


def test_a_list_that_cannot_be_edited_is_an_error_and_not_half_an_answer() -> None:
    with pytest.raises(BugError, match="cannot be written"):
        krm.with_results("items:\n- a: 1\nresults: &r\n- message: x\nother: *r\n", [{"message": "y"}])


@pytest.mark.parametrize(
    ("manifests", "tail", "code"),
    [((NAMESPACE,), "", 2), ((BROKEN,), "", 3), ((NAMESPACE,), function_config("{zzz: 1}"), 2)],
)
def test_without_an_answer_standard_output_is_empty(
    call: Call, manifests: tuple[str, ...], tail: str, code: int
) -> None:
    done = call(stdin=resource_list(*manifests, tail=tail))
    assert (done.code, done.out) == (code, b"")
    assert done.err


@pytest.mark.parametrize("items", ["items:\n", "items: []\n", "items: null\n", ""])
def test_a_list_without_items_comes_back(call: Call, items: str) -> None:
    data = f"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n{items}{function_config('{}')}".encode()
    done = call(stdin=data)
    assert (done.code, done.out) == (0, data), done.err


def test_a_second_run_changes_no_item(call: Call) -> None:
    data = resource_list(placed(SERVICE, "a.yaml", 0), placed(ROUTE, "a.yaml", 1), tail=STRICT)
    first = call(stdin=data)
    second = call(stdin=first.out)
    assert second.code == 0, second.err
    assert yaml.safe_load(second.out)["items"] == yaml.safe_load(first.out)["items"]


# -- places in files ----------------------------------------------------------------------------------------------

DERIVED = """\
apiVersion: v1
kind: Service
metadata:
  name: {name}
  annotations:
    meshshift.dev/from: {source}
"""


def places(text: str) -> list[tuple[str, str | None, str | None]]:
    """Name, path and index of every item."""
    found = []
    for entry in yaml.safe_load(text)["items"]:
        notes = entry["metadata"].get("annotations", {})
        assert notes.get(OLD_INDEX) in (None, notes.get(INDEX)), "kpt refuses two answers"
        found.append((entry["metadata"]["name"], notes.get(PATH), notes.get(INDEX)))
    return found


def placed_list(*manifests: str, as_json: bool = False) -> str:
    text = resource_list(*manifests).decode()
    return json.dumps(yaml.safe_load(text)) if as_json else text


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("manifests", "wanted", "reason"),
    [
        (
            [DERIVED.format(name="one", source="A/s")],
            [("one", "f.yaml", "1"), ("z", "f.yaml", "2")],
            "one for one takes the same place",
        ),
        (
            [DERIVED.format(name="one", source="A/s"), DERIVED.format(name="two", source="A/s")],
            [("one", "f.yaml", "1"), ("two", "f.yaml", "2"), ("z", "f.yaml", "3")],
            "two for one move down what follows",
        ),
        ([], [("z", "f.yaml", "2")], "nothing is left, nothing moves"),
        (
            [DERIVED.format(name="one", source="B/unknown")],
            [("one", None, None), ("z", "f.yaml", "2")],
            "an unknown source leaves the place to kpt",
        ),
    ],
)
def test_derived_items_take_the_place_of_their_source(
    manifests: list[str], wanted: list[tuple[str, str | None, str | None]], reason: str, as_json: bool
) -> None:
    last = placed("kind: Z\nmetadata: {name: z}\n", "f.yaml", 2)
    other = placed("kind: Z\nmetadata: {name: other}\n", "g.yaml", 2)
    sources = {"A/s": krm_files.Origin("f.yaml", 1), "Z/z": krm_files.Origin("f.yaml", 2)}
    text = krm_files.place(placed_list(*manifests, last, other, as_json=as_json), sources)
    assert places(text) == [*wanted, ("other", "g.yaml", "2")], reason


def test_a_kept_source_stays_before_what_was_derived_from_it() -> None:
    source = placed("kind: A\nmetadata: {name: s}\n", "f.yaml", 0)
    last = placed("kind: Z\nmetadata: {name: z}\n", "f.yaml", 1)
    text = placed_list(source, DERIVED.format(name="one", source="A/s"), last)
    answer = krm_files.place(text, krm_files.origins(text, ""))
    assert places(answer) == [("s", "f.yaml", "0"), ("one", "f.yaml", "1"), ("z", "f.yaml", "2")]


def test_files_of_one_name_in_two_packages_are_two_files() -> None:
    package = f"    {krm_files.PACKAGE}: "
    above = placed("kind: A\nmetadata: {name: s}\n", "f.yaml", 0) + f"{package}/p\n"
    below = placed("kind: B\nmetadata: {name: t}\n", "f.yaml", 0) + f"{package}/p/sub\n"
    sources = krm_files.origins(placed_list(above, below), "")
    text = placed_list(above, DERIVED.format(name="one", source="B/t"))
    answer = krm_files.place(text, sources)
    assert places(answer) == [("s", "f.yaml", "0"), ("one", "f.yaml", "0")]
    notes = [each["metadata"]["annotations"] for each in yaml.safe_load(answer)["items"]]
    assert [note[krm_files.PACKAGE] for note in notes] == ["/p", "/p/sub"]


def test_items_without_a_path_are_left_to_the_caller() -> None:
    text = placed_list(SERVICE, DERIVED.format(name="one", source="Service/shop/cart"))
    assert krm_files.origins(text, "") == {}
    assert krm_files.place(text, {}) == text


def test_the_namespace_of_the_options_counts_for_the_source() -> None:
    text = placed_list(placed("kind: A\nmetadata: {name: s}\n", "f.yaml", 3))
    assert krm_files.origins(text, "shop") == {"A/shop/s": krm_files.Origin("f.yaml", 3)}


WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME, sidecar.istio.io/inject: "true"}}
    spec: {containers: [{name: web, image: web}]}
"""


def test_beside_a_kept_source_places_move_once_and_results_know_them(call: Call) -> None:
    # One client stays in Istio, so the VirtualService stays beside its translation.
    held = POLICY.replace("app: cart", "app: held")
    workloads = [WORKLOAD.replace("NAME", name) for name in ("held", "web")]
    manifests = [placed(text, "a.yaml", at) for at, text in enumerate([SERVICE, ROUTE, held, *workloads])]
    first = call("--fail-on=never", stdin=resource_list(*manifests, tail=STRICT))
    assert first.code == 0, first.err
    answer = yaml.safe_load(first.out)
    assert [(each["kind"], each["metadata"]["annotations"][INDEX]) for each in answer["items"]] == [
        ("Service", "0"),
        ("VirtualService", "1"),
        ("HTTPRoute", "2"),
        ("AuthorizationPolicy", "3"),
        ("Deployment", "4"),
        ("Deployment", "5"),
    ]
    policy = next(result for result in answer["results"] if result["tags"]["code"] == "MS403")
    assert policy["file"] == {"path": "a.yaml", "index": 3}
    second = call("--fail-on=never", stdin=first.out)
    assert second.out.partition(b"functionConfig")[0] == first.out.partition(b"functionConfig")[0]


# -- a functionConfig in a file of its own ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nspec: {mesh: {mtls: strict}}\n", 0, ""),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {mesh.mtls: strict}\n", 0, ""),
        ("apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\n", 2, "1 fact is missing"),
        ("mesh: {mtls: strict}\n", 2, "None of None is not understood"),
        ("- a list\n", 2, "is not an object"),
        ("", 2, "there is no functionConfig in this file"),
        ("a: [\n", 2, "config.yaml:"),
    ],
)
def test_options_come_from_a_function_config_in_a_file(
    call: Call, tmp_path: Any, text: str, code: int, says: str
) -> None:
    (tmp_path / "config.yaml").write_text(text)
    done = call("--function-config", "config.yaml", stdin=NAMESPACE.encode())
    assert done.code == code
    assert says in done.err
    assert bool(done.out) == (code == 0)


def test_the_function_config_of_a_file_stands_between_environment_and_configuration_file(
    call: Call, tmp_path: Any
) -> None:
    head = "apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nspec: {mesh: {mtls: strict}}\n"
    (tmp_path / "function.yaml").write_text(head)
    (tmp_path / "meshshift.yaml").write_text("mesh: {mtls: permissive}\nlinkerd: '2.19'\n")
    done = call("--function-config", "function.yaml", stdin=NAMESPACE.encode())
    assert "assumed: linkerd 2.19" in done.err
    assert b"all-authenticated" in done.out
    env = {"MESHSHIFT_MESH_MTLS": "permissive"}
    assert (
        b"default-inbound"
        not in call("--function-config", "function.yaml", stdin=NAMESPACE.encode(), env=env).out
    )


def test_a_resource_list_has_its_own_function_config(call: Call, tmp_path: Any) -> None:
    (tmp_path / "function.yaml").write_text("apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\n")
    done = call("--function-config", "function.yaml", stdin=resource_list(SERVICE))
    assert (done.code, done.out) == (2, b"")
    assert "brings its functionConfig along" in done.err


def test_other_commands_take_no_function_config(call: Call) -> None:
    done = call("check", "--function-config", "function.yaml", stdin=SERVICE.encode())
    assert done.code == 2
    assert "--function-config belongs to transform" in done.err
