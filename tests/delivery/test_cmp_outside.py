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
        given = [{"name": "values-files", "array": [name]}, {"name": "values", "string": "b: c\n"}]
        done = server.generate(shop, App("shop", parameters=given)).succeeded()
        assert done.documents[0]["data"] == {"a": f"from {name}"}
