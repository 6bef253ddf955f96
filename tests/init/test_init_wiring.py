"""What `init` does for Argo CD, Flux, Helm, kpt and pre-commit, and what it leaves to a person."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.running import Call
from tests.delivery.running import chart, run, write
from tests.init.repositories import APPLICATION, FUNCTION, SHOP, STRICT, added, snapshot

KUSTOMIZATION = "resources: [shop.yaml]\n"


def argo(folder: Path, application: str = APPLICATION) -> Path:
    """An Application over a folder of plain manifests."""
    return write(folder, {"apps/shop.yaml": application, "shop/shop.yaml": SHOP})


def test_an_application_gets_the_plugin_with_what_no_manifest_tells(call: Call, tmp_path: Path) -> None:
    argo(tmp_path)
    done = call("init", STRICT)
    assert done.code == 0, done.err
    after = (tmp_path / "apps/shop.yaml").read_bytes()
    assert added(APPLICATION.encode(), after) == [
        *("    plugin:", "      name: meshshift", "      env:"),
        *("      - name: MESHSHIFT_MESH_MTLS", "        value: strict"),
    ]
    assert b"Argo CD: its repo-server needs the plugin" in done.out
    again = call("init", "--gateway-class=public")
    assert b"Application shop takes MESHSHIFT_GATEWAY_CLASS" in again.out
    env = yaml.safe_load((tmp_path / "apps/shop.yaml").read_bytes())["spec"]["source"]["plugin"]["env"]
    assert [entry["value"] for entry in env] == ["strict", "public"]
    assert b"Nothing had to be changed" in call("init").out


def test_the_plugin_takes_what_the_application_says(
    call: Call, tmp_path: Path, tools_environment: dict[str, str]
) -> None:
    argo(tmp_path)
    assert call("init", STRICT, "--complete=shop").code == 0
    plugin = yaml.safe_load((tmp_path / "apps/shop.yaml").read_bytes())["spec"]["source"]["plugin"]
    said = {f"ARGOCD_ENV_{entry['name']}": entry["value"] for entry in plugin["env"]}
    server = {"ARGOCD_APP_NAME": "shop", "ARGOCD_APP_NAMESPACE": "shop", **said}
    done = run(
        ["meshshift", "cmp", "generate"], tools_environment | server, cwd=tmp_path / "shop"
    ).succeeded()
    assert "HTTPRoute" in {document["kind"] for document in done.documents}


def test_a_set_of_applications_and_one_of_several_documents(call: Call, tmp_path: Path) -> None:
    one = yaml.safe_load(APPLICATION)
    many = {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": "all"},
            "spec": {"generators": [], "template": {"spec": one["spec"]}}}  # fmt: skip
    text = (
        APPLICATION
        + "---\n# second\n"
        + yaml.safe_dump(many)
        + "---\n"
        + APPLICATION.replace("path: shop", "path: other")
    )
    argo(tmp_path, text)
    done = call("init", STRICT)
    found = list(yaml.safe_load_all((tmp_path / "apps/shop.yaml").read_bytes()))
    assert found[0]["spec"]["source"]["plugin"]["name"] == "meshshift"
    assert found[1]["spec"]["template"]["spec"]["source"]["plugin"]["name"] == "meshshift"
    assert "plugin" not in found[2]["spec"]["source"]
    assert b"Application shop in apps/shop.yaml: its source is not in this folder" in done.out
    assert len(added(text.encode(), (tmp_path / "apps/shop.yaml").read_bytes())) == 10
    told = "Application shop is rendered by the plugin; ApplicationSet all is rendered by the plugin"
    assert f"  apps/shop.yaml  changed  {told}\n" in done.out.decode()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("path: shop   #", "path: shop\n    helm: {releaseName: x}   #", "source.helm excludes a plugin"),
        ("path: shop   #", "path: shop\n    kustomize: {namePrefix: x}   #", "source.kustomize excludes a plugin"),
        ("path: shop   #", "path: shop\n    plugin: {name: other}   #", "rendered by the plugin other"),
        ("path: shop   #", "path: elsewhere   #", "its source is not in this folder"),
        ("path: shop   #", "chart: shop   #", "its source is not in this folder"),
        ("path: shop   #", 'path: shop\n    targetRevision: "{{ tag }}"   #', "is a template"),
        ("source:\n", "sources:\n  - path: shop\n  other:\n", "has several sources"),
        ("path: shop ", "path: apps ", "nothing of an old mesh in apps"),
    ],
)  # fmt: skip
def test_applications_that_are_left_to_a_person(
    call: Call, tmp_path: Path, old: str, new: str, said: str
) -> None:
    argo(tmp_path, APPLICATION.replace(old, new))
    done = call("init", STRICT)
    assert done.code == 0, done.err
    assert said in done.out.decode()
    assert (tmp_path / "apps/shop.yaml").read_text(encoding="utf-8") == APPLICATION.replace(old, new)


def test_paths_of_applications_start_at_the_root_of_the_repository(call: Call, tmp_path: Path) -> None:
    argo(tmp_path / "deploy", APPLICATION.replace("path: shop ", "path: ./deploy/shop/ "))
    (tmp_path / ".git").mkdir()
    assert call("init", "deploy", STRICT).code == 0
    assert b"name: meshshift" in (tmp_path / "deploy/apps/shop.yaml").read_bytes()


def test_an_application_of_applications_is_not_wired(call: Call, tmp_path: Path) -> None:
    root = APPLICATION.replace("path: shop ", "path: apps ").replace("name: shop", "name: root")
    argo(write(tmp_path, {"root.yaml": root, "apps/below/more.yaml": SHOP}))
    done = call("init", STRICT)
    assert b"Application root in root.yaml: nothing of an old mesh in apps" in done.out
    assert (tmp_path / "root.yaml").read_text(encoding="utf-8") == root


def test_what_argo_cd_renders_is_not_wired_twice(call: Call, tmp_path: Path) -> None:
    argo(write(tmp_path, {"shop/kustomization.yaml": KUSTOMIZATION}))
    done = call("init", STRICT)
    assert (
        b"shop/kustomization.yaml: Argo CD (apps/shop.yaml) renders it, where only a plugin can run"
        in done.out
    )
    assert (tmp_path / "shop/kustomization.yaml").read_text(encoding="utf-8") == KUSTOMIZATION
    assert b"name: meshshift" in (tmp_path / "apps/shop.yaml").read_bytes()


def test_a_person_may_choose_kustomize_for_it(call: Call, tmp_path: Path) -> None:
    argo(write(tmp_path, {"shop/kustomization.yaml": KUSTOMIZATION}))
    assert call("init", STRICT, "--for=kustomize").code == 0
    assert (tmp_path / "shop" / FUNCTION).exists()
    assert (tmp_path / "apps/shop.yaml").read_text(encoding="utf-8") == APPLICATION


FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec: {path: ./shop, prune: true}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: store}
spec: {chart: {spec: {chart: ./charts/store}}}
"""


