"""`meshshift check`: what remains, in which file, and the table by kind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.running import ASKS, BROKEN, HELD, MOVES, NAMESPACE, PLAIN, POLICY, ROUTE, SERVICE, Call
from transformer.errors import UsageError
from transformer.findings import Finding
from transformer.frontends import manifests
from transformer.frontends.joined import Joined


def rows(out: bytes) -> dict[str, list[int]]:
    """The table by kind."""
    lines = out.decode().split("NEEDS A DECISION\n")[-1].splitlines()
    return {line.rsplit(None, 3)[0]: [int(cell) for cell in line.split()[-3:]] for line in lines}


def test_a_stream_with_mesh_objects_fails_and_is_counted(call: Call) -> None:
    done = call("check", stdin=HELD + b"---\n" + ROUTE.encode())
    assert done.code == 1
    assert rows(done.out) == {
        "AuthorizationPolicy (security.istio.io)": [1, 0, 1],
        "VirtualService (networking.istio.io)": [1, 1, 0],
    }
    out = done.out.decode()
    assert "<stdin>:19: error MS014 VirtualService shop/cart\n    is still here: it would move" in out
    assert "error MS014 AuthorizationPolicy shop/cart\n    is still here: it is held" in out
    assert b"HTTPRoute\n" not in done.out, "no manifests"


@pytest.mark.parametrize(
    ("stdin", "argv", "reason"),
    [
        (MOVES, [], "a translated stream"),
        (ASKS, ["--mesh-mtls=strict"], "a translated namespace"),
        (ASKS + b"---\n" + MOVES, ["--mesh-mtls=strict"], "both"),
        (PLAIN, [], "nothing of a mesh"),
    ],
)
def test_what_meshshift_wrote_passes(call: Call, stdin: bytes, argv: list[str], reason: str) -> None:
    migrated = call(*argv, stdin=stdin)
    assert migrated.code == 0, migrated.err
    done = call("check", *argv, stdin=migrated.out)
    assert done.code == 0, f"{reason}: {done.out.decode()}"
    assert b"is left" in done.out
    if stdin != PLAIN:
        assert call("check", *argv, stdin=stdin).code == 1, "and what it read does not"


KEPT = b"""apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ["*"]
"""


def test_what_stays_on_purpose_is_told_once_and_is_no_error(call: Call) -> None:
    other = KEPT.replace(b"public", b"partner")
    done = call("check", "--gateway-class=keep-istio", stdin=KEPT + b"---\n" + other)
    assert done.code == 0, done.out
    assert rows(done.out) == {"Gateway (networking.istio.io)": [2, 0, 0]}
    assert done.out.count(b"MS288") == 1
    assert b"MS014" not in done.out
    assert call("check", "--gateway-class=public", stdin=KEPT).code == 1, (
        "and with another class it has to go"
    )


def test_the_class_of_a_gateway_is_asked_for(call: Call) -> None:
    done = call(stdin=KEPT)
    assert done.code == 2
    assert "gateway-class" in done.err
    assert "MS015" not in call("check", stdin=KEPT).out.decode()


def test_missing_facts_are_shown_and_not_fatal(call: Call) -> None:
    done = call("check", "--fail-on=never", stdin=ASKS)
    assert done.code == 0
    assert b"1 fact is missing" in done.out
    assert b"--mesh-mtls=strict" in done.out


def test_files_are_context_for_each_other_and_named(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "a.yaml").write_text("# Source: elsewhere/a.yaml\n" + SERVICE.rstrip("\n"), encoding="utf-8")
    (folder / "b.yml").write_text("\n\n---\n" + ROUTE, encoding="utf-8")
    (folder / "c.json").write_text(
        json.dumps({"kind": "ConfigMap", "metadata": {"name": "x"}}), encoding="utf-8"
    )
    (folder / "d.txt").write_text(POLICY, encoding="utf-8")
    done = call("check", "app")
    assert done.code == 1
    assert f"app{os.sep}b.yml:4: error MS014 VirtualService shop/cart" in done.out.decode()
    assert rows(done.out) == {"VirtualService (networking.istio.io)": [1, 1, 0]}, "the Service is known"
    assert call("check", "app/b.yml", "app/d.txt").out.count(b"error MS014") == 2, (
        "a named file is always read"
    )


def test_a_file_that_cannot_be_parsed_is_named(call: Call, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SERVICE, encoding="utf-8")
    (tmp_path / "b.yaml").write_text("---\n" + BROKEN, encoding="utf-8")
    done = call("check", "a.yaml", "b.yaml")
    assert (done.code, done.out) == (3, b"")
    assert done.err.startswith("meshshift: b.yaml:"), done.err


def test_nothing_to_check_is_not_a_finished_migration(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for argv, stdin in ((["check"], b""), (["check"], b"\n"), (["check", "empty"], b"")):
        done = call(*argv, stdin=stdin)
        assert (done.code, done.out) == (2, b"")
        assert "so nothing was checked" in done.err
        assert call(*argv, "--fail-on=never", stdin=stdin).code == 0


def test_json_goes_to_standard_output(call: Call) -> None:
    done = call("check", "--report", "json", stdin=HELD)
    data = json.loads(done.out)
    assert (data["command"], data["exit_code"], done.code) == ("check", 1, 1)
    assert {entry["code"] for entry in data["findings"]} >= {"MS014", "MS403"}


def test_a_resource_list_is_checked_with_its_options(call: Call) -> None:
    item = "- " + NAMESPACE.rstrip("\n").replace("\n", "\n  ") + "\n"
    config = "functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  data: {mesh.mtls: strict}\n"
    data = f"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{item}{config}".encode()
    done = call("check", "--report=json", stdin=data)
    assert done.code == 1
    report = json.loads(done.out)
    assert report["assumptions"]["mesh.mtls"] == "strict"
    assert report["facts"] == []


@pytest.mark.parametrize(
    ("path", "text", "read", "reason"),
    [
        ("a.yaml", "kind: Service\n", True, "a manifest"),
        ("a.yaml", "a: {{ .Values.x }}\n", False, "a value that Helm fills in"),
        ("a.yaml", "{{- if .Values.x }}\na: 1\n{{- end }}\n", False, "a condition"),
        ("a.yaml", "a: 'since {{ $value }}'\n", True, "a text of an alert rule"),
        ("a.yaml", "a: |\n  {{ range .Alerts }}\n", True, "a text of a notification"),
        (
            "chart/templates/sub/a.yaml",
            "a: '{{ .Values.x }}'\n",
            False,
            "a chart's template, though it is YAML",
        ),
        ("chart/templates/sub/a.yaml", "a: 1\n", True, "a chart's file without a template"),
        ("plain/templates/a.yaml", "a: '{{ $value }}'\n", True, "a folder of that name without a chart"),
        (".git/a.yaml", "a: 1\n", None, "a hidden folder"),
        ("values.txt", "a: 1\n", None, "no manifest by its name"),
    ],
)
def test_which_files_of_a_folder_are_read(
    tmp_path: Path, path: str, text: str, read: bool | None, reason: str
) -> None:
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / "Chart.yaml").write_text("name: x\n", encoding="utf-8")
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    found = manifests.read([str(tmp_path)])
    names = [name for name, _ in found.files if not name.endswith("Chart.yaml")]
    assert names == ([str(file)] if read else []), reason
    assert bool(found.notes) is (read is False), reason


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n", encoding="utf-8")
    assert len(manifests.read([str(file), str(tmp_path)]).files) == 1


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        manifests.read([str(tmp_path / "no")])


@pytest.mark.parametrize(
    ("files", "line_of_text", "wanted", "reason"),
    [
        ([b"a\n", b"x\n"], b"x", ("f1", 1), "a separator between"),
        ([b"a", b"x"], b"x", ("f1", 1), "no final line break"),
        ([b"a\n", b"---\nx\n"], b"x", ("f1", 2), "a separator of its own"),
        ([b"", b"x\n"], b"x", ("f1", 1), "an empty file before"),
        ([b"\xef\xbb\xbfa\nx\n", b"b\n"], b"x", ("f0", 2), "a byte order mark"),
        ([b"a\n", b"%YAML 1.1\n---\nx\n"], b"x", ("f1", 3), "a directive"),
        ([b"a\r\nx\r\n"], b"x", ("f0", 2), "Windows line ends"),
        ([b"a\n", b"b\n", b"c\n\n\nx\n"], b"x", ("f2", 4), "the third file"),
    ],
)
def test_places_in_joined_files(
    files: list[bytes], line_of_text: bytes, wanted: tuple[str, int], reason: str
) -> None:
    joined = Joined([(f"f{number}", body) for number, body in enumerate(files)])
    line = joined.data.splitlines().index(line_of_text) + 1
    assert joined.locate(line) == wanted, reason
    finding = Finding("MS001", "info", joined.name, line, None, "", "x", "y")
    assert joined.located(finding)[2:4] == wanted, reason
    assert joined.in_files(f"{joined.name}:{line}: bad") == f"{wanted[0]}:{wanted[1]}: bad", reason
    assert joined.in_files("bad") == "bad"


def test_one_view_excludes_the_other(call: Call, tmp_path: Path) -> None:
    (tmp_path / "ns.yaml").write_text(NAMESPACE)
    done = call("check", "--overview", "--full", ".")
    assert (done.code, done.out) == (2, b"")
    assert "--overview and --full exclude each other: give one of them" in done.err


def test_pipes_and_links_to_nothing_below_a_folder_are_told_and_not_opened(
    call: Call, tmp_path: Path
) -> None:
    (tmp_path / "ns.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "gone.yaml").symlink_to("nowhere.yaml")
    said = call("check", ".").out.decode()
    assert "pipe.yaml is no regular file and was not read" in said
    assert "gone.yaml is a link to nothing and was not read" in said
    assert call("check", "gone.yaml").code == 2, "one that is named is needed"
