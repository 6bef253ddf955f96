"""What `meshshift check` does not read, and that it never calls such a folder finished."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.running import MOVES, PLAIN, ROUTE, SERVICE, Call
from transformer.frontends import overlooked

TEMPLATED = ROUTE.replace("name: cart", "name: {{ .Release.Name }}", 1)


def put(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def told(out: bytes) -> list[tuple[str, int]]:
    """File and line of every finding about something that was not read."""
    return [(one["file"], one["line"]) for one in json.loads(out)["findings"] if one["code"] == "MS026"]


def test_a_template_that_names_a_mesh_fails_the_check(call: Call, tmp_path: Path) -> None:
    put(tmp_path, {
        "chart/Chart.yaml": "name: shop\n", "chart/values.yaml": "replicas: 1\n",
        "chart/templates/route.yaml": TEMPLATED, "chart/templates/service.yaml": "kind: {{ .Values.kind }}\n",
    })  # fmt: skip
    done = call("check", "chart", "--report=json")
    assert (done.code, told(done.out)) == (1, [("chart/templates/route.yaml", 1)])
    done = call("check", "chart")
    text = done.out.decode()
    assert (
        "chart/templates/route.yaml:1: error MS026\n    is a template and was not read: render it first"
        in text
    )
    assert "meshshift: chart/templates/service.yaml is a template and was not read" in text
    assert text.count("route.yaml") == 1, "told once"
    assert "is left" not in text
    assert "Nothing of Istio, SMI or Open Service Mesh is in what was read; not everything was." in text
    shown = call("check", "chart", "--overview").out.decode()
    assert shown.startswith(
        "Nothing of Istio, SMI or Open Service Mesh in what was read of chart (2 manifest"
    )
    assert "Nothing is left" not in shown
    assert "MS026 1×" in shown
    assert call("check", "chart", "--fail-on=never").code == 0


def test_a_template_without_a_mesh_is_noted_and_the_rest_is_not_called_all(
    call: Call, tmp_path: Path
) -> None:
    put(tmp_path, {"chart/Chart.yaml": "name: x\n", "chart/templates/a.yaml": "a: {{ .Values.a }}\n"})
    done = call("check", "chart")
    assert done.code == 0
    assert b"is in what was read; not everything was" in done.out
    shown = call("check", "chart", "--overview").out.decode()
    assert "Nothing is left to do in what was read" in shown
    assert "1 template was not read" in shown


def test_helpers_of_a_chart_are_looked_at_and_are_no_manifests(call: Call, tmp_path: Path) -> None:
    helper = '{{ define "labels" }}\nsidecar.istio.io/inject: "true"\n{{ end }}\n'
    files: dict[str, str | bytes] = {"chart/Chart.yaml": "name: x\n", "chart/templates/_helpers.tpl": helper}
    put(tmp_path, files)
    done = call("check", "chart", "--report=json")
    assert (done.code, told(done.out)) == (1, [("chart/templates/_helpers.tpl", 2)])
    put(tmp_path, files | {"chart/templates/_helpers.tpl": helper.replace("istio", "example")})
    done = call("check", "chart")
    assert (done.code, b"_helpers" in done.out, b"is left" in done.out) == (0, False, True), done.out


@pytest.mark.parametrize(
    ("name", "content", "code", "reason"),
    [
        (".deploy/route.yaml", ROUTE, 1, "a hidden folder"),
        ("app/.deploy/more/route.json", '{"apiVersion": "networking.istio.io/v1"}', 1, "one further below"),
        (".deploy/route.yaml", ROUTE.encode("utf-16"), 1, "characters that hide the name"),
        (".deploy/service.yaml", SERVICE, 0, "no mesh"),
        (".deploy/values.yaml", "istio: true\n", 0, "no manifest"),
        (".github/workflows/mesh.yaml", f"# apiVersion\n{ROUTE}", 0, "workflows of GitHub"),
        (".git/route.yaml", ROUTE, 0, "Git's own"),
        (".deploy/node_modules/x/route.yaml", ROUTE, 0, "packages"),
    ],
)
def test_manifests_in_hidden_folders(
    call: Call, tmp_path: Path, name: str, content: str | bytes, code: int, reason: str
) -> None:
    put(tmp_path, {"k8s/plain.yaml": PLAIN, f"k8s/{name}": content})
    done = call("check", "k8s", "--report=json")
    assert (done.code, [file for file, _ in told(done.out)]) == (code, [f"k8s/{name}"] * code), reason
    assert (b"is left" in call("check", "k8s").out) is (code == 0), reason


def test_a_hidden_folder_that_is_named_is_read(call: Call, tmp_path: Path) -> None:
    put(tmp_path, {"k8s/plain.yaml": PLAIN, "k8s/.deploy/all.yaml": MOVES})
    for argv in (["k8s", "k8s/.deploy"], ["k8s/.deploy"]):
        done = call("check", *argv, "--report=json")
        assert told(done.out) == []
        assert b"MS014" in done.out


def test_manifests_behind_links(call: Call, tmp_path: Path) -> None:
    put(tmp_path, {"k8s/plain.yaml": PLAIN, "elsewhere/deep/route.yaml": ROUTE, "k8s/own/a.yaml": PLAIN})
    (tmp_path / "k8s" / "same").symlink_to("own")
    (tmp_path / "k8s" / "up").symlink_to("..")
    (tmp_path / "elsewhere" / "round").symlink_to(tmp_path / "elsewhere")
    done = call("check", "k8s", "--report=json")
    assert (done.code, told(done.out)) == (1, [("k8s/up/elsewhere/deep/route.yaml", 1)])
    (tmp_path / "k8s" / "up").unlink()
    (tmp_path / "k8s" / "base").symlink_to("../elsewhere")
    done = call("check", "k8s")
    assert done.code == 1
    assert b"k8s/base/deep/route.yaml:1: error MS026\n    lies in the linked folder k8s/base" in done.out
    assert told(call("check", "k8s", "elsewhere", "--report=json").out) == [], "read under its own name"
    (tmp_path / "elsewhere").rename(tmp_path / "k8s" / ".hidden")
    (tmp_path / "k8s" / "base").unlink()
    (tmp_path / "k8s" / "base").symlink_to(".hidden")
    assert ("k8s/base/deep/route.yaml", 1) in told(call("check", "k8s", "--report=json").out)


def test_a_folder_that_nobody_can_look_through_counts(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, {"k8s/plain.yaml": PLAIN, **{f"k8s/.many/{number}.yaml": PLAIN for number in range(4)}})
    monkeypatch.setattr(overlooked, "_MOST", 3)
    done = call("check", "k8s", "--report=json")
    assert (done.code, told(done.out)) == (1, [(f"k8s{os.sep}.many", 0)])
    monkeypatch.setattr(overlooked, "_MOST", 4)
    assert call("check", "k8s").code == 0


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_characters_are_refused(call: Call, tmp_path: Path, codec: str) -> None:
    raw = ROUTE.encode(codec)
    put(tmp_path, {"k8s/a.yaml": PLAIN, "k8s/b.yaml": raw})
    done = call("check", "k8s")
    assert (done.code, done.out) == (3, b"")
    assert done.err.startswith("meshshift: k8s/b.yaml is UTF-16 or UTF-32, and only UTF-8 is read")
    done = call(stdin=raw)
    assert (done.code, done.out) == (3, b""), "and a stream is not copied through"
    assert "UTF-16 or UTF-32" in done.err
