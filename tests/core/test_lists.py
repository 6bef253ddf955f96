"""Lists as kubectl reads them: typed ones, whose items write no kind, and those that cannot be taken apart."""

from __future__ import annotations

import itertools

import pytest

from transformer import needles
from transformer.documents import Input
from transformer.errors import InputError
from transformer.findings import ObjectRef
from transformer.options import Options
from transformer.transform import transform

POLICIES = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicyList
items:
- metadata:
    name: closed
    namespace: shop
  spec: {rules: [{when: [{key: "request.headers[x-token]", values: [a]}]}]}
"""
FLOW = (
    "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicyList, "
    "items: [{metadata: {name: closed, namespace: shop}, spec: {action: CUSTOM, rules: [{}]}}]}\n"
)
NAMESPACE = (
    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels:\n    istio-injection: enabled\n"
)
ITEM = "apiVersion: security.istio.io/v1\n{0}kind: AuthorizationPolicy\n{0}metadata: {{name: a, namespace: shop}}\n"
NESTED = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - " + ITEM.format(
    "    "
)
ANCHORED = "apiVersion: v1\nkind: &kind List\nitems:\n- " + ITEM.format("  ")


@pytest.mark.parametrize("policies", [POLICIES, FLOW], ids=["block", "flow"])
def test_items_of_a_typed_list_have_its_kind_and_hold_what_they_reach(policies: str) -> None:
    data = f"{policies}---\n{NAMESPACE}".encode()
    result = transform(data, Options({"mesh.mtls": "strict", "fail-on": "never"}))
    assert b"".join(result.output) == data
    held = {str(fate.ref) for fate in result.report.objects if fate.outcome == "held"}
    assert held == {"AuthorizationPolicy shop/closed", "Namespace shop"}


def test_only_items_that_write_neither_kind_nor_version_take_them_from_their_list() -> None:
    text = "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n- kind: Pod\n  metadata: {name: b}\n"
    counter = itertools.count()
    found = [part.obj(counter, "shop") for part in Input(text.encode(), needles.NEEDLES).parts()]
    refs = [obj.ref for obj in found if obj is not None]
    assert refs == [ObjectRef("", "v1", "Service", "shop", "a"), ObjectRef("", "", "Pod", "shop", "b")]


@pytest.mark.parametrize(("text", "line"), [(NESTED, 7), (ANCHORED, 4)], ids=["nested", "anchored-kind"])
def test_a_list_that_cannot_be_taken_apart_stops_the_run(text: str, line: int) -> None:
    with pytest.raises(InputError, match=rf"<stdin>:{line}: this list may hold mesh objects"):
        transform(text.encode(), Options({}))


def test_a_nested_list_without_anything_of_a_mesh_passes() -> None:
    text = NESTED.replace("security.istio.io/v1", "example.com/v1").encode()
    assert b"".join(transform(text, Options({})).output) == text


@pytest.mark.parametrize("written", ["null", "~", ""])
def test_a_null_namespace_is_none(written: str) -> None:
    text = f"apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  namespace: {written}\n".encode()
    (part,) = Input(text, needles.NEEDLES).parts()
    obj = part.obj(itertools.count(), "shop")
    assert obj is not None
    assert obj.namespace == "shop"


def test_a_namespace_lies_in_no_namespace() -> None:
    (part,) = Input(NAMESPACE.encode(), needles.NEEDLES).parts()
    obj = part.obj(itertools.count(), "mail")
    assert obj is not None
    assert str(obj.ref) == "Namespace shop"
