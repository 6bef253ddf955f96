"""A KRM function: a ResourceList on standard input, the same transformed, with `results`, on standard output.

Follows the KRM functions specification (kubernetes-sigs/kustomize, cmd/config/docs/api-conventions/functions-
spec.md). kustomize discards `results` and shows standard error, kpt keeps `results`: findings go to both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from transformer import settings
from transformer.errors import DONE, FINDINGS, BugError, UsageError
from transformer.findings import ObjectRef
from transformer.frontends import closing, krm_files, manifests
from transformer.report import json
from transformer.settings import Layer
from transformer.stream import items, nodes, splice, split

KIND, GROUP, VERSIONS = "ResourceList", "config.kubernetes.io", ("v1", "v1beta1")
_STDIN = "<stdin>"
_WRITES = (".",)
_PLACEHOLDER = "meshshift-items-{}"


class ResourceList(NamedTuple):
    """A ResourceList: its text, and everything but its items as a node."""

    text: str
    rest: nodes.Node


def detect(data: bytes) -> ResourceList | None:
    """The ResourceList that the input is, or None.

    Raises UsageError for a version that is not understood, and for a ResourceList among other documents, whose
    functionConfig nobody would heed.
    """
    if KIND.encode() not in data:
        return None
    documents = split.split(data)
    if len(documents) != 1:
        for start, end in documents:
            if _read(data[start:end]) is not None:
                line = data.count(b"\n", 0, start) + 1
                raise UsageError(
                    f"{_STDIN}:{line}: a {KIND} stands in a stream of {len(documents)} documents: hand it over alone"
                )
        return None
    return _read(data)


def _read(document: bytes) -> ResourceList | None:
    if KIND.encode() not in document:
        return None
    try:
        text, _ = nodes.decode(document)
        rest = _rest(text)
        head = {
            key: nodes.to_value(value) for key, _, value in nodes.pairs(rest) if key in ("apiVersion", "kind")
        }
    except nodes.ParseError:
        # Whoever reads the items will say what is wrong, with its place.
        return None
    group, _, version = str(head.get("apiVersion", "")).partition("/")
    if head.get("kind") != KIND or group != GROUP:
        return None
    if version not in VERSIONS:
        raise UsageError(f"{KIND} {GROUP}/{version} is not understood, only {' and '.join(VERSIONS)}")
    return ResourceList(text, rest)


def run(data: bytes, found: ResourceList, layers: Sequence[Layer], environ: Mapping[str, str]) -> int:
    """Transform a ResourceList; returns the exit code. With 1 the items go out as they came, with the
    results.
    """
    from transformer.transform import transform

    config = function_config(found)
    chosen = settings.resolve([*layers[:2], *([config] if config else []), *layers[2:]], environ)
    options = chosen.options
    context = manifests.read(options["context"])
    result = transform(data, options, context.files)
    report = json.as_data(result.report, options, command="transform", notes=[*chosen.notes, *context.notes])
    origins = krm_files.origins(found.text, options["namespace"])
    for finding in report["findings"]:
        if finding["file"] != _STDIN:
            # Lines are those of the ResourceList, which nobody has in a file.
            finding["line"] = 0
    body = b""
    if report["exit_code"] == DONE:
        text = b"".join(result.output).decode()
        if result.report.emitted:
            text = krm_files.place(text, origins, _beside(result.report.places), options["namespace"])
        # Results are read beside the files as they are then, where items may have moved down.
        places = krm_files.origins(text, options["namespace"])
        body = with_results(text, _results(report, places)).encode()
        if not body.strip():
            raise BugError("a ResourceList came in and nothing would go out")
    elif report["exit_code"] == FINDINGS:
        body = with_results(found.text, _results(report, origins)).encode()
    return closing.finish(report, options, environ, body)


def _beside(places: Mapping[ObjectRef, ObjectRef]) -> dict[str, str]:
    pairs = [(krm_files.key(*one[2:]), krm_files.key(*other[2:])) for one, other in places.items()]
    return dict(pairs)


def function_config(found: ResourceList) -> Layer | None:
    """Options from functionConfig: an object of our kind, or a ConfigMap as `kpt fn eval -- key=value` makes
    it. None where there is none, or an empty one.
    """
    node = nodes.get(found.rest, "functionConfig")
    return _layer(node, "functionConfig") if node is not None else None


def function_config_file(path: str) -> Layer:
    """Options from a functionConfig in a file of its own, as kustomize hands it to a plugin that is no KRM function.

    Paths in it start at the current folder: the file is a temporary copy. Raises UsageError.
    """
    try:
        with open(path, "rb") as file:
            root = nodes.parse(nodes.decode(file.read())[0]).root
    except OSError as error:
        raise UsageError(f"the functionConfig cannot be read: {path}: {error.strerror}") from error
    except nodes.ParseError as error:
        raise UsageError(f"{path}:{error.line}: {error.message}") from error
    layer = _layer(root, path) if root is not None else None
    if layer is None:
        raise UsageError(f"{path}: there is no functionConfig in this file")
    return layer


def _layer(node: nodes.Node, source: str) -> Layer | None:
    from transformer import config

    data = config.plain(node)
    if not data:
        return None
    if not isinstance(data, dict):
        raise UsageError(f"{source} is not an object")
    if (data.get("apiVersion"), data.get("kind")) == ("v1", "ConfigMap"):
        spec = data.get("data") or {}
        if not isinstance(spec, dict):
            raise UsageError(f"{source}: data is a mapping of options")
        return Layer(source, config.values(spec, source, rewritten=True), _WRITES)
    return Layer(source, config.values(config.spec_of(data, source), source, rewritten=True), _WRITES)


def with_results(text: str, results: list[dict[str, Any]]) -> str:
    """The ResourceList with these top-level `results` instead of those it has; without either it stays as it
    is.
    """
    before = nodes.get(_rest(text), "results")
    if before is None and not results:
        return text
    wanted: list[splice.Op] = [splice.Remove(("results",))] if before is not None else []
    if results:
        wanted.append(splice.Insert((), "results", results))
    try:
        short, kept = _without_items(text)
        edited = splice.apply(short, nodes.parse(short), wanted)
    except (splice.Refused, nodes.ParseError) as error:
        raise BugError(f"the results cannot be written into the {KIND}: {error}") from error
    return _with_items(edited, kept)


def _rest(text: str) -> nodes.Node:
    """The root of the document without its items, or of the whole one where it needs them to parse."""
    cut = items.slice_items(text)
    root = None
    if cut is not None and not cut.cross_item_aliases:
        root = nodes.parse(cut.prefix + cut.suffix).root
    if root is None:
        root = nodes.parse(text).root
    if root is None:
        raise nodes.ParseError("the document is empty")
    return root


def _without_items(text: str) -> tuple[str, tuple[str, str]]:
    """The text with one short stand-in for all items, and the stand-in with what it stands for."""
    cut = items.slice_items(text)
    if cut is None or not cut.items or cut.cross_item_aliases:
        return text, ("", "")
    mark = next(mark for number in range(len(text)) if (mark := _PLACEHOLDER.format(number)) not in text)
    body = text[cut.items[0].start : cut.items[-1].end]
    if cut.flow:
        mark = f'"{mark}"'
        return cut.prefix + mark + cut.suffix, (mark, body)
    line = " " * cut.items[0].indent + "- " + mark
    ending = body[len(body.rstrip("\r\n")) :]
    first_break = next((ending[: size + 1] for size in range(len(ending)) if ending[size] == "\n"), "")
    return cut.prefix + line + first_break + cut.suffix, (line + first_break, body)


def _with_items(text: str, kept: tuple[str, str]) -> str:
    mark, body = kept
    if not mark:
        return text
    if text.count(mark) != 1:
        raise BugError(f"the items of the {KIND} cannot be found again")
    return text.replace(mark, body)


def _results(report: Mapping[str, Any], origins: Mapping[str, krm_files.Origin]) -> list[dict[str, Any]]:
    return [_result(finding, origins) for finding in report["findings"]]


def _result(finding: Mapping[str, Any], origins: Mapping[str, krm_files.Origin]) -> dict[str, Any]:
    """A finding as an entry of `results`."""
    message = f"{finding['code']}: {finding['message']}"
    if finding["remedy"] and not finding["accepted"]:
        message += f" ({finding['remedy'].rstrip('.')})"
    result: dict[str, Any] = {
        "message": message,
        "severity": finding["severity"],
        "tags": {"code": finding["code"]},
    }
    if finding["accepted"]:
        result["tags"]["accepted"] = finding["accepted"]
    ref = finding["object"]
    if ref is not None:
        group = f"{ref['group']}/" if ref["group"] else ""
        result["resourceRef"] = {
            "apiVersion": group + ref["version"],
            "kind": ref["kind"],
            "name": ref["name"],
        }
        if ref["namespace"]:
            result["resourceRef"]["namespace"] = ref["namespace"]
        if finding["field"]:
            result["field"] = {"path": finding["field"]}
    if finding["file"] not in ("", _STDIN):
        result["file"] = {"path": finding["file"]}
        origin = (
            origins.get(krm_files.key(ref["kind"], ref["namespace"], ref["name"]))
            if ref is not None
            else None
        )
        if origin is not None and origin.path == finding["file"]:
            result["file"]["index"] = origin.at
    return result
