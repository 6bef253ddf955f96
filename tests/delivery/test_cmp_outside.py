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
