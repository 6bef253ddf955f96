"""`meshshift flux-patches`, judged by kustomize: what Flux makes of a render is what the transform makes of it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.delivery import fluxing
from tests.delivery.fluxing import Flux, release
from tests.delivery.running import write
from tests.delivery.samples import NAMESPACE, POLICY, SERVICE, VIRTUAL_SERVICE
from transformer.frontends import flux_operations, flux_patches

EXAMPLES = {"bookinfo": "bookinfo", "boutique": "boutique", "bookstore": "bookstore", "canary": "tickets"}


def unplaced(text: str) -> str:
    """The manifest without its namespace, as most charts have it."""
    return text.replace("  namespace: shop\n", "")


def stream(*texts: str) -> bytes:
    return "---\n".join(texts).encode()


#: As a chart renders it that leaves namespaces to Helm.
CHART = stream(unplaced(SERVICE), unplaced(VIRTUAL_SERVICE))
POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata:
      labels: {app: NAME}
      annotations: {sidecar.istio.io/inject: "false", keep: "yes"}
    spec: {containers: [{name: web, image: web}]}
"""


@pytest.mark.parametrize("name", EXAMPLES)
def test_flux_deploys_what_the_transform_writes(name: str, flux: Flux) -> None:
    folder = fluxing.BEFORE / name
    render = (folder / "before.yaml").read_bytes()
    config = ("--config", str(folder / "meshshift.yaml"), "--namespace", EXAMPLES[name])
    flux.patches(render, "--output", "out", *config).succeeded()
    direct = fluxing.objects(flux.transform(render, *config).documents, EXAMPLES[name])
    assert flux.result(render, EXAMPLES[name]) == direct
    assert direct != fluxing.objects(yaml.safe_load_all(render), EXAMPLES[name])
    # Helm 4 annotates every object on its way to the post-renderer.
    assert flux.result(fluxing.annotated(render), EXAMPLES[name]) == direct


def test_annotations_of_helm_4_are_still_there_behind_the_patches(flux: Flux) -> None:
    render = stream(NAMESPACE, POD.replace("NAME", "web"))
    flux.patches(render, "--output", "out").succeeded()
    entries = fluxing.load(flux.folder / "out" / "patches.yaml")["postRenderers"]
    deployed = flux.render(fluxing.annotated(render), entries).succeeded().documents
    assert [fluxing.HELM_4 in document["metadata"]["annotations"] for document in deployed] == [True, True]


def test_new_objects_carry_the_namespace_of_the_release(flux: Flux) -> None:
    refused = flux.patches(CHART, "--output", "out")
    assert refused.code == 2
    assert "HTTPRoute cart is new and names no namespace: say the release's with --namespace" in refused.err
    assert not (flux.folder / "out").exists()
    flux.patches(CHART, "--output", "out", "--namespace", "shop").succeeded()
    new = fluxing.documents(flux.folder / "out" / "manifests.yaml")
    assert [(one["kind"], one["metadata"]["namespace"]) for one in new] == [("HTTPRoute", "shop")]
    assert set(flux.result(CHART, "shop")) == {
        ("", "Service", "shop", "cart"),
        ("gateway.networking.k8s.io", "HTTPRoute", "shop", "cart"),
    }


KNATIVE = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {template: {spec: {containers: [{image: web}]}}}
"""
H2 = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 81}, {name: api, port: 80, appProtocol: grpc}]}
"""


