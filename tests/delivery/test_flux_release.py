"""`meshshift flux-patches --helm-release`: the patches inside of a HelmRelease, and what has to be committed with it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.delivery import fluxing
from tests.delivery.fluxing import Flux, release
from tests.delivery.running import by_source, chart, run, write
from tests.delivery.samples import HOOK, POLICY, SERVICE, VIRTUAL_SERVICE
from tests.delivery.test_flux_patches import CHART, stream, unplaced

MINE = "    postRenderers:\n    - kustomize:\n        images: [{name: web, newTag: '2'}]   # theirs\n"


def entries(flux: Flux, name: str = "shop.yaml") -> list[dict[str, Any]]:
    listed = [
        one["spec"].get("postRenderers")
        for one in fluxing.documents(flux.folder / name)
        if one["kind"] == "HelmRelease"
    ]
    return listed[0] or []


def added_and_removed(before: str, after: str) -> tuple[list[str], list[str]]:
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return [line for line in lines if line.startswith("+")], [line for line in lines if line.startswith("-")]


@pytest.mark.parametrize("more", ["", MINE, "    postRenderers: []\n", "    postRenderers:\n"], ids=repr)
def test_the_file_only_gains_our_entry_and_loses_it_again(more: str, flux: Flux) -> None:
    repository = (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: x}   # kept\n---\n"
    )
    before = repository + release("shop", more=more)
    write(flux.folder, {"shop.yaml": before})
    path = flux.folder / "shop.yaml"
    flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    written = path.read_text(encoding="utf-8")
    added, removed = added_and_removed(before, written)
    assert all("postRenderers" in line for line in removed)
    assert len(removed) <= bool(more)
    assert "$patch: delete" in "".join(added)
    # Ours is the first: it was made for what the chart renders, before other post-renderers see it.
    assert [list(entry["kustomize"]) for entry in entries(flux)] == [
        ["patches"],
        *([["images"]] if more == MINE else []),
    ]
    assert [one["kind"] for one in fluxing.documents(flux.folder / "shop-meshshift.yaml")] == ["HTTPRoute"]
    # The same again changes nothing.
    flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    assert path.read_text(encoding="utf-8") == written
    assert flux.patches(CHART, "--helm-release", "shop.yaml", "--check").code == 0
    # A chart that no longer has anything of the old mesh needs no patches.
    flux.patches(stream(SERVICE), "--helm-release", "shop.yaml").succeeded()
    left = path.read_text(encoding="utf-8")
    assert left == before or (yaml.safe_load(more) if more != MINE else None) in (
        {"postRenderers": []},
        {"postRenderers": None},
    )
    assert entries(flux) == ([] if more != MINE else yaml.safe_load(MINE)["postRenderers"])
    assert not (flux.folder / "shop-meshshift.yaml").exists()


def test_the_namespace_of_the_release_is_that_of_its_objects(flux: Flux) -> None:
    write(flux.folder, {"shop.yaml": release("storefront")})
    flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    assert fluxing.documents(flux.folder / "shop-meshshift.yaml")[0]["metadata"]["namespace"] == "storefront"
    write(flux.folder, {"own.yaml": release("x").replace("    targetNamespace: x\n", "")})
    flux.patches(CHART, "--helm-release", "own.yaml", "--output", "new").succeeded()
    assert (
        fluxing.documents(flux.folder / "new" / "manifests.yaml")[0]["metadata"]["namespace"] == "flux-system"
    )


def test_flux_deploys_what_the_transform_writes(flux: Flux) -> None:
    write(flux.folder, {"shop.yaml": release("shop", more=MINE)})
    flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    deployed = flux.render(CHART, entries(flux)).succeeded().documents
    both = fluxing.objects([*deployed, *fluxing.documents(flux.folder / "shop-meshshift.yaml")], "shop")
    assert both == fluxing.objects(flux.transform(CHART, "--namespace", "shop").documents, "shop")


def test_check_fails_where_the_chart_has_changed_since(flux: Flux) -> None:
    write(flux.folder, {"shop.yaml": release("shop")})
    missing = flux.patches(CHART, "--helm-release", "shop.yaml", "--check")
    assert missing.code == 1
    assert "shop.yaml is not current: run flux-patches without --check" in missing.err
    assert (flux.folder / "shop.yaml").read_text(encoding="utf-8") == release("shop")
    flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    stale = flux.patches(CHART.replace(b"3s", b"4s"), "--helm-release", "shop.yaml", "--check")
    assert stale.code == 1
    assert "shop-meshshift.yaml is not current" in stale.err
    held = flux.patches(stream(SERVICE, VIRTUAL_SERVICE, POLICY), "--helm-release", "shop.yaml", "--check")
    assert held.code == 1
    assert "nothing was written" in held.err


def test_new_objects_that_flux_would_pass_over_are_told(flux: Flux) -> None:
    write(flux.folder, {"shop.yaml": release("shop"), "kustomization.yaml": "resources: [shop.yaml]\n"})
    done = flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    assert "kustomization.yaml does not name shop-meshshift.yaml: add it to its resources" in done.err
    assert flux.patches(CHART, "--helm-release", "shop.yaml", "--check").code == 1
    write(flux.folder, {"kustomization.yaml": "resources: [shop.yaml, ./shop-meshshift.yaml]\n"})
    assert flux.patches(CHART, "--helm-release", "shop.yaml", "--check").code == 0
    # Flux cannot build a kustomization that names a file which is gone.
    gone = flux.patches(stream(SERVICE), "--helm-release", "shop.yaml").succeeded()
    assert (
        "kustomization.yaml names shop-meshshift.yaml, which is not needed any more: take it off" in gone.err
    )
    assert flux.patches(stream(SERVICE), "--helm-release", "shop.yaml", "--check").code == 1
    write(flux.folder, {"kustomization.yaml": "resources: [shop.yaml]\n"})
    assert flux.patches(stream(SERVICE), "--helm-release", "shop.yaml", "--check").code == 0
    write(flux.folder, {"kustomization.yaml": "resources: shop.yaml\n"})
    wrong = flux.patches(CHART, "--helm-release", "shop.yaml")
    assert wrong.code == 2
    assert "kustomization.yaml: resources is no list" in wrong.err


def test_only_what_was_written_is_told(flux: Flux) -> None:
    write(flux.folder, {"shop.yaml": release("shop")})
    first = flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    assert "wrote shop.yaml" in first.err
    assert "wrote shop-meshshift.yaml" in first.err
    again = flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    assert "wrote" not in again.err
    assert "all files are current" in again.err
    moved = flux.patches(stream(SERVICE), "--helm-release", "shop.yaml").succeeded()
    assert "wrote shop.yaml" in moved.err
    assert "removed shop-meshshift.yaml" in moved.err
    assert "wrote" not in flux.patches(stream(SERVICE), "--helm-release", "shop.yaml").succeeded().err


THEIRS = """\
        - target: {kind: Deployment}
          patch: |
            - {op: remove, path: /spec/replicas}
