"""What stands in integrations/argocd: fields that Argo CD reads, a patch that fits, programs with checksums."""

from __future__ import annotations

import hashlib
import io
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.delivery.cmp_server import FOLDER, PLUGIN
from tests.delivery.running import run, write
from transformer import __version__
from transformer.frontends.cmp_parameters import SOURCE_PARAMETERS
from transformer.settings import BY_KEY

#: PluginConfig, Command, Parameters and ParameterAnnouncement of Argo CD 3.6; keys that it does not know it ignores.
_COMMAND = {"command": [str], "args": [str]}
_ANNOUNCEMENT = {
    "name": str, "title": str, "tooltip": str, "required": bool, "itemType": str, "collectionType": str, "string": str,
    "array": [str], "map": {str: str},
}  # fmt: skip
_CONFIG: dict[str, Any] = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"name": str},
    "spec": {
        "version": str,
        "init": _COMMAND,
        "generate": _COMMAND,
        "discover": {"find": {**_COMMAND, "glob": str}, "fileName": str},
        "parameters": {"static": [_ANNOUNCEMENT], "dynamic": _COMMAND},
        "preserveFileMode": bool,
        "provideGitCreds": bool,
    },
}
CONFIG = yaml.safe_load(PLUGIN.read_text(encoding="utf-8"))
ANNOUNCED = CONFIG["spec"]["parameters"]["static"]


def strangers(value: Any, shape: Any, where: str = "") -> list[str]:
    """Places of a value that the shape does not have, or has as another type."""
    if isinstance(shape, dict) and set(shape) != {str}:
        if not isinstance(value, dict):
            return [where]
        return [
            found for key, below in value.items()
            for found in (strangers(below, shape[key], f"{where}.{key}") if key in shape else [f"{where}.{key}"])
        ]  # fmt: skip
    if isinstance(shape, list):
        items = value if isinstance(value, list) else [None]
        return [found for item in items for found in strangers(item, shape[0], f"{where}[]")]
    if isinstance(shape, dict):
        return (
            [where]
            if not isinstance(value, dict)
            else [f for v in value.values() for f in strangers(v, str, where)]
        )
    return [] if type(value) is shape else [where]


def test_argo_cd_reads_every_field_of_the_plugin() -> None:
    assert strangers(CONFIG, _CONFIG) == []
    assert CONFIG["kind"] == "ConfigManagementPlugin"
    # With a version the name would be meshshift-<version>; without rules of discovery it is used by name alone.
    assert CONFIG["metadata"] == {"name": "meshshift"}
    assert set(CONFIG["spec"]) == {"init", "generate", "parameters"}
    assert CONFIG["spec"]["generate"]["command"] == ["meshshift", "cmp", "generate"]


def test_a_field_that_argo_cd_does_not_read_would_be_noticed() -> None:
    wrong = {
        "spec": {
            "generate": {"command": "meshshift"},
            "lockRepo": True,
            "parameters": {"static": [{"default": ""}]},
        }
    }
    assert strangers(wrong, _CONFIG) == [
        ".spec.generate.command[]",
        ".spec.lockRepo",
        ".spec.parameters.static[].default",
    ]


@pytest.mark.parametrize("entry", ANNOUNCED, ids=lambda entry: str(entry["name"]))
def test_an_announced_parameter_is_read_as_it_is_announced(entry: dict[str, Any]) -> None:
    name = entry["name"]
    collection = entry.get("collectionType", "string")
    if name in BY_KEY:
        option = BY_KEY[name]
        assert (collection == "array") == (option.kind in ("list", "accept"))
        # Argo CD never sends a default, so what it shows has to be what happens.
        assert entry.get("string", "") == (option.default if collection == "string" else "")
        return
    wanted = SOURCE_PARAMETERS[name]
    assert collection == (wanted if wanted in ("array", "map") else "string")
    assert (entry.get("itemType"), entry.get("string")) == (
        ("boolean", "false") if wanted == "switch" else (None, None)
    )


def test_every_parameter_of_the_rendering_is_announced() -> None:
    assert set(SOURCE_PARAMETERS) <= {entry["name"] for entry in ANNOUNCED}


REPO_SERVER = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: argocd-repo-server, namespace: argocd}
spec:
  template:
    spec:
      containers:
      - {name: argocd-repo-server, image: argocd, volumeMounts: [{name: plugins, mountPath: /plugins}]}
      volumes:
      - {name: var-files, emptyDir: {}}
      - {name: plugins, emptyDir: {}}
      - {name: tmp, emptyDir: {}}
"""


def test_the_component_adds_the_container_beside_the_repo_server(
    kustomize: str, home: dict[str, str], tmp_path: Path
) -> None:
    files = {path.name: path.read_bytes() for path in FOLDER.glob("*.yaml")}
    write(tmp_path / "meshshift", files)
    write(tmp_path / "argocd", {"install.yaml": REPO_SERVER})
    write(
        tmp_path / "argocd", {"kustomization.yaml": "resources: [install.yaml]\ncomponents: [../meshshift]\n"}
    )
    spec = (
        run([kustomize, "build", tmp_path / "argocd"], home)
        .succeeded()
        .documents[0]["spec"]["template"]["spec"]
    )
    containers = {container["name"]: container for container in spec["containers"]}
    assert set(containers) == {"argocd-repo-server", "meshshift"}
    mine = containers["meshshift"]
    assert mine["command"] == ["/var/run/argocd/argocd-cmp-server"]
    assert mine["securityContext"]["runAsUser"] == 999
    assert mine["image"].endswith(f":{__version__}")
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for mount in mine["volumeMounts"]} <= volumes
    # Argo CD's own /tmp would show the repositories of all Applications to the plugin.
    assert {mount["mountPath"]: mount["name"] for mount in mine["volumeMounts"]}["/tmp"] == "meshshift-tmp"


def test_every_program_of_the_image_has_a_version_and_checksums() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    for name in ("HELM", "KUSTOMIZE"):
        assert re.fullmatch(r"\d+\.\d+\.\d+", arguments[f"{name}_VERSION"])
        for machine in ("AMD64", "ARM64"):
            assert re.fullmatch(r"[0-9a-f]{64}", arguments[f"{name}_SHA256_{machine}"])
            assert f"${name}_SHA256_{machine}" in text
    assert text.rstrip().endswith("USER 999")
    assert "--require-hashes" in text
    for copied in re.findall(r"^COPY (integrations/\S+)", text, re.MULTILINE):
        assert (FOLDER.parent.parent / copied).is_file()


@pytest.mark.parametrize("right", [True, False])
def test_a_program_with_another_checksum_is_not_installed(
    right: bool, tmp_path: Path, home: dict[str, str]
) -> None:
    body = b"#!/bin/sh\necho it runs\n"
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("linux-amd64/helm")
        entry.size = len(body)
        archive.addfile(entry, io.BytesIO(body))
    digest = hashlib.sha256((tmp_path / "a.tar.gz").read_bytes()).hexdigest() if right else "0" * 64
    target = tmp_path / "helm"
    url = (tmp_path / "a.tar.gz").as_uri()
    done = run([sys.executable, FOLDER / "fetch.py", url, digest, "linux-amd64/helm", target], home)
    assert (done.code == 0) == right == target.exists()
    if right:
        assert run([target], home).out == b"it runs\n"
    else:
        assert "has the checksum" in done.err
