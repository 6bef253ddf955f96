"""kustomize with the KRM function: as a transformer, as a component, and left out by mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crd_validation import Emitted
from tests.delivery import kustomizing
from tests.delivery.kustomizing import FUNCTION, PLUGIN, RESOURCES, component, layer, transformed
from tests.delivery.running import Done, identities, one, run, write
from tests.delivery.samples import POLICY, STRICT

Build = Callable[..., Done]


@pytest.fixture
def build(kustomize: str, home: dict[str, str]) -> Build:
    """`kustomize build FOLDER` with both flags, or with those given."""

    def render(folder: Path, *flags: str, env: dict[str, str] | None = None) -> Done:
        return kustomizing.build(kustomize, home, folder, *flags, env=env)

    return render


def test_what_moves_moves_and_all_else_is_as_without_the_function(
    build: Build, tmp_path: Path, emitted: Emitted
) -> None:
    before = build(layer(tmp_path / "before", RESOURCES)).succeeded().documents
    done = build(transformed(tmp_path / "after", RESOURCES)).succeeded()
    names = ["Namespace/shop", "ConfigMap/settings", "Service/cart", "HTTPRoute/cart"]
    assert identities(done.documents) == names
    for identity in ("ConfigMap/settings", "Service/cart"):
        assert one(done.documents, identity) == one(before, identity)
    assert set(one(done.documents, "HTTPRoute/cart")["metadata"]["annotations"]) == {"meshshift.dev/from"}
    emitted.add("kustomize", done.out.decode())


def test_the_template_names_what_the_mesh_requires(build: Build, tmp_path: Path) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES)).succeeded()
    annotations = one(done.documents, "Namespace/shop")["metadata"]["annotations"]
    assert annotations["config.linkerd.io/default-inbound-policy"] == "all-authenticated"


def test_a_component_gives_what_it_creates_the_namespace_of_its_parent(
    build: Build, tmp_path: Path, emitted: Emitted
) -> None:
    names = ("service.yaml", "traffic.yaml")
    bare = {name: RESOURCES[name].replace("  namespace: shop\n", "") for name in names}
    component(tmp_path / "migrate")
    folder = layer(tmp_path / "app", bare, namespace="shop", components=["../migrate"])
    done = build(folder).succeeded()
    assert identities(done.documents) == ["Service/cart", "HTTPRoute/cart"]
    assert {document["metadata"]["namespace"] for document in done.documents} == {"shop"}
    emitted.add("kustomize component", done.out.decode())


def test_held_objects_fail_the_build_with_nothing_on_standard_output(build: Build, tmp_path: Path) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES | {"policy.yaml": POLICY}))
    assert (done.code, done.out) == (1, b"")
    assert "MS403" in done.err, "kustomize throws results away, so they must be on standard error too"
    assert "readers" in done.err


def test_findings_name_the_file_where_kustomize_tells_it(build: Build, tmp_path: Path) -> None:
    files = RESOURCES | {"policy.yaml": POLICY}
    folder = transformed(tmp_path / "app", files, buildMetadata=["originAnnotations"])
    assert "policy.yaml" in build(folder).err


def test_a_wrong_configuration_fails_the_build(build: Build, tmp_path: Path) -> None:
    folder = transformed(tmp_path / "app", RESOURCES)
    write(folder, {"meshshift.yaml": FUNCTION.replace("mtls: strict", "mtls: sometimes")})
    done = build(folder)
    assert (done.code, done.out) == (1, b"")
    assert "sometimes" in done.err


def test_a_program_that_cannot_start_fails_the_build(build: Build, tmp_path: Path) -> None:
    folder = transformed(tmp_path / "app", RESOURCES)
    wrapped = FUNCTION.replace("path: meshshift", f"path: {PLUGIN / 'bin' / 'meshshift-krm'}")
    write(folder, {"meshshift.yaml": wrapped})
    done = build(folder, env={"MESHSHIFT": str(tmp_path / "nowhere")})
    assert (done.code, done.out) == (1, b"")
    assert "nowhere" in done.err


@pytest.mark.parametrize("tool", ["kustomize", "kubectl"])
def test_without_enable_exec_the_function_is_skipped_silently_and_check_finds_out(
    tool: str, request: pytest.FixtureRequest, tmp_path: Path, home: dict[str, str], program: str
) -> None:
    """The hole is kustomize's own: exit code 0, no message, manifests as they were."""
    command = [request.getfixturevalue(tool), *(["kustomize"] if tool == "kubectl" else ["build"])]
    folder = transformed(tmp_path / "app", RESOURCES)
    skipped = run([*command, folder, "--enable-alpha-plugins"], home).succeeded()
    assert "VirtualService/cart" in identities(skipped.documents)
    assert skipped.err == ""
    gate = run([program, "check"], home | STRICT, stdin=skipped.out)
    assert gate.code == 1
    said = gate.out.decode() + gate.err
    assert "MS014" in said
    assert "--enable-exec" in said


def test_without_any_flag_kustomize_refuses_by_itself(build: Build, tmp_path: Path) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES), "--load-restrictor=LoadRestrictionsRootOnly")
    assert done.code == 1
    assert "external plugins disabled" in done.err


def test_check_lets_the_migrated_stream_pass(
    build: Build, tmp_path: Path, home: dict[str, str], program: str
) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES)).succeeded()
    assert run([program, "check"], home | STRICT, stdin=done.out).code == 0


def test_names_that_a_prefix_has_torn_apart_are_held(build: Build, tmp_path: Path) -> None:
    """kustomize renames the Service and not the host that names it, so nobody can tell where requests go."""
    done = build(transformed(tmp_path / "app", RESOURCES, namePrefix="dev-"))
    assert (done.code, done.out) == (1, b"")
    assert "MS202 VirtualService shop/dev-cart" in done.err
    assert "Service shop/dev-cart is there: kustomize puts namePrefix and nameSuffix on names" in done.err