@pytest.mark.parametrize("kinds", [[], ["--for=kustomize,flux"]])
def test_what_flux_applies_is_never_wired(call: Call, tmp_path: Path, kinds: list[str]) -> None:
    write(
        tmp_path,
        {"clusters/shop.yaml": FLUX, "shop/kustomization.yaml": KUSTOMIZATION, "shop/shop.yaml": SHOP},
    )
    before = snapshot(tmp_path)
    done = call("init", STRICT, *kinds)
    assert done.code == 0, done.err
    assert {name for name, data in snapshot(tmp_path).items() if before.get(name) != data} == {
        "meshshift.yaml"
    }
    said = done.out.decode()
    assert "shop/kustomization.yaml: Flux (clusters/shop.yaml) applies it and refuses functions" in said
    assert "render shop in CI and let Flux apply the result" in said
    assert "kustomize build shop | meshshift\n" in said
    target = "--helm-release clusters/shop.yaml"
    assert f"helm template store ./charts/store | meshshift flux-patches {target}\n" in said


def test_the_configuration_file_must_not_be_applied_by_flux(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {"flux.yaml": FLUX.replace("./shop", "./"), "shop.yaml": SHOP})
    said = call("init", STRICT).out.decode()
    assert "meshshift.yaml: name it in .sourceignore, since flux.yaml lets Flux apply every YAML file" in said


def test_a_chart_is_not_edited(call: Call, tmp_path: Path) -> None:
    chart(tmp_path / "charts/demo", {"all.yaml": "metadata: {{ .Release.Name }}\n# networking.istio.io/v1\n"})
    chart(tmp_path / "charts/demo/charts/part", {"all.yaml": "networking.istio.io/v1\n"})
    chart(tmp_path / "charts/none", {"all.yaml": "kind: {{ .Values.kind }}\n"})
    before = snapshot(tmp_path)
    said = call("init").out.decode()
    assert {**before, "meshshift.yaml": b""}.keys() == snapshot(tmp_path).keys()
    assert "helm upgrade --install demo charts/demo --post-renderer meshshift" in said
    assert "chart charts/none: nothing of an old mesh in it" in said
    assert "charts/part" not in said


