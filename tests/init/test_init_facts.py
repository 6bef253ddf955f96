"""Facts and the configuration file: asked for where they are needed, written once, never contradicted."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.running import ASKS, BROKEN, PLAIN, Call
from tests.delivery.running import write
from tests.init.repositories import FUNCTION, SHOP, STRICT, snapshot

EDGE = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [shop.example.com]
"""


def test_without_a_terminal_missing_facts_are_listed_with_a_command(call: Call, tmp_path: Path) -> None:
    write(
        tmp_path,
        {"k8s/shop.yaml": SHOP, "k8s/edge.yaml": EDGE, "kustomization.yaml": "resources: [k8s/shop.yaml]\n"},
    )
    before = snapshot(tmp_path)
    done = call("init", ".", "--for", "kustomize", "--linkerd=2.20")
    assert (done.code, done.out) == (2, b"")
    assert "2 facts are missing that no manifest tells, and there is no terminal to ask on" in done.err
    assert "for: Namespace shop (k8s/shop.yaml:1)" in done.err
    command = done.err.split("Say it like this:\n\n  meshshift ")[1].partition("   #")[0]
    said = ["init", ".", "--for=kustomize", "--linkerd=2.20"]
    assert command.split() == [*said, "--gateway-class=GATEWAY-CLASS", "--mesh-mtls=strict"]
    assert snapshot(tmp_path) == before
    refused = call(*command.split())
    assert refused.code == 2, "the word for a name is no name"
    assert "--gateway-class: 'GATEWAY-CLASS' is not the name of a GatewayClass" in refused.err
    assert call(*command.replace("GATEWAY-CLASS", "public").split()).code == 0, "the rest can be pasted"


@pytest.mark.parametrize("argv", [["--yes"], ["--diff"]])
def test_nothing_is_asked_where_nobody_wants_to_be(call: Call, tmp_path: Path, argv: list[str]) -> None:
    write(tmp_path, {"shop.yaml": ASKS})
    done = call("init", *argv)
    assert done.code == 2
    assert f"meshshift init . {argv[0]} --mesh-mtls=strict   # or --mesh-mtls=permissive" in done.err


def test_flags_become_the_configuration_file(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {"repo/shop.yaml": SHOP, "around/more.yaml": PLAIN})
    done = call(
        *(
            "init",
            "repo",
            STRICT,
            "--linkerd=2.19",
            "--context=around",
            "--complete=shop,web",
            "--report=json",
        ),
        "--accept=MS230@VirtualService/shop/cart=a test (until 2099-01-31)",
    )
    assert done.code == 0, done.err
    assert yaml.safe_load((tmp_path / "repo/meshshift.yaml").read_bytes()) == {
        "mesh": {"mtls": "strict"}, "linkerd": "2.19", "context": ["../around"], "complete": ["shop", "web"],
        "accept": [{"code": "MS230", "object": "VirtualService/shop/cart", "reason": "a test", "expires": "2099-01-31"}],
    }  # fmt: skip
    assert call("check", "--config=repo/meshshift.yaml", "repo").code == 1, "it can be read"
    assert b"says what is needed" in call("init", "repo", "--context=around").out, "also from here"


def test_a_fact_of_the_environment_is_written_down(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {"shop.yaml": SHOP})
    assert call("init", env={"MESHSHIFT_MESH_MTLS": "permissive", "MESHSHIFT_FAIL_ON": "never"}).code == 0
    assert yaml.safe_load((tmp_path / "meshshift.yaml").read_bytes()) == {"mesh": {"mtls": "permissive"}}


@pytest.mark.parametrize("name", ["meshshift.yaml", ".meshshift.yaml"])
def test_a_configuration_file_is_added_to_and_keeps_its_comments(
    call: Call, tmp_path: Path, name: str
) -> None:
    text = "# ours\nmesh:\n    mtls: strict   # since May\naccept: []\n"
    write(tmp_path, {"shop.yaml": SHOP, name: text})
    assert b"Nothing had to be changed" in call("init").out
    done = call("init", "--gateway-class=public", "--mesh-root-namespace=mesh", "--complete=shop")
    assert done.code == 0, done.err
    after = (tmp_path / name).read_text(encoding="utf-8")
    assert after == (
        "# ours\nmesh:\n    mtls: strict   # since May\n    root-namespace: mesh\naccept: []\n"
        "gateway-class: public\ncomplete:\n- shop\n"
    )


def test_an_object_as_configuration_file_is_added_to_under_spec(call: Call, tmp_path: Path) -> None:
    head = "apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nmetadata: {name: m}\nspec:\n  mesh: {mtls: strict}\n"
    write(tmp_path, {"shop.yaml": SHOP, "meshshift.yaml": head})
    assert call("init", "--gateway-class=public").code == 0
    assert (tmp_path / "meshshift.yaml").read_text(encoding="utf-8") == head + "  gateway-class: public\n"


