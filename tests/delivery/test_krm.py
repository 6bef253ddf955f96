"""The KRM function started by hand: what stands in the ResourceList that it answers with."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.delivery.running import KRM_WRAPPER, Done, identities, one, run
from tests.delivery.samples import NAMESPACE, POLICY, SERVICE, VIRTUAL_SERVICE

FUNCTION_CONFIG = {
    "apiVersion": "meshshift.dev/v1alpha1",
    "kind": "MeshShift",
    "metadata": {"name": "here"},
    "spec": {"mesh": {"mtls": "strict"}},
}
FUNCTION_INPUT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "function-input"},
    "data": {"mesh.mtls": "strict"},
}
PATH = "internal.config.kubernetes.io/path"
INDEX = "internal.config.kubernetes.io/index"
ID = "internal.config.kubernetes.io/id"


def item(text: str, path: str, index: int, number: int) -> dict[str, Any]:
    """An object as kpt hands it over."""
    value: dict[str, Any] = yaml.safe_load(text)
    value["metadata"]["annotations"] = {PATH: path, INDEX: str(index), ID: str(number)}
    return value


def resource_list(*items: dict[str, Any], config: Any = FUNCTION_CONFIG, **changes: Any) -> bytes:
    """The bytes of a ResourceList."""
    whole = {"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": list(items)}
    whole |= {"functionConfig": config} if config is not None else {}
    return yaml.safe_dump(whole | changes, sort_keys=False).encode()


def application(*more: str) -> list[dict[str, Any]]:
    """Namespace, Service and VirtualService in two files, and what else a test wants in the second."""
    items = [item(NAMESPACE, "base/ns.yaml", 0, 1), item(SERVICE, "base/app.yaml", 0, 2)]
    for text in (VIRTUAL_SERVICE, *more):
        items.append(item(text, "base/app.yaml", len(items) - 1, len(items) + 1))
    return items


def krm(home: dict[str, str], stdin: bytes) -> Done:
    return run([KRM_WRAPPER], home, stdin=stdin)


def test_kept_items_keep_their_ids_and_places_and_new_ones_get_places(home: dict[str, str]) -> None:
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: last\n  namespace: shop\n"
    answer = yaml.safe_load(krm(home, resource_list(*application(settings))).succeeded().out)
    items = answer["items"]
    assert identities(items) == ["Namespace/shop", "Service/cart", "HTTPRoute/cart", "ConfigMap/last"]
    for identity, number in (("Namespace/shop", "1"), ("Service/cart", "2"), ("ConfigMap/last", "4")):
        annotations = one(items, identity)["metadata"]["annotations"]
        assert annotations[ID] == number, f"{identity} is the object it was"
        assert PATH in annotations
    route = one(items, "HTTPRoute/cart")["metadata"]["annotations"]
    assert route[PATH] == "base/app.yaml"
    assert ID not in route
    notes = [each["metadata"]["annotations"] for each in items]
    places = [(note[PATH], note.get(INDEX)) for note in notes]
    assert len(set(places)) == len(places), "two objects in one place are an error to kpt"


def test_results_name_severity_object_and_file(home: dict[str, str]) -> None:
    done = krm(home, resource_list(*application(POLICY)))
    assert done.code == 1
    answer = yaml.safe_load(done.out)
    held = [result for result in answer["results"] if result.get("resourceRef", {}).get("name") == "readers"]
    assert {result["severity"] for result in held} == {"error"}
    assert {result["file"]["path"] for result in held} == {"base/app.yaml"}
    assert "MS403" in done.err
    before = yaml.safe_load(resource_list(*application(POLICY)))
    assert answer["items"] == before["items"], "a failed function changes nothing"


@pytest.mark.parametrize(
    ("stdin", "code", "reason"),
    [
        (b"", 0, "nothing came in: a stream without documents"),
        (resource_list(config=None), 0, "no items and no configuration"),
        (resource_list(items=None), 0, "kustomize starts a generator with `items:` and nothing behind it"),
        (resource_list(apiVersion="config.kubernetes.io/v1beta1"), 0, "what older tools send"),
        (resource_list(config=FUNCTION_INPUT), 0, "`kpt fn eval -- key=value`"),
        (resource_list(config=FUNCTION_CONFIG | {"apiVersion": "meshshift.dev/v9"}), 2, "an unknown version"),
        (resource_list(config=FUNCTION_CONFIG | {"spec": {"mesh": {"mlts": "strict"}}}), 2, "a key misspelt"),
        (resource_list(*application(), config=None), 2, "a fact that nobody told"),
        (resource_list()[:-1] + b"items: [{kind: VirtualService, a: [", 3, "broken YAML"),
    ],
)
def test_exit_codes(home: dict[str, str], stdin: bytes, code: int, reason: str) -> None:
    assert krm(home, stdin).code == code, reason


@pytest.mark.parametrize("items", [[], application()], ids=["none", "some"])
def test_a_successful_answer_to_a_resource_list_is_never_empty(
    home: dict[str, str], items: list[dict[str, Any]]
) -> None:
    """kpt deletes every file of a package, and kustomize every object, when it gets an empty answer."""
    answer = yaml.safe_load(krm(home, resource_list(*items)).succeeded().out)
    assert answer["kind"] == "ResourceList"
    assert len(answer["items"] or []) == len(items)
