"""The examples of this repository, and how their committed files come about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.delivery.running import Done, run
from tests.real_tools import ROOT

KUSTOMIZE_FLAGS = ("--enable-alpha-plugins", "--enable-exec")


class Example(NamedTuple):
    """One folder below `examples/`.

    `namespace` is the release's for Helm, and what a kustomization may add where the manifests name none;
    `code` is the exit code of a run. Examples without a chart are rendered by kustomize.
    """

    name: str
    namespace: str = ""
    code: int = 0
    chart: bool = True

    @property
    def folder(self) -> Path:
        """The example's folder; `meshshift.yaml` in it is found by runs that start there."""
        return ROOT / "examples" / self.name

    def committed(self, name: str) -> bytes:
        """A committed file of the example."""
        return (self.folder / name).read_bytes()


EXAMPLES = (
    Example("bookinfo", namespace="bookinfo"),
    Example("bookstore", namespace="books"),
    Example("boutique", namespace="boutique"),
    Example("canary", namespace="tickets"),
    Example("held", code=1, chart=False),
    Example("ledger", namespace="ledger"),
)

Tool = Callable[[str], str]


def helm_template(helm: str, example: Example, env: Mapping[str, str], *renderer: str) -> Done:
    """`helm template` in the example's folder."""
    command = [helm, "template", example.name, "chart", "--namespace", example.namespace, *renderer]
    return run(command, env, cwd=example.folder)


def build(kustomize: str, example: Example, env: Mapping[str, str], layer: str) -> Done:
    """`kustomize build` of one layer, with functions enabled."""
    return run([kustomize, "build", f"kustomize/{layer}", *KUSTOMIZE_FLAGS], env, cwd=example.folder)


def before(example: Example, tool: Tool, env: Mapping[str, str]) -> bytes:
    """The manifests as they are rendered today."""
    if example.chart:
        return helm_template(tool("helm3"), example, env).succeeded().out
    return build(tool("kustomize"), example, env, "base").succeeded().out


def transform(example: Example, env: Mapping[str, str], stream: bytes, *arguments: str) -> Done:
    """The program over a stream, started in the example's folder."""
    return run(["meshshift", *arguments], env, stdin=stream, cwd=example.folder)


def expected(example: Example, env: Mapping[str, str], stream: bytes) -> dict[str, bytes]:
    """Contents of the committed files by name, for the manifests rendered today."""
    done = transform(example, env, stream)
    assert done.code == example.code, done.err
    after = done
    if example.code:
        assert done.out == b"", "a failed run writes no manifests"
        after = transform(example, env, stream, "--fail-on=never").succeeded()
    return {"before.yaml": stream, "after.yaml": after.out, "report.txt": done.err.encode()}