KPTFILE = "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: shop # a package\n"


@pytest.mark.parametrize("folder", ["", "packages/shop"])
@pytest.mark.parametrize("pipeline", ["", "pipeline:\n  mutators: []\n"])
def test_a_package_runs_meshshift_in_its_pipeline(
    call: Call, tmp_path: Path, kpt: str, tools_environment: dict[str, str], folder: str, pipeline: str
) -> None:
    package = write(tmp_path / folder, {"Kptfile": KPTFILE + pipeline, "shop.yaml": SHOP})
    done = call("init", STRICT)
    assert done.code == 0, done.err
    assert b"  name: shop # a package\n" in (package / "Kptfile").read_bytes()
    wired = snapshot(tmp_path)
    run([kpt, "fn", "render", package, "--allow-exec"], tools_environment).succeeded()
    after = (package / "shop.yaml").read_bytes()
    assert b"kind: HTTPRoute" in after
    assert b"istio" not in after
    write(tmp_path, wired)
    assert b"Kptfile: wired already" in call("init", STRICT).out
    assert snapshot(tmp_path) == wired


@pytest.mark.parametrize(
    ("mutator", "wired"),
    [
        ("{image: 'registry.example.com/set-labels:v1', name: before-meshshift}", False),
        ("{exec: ./after-meshshift.sh}", False),
        ("{image: 'registry.example.com/meshshift/labels:v1'}", False),
        ("{exec: /opt/bin/meshshift --verbose}", True),
        ("{image: 'registry.example.com:5000/meshshift:v1'}", True),
        ("{image: 'registry.example.com/meshshift@sha256:00'}", True),
    ],
)
def test_only_mutators_that_run_meshshift_count(
    call: Call, tmp_path: Path, mutator: str, wired: bool
) -> None:
    text = f"{KPTFILE}pipeline:\n  mutators:\n  - {mutator}\n"
    write(tmp_path, {"Kptfile": text, "shop.yaml": SHOP})
    assert call("init", STRICT).code == 0
    assert ((tmp_path / "Kptfile").read_text(encoding="utf-8") == text) is wired


def test_a_plain_configuration_file_cannot_lie_in_a_package(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {"Kptfile": KPTFILE, "shop.yaml": SHOP, "meshshift.yaml": "mesh: {mtls: strict}\n"})
    done = call("init")
    assert done.code == 2
    assert "every file has to be an object" in done.err
    assert (tmp_path / "Kptfile").read_text(encoding="utf-8") == KPTFILE


HOOKS = "# ours\nrepos:\n  - repo: local\n    hooks:\n      - {id: other, name: o, entry: 'true', language: system}\n"


def test_braces_in_a_text_make_no_template(call: Call, tmp_path: Path) -> None:
    files = {"Kptfile": KPTFILE, ".pre-commit-config.yaml": HOOKS}
    write(tmp_path, {"shop.yaml": SHOP, **{name: f"# {{{{ x }}}}\n{text}" for name, text in files.items()}})
    assert b"is a template" not in call("init", STRICT).out
    assert all(b"meshshift" in (tmp_path / name).read_bytes() for name in files)


def test_pre_commit_shows_what_is_left(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {".pre-commit-config.yaml": HOOKS, "shop.yaml": SHOP})
    assert call("init", STRICT).code == 0
    after = (tmp_path / ".pre-commit-config.yaml").read_bytes()
    assert added(HOOKS.encode(), after)[:3] == [
        "  - repo: local",
        "    hooks:",
        "      - id: meshshift-report",
    ]
    hook = yaml.safe_load(after)["repos"][1]["hooks"][0]
    shown = call(*hook["entry"].split()[1:])
    assert shown.code == 0, "sources keep their mesh objects, so it only tells"
    assert shown.out.startswith(b"2 objects of an old mesh in ")
    assert b"wired already" in call("init").out


def test_hooks_that_are_commented_out_stay_where_they_are(call: Call, tmp_path: Path) -> None:
    text = HOOKS + "  # - repo: https://git.example.com/more\n  #   rev: v1\n"
    write(tmp_path, {".pre-commit-config.yaml": text, "shop.yaml": SHOP})
    assert call("init", STRICT).code == 0
    assert (
        (tmp_path / ".pre-commit-config.yaml")
        .read_text(encoding="utf-8")
        .startswith(text + "  - repo: local\n")
    )


