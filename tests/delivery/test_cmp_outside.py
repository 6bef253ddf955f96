"""What an Application can say or commit to reach what is not its repository's, and that none of it gets there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.delivery.cmp_server import App, Server, on_path, programs
from tests.delivery.running import chart, identities, write

SECRET = "of-the-operator"


@pytest.fixture
def server(tmp_path: Path, home: dict[str, str], helm4: str, kustomize: str) -> Server:
    """The plugin server of a container that holds a secret in its environment."""
    (tmp_path / "work").mkdir()
    folder = programs(tmp_path / "bin", helm=helm4, kustomize=kustomize)
    return Server(tmp_path / "work", on_path(home, folder) | {"SECRET_OF_OPERATOR": SECRET})


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository with a chart in `shop` that names an object after the release and shows a value."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name | quote }}}\n"
    text += "data: {a: {{ .Values.a | quote }}}\n"
    write(chart(tmp_path / "repository" / "shop", {"a.yaml": text}), {"values.yaml": "a: own\n"})
    return tmp_path / "repository"


def refused(done: Any, said: str, code: int = 2) -> None:
    """The run ended with the exit code and the message, wrote nothing, and gave nothing away."""
    assert (done.code, done.out) == (code, b""), done.err
    assert said in done.err
    assert SECRET not in done.err


# -- names of releases ---------------------------------------------------------------------------------------

_LEAK = '{{ env "SECRET_OF_OPERATOR" }}'
_WRONG = [_LEAK, "{{ .Chart }}", "-x", "--set=a=b", "Cart", "a_b", "a..b", "a" * 54, "a\n", "ä"]


@pytest.mark.parametrize("name", _WRONG)
def test_a_release_name_is_a_name_and_no_template(name: str, server: Server, shop: Path) -> None:
    given = [{"name": "release-name", "string": name}]
    refused(server.generate(shop, App("shop", parameters=given)), "is no name of a Helm release")


@pytest.mark.parametrize("name", [_LEAK, "a" * 54, "argocd_-x"])
def test_the_name_of_an_application_is_one_too(name: str, server: Server, shop: Path) -> None:
    refused(server.generate(shop, App("shop", name=name)), "ARGOCD_APP_NAME")


@pytest.mark.parametrize("name", ["a", "0", "cart.example.org", "a--b", "a" * 53])
def test_names_that_helm_takes_are_taken(name: str, server: Server, shop: Path) -> None:
    given = [{"name": "release-name", "string": name}]
    done = server.generate(shop, App("shop", parameters=given)).succeeded()
    assert identities(done.documents) == [f"ConfigMap/{name}"]


# -- values files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a.yaml,OUTSIDE/values.yaml", "holds a comma"),
        ('"a.yaml",OUTSIDE/values.yaml', "holds a comma"),
        ('"a.yaml"', "holds a comma"),
        ("a.yaml\nb.yaml", "holds a comma"),
        ("a.yaml\rb.yaml", "holds a comma"),
        ("", "an entry is empty"),
        (" ", "does not exist"),
    ],
)
def test_an_entry_of_values_files_is_one_file(
    path: str, said: str, server: Server, shop: Path, tmp_path: Path
) -> None:
    """Helm reads an entry as a line of comma-separated values, with quotes."""
    outside = write(tmp_path / "other", {"values.yaml": f"a: {SECRET}\n"})
    entry = path.replace("OUTSIDE", str(outside))
    write(shop / "shop", {"a.yaml": "a: b\n"})
    if entry.strip():
        # Something that really has this name is no excuse.
        write(shop / "shop" / entry, {"values.yaml": ""})
    given = [{"name": "values-files", "array": [entry]}]
    refused(server.generate(shop, App("shop", parameters=given)), said)


def test_a_values_file_is_never_an_address_or_standard_input(server: Server, shop: Path) -> None:
    """Helm takes `-` and whatever has the scheme of an address for something else than a file."""
    for name in ("-", "oci:x.yaml"):
        write(shop / "shop", {name: f"a: from {name}\n"})
        given: list[dict[str, Any]] = [
            {"name": "values-files", "array": [name]},
            {"name": "values", "string": "b: c\n"},
        ]
        done = server.generate(shop, App("shop", parameters=given)).succeeded()
        assert done.documents[0]["data"] == {"a": f"from {name}"}


# -- links, and folders that a kustomization is built on -----------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder outside of the repository: a value, a manifest and a kustomization with a secret in it."""
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{a: {SECRET}}}\n"
    kustomization = "resources: [secret.yaml]\n"
    files = {"values.yaml": f"a: {SECRET}\n", "secret.yaml": manifest, "kustomization.yaml": kustomization}
    return write(tmp_path / "other", files)


READS = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {b: {{ .Files.Get "PATH" | quote }}}\n'


@pytest.mark.parametrize(
    ("link", "target", "template"),
    [
        ("files/s", "secret.yaml", READS.replace("PATH", "files/s")),
        ("files", ".", READS.replace("PATH", "files/secret.yaml")),
        ("values.yaml", "values.yaml", ""),
        ("templates/b.yaml", "secret.yaml", ""),
        (".hidden", "secret.yaml", READS.replace("PATH", ".hidden")),
        ("files/gone", "nothing", ""),
    ],
)
@pytest.mark.parametrize("through", ["", "a folder that is linked"])
def test_a_link_of_a_chart_stays_in_the_repository(
    through: str, link: str, target: str, template: str, server: Server, shop: Path, elsewhere: Path
) -> None:
    place = shop / "shop"
    if through:
        place = shop / "shared"
        place.mkdir()
        (shop / "shop" / "charts").symlink_to("../shared")
        template = template.replace("files/", "charts/files/")
    if template:
        write(shop / "shop", {"templates/b.yaml": template})
    path = place / link
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere / target)
    refused(server.generate(shop, App("shop")), f"{link} is a link that leaves the repository")


