"""What the folder of an Application is, and its manifests as Argo CD's own sources would render them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from transformer.errors import UsageError
from transformer.frontends import children, cmp_directory, cmp_kustomizations
from transformer.frontends.children import Limit
from transformer.frontends.cmp_kustomizations import KUSTOMIZATIONS
from transformer.frontends.cmp_parameters import KINDS, Asked
from transformer.frontends.confined import inside, refuse_links_out
from transformer.frontends.joined import Joined
from transformer.stream.patterns import pattern

CHART = "Chart.yaml"
#: What Helm takes as the name of a release; it never starts with a dash, so it is never read as a flag.
_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME, _LONGEST_NAME = pattern(rf"{_LABEL}(?:\.{_LABEL})*"), 53
#: Helm reads `--values` as a line of comma-separated values.
_NOT_IN_A_PATH = ',"\r\n'
#: Which kind of source a parameter is for.
_FOR = {
    "release-name": "helm", "values-files": "helm", "values": "helm", "helm-parameters": "helm",
    "helm-string-parameters": "helm", "skip-crds": "helm", "skip-tests": "helm", "skip-schema-validation": "helm",
    "directory-recurse": "directory",
}  # fmt: skip


class Rendered(NamedTuple):
    """Manifests as one stream, remarks, and the files that they are, where nothing was rendered."""

    data: bytes
    notes: tuple[str, ...]
    files: Joined | None = None


def kind_of(asked: Asked) -> str:
    """`helm`, `kustomize` or `directory`: what the Application says, else what is in the current folder.

    Raises UsageError where that is not clear, or where parameters are given that this kind does not read.
    """
    markers = {"helm": (CHART,), "kustomize": KUSTOMIZATIONS}
    found = {kind: [name for name in names if os.path.isfile(name)] for kind, names in markers.items()}
    kind = asked.text("source")
    if not kind:
        if found["helm"] and found["kustomize"]:
            raise UsageError(
                f"this folder has both {CHART} and {found['kustomize'][0]}: say which one is rendered with "
                f"the parameter source ({' or '.join(KINDS[:2])})"
            )
        kind = next((kind for kind, names in found.items() if names), "directory")
    elif kind != "directory" and not found[kind]:
        raise UsageError(f"parameter source is {kind}, but there is no {markers[kind][0]} in this folder")
    for name in asked.source:
        if _FOR.get(name, kind) != kind:
            raise UsageError(f"parameter {name} is for {_FOR[name]}; this folder is rendered as {kind}")
    return kind


def render(asked: Asked, root: str, environ: Mapping[str, str], limit: Limit) -> Rendered:
    """The manifests of the current folder; `root` is the repository, which no file may leave.

    Raises UsageError and InputError where they cannot be had whole.
    """
    kind = kind_of(asked)
    if kind == "directory":
        found = cmp_directory.read(root, recurse=asked.switch("directory-recurse"))
        joined = Joined(found.files)
        return Rendered(joined.data, tuple(found.notes), joined)
    if kind == "kustomize":
        cmp_kustomizations.refuse_outside(root)
        # Never with --enable-exec or --enable-alpha-plugins: a repository must not run programs in this container.
        out, said = children.run(["kustomize", "build", "."], limit, what="kustomize build", environ=environ)
    else:
        refuse_links_out(root, [os.curdir])
        command = [
            "helm",
            "template",
            _release_name(asked, environ),
            ".",
            *_helm_arguments(asked, root, environ),
        ]
        values = asked.text("values").encode()
        out, said = children.run(command, limit, what="helm template", environ=environ, stdin=values)
    return Rendered(out, (said,) if said else ())


def _release_name(asked: Asked, environ: Mapping[str, str]) -> str:
    """The name of the release, which is an argument of its own: `--name-template` would run it as a template, with the
    environment of the container at hand. Raises UsageError for what Helm does not take as a name.
    """
    source, name = "parameter release-name", asked.text("release-name")
    if not name:
        # In a namespace other than Argo CD's the name of an Application comes as <namespace>_<name>.
        source, name = "ARGOCD_APP_NAME", environ.get("ARGOCD_APP_NAME", "").rpartition("_")[2]
    if not name:
        raise UsageError(
            "ARGOCD_APP_NAME is not set: Argo CD sets it; elsewhere set it to the release's name"
        )
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise UsageError(
            f"{source}: {name!r} is no name of a Helm release: lower-case letters, digits, dashes and dots, at most "
            f"{_LONGEST_NAME}; set the parameter release-name to one"
        )
    return name


def _helm_arguments(asked: Asked, root: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Flags as Argo CD's own Helm source has them. An argument starts with its flag, so no value can be one."""
    for flag, variable in (("--namespace", "ARGOCD_APP_NAMESPACE"), ("--kube-version", "KUBE_VERSION")):
        if environ.get(variable):
            yield f"{flag}={environ[variable]}"
    for name, value in asked.pairs("helm-parameters").items():
        yield f"--set={name}={_commas_escaped(value)}"
    for name, value in asked.pairs("helm-string-parameters").items():
        yield f"--set-string={name}={_commas_escaped(value)}"
    for path in asked.entries("values-files"):
        yield f"--values={_values_file(root, path)}"
    if asked.text("values"):
        yield "--values=-"
    for version in filter(None, environ.get("KUBE_API_VERSIONS", "").split(",")):
        yield f"--api-versions={version}"
    if not asked.switch("skip-crds"):
        yield "--include-crds"
    for switch in ("skip-tests", "skip-schema-validation"):
        if asked.switch(switch):
            yield f"--{switch}"


def _values_file(root: str, path: str) -> str:
    """A file of the repository as Helm has to be told it, which reads more into a name than a file.

    Raises UsageError.
    """
    what = "parameter values-files"
    if not path:
        raise UsageError(f"{what}: an entry is empty; name a file, or take the entry out")
    if any(letter in path for letter in _NOT_IN_A_PATH):
        raise UsageError(
            f"{what}: {path!r} holds a comma, a quotation mark or a line break, which Helm reads as more than one file; "
            "rename it, and write one entry for each file"
        )
    inside(root, path, what)
    # Neither `-` (standard input) nor `oci:…` (an address) begins like this.
    return path if os.path.isabs(path) else os.path.join(os.curdir, path)


def _commas_escaped(value: str) -> str:
    """A value in which commas do not start another one, as Argo CD writes it; `{a,b}` stays a list."""
    if value.startswith("{") and value.endswith("}"):
        return value
    out, before = [], ""
    for letter in value:
        out.append("\\," if letter == "," and before != "\\" else letter)
        before = letter
    return "".join(out)