def test_real_pre_commit_runs_the_hook(call: Call, tmp_path: Path, tools_environment: dict[str, str]) -> None:
    write(tmp_path, {".pre-commit-config.yaml": HOOKS, "shop.yaml": SHOP})
    assert call("init", STRICT).code == 0
    for command in (["init", "-q"], ["add", "shop.yaml", ".pre-commit-config.yaml"]):
        run(["git", *command], tools_environment, cwd=tmp_path).succeeded()
    hook = [sys.executable, "-m", "pre_commit", "run", "meshshift-report", "--all-files"]
    done = run(hook, tools_environment, cwd=tmp_path).succeeded()
    assert b"meshshift report" in done.out
    assert b"2 objects of an old mesh in " in done.out


@pytest.mark.parametrize("hook", ["meshshift-check", "meshshift-report"])
def test_a_hook_of_the_repository_of_meshshift_counts(call: Call, tmp_path: Path, hook: str) -> None:
    text = f"repos:\n- repo: https://git.example.com/meshshift\n  rev: v1\n  hooks: [{{id: {hook}}}]\n"
    write(tmp_path, {".pre-commit-config.yaml": text, "shop.yaml": SHOP})
    assert call("init", STRICT).code == 0
    assert (tmp_path / ".pre-commit-config.yaml").read_text(encoding="utf-8") == text


def test_a_large_repository_is_told_on_one_screen(call: Call, tmp_path: Path) -> None:
    files = {f"layer{number}/kustomization.yaml": "resources: [../shop.yaml]\n" for number in range(30)}
    for number in range(20):
        chart(tmp_path / f"charts/demo{number}", {"all.yaml": "networking.istio.io/v1: {{ .Values.x }}\n"})
    write(tmp_path, {**files, "shop.yaml": SHOP})
    done = call("init", STRICT)
    assert done.code == 0, done.err
    lines = done.out.decode().splitlines()
    assert len(lines) < 24
    grouped = "kustomization.yaml in 30 folders       changed  lists meshshift-function.yaml under transformers: layer0 …"
    assert f"  {grouped}" in lines
    assert any(line.startswith("  chart charts/demo0 and 19 more: name meshshift") for line in lines)
    assert (tmp_path / "layer29" / FUNCTION).exists()


def test_pipelines_and_plain_manifests_are_told(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {".gitlab-ci.yml": "job: {script: [make]}\n", "plain.yaml": SHOP})
    said = call("init", STRICT).out.decode()
    assert ".gitlab-ci.yml: let `meshshift check` read what is applied" in said
    assert "plain manifests: nothing renders them here" in said


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"kustomization.yaml": KUSTOMIZATION}, "{}"),
        ({"Kptfile": KPTFILE}, "{}"),
        ({"Chart.yaml": "name: $(touch name)\n"}, "./{}"),
        ({"Chart.yaml": "name: $(touch name)\n"}, "$(touch name)"),
        ({"../flux.yaml": FLUX}, "{}"),
        ({"../flux.yaml": FLUX, "kustomization.yaml": KUSTOMIZATION}, "{}"),
        ({"../$(touch flux).yaml": FLUX.replace("store", "$(touch store)")}, "$(touch flux).yaml"),
        ({"../flux.yaml": FLUX.replace("store", "$(touch store)")}, "$(touch store)"),
        ({"../flux.yaml": FLUX.replace("store", "$(touch store)")}, "./charts/$(touch store)"),
    ],
)
def test_names_of_the_repository_are_single_words_of_the_commands(
    call: Call, tmp_path: Path, files: dict[str, str], word: str
) -> None:
    folder = "my $(touch here)"
    texts = {name: text.replace("./shop", f"./{folder}") for name, text in files.items()}
    write(tmp_path / folder, {"shop.yaml": SHOP, **texts})
    said = call("init", STRICT).out.decode()
    commands = [line[2:] for line in said.partition("Next:\n")[2].splitlines() if line[2:3] != " "]
    assert word.format(folder) in [part for command in commands for part in shlex.split(command)]


def test_the_folder_itself_is_a_single_word_too(call: Call, tmp_path: Path) -> None:
    write(tmp_path / "a $(b)", {"kustomization.yaml": KUSTOMIZATION, "shop.yaml": SHOP})
    assert b"Next, in 'a $(b)':" in call("init", "a $(b)", STRICT).out