"""


@pytest.mark.parametrize(
    "added",
    [THEIRS, "        images: [{name: web, newTag: '2'}]\n", "      other: {}\n"],
    ids=["patch", "image", "key"],
)
def test_an_entry_that_holds_something_of_others_beside_ours_is_refused(added: str, flux: Flux) -> None:
    write(flux.folder, {"shop.yaml": release("shop")})
    flux.patches(CHART, "--helm-release", "shop.yaml").succeeded()
    path = flux.folder / "shop.yaml"
    text = path.read_text(encoding="utf-8").replace("    # the end\n", added + "    # the end\n")
    path.write_text(text, encoding="utf-8")
    assert len(entries(flux)) == 1
    for more in ([], ["--check"]):
        done = flux.patches(CHART.replace(b"3s", b"4s"), "--helm-release", "shop.yaml", *more)
        assert done.code == 2
        assert "shop.yaml: spec.postRenderers[0] holds patches of flux-patches" in done.err
        assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("foo", "spec of the HelmRelease is no mapping"),
        ("{targetNamespace: [a]}", "spec.targetNamespace of the HelmRelease is no text"),
        ("{postRenderers: foo}", "spec.postRenderers is no list"),
        ("{postRenderers: [foo]}", "spec.postRenderers[0] is no mapping"),
        ("{postRenderers: [{kustomize: foo}]}", "spec.postRenderers[0].kustomize is no mapping"),
        ("{postRenderers: [{}, {kustomize: {patches: foo}}]}", "spec.postRenderers[1].kustomize.patches is no list"),
        ("{postRenderers: [{kustomize: {patches: [foo]}}]}", "spec.postRenderers[0].kustomize.patches[0] is no mapping"),
    ],
)  # fmt: skip
def test_a_release_that_is_none_is_told(spec: str, said: str, flux: Flux) -> None:
    text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: b}\n"
    write(flux.folder, {"shop.yaml": f"{text}spec: {spec}\n"})
    done = flux.patches(CHART, "--helm-release", "shop.yaml")
    assert done.code == 3
    assert f"shop.yaml: {said}" in done.err


@pytest.mark.parametrize(
    "more", ["    postRenderers: {a: b}\n", "    postRenderers: [{kustomize: {images: []}}]\n"]
)
def test_a_list_that_cannot_be_edited_is_refused(more: str, flux: Flux) -> None:
    before = release("shop", more=more)
    write(flux.folder, {"shop.yaml": before})
    done = flux.patches(CHART, "--helm-release", "shop.yaml")
    if done.code == 0:
        assert "{a: b}" not in more
        assert len(entries(flux)) == 2
        return
    assert done.code == 3
    assert "shop.yaml" in done.err
    assert (flux.folder / "shop.yaml").read_text(encoding="utf-8") == before
    assert sorted(path.name for path in Path(flux.folder).iterdir()) == ["shop.yaml"]


def test_every_phase_can_be_committed_after_the_one_before(flux: Flux) -> None:
    write(flux.folder, {"shop.yaml": release("shop")})
    seen = []
    for phase in ("prepare", "switch", "enforce"):
        flux.patches(CHART, "--helm-release", "shop.yaml", "--phase", phase).succeeded()
        listed = entries(flux)
        deployed = (
            flux.render(CHART, listed).succeeded().documents if listed else list(yaml.safe_load_all(CHART))
        )
        beside = fluxing.documents(flux.folder / "shop-meshshift.yaml")
        direct = flux.transform(CHART, "--namespace", "shop", "--phase", phase).documents
        assert fluxing.objects([*deployed, *beside], "shop") == fluxing.objects(direct, "shop")
        seen.append((len(listed), [one["apiVersion"].partition("/")[0] for one in beside]))
    # Until the last phase nothing is written that Istio would read as a route of its own.
    assert seen == [
        (0, ["policy.linkerd.io"]),
        (1, ["policy.linkerd.io"]),
        (1, ["gateway.networking.k8s.io"]),
    ]


_PLUGIN = """\
apiVersion: v1
name: as-flux
version: 1.0.0
type: postrenderer/v1
runtime: subprocess
runtimeConfig:
  platformCommand:
  - command: ${HELM_PLUGIN_DIR}/run