@pytest.mark.parametrize(
    ("render", "why"),
    [
        (stream(NAMESPACE, POD.replace("NAME", "a.b"), POD.replace("NAME", "aXb")), "a dot is no wildcard"),
        (stream(NAMESPACE, POD.replace("NAME", "web"), POD.replace("NAME", "web-2")), "a name is not a prefix"),
        (stream(NAMESPACE, POD.replace("NAME", "web"), POD.replace("NAME", "web").replace("inject", "other")
            .replace("e: shop", "e: shop2")), "namespaces tell objects apart"),
        (stream(NAMESPACE, POD.replace("NAME", "web"), unplaced(POD.replace("NAME", "web")).replace(", namespace: shop", "")),
            "one names its namespace, one does not"),
        (stream(NAMESPACE, KNATIVE, H2, POD.replace("NAME", "web")), "groups tell kinds of one name apart"),
        ("\n".join(["apiVersion: v1", "kind: List", "items:", *(f"- {line}" if n == 0 else f"  {line}"
            for text in (NAMESPACE, SERVICE, VIRTUAL_SERVICE) for n, line in enumerate(text.splitlines()))]).encode(),
            "items of a list are objects"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_patch_reaches_its_object_and_no_other(render: bytes, why: str, flux: Flux) -> None:
    flux.patches(render, "--output", "out", "--namespace", "release").succeeded()
    direct = fluxing.objects(flux.transform(render, "--namespace", "release").documents, "release")
    assert flux.result(render, "release") == direct, why
    assert flux.patches(render, "--output", "out", "--namespace", "release", "--check").code == 0


ELSEWHERE = POD.replace("NAME", "web").replace("namespace: shop", "namespace: other")


@pytest.mark.parametrize(
    ("then", "added"),
    [
        (unplaced(VIRTUAL_SERVICE), VIRTUAL_SERVICE.replace("namespace: shop", "namespace: other")),
        (POD.replace("NAME", "web").replace(", namespace: shop", ""), ELSEWHERE),
        (POD.replace("NAME", "web"), ELSEWHERE),
        (H2.replace(", namespace: shop", ""), KNATIVE.replace(", namespace: shop", "")),
        (NAMESPACE, NAMESPACE.replace("apiVersion: v1", "apiVersion: example.org/v1")),
    ],
    ids=["no namespace", "no namespace, changed", "a namespace", "core kind", "core kind in no namespace"],
)  # fmt: skip
def test_what_a_newer_chart_adds_elsewhere_is_not_met(then: str, added: str, flux: Flux) -> None:
    before = stream(NAMESPACE, SERVICE, then) if then != NAMESPACE else stream(then)
    flux.patches(before, "--output", "out", "--namespace", "shop").succeeded()
    entries = fluxing.load(flux.folder / "out" / "patches.yaml")["postRenderers"]
    done = flux.render(before + b"---\n" + added.encode(), entries).succeeded()
    (there,) = fluxing.objects(yaml.safe_load_all(added))
    assert fluxing.objects(done.documents)[there] == fluxing.objects(yaml.safe_load_all(added))[there]
    alone = flux.render(before, entries).succeeded()
    assert len(fluxing.objects(done.documents)) == len(fluxing.objects(alone.documents)) + 1


def test_patches_meet_objects_that_are_in_no_namespace(flux: Flux) -> None:
    kinds = [
        *sorted(flux_patches._CLUSTER_WIDE),
        ("gateway.networking.k8s.io", "GatewayClass"),
        ("x.io", "Wide"),
    ]
    values = [
        {"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": {"name": "x"}}
        for group, kind in kinds
    ]
    before = yaml.safe_dump_all(values).encode()
    for value in values:
        value["metadata"] = {"name": "x", "labels": {"a": "b"}}
    made = flux_patches.changes(before, yaml.safe_dump_all(values).encode(), "shop")
    done = flux.render(before, [{"kustomize": {"patches": made.patches}}]).succeeded()
    assert fluxing.objects(done.documents) == fluxing.objects(values)


def test_a_chart_that_changed_meanwhile_fails_instead_of_being_patched_wrongly(flux: Flux) -> None:
    render = stream(NAMESPACE, POD.replace("NAME", "web"))
    flux.patches(render, "--output", "out").succeeded()
    entries = fluxing.load(flux.folder / "out" / "patches.yaml")["postRenderers"]
    done = flux.render(render.replace(b'inject: "false"', b'inject: "true"'), entries)
    assert done.code != 0
    assert "testing" in done.err
    assert "/spec/template/metadata/annotations" in done.err
    # What is gone needs no patch any more, and what the patches do not touch may change.
    done = flux.render(
        stream(NAMESPACE, POD.replace("NAME", "web").replace("image: web", "image: web:2")), entries
    )
    assert "web:2" in done.succeeded().out.decode()
    assert flux.render(NAMESPACE.encode(), entries).code == 0


INJECTED = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
"""
NEWER = {
    "a policy says more": (
        stream(SERVICE, VIRTUAL_SERVICE),
        stream(SERVICE, VIRTUAL_SERVICE.replace("timeout: 3s", "timeout: 4s")),
        "/spec",
    ),
    "a pod template sets the key that is added": (
        stream(NAMESPACE, POD.replace("NAME", "web")),
        stream(NAMESPACE, POD.replace("NAME", "web").replace('keep: "yes"', "linkerd.io/inject: enabled")),
        "/spec/template/metadata/annotations/linkerd.io~1inject",
    ),
    "an object sets the key that is added": (
        stream(INJECTED),
        stream(INJECTED.replace("labels:", "annotations: {linkerd.io/inject: disabled}, labels:")),
        "/metadata/annotations/linkerd.io~1inject",
    ),
}


@pytest.mark.parametrize("helm_4", [False, True], ids=["helm 3", "helm 4"])
@pytest.mark.parametrize("name", NEWER)
def test_what_a_newer_chart_says_is_neither_deleted_nor_overwritten(
    name: str, helm_4: bool, flux: Flux
) -> None:
    then, now, path = NEWER[name]
    flux.patches(then, "--output", "out").succeeded()
    entries = fluxing.load(flux.folder / "out" / "patches.yaml")["postRenderers"]
    rendered = fluxing.annotated if helm_4 else bytes
    assert flux.render(rendered(then), entries).code == 0
    done = flux.render(rendered(now), entries)
    assert done.code != 0
    assert f"testing value {path} failed" in done.err


@pytest.mark.parametrize(
    "value",
    ["yes", "Off", "2020-01-01", "2020-01-01T10:00:00Z", "0777", "1.50", "1e3", ".5", "12:30:45", "null", "~", "{}",
     "[]", "[{}]", '"yes"', "|\n    several\n    lines\n", "*one", "{<<: *two, more: 1}"],
)  # fmt: skip
def test_kustomize_compares_what_is_deleted_as_it_was_written(value: str, flux: Flux) -> None:
    # Nothing of the mesh moves here: what is asked is whether the deletion of such an object passes its own test.
    text = "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: x}\n"
    text += f"spec:\n  one: &one a\n  two: &two {{b: c}}\n  value: {value}\n  last: 1\n"
    made = flux_patches.changes(text.encode(), b"", "shop")
    kept = text.replace("one a", "one b").encode()
    for render, passes in ((text.encode(), True), (kept, False)):
        done = flux.render(render + b"---\n" + SERVICE.encode(), [{"kustomize": {"patches": made.patches}}])
        assert (done.code == 0) is passes, done.err
        assert not passes or "Thing" not in done.out.decode()


@pytest.mark.parametrize(
    ("before", "after", "same_but"),
    [
        (
            {"ports": [{"name": "a", "x": 1}]},
            {"ports": [{"name": "a", "x": 1, "y": 2}]},
            {"ports": [{"name": "b", "x": 1}]},
        ),
        (
            {"ports": [{"name": "a", "x": 1}]},
            {"ports": [{"name": "a", "x": 2}]},
            {"ports": [{"name": "a", "x": 3}]},
        ),
        ({"names": ["a", "b"]}, {"names": ["a"]}, {"names": ["a", "c"]}),
        ({"old": "v"}, {"new": "v"}, {"old": "w"}),
        ({"map": {"a": "1"}}, {}, {"map": {"a": "1", "b": "2"}}),
        ({"ports": [{"name": "a"}]}, {"ports": [{"name": "a", "y": 2}]}, {"ports": [{"name": "a", "y": 3}]}),
        ({"map": {}}, {"map": {"a": "1"}}, {"map": {"a": "2"}}),
        ({}, {"map": {"a": "1"}}, {"map": {"b": "2"}}),
    ],
)
def test_operations_test_what_they_change(before: Any, after: Any, same_but: Any) -> None:
    import jsonpatch

    identity = {"kind": "Thing", "metadata": {"name": "x"}}
    patches = list(
        flux_operations.between(identity, {"metadata": {}, "spec": before}, {"metadata": {}, "spec": after})
    )
    operations = next(patch for patch in patches if isinstance(patch, list))
    fluxing.operated({"metadata": {"labels": {}, "annotations": {}}, "spec": before}, operations)
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        fluxing.operated({"metadata": {}, "spec": same_but}, operations)


def test_names_are_written_as_expressions_that_match_them_alone() -> None:
    assert flux_patches.escaped("system:a.b") == "system:a\\.b"
    assert flux_patches.escaped("a+(b)[c]{d}^$|?*\\") == "a\\+\\(b\\)\\[c\\]\\{d\\}\\^\\$\\|\\?\\*\\\\"


HOOK = POD.replace("NAME", "web").replace(
    "namespace: shop}", 'namespace: shop, annotations: {"helm.sh/hook": pre-upgrade}}'
)


def test_a_hook_that_changes_is_told(flux: Flux) -> None:
    done = flux.patches(stream(NAMESPACE, HOOK), "--output", "out").succeeded()
    assert (
        "Deployment shop/web is a hook: Flux patches it unless the HelmRelease says postRenderStrategy"
        in done.err
    )


def test_a_hook_that_becomes_something_new_is_refused(flux: Flux) -> None:
    hook = VIRTUAL_SERVICE.replace(
        "  namespace", '  annotations: {"helm.sh/hook": post-install}\n  namespace', 1
    )
    done = flux.patches(stream(SERVICE, hook), "--output", "out")
    assert done.code == 2
    assert "HTTPRoute shop/cart comes of an object that is a Helm hook" in done.err
    assert not (flux.folder / "out").exists()


@pytest.mark.parametrize("there", [True, False], ids=["files exist", "no files"])
def test_what_is_held_writes_nothing(there: bool, flux: Flux) -> None:
    if there:
        flux.patches(stream(SERVICE, VIRTUAL_SERVICE), "--output", "out").succeeded()
    before = {path.name: path.read_bytes() for path in (flux.folder / "out").glob("*")}
    done = flux.patches(stream(SERVICE, POLICY), "--output", "out")
    assert done.code == 1
    assert "nothing was written" in done.err
    assert {path.name: path.read_bytes() for path in (flux.folder / "out").glob("*")} == before
    flux.patches(
        stream(SERVICE, VIRTUAL_SERVICE, POLICY), "--output", "out", "--fail-on", "never"
    ).succeeded()


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        ([], CHART, "--helm-release FILE, --output DIR"),
        (["--output", "out"], b"", "nothing came in"),
        (["--output", "out", "more"], CHART, "takes no operands"),
        (["--helm-release", "none.yaml"], CHART, "none.yaml cannot be read"),
        (["--helm-release", "chart.yaml"], CHART, "chart.yaml holds no HelmReleases"),
        (["--helm-release", "two.yaml"], CHART, "two.yaml holds 2 HelmReleases"),
        (["--output", "out", "--namespace", "shop"], stream(SERVICE, VIRTUAL_SERVICE, VIRTUAL_SERVICE), ""),
        (["--output", "out"], stream(SERVICE, VIRTUAL_SERVICE.replace("space: shop", "space: shop\n  annotations: no")),
            "VirtualService shop/cart: metadata.annotations is no mapping"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(arguments: list[str], stdin: bytes, said: str, flux: Flux) -> None:
    write(flux.folder, {"chart.yaml": SERVICE, "two.yaml": release("a") + "---\n" + release("b")})
    done = flux.patches(stdin, *arguments)
    assert done.code in (1, 2, 3)
    assert said in done.err
    assert not (flux.folder / "out").exists()


def test_files_of_others_are_not_replaced(flux: Flux) -> None:
    write(flux.folder, {"out/manifests.yaml": SERVICE})
    done = flux.patches(CHART, "--output", "out", "--namespace", "shop")
    assert done.code == 2
    assert "manifests.yaml exists and was not written by flux-patches" in done.err
    assert [path.name for path in (flux.folder / "out").iterdir()] == ["manifests.yaml"]
