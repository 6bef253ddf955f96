"""Charts that an Application's chart depends on: `helm dependency build`, where some are missing."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

from transformer.errors import InputError
from transformer.frontends import children, yaml_files
from transformer.frontends.children import Limit
from transformer.frontends.cmp_sources import CHART
from transformer.frontends.confined import inside, refuse_links_out
from transformer.stream import emit

#: Where charts of `apiVersion: v1` name what they depend on.
_REQUIREMENTS = "requirements.yaml"
#: Bytes of an archive that are searched for its Chart.yaml, which Helm puts first.
_LARGEST = 100_000_000
_STYLE = emit.Style(indent_sequences=False, newline="\n")


def build(root: str, environ: Mapping[str, str], limit: Limit) -> str:
    """Download what the chart of the current folder depends on, if any of it is missing; returns what Helm said.

    `root` is the repository, which the chart, its links and its `file://` dependencies may not leave. Raises
    InputError and UsageError.
    """
    refuse_links_out(root, [os.curdir])
    wanted = [*_dependencies(CHART), *_dependencies(_REQUIREMENTS)]
    for entry in wanted:
        address = str(entry.get("repository") or "")
        if address.startswith("file://"):
            folder = inside(
                root, address.removeprefix("file://"), f"dependency {entry.get('name')} of {CHART}"
            )
            refuse_links_out(root, [folder])
    missing = [
        name
        for entry in wanted
        if not os.path.isdir(os.path.join("charts", name := str(entry.get("name", ""))))
    ]
    # Whether versions fit is Helm's to judge.
    if not missing or _packed().issuperset(missing):
        return ""
    with tempfile.TemporaryDirectory(prefix="meshshift-") as folder:
        # Helm builds only from repositories that it knows. They are made known to this run alone: other
        # Applications are rendered in this container too, at the same time.
        config = os.path.join(folder, "repositories.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(emit.render(_repositories(wanted, _known(environ)), _STYLE))
        own = {"HELM_REPOSITORY_CONFIG": config, "HELM_REPOSITORY_CACHE": os.path.join(folder, "cache")}
        command = ["helm", "dependency", "build", "."]
        _, said = children.run(command, limit, what="helm dependency build", environ={**environ, **own})
    return said


def _dependencies(path: str) -> list[dict[str, Any]]:
    if not os.path.isfile(path):
        return []
    found = yaml_files.mapping(path).get("dependencies") or []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"{path}: dependencies is a list of mappings with name, version and repository")
    return found


def _packed() -> set[str]:
    """Names of the charts that were committed as archives. The file's name does not tell: `cart-` also begins that of
    the chart `cart-db`.
    """
    return {_name_in(path) for path in sorted(glob.glob(os.path.join("charts", "*.tgz")))}


def _name_in(path: str) -> str:
    """The name of the chart in an archive; empty where there is none that can be read. Raises InputError."""
    import tarfile
    import zlib

    try:
        with tarfile.open(path, "r:gz") as archive:
            size = 0
            for member in archive:
                size += member.size
                if size > _LARGEST:
                    break
                wanted = member.isfile() and member.name.split("/")[1:] == [CHART]
                file = archive.extractfile(member) if wanted else None
                if file is not None:
                    return str(yaml_files.mapping_of(file.read(), f"{path}: {CHART}").get("name", ""))
    except (tarfile.TarError, zlib.error, EOFError, OSError):
        return ""  # counts as missing, so Helm is asked and says what is wrong with it
    return ""


def _known(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Repositories that the operator has made known to Helm in this container, with their credentials."""
    config = environ.get("HELM_CONFIG_HOME") or os.path.join(
        environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "helm"
    )
    path = environ.get("HELM_REPOSITORY_CONFIG") or os.path.join(config, "repositories.yaml")
    return list(yaml_files.mapping(path).get("repositories") or []) if os.path.isfile(path) else []


def _repositories(wanted: Iterable[Mapping[str, Any]], known: list[dict[str, Any]]) -> dict[str, Any]:
    """Helm's file of repositories: the known ones, and those by address that the chart depends on."""
    addresses = {str(entry.get("url", "")).rstrip("/") for entry in known}
    found = list(known)
    for entry in wanted:
        address = str(entry.get("repository") or "")
        if address.startswith(("http://", "https://")) and address.rstrip("/") not in addresses:
            addresses.add(address.rstrip("/"))
            found.append({"name": f"meshshift-{len(found)}", "url": address})
    return {"apiVersion": "v1", "repositories": found}
