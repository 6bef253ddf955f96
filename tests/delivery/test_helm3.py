"""Helm 3 with the post-renderer of this checkout, started by path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crd_validation import Emitted
from tests.delivery.running import WRAPPER, Done, by_source, chart, identities, one, run
from tests.delivery.samples import HELD, HOOK, MESH, STRICT

Template = Callable[..., Done]


@pytest.fixture
def template(helm3: str, home: dict[str, str]) -> Template:
    """`helm template demo CHART`, through the post-renderer unless `plain`."""

    def render(folder: Path, *arguments: str, plain: bool = False, env: dict[str, str] | None = None) -> Done:
        renderer = [] if plain else ["--post-renderer", WRAPPER]
        return run([helm3, "template", "demo", folder, *renderer, *arguments], home | (env or STRICT))

    return render


def test_what_moves_moves_and_all_else_keeps_its_bytes(
    template: Template, mesh_chart: Path, emitted: Emitted
) -> None:
    before = by_source(template(mesh_chart, plain=True).succeeded().out)
    done = template(mesh_chart).succeeded()
    after = by_source(done.out)
    for name in ("a-settings.yaml", "b-windows.yaml", "c-comment.yaml"):
        assert after[f"demo/templates/{name}"] == before[f"demo/templates/{name}"]
    assert set(after) == set(before), "every object stands under the template that it came from"
    assert one(done.documents, "Namespace/shop")["metadata"]["annotations"]["linkerd.io/inject"] == "enabled"
    assert "VirtualService/cart" not in identities(done.documents)
    assert one(done.documents, "HTTPRoute/cart")["spec"]["parentRefs"][0]["kind"] == "Service"
    emitted.add("helm 3", done.out.decode())


def test_a_chart_without_a_mesh_is_printed_as_helm_prints_it(template: Template, tmp_path: Path) -> None:
    plain = {name: text for name, text in MESH.items() if name[:2] in ("a-", "b-", "c-")}
    folder = chart(tmp_path / "demo", plain)
    assert template(folder).succeeded().out == template(folder, plain=True).succeeded().out


@pytest.mark.parametrize(
    ("templates", "reason"),
    [
        ({"a.yaml": "{{- if .Values.never }}\nkind: Secret\n{{- end }}\n"}, "nothing is rendered"),
        ({"a.yaml": "# only a remark\n"}, "comments are all there is"),
        ({"job.yaml": HOOK}, "hooks never come to a post-renderer of Helm 3"),
    ],
)
def test_renders_without_objects_pass(
    template: Template, tmp_path: Path, templates: dict[str, str | bytes], reason: str
) -> None:
    folder = chart(tmp_path / "demo", templates)
    assert template(folder).succeeded().out == template(folder, plain=True).succeeded().out, reason


def test_show_only_finds_what_was_made_of_a_template(template: Template, mesh_chart: Path) -> None:
    done = template(mesh_chart, "--show-only", "templates/traffic.yaml").succeeded()
    assert identities(done.documents) == ["HTTPRoute/cart"]


def test_a_held_object_fails_the_render_and_helm_shows_the_report(template: Template, tmp_path: Path) -> None:
    done = template(chart(tmp_path / "demo", HELD))
    assert (done.code, done.out) == (1, b"")
    assert "MS403" in done.err
    assert "readers" in done.err


def test_a_missing_fact_fails_the_render_and_is_named(template: Template, mesh_chart: Path) -> None:
    done = template(mesh_chart, env={"LANG": "C"})
    assert (done.code, done.out) == (1, b"")
    assert "mesh.mtls" in done.err


def test_a_program_that_is_not_there_fails_the_render(template: Template, mesh_chart: Path) -> None:
    done = template(mesh_chart, env={"MESHSHIFT": "/nowhere/meshshift"})
    assert (done.code, done.out) == (1, b"")
    assert "/nowhere/meshshift" in done.err


def test_arguments_reach_the_program(template: Template, mesh_chart: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    arguments = ["--mesh-mtls=permissive", "--report-file", str(report)]
    passed = [word for argument in arguments for word in ("--post-renderer-args", argument)]
    done = template(mesh_chart, *passed, env={"LANG": "C"}).succeeded()
    annotations = one(done.documents, "Namespace/shop")["metadata"]["annotations"]
    assert "config.linkerd.io/default-inbound-policy" not in annotations
    assert "MS008" in report.read_text()


def test_the_report_of_a_successful_render_is_kept(
    template: Template, mesh_chart: Path, home: dict[str, str], program: str
) -> None:
    assert template(mesh_chart).succeeded().err == "", "Helm 3 throws it away, which is why it is kept"
    assert "MS008" in run([program, "last"], home).out.decode()


def test_output_dir_goes_past_the_post_renderer_and_check_finds_out(
    template: Template, mesh_chart: Path, tmp_path: Path, home: dict[str, str], program: str
) -> None:
    folder = tmp_path / "rendered"
    template(mesh_chart, "--output-dir", str(folder)).succeeded()
    assert "VirtualService" in (folder / "demo/templates/traffic.yaml").read_text()
    gate = run([program, "check", folder], home | STRICT)
    assert gate.code == 1
    assert "MS014" in gate.out.decode() + gate.err


def test_hooks_go_past_the_post_renderer_and_check_finds_out(
    template: Template, tmp_path: Path, home: dict[str, str], program: str
) -> None:
    done = template(chart(tmp_path / "demo", {**MESH, "job.yaml": HOOK})).succeeded()
    job = one(done.documents, "Job/migrate")
    assert job["spec"]["template"]["metadata"]["labels"] == {"sidecar.istio.io/inject": "false"}
    gate = run([program, "check"], home | STRICT, stdin=done.out)
    assert gate.code == 1
    assert "migrate" in gate.out.decode() + gate.err


def test_a_second_pass_changes_nothing(
    template: Template, mesh_chart: Path, home: dict[str, str], program: str
) -> None:
    once = template(mesh_chart).succeeded().out
    assert run([program], home | STRICT, stdin=once).succeeded().out == once
    assert run([program, "check"], home | STRICT, stdin=once).code == 0
