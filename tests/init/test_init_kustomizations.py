"""Kustomizations that `init` edits: every line stays but for those that it adds, and real kustomize builds the result."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Call
from tests.delivery.running import identities, run, write
from tests.init.repositories import FUNCTION, LISTED, SHOP, STRICT, added, layered, snapshot
from transformer.frontends.init import configuration

FLAGS = ("--enable-alpha-plugins", "--enable-exec")
OTHER = """\
apiVersion: builtin
kind: AnnotationsTransformer
metadata: {name: team}
annotations: {team: shop}
fieldSpecs: [{path: metadata/annotations, create: true}]
"""
OURS = "{apiVersion: meshshift.dev/v1alpha1, kind: MeshShift, metadata: {name: own}}"
PART = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamespace: shop\n"

KUSTOMIZATIONS = [
    ("comments", "# head\nresources:\n# why\n- shop.yaml   # all of it\n\n# tail\n", LISTED),
    ("dashes under the key", "resources:\n- shop.yaml\n", LISTED),
    ("dashes deeper", "resources:\n  - shop.yaml\nlabels:\n  - pairs: {a: b}\n", ["transformers:", f"  - {FUNCTION}"]),
    ("odd indentation", "resources:\n     -  shop.yaml\nimages:\n - name: x\n   newTag: v2\nnamespace: shop\n",
     ["transformers:", f"  - {FUNCTION}"]),
    ("CRLF", "resources:\r\n- shop.yaml\r\nnamespace: shop\r\n", LISTED),
    ("a list in brackets", "resources: [shop.yaml] # one\nkind: Kustomization\n", LISTED),
    ("no final line break", "resources:\n- shop.yaml\nnamespace: shop", LISTED),
    ("anchors elsewhere", "resources: [shop.yaml]\ncommonAnnotations: &all {team: shop}\n", LISTED),
    ("components", "resources: [shop.yaml]\ncomponents:\n- part\n", LISTED),
    ("document markers", "---\nresources:\n- shop.yaml\n# tail\n", LISTED),
    ("a text at the end", "resources: [shop.yaml]\npatches:\n- target: {kind: Service}\n  patch: |-\n    - op: test\n"
     "      path: /kind\n      value: Service", LISTED),
    ("an end marker", "resources:\n- shop.yaml\n...\n", LISTED),
    ("transformers", "transformers:\n# ours\n- team.yaml # other\nresources:\n- shop.yaml\n", [f"- {FUNCTION}"]),
    ("transformers, deeper", "resources: [shop.yaml]\ntransformers:\n   - team.yaml\n", [f"   - {FUNCTION}"]),
    ("null", "resources: [shop.yaml]\ntransformers:\nnamespace: shop\n", [f"- {FUNCTION}"]),
]  # fmt: skip


def shop(folder: Path, kustomization: str, name: str = "kustomization.yaml") -> Path:
    """A kustomization with everything that the cases name."""
    return write(
        folder, {name: kustomization, "shop.yaml": SHOP, "team.yaml": OTHER, "part/kustomization.yaml": PART}
    )


def built(kustomize: str, folder: Path, environment: dict[str, str]) -> list[str]:
    """What kustomize makes of a folder, by `Kind/name`."""
    done = run([kustomize, "build", folder, *FLAGS], environment).succeeded()
    return identities(done.documents)


@pytest.mark.parametrize(("kustomization", "lines"), [case[1:] for case in KUSTOMIZATIONS],
                         ids=[case[0] for case in KUSTOMIZATIONS])  # fmt: skip
def test_only_the_entry_is_added_and_it_builds(
    call: Call,
    tmp_path: Path,
    kustomize: str,
    tools_environment: dict[str, str],
    kustomization: str,
    lines: list[str],
) -> None:
    shop(tmp_path, kustomization)
    assert "VirtualService/cart" in built(kustomize, tmp_path, tools_environment)
    done = call("init", STRICT)
    assert done.code == 0, done.err
    after = (tmp_path / "kustomization.yaml").read_bytes()
    assert added(kustomization.encode(), after) == lines
    assert after.count(b"\r\n") == (after.count(b"\n") if "\r\n" in kustomization else 0)
    result = built(kustomize, tmp_path, tools_environment)
    assert "HTTPRoute/cart" in result
    assert "VirtualService/cart" not in result
    again = snapshot(tmp_path)
    assert b"Nothing had to be changed" in call("init", STRICT).out
    assert snapshot(tmp_path) == again


@pytest.mark.parametrize(
    ("kustomization", "after"),
    [
        ("{resources: [shop.yaml]}\n", f'{{resources: [shop.yaml], transformers: ["{FUNCTION}"]}}\n'),
        (
            "resources: [shop.yaml]\ntransformers: [team.yaml]\n",
            f"resources: [shop.yaml]\ntransformers: [team.yaml, {FUNCTION}]\n",
        ),
        (
            "resources: [shop.yaml]\ntransformers: []\n",
            f"resources: [shop.yaml]\ntransformers:\n- {FUNCTION}\n",
        ),
    ],
)
def test_lists_in_brackets_stay_on_their_line(
    call: Call,
    tmp_path: Path,
    kustomize: str,
    tools_environment: dict[str, str],
    kustomization: str,
    after: str,
) -> None:
    shop(tmp_path, kustomization)
    assert call("init", STRICT).code == 0
    assert (tmp_path / "kustomization.yaml").read_text(encoding="utf-8") == after
    assert "HTTPRoute/cart" in built(kustomize, tmp_path, tools_environment)


@pytest.mark.parametrize(
    ("kustomization", "after"),
    [
        ("resources:\n- shop.yaml\n# - more.yaml\n", "resources:\n- shop.yaml\n# - more.yaml\n{}\n"),
        (
            "resources:\n- shop.yaml\n  # all\n# - b\n\n# tail\n",
            "resources:\n- shop.yaml\n  # all\n# - b\n{}\n\n# tail\n",
        ),
        ("resources:\n- shop.yaml\n# - more.yaml", "resources:\n- shop.yaml\n# - more.yaml\n{}"),
        ("resources:\n- shop.yaml\n\n# tail\n", "resources:\n- shop.yaml\n{}\n\n# tail\n"),
        (
            "transformers:\n- team.yaml\n# what\nresources: [shop.yaml]\n",
            f"transformers:\n- team.yaml\n- {FUNCTION}\n# what\nresources: [shop.yaml]\n",
        ),
    ],
)
def test_entries_that_are_commented_out_stay_with_their_list(
    call: Call, tmp_path: Path, kustomization: str, after: str
) -> None:
    shop(tmp_path, kustomization)
    assert call("init", STRICT).code == 0
    wanted = after.format("\n".join(LISTED))
    assert (tmp_path / "kustomization.yaml").read_text(encoding="utf-8") == wanted


@pytest.mark.parametrize("name", ["kustomization.yml", "Kustomization"])
def test_other_names_of_the_file(call: Call, tmp_path: Path, name: str) -> None:
    shop(tmp_path, "resources:\n- shop.yaml\n", name)
    assert call("init", STRICT).code == 0
    assert added(b"resources:\n- shop.yaml\n", (tmp_path / name).read_bytes()) == LISTED


@pytest.mark.parametrize(
    ("kustomization", "reason"),
    [
        ("resources: [shop.yaml]\ntransformers: &own\n- team.yaml\n", "an anchor may be used elsewhere"),
        ("x: &own [team.yaml]\nresources: [shop.yaml]\ntransformers: *own\n", "an alias"),
        (
            "resources:\n- shop.yaml\npatches:\n- patch: |\n    kind: Service",
            "the line break would change the text",
        ),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_as_a_whole(
    call: Call, tmp_path: Path, kustomization: str, reason: str
) -> None:
    shop(tmp_path, kustomization)
    before = snapshot(tmp_path)
    done = call("init", STRICT)
    assert done.code == 2, reason
    assert "kustomization.yaml cannot be edited safely (line " in done.err
    assert f"By hand: list {FUNCTION} under transformers" in done.err
    assert snapshot(tmp_path) == before
    # The remedy works: with the entry written by hand the command goes on.
    shop(tmp_path, f"resources: [shop.yaml]\ntransformers: &own [team.yaml, {FUNCTION}]\n")
    assert call("init", STRICT).code == 0


def test_the_outermost_layers_are_wired_and_no_other(
    call: Call, tmp_path: Path, kustomize: str, tools_environment: dict[str, str]
) -> None:
    before = snapshot(layered(tmp_path))
    done = call("init", STRICT)
    assert done.code == 0, done.err
    after = snapshot(tmp_path)
    assert sorted(name for name in after if after[name] != before.get(name)) == [
        "meshshift.yaml",
        "overlays/live/kustomization.yaml",
        f"overlays/live/{FUNCTION}",
    ]
    said = done.out.decode()
    assert "tools/kustomization.yaml: nothing of an old mesh in it" in said
    inner = "base/kustomization.yaml, overlays/staging/kustomization.yaml, parts/kustomization.yaml"
    assert f"{inner}: part of other layers, which see their final names" in said
    assert "HTTPRoute/cart" in built(kustomize, tmp_path / "overlays/live", tools_environment)


def test_a_layer_that_is_wired_below_is_left_alone(call: Call, tmp_path: Path) -> None:
    layered(tmp_path)
    write(tmp_path, {
        "base/kustomization.yaml": "resources: [shop.yaml]\ntransformers: [own.yaml]\n",
        "base/own.yaml": "apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nmetadata: {name: own}\n",
    })  # fmt: skip
    done = call("init", STRICT)
    assert b"overlays/live/kustomization.yaml: wired already by base/own.yaml" in done.out
    assert not (tmp_path / "overlays/live" / FUNCTION).exists()


def test_a_remark_about_meshshift_is_no_wiring(call: Call, tmp_path: Path) -> None:
    shop(tmp_path, "# someday: kind: MeshShift here\nresources: [shop.yaml]\n")
    assert call("init", STRICT).code == 0
    assert (tmp_path / FUNCTION).exists()


@pytest.mark.parametrize(
    ("overlay", "wired"),
    [
        ("resources: [../base, more.yaml]\n", False),
        ("resources: [../base]\npatches: [{path: more.yaml}]\n", False),
        (
            "resources: [../base]\npatches: [{patch: '{metadata: {labels: {istio-injection: enabled}}}'}]\n",
            False,
        ),
        ("resources: [../base, https://example.com/shop.yaml]\n", False),
        ("resources: [more.yaml]\ncomponents: [../own]\n", True),
        ("resources: [../other]\ncomponents: [../own]\n", True),
        ("resources: [../other]\ncomponents: [../own]\npatches: [{path: more.yaml}]\n", False),
        ("resources: [../base, ../other]\n", False),
        ("resources: [more.yaml]\ntransformers: [{}]\n".replace("{}", repr(OURS)), True),
    ],
)
def test_a_function_counts_for_what_it_sees(call: Call, tmp_path: Path, overlay: str, wired: bool) -> None:
    write(tmp_path, {
        "base/kustomization.yaml": "resources: [shop.yaml]\ntransformers: [own.yaml]\n", "base/shop.yaml": SHOP,
        "base/own.yaml": OURS,
        "own/kustomization.yaml": PART + "transformers: [own.yaml]\n", "own/own.yaml": OURS,
        "other/kustomization.yaml": "resources: [shop.yaml]\n", "other/shop.yaml": SHOP,
        "over/kustomization.yaml": overlay, "over/more.yaml": SHOP,
    })  # fmt: skip
    assert call("init", STRICT).code == 0
    assert (tmp_path / "over" / FUNCTION).exists() is not wired


def test_functions_that_are_built_in_a_folder_of_their_own_count(
    call: Call, tmp_path: Path, kustomize: str, tools_environment: dict[str, str]
) -> None:
    function = configuration.function("", {"mesh.mtls": "strict"})
    write(tmp_path, {
        "base/kustomization.yaml": "resources: [shop.yaml]\ntransformers: [../fn]\n", "base/shop.yaml": SHOP,
        "fn/kustomization.yaml": "resources: [own.yaml]\n", "fn/own.yaml": function,
    })  # fmt: skip
    before = snapshot(tmp_path)
    said = call("init", STRICT).out.decode()
    assert "base/kustomization.yaml: wired already by fn/own.yaml" in said
    assert "fn/kustomization.yaml: built for what works on other layers" in said
    assert {name for name, data in snapshot(tmp_path).items() if before.get(name) != data} == {
        "meshshift.yaml"
    }
    assert "HTTPRoute/cart" in built(kustomize, tmp_path / "base", tools_environment)


@pytest.mark.parametrize(
    ("entry", "wired"),
    [
        ("resources: [https://example.com/shop.yaml]\n", True),
        ("resources: [github.com/example/shop//deploy?ref=v1]\n", True),
        ("helmCharts: [{name: shop, repo: https://charts.example.com}]\n", True),
        ("resources: [team.yaml]\npatches: [{path: route.yaml}]\n", True),
        ("resources: [team.yaml]\npatches: [{path: label.patch}]\n", True),
        ("resources: [team.yaml]\npatches: [{path: ../elsewhere/label.yaml}]\n", True),
        ("resources: [team.yaml]\npatchesStrategicMerge: [label.patch]\n", True),
        ("resources: [team.yaml]\npatchesJson6902: [{path: label.patch, target: {kind: Namespace}}]\n", True),
        ("resources: [team.yaml]\nreplacements: [{path: label.patch}]\n", True),
        ("resources: [team.yaml]\ntransformers: [https://example.com/label]\n", True),
        ("resources: [team.yaml]\npatches: [{path: team.yaml}, {patch: '{kind: ConfigMap}'}]\n", False),
        ("resources: [team.yaml]\nconfigMapGenerator: [{name: x, files: [label.patch]}]\n", False),
        ("resources: [team.yaml]\n", False),
    ],
)
def test_what_is_not_here_may_hold_a_mesh(call: Call, tmp_path: Path, entry: str, wired: bool) -> None:
    write(
        tmp_path,
        {
            "kustomization.yaml": entry,
            "team.yaml": "kind: ConfigMap\n",
            "route.yaml": SHOP,
            "label.patch": "kind: ConfigMap\n",
        },
    )
    assert call("init", STRICT).code == 0
    assert (tmp_path / FUNCTION).exists() is wired


@pytest.mark.parametrize(
    "line",
    [
        "namespace: {{ name }}",
        "namePrefix: {{ a.b | x }}-",
        "{{- if x }}",
        "labels: [{{ x }}]",
        "{{ labels }}",
    ],
)
def test_templates_are_never_edited(call: Call, tmp_path: Path, line: str) -> None:
    text = f"resources: [shop.yaml]\n{line}\n"
    shop(tmp_path, text)
    done = call("init", STRICT)
    assert done.code == 0, done.err
    assert f"kustomization.yaml is a template: list {FUNCTION} there yourself".encode() in done.out
    assert (tmp_path / "kustomization.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "line",
    [
        "# {{ not here }}",
        "commonAnnotations: {a: '{{ .x }}'}",
        "patches:\n- target: {kind: Service}\n  patch: |-\n    - {op: add, path: /metadata/labels, value: {a: '{{ .x }}'}}",
    ],
)
def test_braces_in_texts_make_no_template(
    call: Call, tmp_path: Path, kustomize: str, tools_environment: dict[str, str], line: str
) -> None:
    text = f"resources: [shop.yaml]\n{line}\n"
    shop(tmp_path, text)
    assert call("init", STRICT).code == 0
    assert added(text.encode(), (tmp_path / "kustomization.yaml").read_bytes()) == LISTED
    assert "HTTPRoute/cart" in built(kustomize, tmp_path, tools_environment)


def test_an_entry_written_by_hand_is_not_repeated(call: Call, tmp_path: Path) -> None:
    text = f"resources: [shop.yaml]\ntransformers: [{FUNCTION}]\n"
    shop(tmp_path, text)
    assert call("init", STRICT).code == 0
    assert (tmp_path / "kustomization.yaml").read_text(encoding="utf-8") == text
    assert (tmp_path / FUNCTION).exists()


def test_annotations_of_meshshift_are_no_wiring(call: Call, tmp_path: Path) -> None:
    shop(tmp_path, "resources: [shop.yaml]\ncommonAnnotations: {meshshift.dev/accept: MS230}\n")
    assert call("init", STRICT).code == 0
    assert (tmp_path / FUNCTION).exists()


def test_kustomizations_that_kustomize_refuses_are_told(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {
        "two/kustomization.yaml": "resources: [shop.yaml]\n", "two/Kustomization": "resources: []\n", "two/shop.yaml": SHOP,
        "part/kustomization.yaml": PART,
        "over/kustomization.yaml": "resources: [../two]\nhelmCharts: [{name: x, repo: https://charts.example.com}]\n",
    })  # fmt: skip
    done = call("init", STRICT)
    assert done.code == 0, done.err
    said = done.out.decode()
    assert "two has two/Kustomization and two/kustomization.yaml, which kustomize refuses: keep one" in said
    assert "part/kustomization.yaml: a component that no layer includes" in said
    assert "kustomize build over --enable-alpha-plugins --enable-exec --enable-helm | meshshift check" in said


def test_a_broken_kustomization_ends_it(call: Call, tmp_path: Path) -> None:
    shop(tmp_path, "resources: [shop.yaml\n")
    before = snapshot(tmp_path)
    done = call("init", STRICT)
    assert done.code == 3
    assert "kustomization.yaml:2" in done.err
    assert snapshot(tmp_path) == before


def test_a_flux_object_in_a_file_of_this_name_is_no_layer(call: Call, tmp_path: Path) -> None:
    shop(
        tmp_path,
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop}\nspec: {path: .}\n",
    )
    assert call("init", STRICT).code == 0
    assert not (tmp_path / FUNCTION).exists()
