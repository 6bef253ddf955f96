"""kustomize layers built upon the function's own: names, namespaces and labels that come later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.crd_validation import Emitted
from tests.delivery import kustomizing
from tests.delivery.kustomizing import PLUGIN, RESOURCES, component, layer, over, told, transformed
from tests.delivery.running import Done, identities, one, run, write
from tests.delivery.samples import STRICT
from tests.real_tools import ROOT

Build = Callable[..., Done]
SERVICE_ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web\n  namespace: shop\n"
LATER: dict[str, dict[str, Any]] = {
    "prefix": {"namePrefix": "dev-"},
    "suffix": {"nameSuffix": "-blue"},
    "both": {"namePrefix": "dev-", "nameSuffix": "-blue"},
}


@pytest.fixture
def build(kustomize: str, home: dict[str, str]) -> Build:
    """`kustomize build FOLDER` with both flags."""
    return lambda folder: kustomizing.build(kustomize, home, folder)


@pytest.fixture
def check(program: str, home: dict[str, str]) -> Callable[[Done], Done]:
    """`meshshift check` of what a build wrote."""
    return lambda done: run([program, "check"], home | STRICT, stdin=done.succeeded().out)


def named(value: Any) -> Iterator[str]:
    """What every reference inside of a route names."""
    for parent in value["spec"]["parentRefs"]:
        yield parent["name"]
    for rule in value["spec"]["rules"]:
        yield from (backend["name"] for backend in rule["backendRefs"])


@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
def test_with_the_component_names_inside_of_routes_follow_later_layers(
    build: Build, check: Callable[[Done], Done], tmp_path: Path, later: dict[str, str], emitted: Emitted
) -> None:
    component(tmp_path / "migrate")
    layer(tmp_path / "base", RESOURCES, components=["../migrate"])
    done = build(over(tmp_path / "top", "../base", **later)).succeeded()
    new = f"{later.get('namePrefix', '')}cart{later.get('nameSuffix', '')}"
    assert {f"Service/{new}", f"HTTPRoute/{new}"} <= set(identities(done.documents))
    assert set(named(one(done.documents, f"HTTPRoute/{new}"))) == {new}
    assert check(done).code == 0
    emitted.add(f"component below {later}", done.out.decode())


def test_with_the_component_names_follow_in_the_same_layer_and_two_layers_up(
    build: Build, check: Callable[[Done], Done], tmp_path: Path
) -> None:
    component(tmp_path / "migrate")
    layer(tmp_path / "base", RESOURCES, components=["../migrate"], namePrefix="a-")
    over(tmp_path / "middle", "../base", nameSuffix="-b")
    done = build(over(tmp_path / "top", "../middle", namespace="prod", namePrefix="c-")).succeeded()
    route = one(done.documents, "HTTPRoute/c-a-cart-b")
    assert set(named(route)) == {"c-a-cart-b"}
    assert route["metadata"]["namespace"] == "prod"
    assert check(done).code == 0


@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
def test_with_the_bare_transformer_check_finds_the_names_that_were_torn_apart(
    build: Build, check: Callable[[Done], Done], tmp_path: Path, later: dict[str, str]
) -> None:
    transformed(tmp_path / "base", RESOURCES)
    done = build(over(tmp_path / "top", "../base", **later))
    new = f"{later.get('namePrefix', '')}cart{later.get('nameSuffix', '')}"
    assert set(named(one(done.succeeded().documents, f"HTTPRoute/{new}"))) == {"cart"}
    gate = check(done)
    assert gate.code == 1
    assert f"MS025 HTTPRoute shop/{new} spec.parentRefs[0].name" in gate.out.decode()
    assert f"names Service shop/cart, which is called Service shop/{new} here" in gate.out.decode()


def test_a_function_in_the_outermost_layer_finds_them_as_well(build: Build, tmp_path: Path) -> None:
    transformed(tmp_path / "base", RESOURCES)
    over(tmp_path / "top", "../base", namePrefix="dev-")
    write(tmp_path / "last", {"meshshift.yaml": kustomizing.FUNCTION})
    done = build(over(tmp_path / "last", "../top", transformers=["meshshift.yaml"]))
    assert (done.code, done.out) == (1, b"")
    assert "MS025" in done.err


def test_the_transformer_list_may_bring_the_names_along(build: Build, tmp_path: Path) -> None:
    """`configurations: [names.yaml]` beside `transformers:` does the same as the component."""
    write(tmp_path / "base", {"names.yaml": (PLUGIN / "component" / "names.yaml").read_bytes()})
    transformed(tmp_path / "base", RESOURCES, configurations=["names.yaml"])
    done = build(over(tmp_path / "top", "../base", namePrefix="dev-")).succeeded()
    assert set(named(one(done.documents, "HTTPRoute/dev-cart"))) == {"dev-cart"}


def test_a_function_on_every_layer_changes_nothing_twice(build: Build, tmp_path: Path) -> None:
    transformed(tmp_path / "base", RESOURCES)
    once = build(tmp_path / "base").succeeded()
    write(tmp_path / "top", {"meshshift.yaml": kustomizing.FUNCTION})
    twice = build(over(tmp_path / "top", "../base", transformers=["meshshift.yaml"])).succeeded()
    assert twice.out == once.out


def test_a_namespace_of_a_later_layer_reaches_all_but_identities_and_check_tells(
    build: Build, check: Callable[[Done], Done], tmp_path: Path
) -> None:
    """kustomize moves the ServiceAccount and the policy; the identity that the policy asks for is a text to it."""
    policy = {
        "apiVersion": "policy.linkerd.io/v1alpha1", "kind": "MeshTLSAuthentication",
        "metadata": {
            "name": "cart", "namespace": "shop",
            "annotations": {"meshshift.dev/from": "AuthorizationPolicy/shop/cart"},
        },
        "spec": {"identities": ["web.shop.serviceaccount.identity.linkerd.cluster.local"]},
    }  # fmt: skip
    layer(tmp_path / "base", {"account.yaml": SERVICE_ACCOUNT, "policy.yaml": yaml.safe_dump(policy)})
    assert check(build(tmp_path / "base")).code == 0
    gate = check(build(over(tmp_path / "top", "../base", namespace="prod")))
    assert gate.code == 1
    assert "MS025 MeshTLSAuthentication prod/cart spec.identities[0]" in gate.out.decode()


@pytest.mark.parametrize("name", ["bookinfo", "bookstore", "boutique", "canary"])
def test_every_reference_of_the_examples_follows(
    build: Build, check: Callable[[Done], Done], tmp_path: Path, name: str
) -> None:
    """All but ServiceAccounts in a MeshTLSAuthentication: a Namespace may have the same name there, and keeps it."""
    example = ROOT / "examples" / name / "kustomize"
    own = next(example.glob("*/meshshift.yaml"))
    spec = yaml.safe_load(own.read_text(encoding="utf-8"))["spec"]
    if "context" in spec:
        spec["context"] = [str(own.parent / path) for path in spec["context"]]
    component(tmp_path / "migrate", told(spec))
    write(tmp_path / "base", {path.name: path.read_bytes() for path in (example / "base").iterdir()})
    over(tmp_path / "app", "../base", components=["../migrate"])
    gate = check(build(over(tmp_path / "top", "../app", namePrefix="dev-", nameSuffix="-blue")))
    torn = [line for line in gate.out.decode().splitlines() if " MS025 " in line]
    assert all("identityRefs" in line for line in torn), torn
    assert bool(torn) == (name == "bookstore")
