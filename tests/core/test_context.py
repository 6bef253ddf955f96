"""What the context index knows: stream before files, complete or not, however `kind` is spelt."""

from __future__ import annotations

import itertools

import pytest

from transformer import needles
from transformer.context.index import Context
from transformer.documents import Input

SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: {space}\nspec:\n  ports: [{{port: {port}}}]\n"


def service(name: str, *, space: str = "shop", port: int = 80) -> str:
    return SERVICE.format(name=name, space=space, port=port)


def context(stream: str, files: str = "", *, namespace: str = "", complete: tuple[str, ...] = ()) -> Context:
    parts = [list(Input(text.encode(), needles.NEEDLES).parts()) for text in (stream, files)]
    return Context(parts[0], parts[1], itertools.count(), namespace, complete)


def test_known_absent_and_unknown() -> None:
    found = context(service("a"), complete=("shop",))
    assert found.service("shop", "a").state == "known"
    assert found.service("shop", "b").state == "absent"
    assert found.service("web", "a").state == "unknown"


def test_everything_is_complete_with_a_star() -> None:
    assert context("", complete=("*",)).service("web", "a").state == "absent"


def test_an_object_of_the_stream_wins_over_a_file() -> None:
    found = context(service("a", port=1), service("a", port=2) + "---\n" + service("b", port=3))
    first, second = found.service("shop", "a").obj, found.service("shop", "b").obj
    assert first is not None
    assert second is not None
    assert (first.context, second.context) == (False, True)
    assert first.spec.get("ports", 0, "port").value() == 1
    assert [obj.name for obj in found.objects("", "Service")] == ["a", "b"]


def test_objects_of_one_name_in_two_namespaces_are_two() -> None:
    found = context(service("a"), service("a", space="web"))
    assert [(obj.namespace, obj.context) for obj in found.objects("", "Service")] == [
        ("shop", False),
        ("web", True),
    ]


def test_an_unwritten_namespace_is_the_run_s() -> None:
    text = service("a").replace("  namespace: shop\n", "")
    assert context(text, namespace="web").service("web", "a").obj is not None
    assert context(text).service("", "a").obj is not None


def test_namespaces_are_found_by_name_alone() -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  namespace: odd\n"
    assert context(text).namespace("shop").obj is not None
    assert context(text).namespace("odd").obj is None


def test_the_group_counts_and_the_version_does_not() -> None:
    knative = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: a\n  namespace: shop\n"
    found = context(knative + "---\n" + knative.replace("/v1\n", "/v1beta1\n").replace("name: a", "name: b"))
    assert found.service("shop", "a").obj is None
    assert len(found.objects("serving.knative.dev", "Service")) == 2


@pytest.mark.parametrize("relevant", [False, True], ids=["ordinary", "candidate"])
@pytest.mark.parametrize(
    "spelling",
    [
        "kind: Service",
        'kind: "Service"',
        "'kind': 'Service'",
        "kind:   Service   # of the shop",
        "kind: &kind Service",
        "kind: !!str Service",
        "kind: >-\n  Service",
        "kind:\n  Service",
        "kind: # of the shop\n  Service",
        "? kind\n: Service",
    ],
)
def test_kinds_are_found_however_they_are_spelt(spelling: str, relevant: bool) -> None:
    owner = "  ownerReferences: [{kind: Deployment, name: a}]\n"
    note = "  labels: {istio: a}\n" if relevant else ""
    text = service("a").replace("kind: Service", spelling).replace("spec:", f"{owner}{note}spec:", 1)
    assert context(text).service("shop", "a").obj is not None


@pytest.mark.parametrize("key", ['"kind": "Serv\\u0069ce"', '"k\\u0069nd": "Service"'])
def test_escaped_kinds_of_candidates_are_found(key: str) -> None:
    rest = '"metadata": {"name": "a", "namespace": "shop"}, "x": {"kind": "Pod"}'
    text = f'{{"apiVersion": "v1", {key}, {rest}}}'
    assert context(text).service("shop", "a").obj is not None


def test_items_of_lists_are_found() -> None:
    item = "- " + service("a").replace("\n", "\n  ").rstrip()
    text = f"apiVersion: v1\nkind: List\nitems:\n{item}\n{item.replace('name: a', 'name: b')}\n"
    assert [obj.name for obj in context(text).objects("", "Service")] == ["a", "b"]


def test_documents_that_cannot_be_read_are_no_context() -> None:
    assert context("kind: Service\n\tbroken: [\n---\n" + service("a")).service("shop", "a").obj is not None


def test_workloads_are_those_with_a_pod_template() -> None:
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
    texts = [f"apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {kind.lower()}\n" for kind in kinds]
    texts += ["apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: cron\n", service("a")]
    found = {obj.ref.kind for obj in context("---\n".join(texts)).workloads()}
    assert found == {*kinds, "CronJob"}
