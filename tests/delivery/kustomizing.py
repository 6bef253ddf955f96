"""Kustomizations written by a test, with the function of this checkout as transformer, component or legacy plugin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.delivery.running import Done, identities, run, write
from tests.delivery.samples import NAMESPACE, SERVICE, SETTINGS, VIRTUAL_SERVICE
from tests.real_tools import ROOT
from transformer.stream import items

PLUGIN = ROOT / "kustomize-plugin"
FUNCTION = (PLUGIN / "meshshift.yaml").read_text(encoding="utf-8")
LEGACY = (PLUGIN / "legacy" / "meshshift.yaml").read_text(encoding="utf-8")
ENABLED = ("--enable-alpha-plugins", "--enable-exec")
RESOURCES = {
    "namespace.yaml": NAMESPACE,
    "service.yaml": SERVICE,
    "settings.yaml": SETTINGS,
    "traffic.yaml": VIRTUAL_SERVICE,
}


def kustomization(names: Mapping[str, str], **more: Any) -> str:
    """A kustomization.yaml with these files as resources."""
    return yaml.safe_dump({"resources": sorted(names), **more})


def layer(folder: Path, files: Mapping[str, str], **more: Any) -> Path:
    """A folder with resources and their kustomization."""
    return write(folder, {**files, "kustomization.yaml": kustomization(files, **more)})


def over(folder: Path, *below: str, **more: Any) -> Path:
    """A folder with a kustomization of other folders."""
    return write(folder, {"kustomization.yaml": yaml.safe_dump({"resources": list(below), **more})})


def transformed(folder: Path, files: Mapping[str, str], *, function: str = FUNCTION, **more: Any) -> Path:
    """A layer with the function as a transformer."""
    write(folder, {"meshshift.yaml": function})
    return layer(folder, files, transformers=["meshshift.yaml"], **more)


def component(folder: Path, function: str = FUNCTION) -> Path:
    """A copy of the component of this checkout."""
    files = {path.name: path.read_bytes() for path in (PLUGIN / "component").iterdir()}
    return write(folder, {**files, "meshshift.yaml": function})


def told(spec: Mapping[str, Any], function: str = FUNCTION) -> str:
    """The function's configuration with another spec."""
    return yaml.safe_dump({**yaml.safe_load(function), "spec": dict(spec)})


def recorded(folder: Path, program: str, function: str = FUNCTION) -> str:
    """The function's configuration, and a program that keeps what comes in and goes out as `in` and `out` in `folder`."""
    folder.mkdir()
    script = folder / "record"
    script.write_text(
        f"#!/bin/sh\ncat >'{folder}/in'\n'{program}' \"$@\" <'{folder}/in' >'{folder}/out'\n"
        f"code=$?\ncat '{folder}/out'\nexit $code\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    return function.replace("path: meshshift", f"path: {json.dumps(str(script))}")


def build(
    kustomize: str, home: Mapping[str, str], folder: Path, *flags: str, env: Mapping[str, str] | None = None
) -> Done:
    """`kustomize build FOLDER` with both flags, or with those given."""
    return run([kustomize, "build", folder, *(flags or ENABLED)], {**home, **(env or {})})


def texts(answer: Path) -> dict[str, str]:
    """The items of a ResourceList as they are written, by kind and name."""
    text = answer.read_text(encoding="utf-8")
    cut = items.slice_items(text)
    assert cut is not None
    found = [text[item.start : item.end] for item in cut.items]
    return {identities(yaml.safe_load(item))[0]: item for item in found}


def notes(document: dict[str, Any]) -> dict[str, str]:
    """The annotations of an object."""
    found: dict[str, str] = document["metadata"].get("annotations", {})
    return found