def test_links_in_the_repository_are_followed(server: Server, shop: Path) -> None:
    write(shop, {"shared/values.yaml": "a: shared\n", "shared/files/f": "x"})
    (shop / "shop" / "values.yaml").unlink()
    (shop / "shop" / "values.yaml").symlink_to("../shared/values.yaml")
    (shop / "shop" / "files").symlink_to("../shared/files")
    (shop / "shared" / "files" / "up").symlink_to("../../shared")
    (shop / "outside-of-the-chart").symlink_to("/etc/hostname")
    write(shop / "shop", {".helmignore": "files/up\n"})
    assert server.generate(shop, App("shop")).succeeded().documents[0]["data"] == {"a": "shared"}


def test_a_chart_that_is_packed_from_a_folder_has_no_links_out(
    server: Server, shop: Path, elsewhere: Path
) -> None:
    head = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"
    wanted = "dependencies: [{name: demo, version: 1.0.0, repository: 'file://../packed'}]\n"
    chart(shop / "packed", {"a.yaml": READS.replace("PATH", "s")})
    (shop / "packed" / "s").symlink_to(elsewhere / "secret.yaml")
    write(shop / "shop", {"Chart.yaml": head + wanted})
    refused(server.generate(shop, App("shop")), "packed/s is a link that leaves the repository")


def test_a_path_with_nul_is_refused(server: Server, shop: Path) -> None:
    write(shop / "shop", {"meshshift.yaml": 'context: ["a\\0b"]\n'})
    refused(server.generate(shop, App("shop")), r"context (meshshift.yaml): 'a\x00b' holds NUL")
    (shop / "shop" / "meshshift.yaml").unlink()
    wanted = 'dependencies: [{name: "a\\0", version: 1.0.0, repository: "file://a\\0b"}]\n'
    write(shop / "shop", {"Chart.yaml": f"apiVersion: v2\nname: demo\nversion: 1.0.0\n{wanted}"})
    refused(server.generate(shop, App("shop")), r"'a\x00b' holds NUL")


@pytest.mark.parametrize("by", ["parameter", "configuration", "operator"])
@pytest.mark.parametrize("link", ["b.yaml", "folder"])
def test_a_link_of_context_stays_in_the_repository(
    link: str, by: str, server: Server, shop: Path, elsewhere: Path
) -> None:
    (shop / "context").mkdir()
    (shop / "context" / link).symlink_to(elsewhere / ("secret.yaml" if link == "b.yaml" else "."))
    app = App("shop")
    if by == "parameter":
        app = app._replace(parameters=[{"name": "context", "string": "../context"}])
    elif by == "operator":
        server.environ["MESHSHIFT_CONTEXT"] = "../context"
    else:
        write(shop / "shop", {"meshshift.yaml": "context: [../context]\n"})
    refused(server.generate(shop, app), f"context/{link} is a link that leaves the repository")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"kustomization.yaml": "resources: [ELSEWHERE]\n"}, "resources: "),
        ({"kustomization.yaml": "components: [ELSEWHERE]\n"}, "components: "),
        ({"kustomization.yaml": "resources: [base]\n", "base/Kustomization": "bases: [ELSEWHERE]\n"}, "bases: "),
        ({"kustomization.yaml": "resources: [link]\n"}, "link is outside of the repository"),
        ({"kustomization.yaml": "resources: ['file://ELSEWHERE']\n"}, "a repository on the machine that renders"),
        ({"kustomization.yaml": "resources: ['git::file://ELSEWHERE']\n"}, "a repository on the machine"),
        ({"kustomization.yaml": "resources: [\n"}, "kustomization.yaml:"),
    ],
)  # fmt: skip
def test_a_kustomization_is_built_on_folders_of_the_repository(
    files: dict[str, str], said: str, server: Server, tmp_path: Path, elsewhere: Path
) -> None:
    root = tmp_path / "repository"
    # Relative, since kustomize takes no absolute paths of folders; the plugin works two folders below tmp_path.
    there = {path: text.replace("file://ELSEWHERE", f"file://{elsewhere}") for path, text in files.items()}
    up = {path: "../" * (3 + path.count("/")) + "other" for path in files}
    write(root / "shop", {path: text.replace("ELSEWHERE", up[path]) for path, text in there.items()})
    (root / "shop" / "link").symlink_to(elsewhere)
    done = server.generate(root, App("shop"))
    refused(done, said, 3 if files["kustomization.yaml"].endswith("[\n") else 2)


def test_links_to_files_are_kept_in_the_folder_by_kustomize(
    server: Server, tmp_path: Path, elsewhere: Path
) -> None:
    root = write(tmp_path / "repository", {"kustomization.yaml": "resources: [b.yaml]\n"})
    (root / "b.yaml").symlink_to(elsewhere / "secret.yaml")
    refused(server.generate(root), "kustomize build failed", 3)
    (root / "kustomization.yaml").unlink()
    (root / "kustomization.yaml").symlink_to(elsewhere / "kustomization.yaml")
    refused(server.generate(root), "kustomization: kustomization.yaml is outside of the repository")
