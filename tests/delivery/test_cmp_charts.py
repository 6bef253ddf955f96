"""Charts that an Application's chart depends on: which are there, which are downloaded, and from where."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.cmp_server import App, Server, on_path, programs
from tests.delivery.running import chart, identities, run, write


def config_map(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"


@pytest.fixture
def server(tmp_path: Path, home: dict[str, str], helm4: str) -> Server:
    (tmp_path / "work").mkdir()
    return Server(tmp_path / "work", on_path(home, programs(tmp_path / "bin", helm=helm4)))


@pytest.fixture
def chart_repository(tmp_path: Path, home: dict[str, str], helm4: str) -> Iterator[str]:
    """The address of a chart repository with the chart `cart`."""
    folder = tmp_path / "charts"
    write(
        tmp_path / "cart",
        {
            "Chart.yaml": "apiVersion: v2\nname: cart\nversion: 1.2.3\n",
            "templates/a.yaml": config_map("cart"),
        },
    )
    run([helm4, "package", tmp_path / "cart", "--destination", folder], home).succeeded()
    run([helm4, "repo", "index", folder], home).succeeded()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nobody wants to read it."""

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
@pytest.mark.parametrize("locked", [True, False], ids=["with Chart.lock", "without"])
def test_charts_that_are_missing_are_downloaded_first(
    helm: str,
    locked: bool,
    request: pytest.FixtureRequest,
    home: dict[str, str],
    tmp_path: Path,
    chart_repository: str,
) -> None:
    program = request.getfixturevalue(helm)
    root = chart(tmp_path / "repository", {"a.yaml": config_map("own")})
    wanted = f"dependencies:\n- {{name: cart, version: 1.x.x, repository: '{chart_repository}/'}}\n"
    write(root, {"Chart.yaml": f"apiVersion: v2\nname: shop\nversion: 1.0.0\n{wanted}"})
    if locked:
        run([program, "dependency", "update", root], home).succeeded()
        for path in (root / "charts").iterdir():
            path.unlink()
        (root / "charts").rmdir()
    (tmp_path / "work").mkdir()
    here = Server(tmp_path / "work", on_path(home, programs(tmp_path / "bin", helm=program)))
    done = here.generate(root).succeeded()
    assert sorted(identities(done.documents)) == ["ConfigMap/cart", "ConfigMap/own"]
    # Nothing of it is left in the container, where other Applications are rendered.
    assert not [
        path for path in Path(home["HOME"]).rglob("repositories.yaml") if chart_repository in path.read_text()
    ]


def test_charts_that_are_there_are_not_downloaded(server: Server, tmp_path: Path) -> None:
    root = chart(tmp_path / "repository", {})
    nowhere = "http://127.0.0.1:9"
    write(
        root,
        {
            "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n"
            f"dependencies: [{{name: cart, version: 1.2.3, repository: '{nowhere}'}}]\n",
            "charts/cart/Chart.yaml": "apiVersion: v2\nname: cart\nversion: 1.2.3\n",
            "charts/cart/templates/a.yaml": config_map("cart"),
        },
    )
    assert identities(server.generate(root).succeeded().documents) == ["ConfigMap/cart"]
    for path in sorted((root / "charts").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    done = server.generate(root)
    assert (done.code, done.out) == (3, b"")
    assert "helm dependency build failed with exit code 1" in done.err
    assert server.init is not None
    assert server.init.code == 3


def test_another_chart_with_a_longer_name_is_not_the_one(
    home: dict[str, str], helm4: str, server: Server, tmp_path: Path, chart_repository: str
) -> None:
    head = "apiVersion: v2\nversion: 1.2.3\n"
    write(tmp_path / "db", {"Chart.yaml": f"{head}name: cart-2\n", "templates/a.yaml": config_map("db")})
    root = chart(tmp_path / "repository", {})
    run([helm4, "package", tmp_path / "db", "--destination", root / "charts"], home).succeeded()
    assert (root / "charts" / "cart-2-1.2.3.tgz").exists()
    cart = f"{{name: cart, version: 1.2.3, repository: '{chart_repository}'}}"
    both = f"dependencies: [{{name: cart-2, version: 1.2.3, repository: '{chart_repository}'}}, {cart}]\n"
    write(root, {"Chart.yaml": f"{head}name: shop\n{both}"})
    run([helm4, "package", tmp_path / "db", "--destination", tmp_path / "charts"], home).succeeded()
    run([helm4, "repo", "index", tmp_path / "charts"], home).succeeded()
    assert sorted(identities(server.generate(root).succeeded().documents)) == [
        "ConfigMap/cart",
        "ConfigMap/db",
    ]
    write(root, {"charts/cart-1.2.3.tgz": "no archive"})
    done = server.generate(root)
    assert (done.code, done.out) == (3, b"")
    assert "error unpacking subchart cart-1.2.3.tgz" in done.err
    # What is there under any file name is there.
    (root / "charts" / "cart-1.2.3.tgz").write_bytes((tmp_path / "charts" / "cart-1.2.3.tgz").read_bytes())
    (root / "charts" / "cart-2-1.2.3.tgz").rename(root / "charts" / "db.tgz")
    write(root, {"Chart.yaml": f"{head}name: shop\n{both}".replace(chart_repository, "http://127.0.0.1:9")})
    assert sorted(identities(server.generate(root).succeeded().documents)) == [
        "ConfigMap/cart",
        "ConfigMap/db",
    ]


@pytest.mark.parametrize(
    ("dependencies", "said"),
    [
        (
            "[{name: x, version: 1.0.0, repository: 'file://../../secret'}]",
            "../../secret is outside of the repository",
        ),
        ("[x]", "dependencies is a list of mappings"),
        ("[", "Chart.yaml:"),
    ],
)
def test_dependencies_that_cannot_be_had_are_told(
    dependencies: str, said: str, server: Server, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    head = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"
    write(root, {"shop/Chart.yaml": f"{head}dependencies: {dependencies}\n"})
    os.makedirs(tmp_path / "work" / "secret")
    done = server.generate(root, App("shop"))
    assert done.code in (2, 3)
    assert said in done.err
