"""Argo CD's plugin server as far as a plugin can tell: what it reads of plugin.yaml, where and how it runs the commands.

Follows argocd-cmp-server (cmpserver/plugin) and the environment that argocd-repo-server sends (getPluginEnvs).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.delivery.running import Done
from tests.real_tools import ROOT

FOLDER = ROOT / "integrations" / "argocd"
PLUGIN = FOLDER / "plugin.yaml"


class App(NamedTuple):
    """An Application: the path of its source in the repository, its destination, and `spec.source.plugin`."""

    path: str = "."
    name: str = "shop"
    namespace: str = "shop"
    parameters: Sequence[Mapping[str, Any]] = ()
    env: Mapping[str, str] = {}


class Server:
    """Runs the commands of plugin.yaml in copies of a repository; `environ` is the container's."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.config = yaml.safe_load(PLUGIN.read_text(encoding="utf-8"))
        self.environ = dict(environ)
        self.folder = folder
        self.init: Done | None = None

    def generate(self, repository: Path, app: App = App()) -> Done:  # noqa: B008  (it is immutable)
        """`init`, then `generate`, in the Application's folder of a fresh copy of the repository; the last that ran."""
        work = self.folder / f"_cmp_server-{len(list(self.folder.iterdir()))}"
        # Without preserveFileMode nothing that arrives is executable.
        shutil.copytree(repository, work, symlinks=True, copy_function=shutil.copyfile)
        here = work / app.path
        environ = self.environ | variables(app)
        self.init = self.command("init", here, environ)
        done = self.command("generate", here, environ) if self.init.code == 0 else self.init
        shutil.rmtree(work)
        return done

    def command(self, step: str, folder: Path, environ: Mapping[str, str]) -> Done:
        """One command of plugin.yaml, as its own process group and without anything on standard input."""
        command = self.config["spec"][step]
        done = subprocess.run(
            [*command["command"], *command.get("args", [])],
            cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, process_group=0, timeout=60,
            check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def variables(app: App) -> dict[str, str]:
    """What argocd-repo-server sends with a request."""
    found = {
        "ARGOCD_APP_NAME": app.name,
        "ARGOCD_APP_NAMESPACE": app.namespace,
        "ARGOCD_APP_PROJECT_NAME": "default",
        "ARGOCD_APP_REVISION": "0123456789abcdef0123456789abcdef01234567",
        "ARGOCD_APP_REVISION_SHORT": "0123456",
        "ARGOCD_APP_REVISION_SHORT_8": "01234567",
        "ARGOCD_APP_SOURCE_REPO_URL": "https://git.example.org/shop.git",
        "ARGOCD_APP_SOURCE_PATH": app.path,
        "ARGOCD_APP_SOURCE_TARGET_REVISION": "main",
        "KUBE_VERSION": "1.33.0",
        "KUBE_API_VERSIONS": "v1,apps/v1,example.org/v1/Thing",
    }
    found |= {f"ARGOCD_ENV_{name}": text for name, text in app.env.items()}
    if app.parameters:
        found["ARGOCD_APP_PARAMETERS"] = json.dumps(list(app.parameters))
        for entry in app.parameters:
            stem = "PARAM_" + entry["name"].upper().replace(".", "_").replace("-", "_")
            found |= {stem: entry["string"]} if "string" in entry else {}
            found |= {f"{stem}_{number}": text for number, text in enumerate(entry.get("array", ()))}
            found |= {
                f"{stem}_{key.upper().replace('.', '_')}": text for key, text in entry.get("map", {}).items()
            }
    return found


def programs(folder: Path, **paths: str) -> str:
    """A folder for PATH in which programs have the given names."""
    folder.mkdir(exist_ok=True)
    for name, path in paths.items():
        (folder / name).symlink_to(path)
    return str(folder)


def fake(folder: Path, name: str, script: str) -> str:
    """A folder for PATH with a program made of a shell script."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(folder)


def on_path(environ: Mapping[str, str], folder: str) -> dict[str, str]:
    """The environment with a folder before all others on PATH."""
    return dict(environ) | {"PATH": f"{folder}{os.pathsep}{environ['PATH']}"}
