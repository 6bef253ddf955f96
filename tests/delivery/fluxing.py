"""What Flux does with the files of `flux-patches`: kustomize over a chart's render, new objects beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.delivery.running import Done, run, write
from tests.delivery.samples import STRICT
from tests.real_tools import ROOT

Objects = dict[tuple[str, str, str, str], dict[str, Any]]
#: What Helm 4 writes into every object before a post-renderer sees it.
HELM_4 = "postrenderer.helm.sh/postrender-filename"
BEFORE = ROOT / "examples"


def release(namespace: str, *, more: str = "") -> str:
    """A HelmRelease as people write it, with comments and a style of its own."""
    return (
        "# The shop.\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n"
        "    name: shop   # kept\n    namespace: flux-system\nspec:\n    interval: '5m'\n"
        f"    targetNamespace: {namespace}\n    chart: {{spec: {{chart: ./chart}}}}\n{more}    # the end\n"
    )


def as_flux(
    kustomize: str, home: Mapping[str, str], folder: Path, render: bytes, entries: Iterable[Mapping[str, Any]]
) -> Done:
    """Post-render a chart's objects with the entries of `spec.postRenderers`, one after the other."""
    folder.mkdir(exist_ok=True)
    done = Done(0, render, "")
    for entry in entries:
        kustomization = {"resources": ["helm-output.yaml"]} | entry["kustomize"]
        write(folder, {"helm-output.yaml": done.out, "kustomization.yaml": yaml.safe_dump(kustomization)})
        done = run([kustomize, "build", folder], home)
        if done.code:
            return done
    return done


def annotated(render: bytes) -> bytes:
    """A render as Helm 4 hands it to a post-renderer."""
    documents = [document for document in yaml.safe_load_all(render) if document]
    for document in documents:
        found = document["metadata"].setdefault("annotations", None) or {}
        document["metadata"]["annotations"] = found | {HELM_4: "shop/templates/all.yaml"}
    return yaml.safe_dump_all(documents).encode()


def objects(documents: Iterable[dict[str, Any]], namespace: str = "") -> Objects:
    """Objects by identity, without the maps of metadata that are empty and without Helm 4's annotation."""
    found: Objects = {}
    for document in documents:
        for one in document["items"] if document["kind"] == "List" else [document]:
            metadata = dict(one["metadata"])
            for key in ("labels", "annotations"):
                kept = {
                    name: text for name, text in (metadata.pop(key, None) or {}).items() if name != HELM_4
                }
                metadata |= {key: kept} if kept else {}
            if namespace and one["kind"] != "Namespace":
                metadata.setdefault("namespace", namespace)
            group = one["apiVersion"].rpartition("/")[0]
            identity = (group, one["kind"], metadata.get("namespace", ""), metadata["name"])
            assert identity not in found
            found[identity] = one | {"metadata": metadata}
    return found


def operated(value: Any, operations: Iterable[dict[str, Any]]) -> Any:
    """What kustomize makes of JSON 6902 operations: a test for null is one for a key that is absent, or null.

    Raises JsonPatchTestFailed where a test fails, JsonPatchConflict or JsonPointerException where a path is not there.
    """
    import jsonpatch
    import jsonpointer

    for operation in operations:
        if operation["op"] != "test" or operation["value"] is not None:
            value = jsonpatch.apply_patch(value, [operation])
            continue
        above, key = jsonpointer.JsonPointer(operation["path"]).to_last(value)
        there = above.get(key) if isinstance(above, dict) else above[key]
        if there is not None:
            raise jsonpatch.JsonPatchTestFailed(operation["path"])
    return value


def load(path: Path) -> Any:
    """The YAML of a file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a file; none where it does not exist."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8"))) if path.exists() else []


class Flux:
    """Runs flux-patches and then does with its files what Flux does."""

    def __init__(self, folder: Path, home: dict[str, str], program: str, kustomize: str) -> None:
        self.folder = folder
        self.home = home | STRICT
        self.program = program
        self.kustomize = kustomize

    def patches(self, render: bytes, *arguments: str) -> Done:
        return run([self.program, "flux-patches", *arguments], self.home, stdin=render, cwd=self.folder)

    def transform(self, render: bytes, *arguments: str) -> Done:
        return run([self.program, *arguments], self.home, stdin=render, cwd=self.folder).succeeded()

    def render(self, render: bytes, entries: list[dict[str, Any]]) -> Done:
        return as_flux(self.kustomize, self.home, self.folder / "as-flux", render, entries)

    def result(self, render: bytes, namespace: str, *, out: str = "out") -> Objects:
        """All objects that reach the cluster: what Helm deploys, and what Flux applies beside it."""
        entries = load(self.folder / out / "patches.yaml")["postRenderers"]
        deployed = (
            self.render(render, entries).succeeded().documents
            if entries
            else list(yaml.safe_load_all(render))
        )
        return objects([*deployed, *documents(self.folder / out / "manifests.yaml")], namespace)