def test_an_empty_configuration_file_is_filled(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {"shop.yaml": SHOP, "meshshift.yaml": "# later"})
    assert call("init", STRICT).code == 0
    assert yaml.safe_load((tmp_path / "meshshift.yaml").read_bytes()) == {"mesh": {"mtls": "strict"}}


@pytest.mark.parametrize(
    "text", ["{}\n", "{}", "# ours\n{} # nothing yet\n", "---\n", "---\n{}\n", "\ufeff{}\n"]
)
def test_an_empty_mapping_is_filled_and_read_by_the_next_run(call: Call, tmp_path: Path, text: str) -> None:
    write(tmp_path, {"shop.yaml": SHOP, "meshshift.yaml": text})
    done = call("init", STRICT, "--gateway-class=public")
    assert done.code == 0, done.err
    values = {"mesh": {"mtls": "strict"}, "gateway-class": "public"}
    assert yaml.safe_load((tmp_path / "meshshift.yaml").read_bytes()) == values
    assert b"Nothing had to be changed" in call("init").out


@pytest.mark.parametrize("text", ["~\n", "null\n", "---\n...\n", "{\n}\n"])
def test_a_configuration_file_that_cannot_be_added_to_stays(call: Call, tmp_path: Path, text: str) -> None:
    write(tmp_path, {"shop.yaml": SHOP, "meshshift.yaml": text})
    done = call("init", STRICT)
    assert done.code == 2, done.out
    assert "nothing was written. By hand: add mesh.mtls: strict" in done.err
    assert (tmp_path / "meshshift.yaml").read_text(encoding="utf-8") == text


def test_a_contradiction_is_refused(call: Call, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "shop.yaml": SHOP,
            "kustomization.yaml": "resources: [shop.yaml]\n",
            "meshshift.yaml": "mesh-mtls: strict\n",
        },
    )
    before = snapshot(tmp_path)
    done = call("init", "--mesh-mtls=permissive")
    assert done.code == 2
    assert "meshshift.yaml says mesh.mtls: strict and --mesh-mtls says permissive" in done.err
    assert snapshot(tmp_path) == before


def test_an_own_function_configuration_stays_and_a_foreign_file_is_refused(
    call: Call, tmp_path: Path
) -> None:
    own = "apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nmetadata: {name: mine}\nspec: {mesh: {mtls: strict}}\n"
    write(tmp_path, {"shop.yaml": SHOP, "kustomization.yaml": "resources: [shop.yaml]\n", FUNCTION: own})
    done = call("init", STRICT)
    assert f"{FUNCTION}: differs from what would be written, and stays as it is".encode() in done.out
    assert (tmp_path / FUNCTION).read_text(encoding="utf-8") == own
    write(tmp_path, {"kustomization.yaml": "resources: [shop.yaml]\n", FUNCTION: "kind: ConfigMap\n"})
    done = call("init", STRICT)
    assert done.code == 2
    assert f"{FUNCTION} exists and is no functionConfig of meshshift" in done.err


@pytest.mark.parametrize("flag", ["--yes", "--diff"])
def test_a_flag_that_forbids_questions_is_named(call: Call, tmp_path: Path, flag: str) -> None:
    write(tmp_path, {"shop.yaml": SHOP})
    done = call("init", flag)
    assert done.code == 2
    assert (
        f"1 fact is missing that no manifest tells, and {flag} asks nothing; nothing was written" in done.err
    )


def test_no_fact_is_asked_for_that_nothing_needs(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {"plain.yaml": PLAIN})
    done = call("init")
    assert done.code == 0
    assert b"there is nothing to wire" in done.out
    assert list(snapshot(tmp_path)) == ["plain.yaml"]
    write(tmp_path, {"kustomization.yaml": "resources: [https://example.com/shop.yaml]\n"})
    assert call("init").code == 0, "what is elsewhere may need one; then it is asked for when it is rendered"
    assert (tmp_path / "meshshift.yaml").read_bytes().startswith(b"# What no manifest tells")
    assert call("check", ".").code == 0, "a file without options is read"


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["nowhere"], 2, "nowhere is no folder"),
        (["a", "b"], 2, "init takes one folder"),
        (["--for=kustomise"], 2, "did you mean kustomize?"),
        (["--config=other.yaml"], 2, "takes no other with --config"),
        (["--mesh-mtls=maybe"], 2, "is not one of"),
        (["--overview"], 2, "--overview belongs to check"),
    ],
)
def test_wrong_uses(call: Call, tmp_path: Path, argv: list[str], code: int, said: str) -> None:
    write(tmp_path, {"other.yaml": "mesh: {mtls: strict}\n"})
    done = call("init", *argv)
    assert (done.code, said in done.err) == (code, True), done.err


def test_manifests_that_cannot_be_read_end_it(call: Call, tmp_path: Path) -> None:
    write(
        tmp_path, {"shop.yaml": SHOP, "broken.yaml": BROKEN, "kustomization.yaml": "resources: [shop.yaml]\n"}
    )
    before = snapshot(tmp_path)
    done = call("init", STRICT)
    assert done.code == 3
    assert "broken.yaml:3" in done.err
    assert snapshot(tmp_path) == before
