"""What holds for every delivery, with the real kustomize; the numbers are shared by all test_invariants_… files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.crd_validation import Emitted
from tests.delivery import kustomizing
from tests.delivery.kustomizing import (
    FUNCTION,
    RESOURCES,
    component,
    layer,
    notes,
    over,
    recorded,
    texts,
    told,
    transformed,
)
from tests.delivery.running import Done, identities, one, run, write
from tests.delivery.samples import NAMESPACE, POLICY, SERVICE, STRICT, VIRTUAL_SERVICE

Build = Callable[..., Done]
IDS = ("kustomize.config.k8s.io/id", "internal.config.kubernetes.io/id", "config.k8s.io/id")
HELD = RESOURCES | {"policy.yaml": POLICY}


@pytest.fixture
def build(kustomize: str, home: dict[str, str]) -> Build:
    """`kustomize build FOLDER` with both flags, or with those given."""

    def render(folder: Path, *flags: str, env: dict[str, str] | None = None) -> Done:
        return kustomizing.build(kustomize, home, folder, *flags, env=env)

    return render


# -- 1: what is not touched ------------------------------------------------------------------------------------------


def test_invariant_01_items_that_need_nothing_leave_as_the_bytes_that_came_in(
    build: Build, program: str, tmp_path: Path
) -> None:
    function = recorded(tmp_path / "seen", program)
    build(transformed(tmp_path / "app", RESOURCES, function=function)).succeeded()
    before, after = texts(tmp_path / "seen" / "in"), texts(tmp_path / "seen" / "out")
    assert set(before) - set(after) == {"VirtualService/cart"}
    assert set(after) - set(before) == {"HTTPRoute/cart"}
    assert [name for name in before if after.get(name) == before[name]] == [
        "Service/cart",
        "ConfigMap/settings",
    ]


def test_invariant_01_a_build_without_a_mesh_is_the_build_without_the_function(
    build: Build, tmp_path: Path
) -> None:
    plain = {name: RESOURCES[name] for name in ("service.yaml", "settings.yaml")}
    before = build(layer(tmp_path / "before", plain)).succeeded()
    assert build(transformed(tmp_path / "after", plain)).succeeded().out == before.out


# -- 2: what derived objects carry -----------------------------------------------------------------------------------


def test_invariant_02_derived_objects_carry_what_steers_the_deployer(build: Build, tmp_path: Path) -> None:
    noted = VIRTUAL_SERVICE.replace(
        "  namespace: shop\n",
        "  namespace: shop\n  labels:\n    team: a\n  annotations:\n    argocd.argoproj.io/sync-wave: '3'\n"
        "    kustomize.toolkit.fluxcd.io/prune: disabled\n    example.com/note: of the source\n",
    )
    files = RESOURCES | {"traffic.yaml": noted}
    done = build(transformed(tmp_path / "app", files, buildMetadata=["originAnnotations"])).succeeded()
    route = one(done.documents, "HTTPRoute/cart")
    assert notes(route) == {
        "argocd.argoproj.io/sync-wave": "3",
        "config.kubernetes.io/origin": "path: traffic.yaml\n",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
        "meshshift.dev/from": "VirtualService/shop/cart",
    }
    assert (route["metadata"]["labels"], route["metadata"]["namespace"]) == ({"team": "a"}, "shop")


def test_invariant_02_what_is_for_this_machine_only_stays_here(build: Build, tmp_path: Path) -> None:
    local = VIRTUAL_SERVICE.replace(
        "  namespace: shop\n",
        "  namespace: shop\n  annotations:\n    config.kubernetes.io/local-config: 'true'\n",
    )
    done = build(transformed(tmp_path / "app", RESOURCES | {"traffic.yaml": local})).succeeded()
    assert identities(done.documents) == ["Namespace/shop", "ConfigMap/settings", "Service/cart"]


# -- 4: the function's contract --------------------------------------------------------------------------------------


def test_invariant_04_kept_items_keep_their_ids_and_new_ones_have_none(
    build: Build, program: str, tmp_path: Path
) -> None:
    build(transformed(tmp_path / "app", RESOURCES, function=recorded(tmp_path / "seen", program))).succeeded()
    before = yaml.safe_load((tmp_path / "seen" / "in").read_text())["items"]
    after = yaml.safe_load((tmp_path / "seen" / "out").read_text())["items"]
    assert set(IDS) <= notes(one(before, "Namespace/shop")).keys()
    for identity in ("Namespace/shop", "ConfigMap/settings", "Service/cart"):
        tools = {key: text for key, text in notes(one(before, identity)).items() if "k8s.io/" in key}
        assert tools.items() <= notes(one(after, identity)).items()
        assert "kubernetes.io/index" in " ".join(notes(one(before, identity)))
    assert set(notes(one(after, "HTTPRoute/cart"))) == {"meshshift.dev/from"}


def test_invariant_04_a_list_without_items_is_answered(build: Build, tmp_path: Path) -> None:
    """As a generator the function gets `items:` and nothing behind it."""
    write(tmp_path / "app", {"meshshift.yaml": FUNCTION})
    folder = layer(tmp_path / "app", {"service.yaml": SERVICE}, generators=["meshshift.yaml"])
    assert identities(build(folder).succeeded().documents) == ["Service/cart"]
    write(tmp_path / "empty", {"meshshift.yaml": FUNCTION})
    nothing = build(layer(tmp_path / "empty", {}, transformers=["meshshift.yaml"])).succeeded()
    assert nothing.out == b""


@pytest.mark.parametrize(
    ("spec", "code", "said"),
    [
        ({"mesh": {"mtls": "strict"}}, 0, "default-inbound-policy: all-authenticated"),
        ({"mesh.mtls": "strict", "gateway-api": "1.2", "linkerd": "2.20"}, 0, "default-inbound-policy"),
        ({}, 1, "1 fact is missing"),
        ({"mesh": {"mtsl": "strict"}}, 1, "unknown key mesh.mtsl; did you mean mesh.mtls?"),
        ({"mesh": {"mtls": "sometimes"}}, 1, "'sometimes' is not one of strict, permissive"),
        ({"mesh": ["strict"]}, 1, "mesh: expected a mapping"),
    ],
)
def test_invariant_04_the_spec_of_the_function_config_counts(
    build: Build, tmp_path: Path, spec: dict[str, Any], code: int, said: str
) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES, function=told(spec)))
    assert done.code == code
    assert said in (done.err if code else done.out.decode())
    assert code == 0 or done.out == b""


def test_invariant_04_a_config_map_is_a_function_config_too(build: Build, tmp_path: Path) -> None:
    head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": yaml.safe_load(FUNCTION)["metadata"]}
    write(tmp_path / "app", {"function.yaml": yaml.safe_dump({**head, "data": {"mesh.mtls": "strict"}})})
    done = build(layer(tmp_path / "app", RESOURCES, transformers=["function.yaml"])).succeeded()
    assert "default-inbound-policy: all-authenticated" in done.out.decode()


def test_invariant_04_a_version_survives_that_kustomize_reads_as_a_number(
    build: Build, program: str, tmp_path: Path
) -> None:
    function = recorded(tmp_path / "seen", program, FUNCTION + "  linkerd: 2.20\n")
    done = build(transformed(tmp_path / "app", RESOURCES, function=function)).succeeded()
    assert "linkerd: 2.2\n" in (tmp_path / "seen" / "in").read_text(), "kustomize writes numbers anew"
    assert "assumed: linkerd 2.20" in done.err


def test_invariant_04_flags_and_variables_in_the_annotation_count(build: Build, tmp_path: Path) -> None:
    more = "path: meshshift\n        args: [--mesh-mtls=permissive]\n        envs: [MESHSHIFT_REPORT_FILE=report.json]"
    function = FUNCTION.replace("path: meshshift", more)
    done = build(transformed(tmp_path / "app", RESOURCES, function=function)).succeeded()
    assert "default-inbound-policy" not in done.out.decode(), "a flag wins over the spec"
    assert (tmp_path / "app" / "report.json").is_file(), "kustomize starts it in the kustomization's folder"


def test_invariant_04_findings_are_results_and_stand_on_standard_error(
    build: Build, program: str, tmp_path: Path
) -> None:
    done = build(transformed(tmp_path / "app", HELD, function=recorded(tmp_path / "seen", program)))
    answer = yaml.safe_load((tmp_path / "seen" / "out").read_text())
    codes = {result["tags"]["code"] for result in answer["results"] if result["severity"] == "error"}
    assert "MS403" in codes
    assert codes <= set(re.findall(r"error (MS\d+)", done.err))
    before = yaml.safe_load((tmp_path / "seen" / "in").read_text())
    assert answer["items"] == before["items"], "what failed has changed nothing"
    assert (done.code, done.out) == (1, b"")


# -- 5, 6, 7: what it is given ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    ["kind: VirtualService\n  spec: [\n", VIRTUAL_SERVICE.replace("- cart\n", "- *nobody\n")],
    ids=["not YAML", "unknown alias"],
)
def test_invariant_05_what_cannot_be_read_fails_with_its_file(
    build: Build, tmp_path: Path, broken: str
) -> None:
    done = build(transformed(tmp_path / "app", RESOURCES | {"traffic.yaml": broken}))
    assert (done.code, done.out) == (1, b"")
    assert "traffic.yaml" in done.err


def test_invariant_06_a_layer_that_sees_a_part_guesses_nothing(build: Build, tmp_path: Path) -> None:
    """The Service is in the layer above: it is asked for, and found where the function is told to look."""
    part = {"namespace.yaml": NAMESPACE, "traffic.yaml": VIRTUAL_SERVICE}
    transformed(tmp_path / "part", part)
    write(tmp_path / "whole", {"service.yaml": SERVICE})
    whole = over(tmp_path / "whole", "service.yaml", "../part")
    done = build(whole)
    assert (done.code, done.out) == (1, b"")
    assert "MS202" in done.err
    spec = {"mesh.mtls": "strict", "context": ["../whole/service.yaml"]}
    write(tmp_path / "part", {"meshshift.yaml": told(spec)})
    assert "HTTPRoute/cart" in identities(build(whole).succeeded().documents)


def test_invariant_07_the_order_of_the_resources_changes_no_object(build: Build, tmp_path: Path) -> None:
    def rendered(name: str, order: list[str]) -> list[dict[str, Any]]:
        folder = transformed(tmp_path / name, RESOURCES)
        listed = yaml.safe_dump({"resources": order, "transformers": ["meshshift.yaml"]})
        documents = build(write(folder, {"kustomization.yaml": listed})).succeeded().documents
        return sorted(documents, key=lambda document: identities([document]))

    assert rendered("forth", sorted(RESOURCES)) == rendered("back", sorted(RESOURCES, reverse=True))


# -- 8: the gate -----------------------------------------------------------------------------------------------------


def test_invariant_08_check_takes_streams_resource_lists_and_folders(
    build: Build, home: dict[str, str], program: str, tmp_path: Path
) -> None:
    function = recorded(tmp_path / "seen", program)
    folder = transformed(tmp_path / "app", RESOURCES, function=function)
    done = build(folder).succeeded()

    def check(*where: object, stdin: bytes = b"") -> int:
        return run([program, "check", *where], home | STRICT, stdin=stdin).code

    assert check(stdin=done.out) == 0
    assert check(stdin=(tmp_path / "seen" / "out").read_bytes()) == 0
    assert check(stdin=(tmp_path / "seen" / "in").read_bytes()) == 1
    assert check(folder) == 1, "the sources are not migrated, only what is rendered of them"


def test_invariant_08_check_fails_for_what_was_left_with_fail_on_never(
    build: Build, home: dict[str, str], program: str, tmp_path: Path
) -> None:
    spec = {"mesh.mtls": "strict", "fail-on": "never"}
    done = build(transformed(tmp_path / "app", HELD, function=told(spec))).succeeded()
    assert {"HTTPRoute/cart", "AuthorizationPolicy/readers"} <= set(identities(done.documents))
    gate = run([program, "check"], home | STRICT, stdin=done.out)
    assert gate.code == 1
    assert "MS014 AuthorizationPolicy shop/readers" in gate.out.decode()


def test_invariant_08_check_does_not_pass_when_the_build_has_failed(
    build: Build, home: dict[str, str], program: str, tmp_path: Path
) -> None:
    """`kustomize build | meshshift check` without `pipefail`: nothing comes in."""
    failed = build(transformed(tmp_path / "app", HELD))
    gate = run([program, "check"], home | STRICT, stdin=failed.out)
    assert (gate.code, failed.out) == (2, b"")
    assert "nothing was checked" in gate.err


# -- 9: namespaces ---------------------------------------------------------------------------------------------------


def test_invariant_09_derived_objects_are_in_the_namespace_of_their_source(
    build: Build, tmp_path: Path, emitted: Emitted
) -> None:
    """A transformer runs after `namespace` of its own layer, a component before that of the layer that lists it."""
    bare = {
        name: RESOURCES[name].replace("  namespace: shop\n", "") for name in ("service.yaml", "traffic.yaml")
    }
    component(tmp_path / "migrate")
    folders = {
        "written": transformed(tmp_path / "written", RESOURCES),
        "same layer": transformed(tmp_path / "same", bare, namespace="shop"),
        "component": layer(tmp_path / "with", bare, namespace="shop", components=["../migrate"]),
    }
    for name, folder in folders.items():
        done = build(folder).succeeded()
        route = one(done.documents, "HTTPRoute/cart")
        assert route["metadata"]["namespace"] == "shop", name
        emitted.add(f"kustomize, {name}", done.out.decode())


@pytest.mark.parametrize("way", ["spec", "variable"])
def test_invariant_09_a_namespace_that_nobody_writes_can_be_told(
    build: Build, tmp_path: Path, way: str
) -> None:
    """Hosts of Istio are names in namespaces: without one nobody knows which Service `cart.shop` is."""
    traffic = VIRTUAL_SERVICE.replace("  namespace: shop\n", "").replace(
        "host: cart", "host: cart.shop.svc.cluster.local"
    )
    files = {"service.yaml": SERVICE.replace("  namespace: shop\n", ""), "traffic.yaml": traffic}
    assert build(transformed(tmp_path / "untold", files)).code == 1
    spec = {"mesh.mtls": "strict"} | ({"namespace": "shop"} if way == "spec" else {})
    env = {"MESHSHIFT_NAMESPACE": "shop"} if way == "variable" else {}
    done = build(transformed(tmp_path / "told", files, function=told(spec)), env=env).succeeded()
    route = one(done.documents, "HTTPRoute/cart")
    assert "namespace" not in route["metadata"], "the layer above writes it, or whoever applies it"


# -- 10: size --------------------------------------------------------------------------------------------------------


def test_invariant_10_five_hundred_objects_pass(build: Build, tmp_path: Path) -> None:
    settings = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{}\n  namespace: shop\ndata:\n  a: '{}'\n"
    )
    many = "---\n".join(settings.format(number, number % 7) for number in range(500))
    done = build(transformed(tmp_path / "app", RESOURCES | {"many.yaml": many})).succeeded()
    assert done.out.count(b"kind: ConfigMap\n") == 501
    assert b"kind: HTTPRoute\n" in done.out