"""


def test_helm_4_post_renders_hooks_and_templates_together(flux: Flux, helm4: str) -> None:
    """As helm-controller does it: Helm 4 annotates, sends hooks along, and sorts what comes back by the annotation."""
    moved = {
        "service.yaml": unplaced(SERVICE),
        "traffic.yaml": unplaced(VIRTUAL_SERVICE),
        "hook.yaml": unplaced(HOOK),
    }
    write(chart(flux.folder / "chart", moved), {"../shop.yaml": release("shop")})
    command = [helm4, "template", "shop", flux.folder / "chart", "-n", "shop"]
    render = run(command, flux.home).succeeded().out
    told = flux.patches(render, "--helm-release", "shop.yaml").succeeded().err
    assert "Job migrate is a hook: Flux patches it unless" in told
    plugin = flux.folder / "plugins" / "as-flux"
    kustomization = {"resources": ["in.yaml"]} | entries(flux)[0]["kustomize"]
    script = f"#!/bin/sh\nset -e\ncat > '{plugin}/in.yaml'\nexec '{flux.kustomize}' build '{plugin}'\n"
    write(
        plugin, {"plugin.yaml": _PLUGIN, "kustomization.yaml": yaml.safe_dump(kustomization), "run": script}
    )
    (plugin / "run").chmod(0o755)
    there = flux.home | {"HELM_PLUGINS": str(plugin.parent)}
    deployed = run([*command, "--post-renderer", "as-flux"], there).succeeded()
    assert set(by_source(deployed.out)) == {"demo/templates/service.yaml", "demo/templates/hook.yaml"}
    both = [*deployed.documents, *fluxing.documents(flux.folder / "shop-meshshift.yaml")]
    direct = flux.transform(render, "--namespace", "shop").documents
    assert fluxing.objects(both, "shop") == fluxing.objects(direct, "shop")
    assert {one["kind"] for one in both} == {"Service", "Job", "HTTPRoute"}
