"""Helm 4 with the plugin of this checkout: installed, and merely pointed at."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crd_validation import Emitted
from tests.delivery.running import Done, by_source, chart, identities, one, run, write
from tests.delivery.samples import HELD, HOOK, MESH, STRICT
from tests.real_tools import ROOT

Template = Callable[..., Done]


@pytest.fixture
def template(helm4: str, helm4_home: dict[str, str]) -> Template:
    """`helm template demo CHART`, through the installed plugin unless `plain`."""

    def render(folder: Path, *arguments: str, plain: bool = False, env: dict[str, str] | None = None) -> Done:
        renderer = [] if plain else ["--post-renderer", "meshshift"]
        return run([helm4, "template", "demo", folder, *renderer, *arguments], helm4_home | (env or STRICT))

    return render


def test_what_moves_moves_and_stands_under_its_template(
    template: Template, mesh_chart: Path, emitted: Emitted
) -> None:
    done = template(mesh_chart).succeeded()
    sources = {name: len(documents) for name, documents in by_source(done.out).items()}
    objects = {name for name in MESH if name != "c-comment.yaml"}
    assert sources == {f"demo/templates/{name}": 1 for name in objects}
    assert one(done.documents, "Namespace/shop")["metadata"]["annotations"]["linkerd.io/inject"] == "enabled"
    assert "VirtualService/cart" not in identities(done.documents)
    route = one(done.documents, "HTTPRoute/cart")
    assert set(route["metadata"]["annotations"]) == {"meshshift.dev/from"}, "Helm takes its own back"
    emitted.add("helm 4", done.out.decode())


def test_untouched_objects_mean_what_they_meant(template: Template, mesh_chart: Path) -> None:
    before, after = (template(mesh_chart, plain=plain).succeeded().documents for plain in (True, False))
    for identity in ("ConfigMap/settings", "ConfigMap/windows", "Service/cart"):
        assert one(after, identity) == one(before, identity)


def test_show_only_finds_what_was_made_of_a_template(template: Template, mesh_chart: Path) -> None:
    done = template(mesh_chart, "--show-only", "templates/traffic.yaml").succeeded()
    assert identities(done.documents) == ["HTTPRoute/cart"]


def test_output_dir_is_post_rendered(template: Template, mesh_chart: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rendered"
    template(mesh_chart, "--output-dir", str(folder)).succeeded()
    assert "kind: HTTPRoute" in (folder / "demo/templates/traffic.yaml").read_text()


@pytest.mark.parametrize(
    ("templates", "reason"),
    [
        ({"a.yaml": "{{- if .Values.never }}\nkind: Secret\n{{- end }}\n"}, "Helm 4 refuses empty answers"),
        ({"a.yaml": "# only a remark\n"}, "Helm 4 takes comments away before it asks"),
    ],
)
def test_renders_without_objects_pass(
    template: Template, tmp_path: Path, templates: dict[str, str | bytes], reason: str
) -> None:
    assert template(chart(tmp_path / "demo", templates)).succeeded().documents == [], reason


def test_hooks_move_too(template: Template, tmp_path: Path) -> None:
    done = template(chart(tmp_path / "demo", {**MESH, "job.yaml": HOOK})).succeeded()
    job = one(done.documents, "Job/migrate")
    metadata = job["spec"]["template"]["metadata"]
    assert metadata.get("annotations") == {"linkerd.io/inject": "disabled"}
    assert "sidecar.istio.io/inject" not in metadata.get("labels", {})
    assert job["metadata"]["annotations"] == {"helm.sh/hook": "pre-upgrade"}


def test_a_held_object_fails_the_render_and_the_report_is_shown_past_helm(
    template: Template, tmp_path: Path, helm4_home: dict[str, str], program: str
) -> None:
    report = tmp_path / "report.txt"
    env = STRICT | {"MESHSHIFT_REPORT_FILE": str(report)}
    done = template(chart(tmp_path / "demo", HELD), env=env)
    assert (done.code, done.out) == (1, b"")
    last = run([program, "last"], helm4_home)
    for channel in (done.err, report.read_text(), last.out.decode()):
        assert "MS403" in channel
        assert "readers" in channel


def test_where_helm_writes_to_a_file_it_hides_the_report_and_last_has_it(
    helm4: str, helm4_home: dict[str, str], tmp_path: Path, program: str
) -> None:
    errors = tmp_path / "errors.txt"
    command = [helm4, "template", "demo", str(chart(tmp_path / "demo", HELD)), "--post-renderer", "meshshift"]
    with errors.open("wb") as file:
        done = subprocess.run(
            command, env=helm4_home | STRICT, stdout=subprocess.PIPE, stderr=file, timeout=120, check=False
        )
    assert (done.returncode, done.stdout) == (1, b"")
    assert "MS403" not in errors.read_text(), "bytes in a file that Helm writes from its own offset get lost"
    assert "MS403" in run([program, "last"], helm4_home).out.decode()


def test_a_program_that_is_not_there_fails_the_render(template: Template, mesh_chart: Path) -> None:
    done = template(mesh_chart, env={"MESHSHIFT": "/nowhere/meshshift"})
    assert (done.code, done.out) == (1, b"")
    assert "/nowhere/meshshift" in done.err


def test_a_missing_fact_fails_the_render_and_is_named(template: Template, mesh_chart: Path) -> None:
    done = template(mesh_chart, env={"LANG": "C"})
    assert (done.code, done.out) == (1, b"")
    assert "mesh.mtls" in done.err


def test_arguments_reach_the_program(template: Template, mesh_chart: Path) -> None:
    done = template(
        mesh_chart, "--post-renderer-args", "--mesh-mtls=permissive", env={"LANG": "C"}
    ).succeeded()
    annotations = one(done.documents, "Namespace/shop")["metadata"]["annotations"]
    assert annotations == {"linkerd.io/inject": "enabled"}


def test_a_successful_render_says_nothing(template: Template, mesh_chart: Path) -> None:
    assert template(mesh_chart).succeeded().err == "", "`helm template 2>&1 | …` must stay possible"


def test_helm_plugins_variable_needs_no_installation(
    helm4: str, home: dict[str, str], mesh_chart: Path, tmp_path: Path
) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "meshshift").symlink_to(ROOT / "helm-postrender")
    env = home | STRICT | {"HELM_PLUGINS": str(plugins)}
    done = run([helm4, "template", "demo", mesh_chart, "--post-renderer", "meshshift"], env).succeeded()
    assert "HTTPRoute/cart" in identities(done.documents)


def test_install_renders_through_the_plugin(helm4: str, helm4_home: dict[str, str], mesh_chart: Path) -> None:
    command = [helm4, "install", "demo", mesh_chart, "--dry-run=client", "--post-renderer", "meshshift"]
    done = run(command, helm4_home | STRICT).succeeded()
    assert b"kind: HTTPRoute" in done.out
    assert b"kind: VirtualService" not in done.out


def test_an_alias_that_helm_broke_is_an_error(template: Template, tmp_path: Path) -> None:
    """Helm 4 cuts a List into documents: an anchor shared by its items gets lost (helm/helm#32203)."""
    listed = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: shop\n"
        "    labels: &shared\n      istio-injection: enabled\n"
        "- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: desk\n    labels: *shared\n"
    )
    done = template(write(tmp_path / "demo", {"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.0.0\n",
                                              "templates/list.yaml": listed}))  # fmt: skip
    assert done.code == 1
    assert done.out == b""
    assert "shared" in done.err
