"""What the plugin makes of an Application's folder: which kind it is, which files count, and what it must not reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.delivery.cmp_server import App, Server, on_path, programs, variables
from tests.delivery.running import chart, identities, write

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"


def config_map(name: str) -> str:
    return MAP.replace("NAME", name)


@pytest.fixture
def server(tmp_path: Path, home: dict[str, str], helm4: str, kustomize: str) -> Server:
    (tmp_path / "work").mkdir()
    return Server(
        tmp_path / "work", on_path(home, programs(tmp_path / "bin", helm=helm4, kustomize=kustomize))
    )


def parameter(name: str, **value: Any) -> dict[str, Any]:
    return {"name": name, **value}


# -- plain files ---------------------------------------------------------------------------------------------


def test_files_count_as_for_argo_cd(server: Server, tmp_path: Path) -> None:
    files = {
        "b.yml": config_map("b"),
        "a.yaml": config_map("a1") + "---\n# nothing\n---\n" + config_map("a2"),
        "c.json": '{\n\t"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
        "values.yaml": "colour: red\n",
        "broken.yaml": "colour: [\n",
        "skipped.yaml": "# +argocd:skip-file-rendering\n" + config_map("skipped"),
        "meshshift.yaml": "apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nspec: {phase: enforce}\n",
        "notes.txt": config_map("text"),
        "deep/d.yaml": config_map("d"),
        "list.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: l}}\n",
    }
    write(tmp_path / "repository", files)
    (tmp_path / "repository" / "gone.yaml").symlink_to("nowhere.yaml")
    (tmp_path / "repository" / "link.yaml").symlink_to("deep/d.yaml")
    done = server.generate(tmp_path / "repository").succeeded()
    names = [
        found.rpartition("/")[2]
        for found in identities([one for one in done.documents if one["kind"] != "List"])
    ]
    assert names == ["a1", "a2", "b", "c", "d"]
    assert b"{name: l}" in done.out
    assert (
        "values.yaml was left out, as Argo CD does: it holds something else than Kubernetes objects"
        in done.err
    )
    assert "broken.yaml was left out, as Argo CD does: line 2:" in done.err
    deep = App(parameters=[parameter("directory-recurse", string="true")])
    (tmp_path / "repository" / "link.yaml").unlink()
    done = server.generate(tmp_path / "repository", deep).succeeded()
    assert "ConfigMap/d" in identities([one for one in done.documents if one["kind"] != "List"])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.yaml",
            config_map("a") + "---\ncolour: red\n",
            "a.yaml: it holds something else than Kubernetes objects",
        ),
        ("a.yaml", config_map("a") + "data: [\n", "a.yaml: line 5: "),
        ("a.yaml", config_map("a") + "---\na: [\n", "a.yaml: line"),
        ("a.json", "{", "a.json: Expecting property name"),
        ("a.json", "[]", "a.json holds something else than one Kubernetes object"),
        ("a.json", '{"kind": "A"}{"kind": "B"}', "a.json: Extra data"),
        ("a.json", '{"kind": "A", "a": 1e400}', "a.json: a number is larger than"),
        ("a.json", '{"kind": "A", "a": Infinity}', "a.json: Infinity is no number of JSON"),
        ("a.json", '{"kind": "A", "a": {"b": 1, "b": 2}}', "a.json: the key b stands twice in an object"),
        ("a.json", '{"kind": "Secret", "data": {"SECRET": 1, "SECRET": 2}}', "it is a Secret"),
        ("a.json", '{\t"kind": "A", "a": "\\ud800"}', "a.json holds characters that are none"),
        ("a.json", '{"kind": "A", "a": ' + "[" * 100_000, "a.json: maximum recursion depth"),
        ("a.yaml", config_map("a").encode("utf-16-le"), "a.yaml is no text, or UTF-16 without a mark"),
        ("a.json", b"\xff\xfe{", "a.json begins as utf-16 and is something else"),
        ("a.jsonnet", "{}", "a.jsonnet: Jsonnet is not rendered by this plugin"),
    ],
)
def test_files_that_argo_cd_would_fail_on_write_nothing(
    name: str, text: str | bytes, said: str, server: Server, tmp_path: Path
) -> None:
    write(tmp_path / "repository", {"0.yaml": config_map("first"), name: text})
    done = server.generate(tmp_path / "repository")
    assert done.code in (2, 3)
    assert done.out == b""
    assert said in done.err
    assert "SECRET" not in done.err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-be", "utf-8-sig"])
@pytest.mark.parametrize("name", ["b.yaml", "b.json"])
def test_files_in_other_encodings_are_part_of_the_answer(
    name: str, encoding: str, server: Server, tmp_path: Path
) -> None:
    """Left out, their objects would be deleted (prune)."""
    text = config_map("b") + "data: {a: ä}\n"
    if name == "b.json":
        body = r'"data": {"a": "ä\t\ud83d\ude00\\\\\ud83d\ude00\\ud83d\\ude00"}'
        text = '{\n\t"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, ' + body + "}"
    mark = "" if encoding in ("utf-16", "utf-32", "utf-8-sig") else "\ufeff"
    write(tmp_path / "repository", {"a.yaml": config_map("a"), name: (mark + text).encode(encoding)})
    done = server.generate(tmp_path / "repository").succeeded()
    assert identities(done.documents) == ["ConfigMap/a", "ConfigMap/b"]
    value = "ä\t\U0001f600\\\\\U0001f600\\ud83d\\ude00" if name == "b.json" else "ä"
    assert done.documents[1]["data"] == {"a": value}
    assert b"\xef\xbb\xbf" not in done.out


# -- kinds ---------------------------------------------------------------------------------------------------


def test_a_folder_that_is_two_things_is_not_guessed_at(server: Server, tmp_path: Path) -> None:
    root = chart(tmp_path / "repository", {"a.yaml": config_map("of-the-chart")})
    write(root, {"kustomization.yaml": "resources: [b.yaml]\n", "b.yaml": config_map("of-the-kustomization")})
    done = server.generate(root)
    assert done.code == 2
    assert "this folder has both Chart.yaml and kustomization.yaml" in done.err
    for kind, name in (("helm", "of-the-chart"), ("kustomize", "of-the-kustomization")):
        chosen = App(parameters=[parameter("source", string=kind)])
        assert identities(server.generate(root, chosen).succeeded().documents) == [f"ConfigMap/{name}"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (parameter("source", string="helm"), "parameter source is helm, but there is no Chart.yaml"),
        (
            parameter("values-files", array=[]),
            "parameter values-files is for helm; this folder is rendered as directory",
        ),
    ],
)
def test_parameters_that_do_not_fit_the_folder_are_refused(
    given: dict[str, Any], said: str, server: Server, tmp_path: Path
) -> None:
    write(tmp_path / "repository", {"a.yaml": config_map("a")})
    done = server.generate(tmp_path / "repository", App(parameters=[given]))
    assert (done.code, done.out) == (2, b"")
    assert said in done.err


# -- what is outside -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            parameter("values-files", array=["../../../secret.yaml"]),
            "../../secret.yaml is outside of the repository",
        ),
        (parameter("values-files", array=["/etc/passwd"]), "/etc/passwd is outside of the repository"),
        (parameter("values-files", array=["../link.yaml"]), "link.yaml is outside of the repository"),
        (parameter("values-files", array=["https://example.org/v.yaml"]), "is an address"),
        (parameter("values-files", array=["none.yaml"]), "none.yaml does not exist"),
        (parameter("values-files", array=["--post-renderer=x"]), "--post-renderer=x does not exist"),
        (
            parameter("context", array=["../../.."]),
            "context (parameters): ../../.. is outside of the repository",
        ),
    ],
)
def test_an_application_reads_nothing_but_its_repository(
    given: dict[str, Any], said: str, server: Server, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    chart(root / "apps" / "shop", {"a.yaml": config_map("a")})
    write(root / "apps", {"values.yaml": "a: b\n"})
    write(tmp_path / "work", {"secret.yaml": "a: b\n"})
    (root / "apps" / "link.yaml").symlink_to("/etc/passwd")
    done = server.generate(root, App("apps/shop", parameters=[given]))
    assert (done.code, done.out) == (2, b"")
    assert said in done.err
    beside = App("apps/shop", parameters=[parameter("values-files", array=["../values.yaml"])])
    server.generate(root, beside).succeeded()


def test_a_link_among_plain_files_does_not_leave_the_repository(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "repository", {"a.yaml": config_map("a")})
    (tmp_path / "repository" / "b.yaml").symlink_to("/etc/hostname")
    done = server.generate(tmp_path / "repository")
    assert (done.code, done.out) == (2, b"")
    assert "b.yaml is a link that leaves the repository" in done.err


def test_context_of_the_configuration_file_stays_inside_too(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "repository", {"a.yaml": config_map("a"), "meshshift.yaml": "context: [/etc]\n"})
    done = server.generate(tmp_path / "repository")
    assert (done.code, done.out) == (2, b"")
    assert "context (meshshift.yaml): /etc is outside of the repository" in done.err


def test_a_configuration_file_that_is_a_link_stays_inside_too(server: Server, tmp_path: Path) -> None:
    write(tmp_path, {"repository/a.yaml": config_map("a"), "elsewhere.yaml": "context: [/etc]\n"})
    (tmp_path / "repository" / "meshshift.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    done = server.generate(tmp_path / "repository")
    assert (done.code, done.out) == (2, b"")
    assert "configuration: meshshift.yaml is outside of the repository" in done.err
    # What the operator names may lie anywhere.
    (tmp_path / "repository" / "meshshift.yaml").unlink()
    write(
        tmp_path,
        {"operator.yaml": "phase: switch\ncontext: [.]\nreport-file: report.txt\n", "context.yaml": ""},
    )
    server.environ["MESHSHIFT_CONFIG"] = str(tmp_path / "operator.yaml")
    server.generate(tmp_path / "repository").succeeded()
    assert (tmp_path / "report.txt").exists()


def test_only_part_of_the_repository_may_have_been_copied(server: Server, tmp_path: Path) -> None:
    """With manifest-generate-paths Argo CD copies the folder that all paths share, and the plugin starts below it."""
    chart(tmp_path / "apps" / "shop", {"a.yaml": config_map("a")})
    write(tmp_path / "apps", {"values.yaml": "a: b\n"})
    given = [parameter("values-files", array=["../values.yaml"])]
    done = server.command(
        "generate",
        tmp_path / "apps" / "shop",
        server.environ | _sent(App("teams/apps/shop", parameters=given)),
    )
    done.succeeded()


def _sent(app: App) -> dict[str, str]:

    return variables(app)
