"""`meshshift cmp init|generate`: a config management plugin of Argo CD.

Argo CD runs both in the Application's folder, in a copy of the repository. `init` downloads charts that the
Application's chart depends on; `generate` renders the folder as Argo CD itself would (`helm template`,
`kustomize build` or plain files), transforms the stream and writes it. Argo CD deletes what is missing from an answer,
so the answer is whole, or there is none and the exit code says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from transformer import settings
from transformer.errors import DONE, BugError, InputError, UsageError
from transformer.frontends import (
    children,
    closing,
    cmp_charts,
    cmp_parameters,
    cmp_sources,
    confined,
    manifests,
    output,
)
from transformer.frontends.children import Limit
from transformer.frontends.cmp_parameters import Asked
from transformer.frontends.cmp_sources import Rendered
from transformer.report import json
from transformer.settings import Layer, Settings
from transformer.stream import nodes, split

STEPS = ("init", "generate")
#: Argo CD gives up a request after 60 seconds unless told otherwise, and a command after 90.
_SECONDS = 50.0
_SHARE = 0.9  # of ARGOCD_EXEC_TIMEOUT
_LIMIT = "ARGOCD_EXEC_TIMEOUT"


def run(operands: Sequence[str], layers: Sequence[Layer], environ: Mapping[str, str]) -> int:
    """Do one step in the current folder; returns the exit code. Manifests go to standard output, the rest to stderr.

    `layers` are flags, environment of the container and, where there is one, the configuration file.
    """
    if len(operands) != 1 or operands[0] not in STEPS:
        raise UsageError(f"cmp needs one of {' and '.join(STEPS)}")
    step = operands[0]
    limit = _limit(environ)
    asked = cmp_parameters.read(environ)
    root = confined.repository(environ)
    chosen = _settings(layers, asked, root, environ)
    if step == "init":
        if cmp_sources.kind_of(asked) == "helm":
            output.say(cmp_charts.build(root, environ, limit))
        return DONE
    rendered = cmp_sources.render(asked, root, environ, limit)
    _refuse_nothing(rendered.data, asked, "nothing was rendered")
    if not rendered.data.strip():
        output.write(output.NOTHING)
        return DONE
    return _generate(rendered, asked, chosen, environ)


def _limit(environ: Mapping[str, str]) -> Limit:
    """A limit below Argo CD's, which would end everything without a word of ours."""
    given = children.seconds_of(environ.get(_LIMIT, ""))
    seconds = given * _SHARE if given else _SECONDS
    return Limit.starting_now(
        seconds,
        f"raise {_LIMIT} in the plugin's container, and controller.repo.server.timeout.seconds and "
        "server.repo.server.timeout.seconds in argocd-cmd-params-cm (90 and 60 seconds where nothing is set)",
    )


def _settings(layers: Sequence[Layer], asked: Asked, root: str, environ: Mapping[str, str]) -> Settings:
    """Options: flags of plugin.yaml, the Application's parameters and env, the container's environment, the file."""
    flags, variables, *files = layers
    notes: list[str] = []
    for number, layer in enumerate(files):
        # Found in the folder, so it is the Application's; one that is named is the operator's.
        if layer.source in settings.CONFIG_FILES:
            confined.inside(root, layer.source, "configuration")
            _confine(layer, root)
            if "report-file" in layer.values:
                notes.append(
                    f"report-file of {layer.source} is not used here: the container is the operator's"
                )
            kept = {key: value for key, value in layer.values.items() if key != "report-file"}
            files[number] = layer._replace(values=kept)
    for layer in asked.layers:
        _confine(layer, root)
    # Argo CD puts objects that name no namespace into the one of the Application's destination.
    namespace = environ.get("ARGOCD_APP_NAMESPACE", "")
    last = Layer("ARGOCD_APP_NAMESPACE", {"namespace": namespace} if namespace else {})
    chosen = settings.resolve([flags, *asked.layers, variables, *files, last], environ)
    _refuse_links_out_of_context(chosen.options["context"], root)
    return chosen._replace(notes=(*chosen.notes, *notes))


def _confine(layer: Layer, root: str) -> None:
    """Refuse context from outside of the repository. Raises UsageError."""
    for path in layer.values.get("context", ()):
        confined.inside(root, path, f"context ({layer.source})")


def _refuse_links_out_of_context(paths: Sequence[str], root: str) -> None:
    """Whoever names a place in the repository means what is there. Raises UsageError."""
    for path in paths:
        if os.path.commonpath([os.path.abspath(path), root]) == root:
            confined.inside(root, path, "context")
            if os.path.isdir(path):
                confined.refuse_links_out(root, [path])


def _generate(rendered: Rendered, asked: Asked, chosen: Settings, environ: Mapping[str, str]) -> int:
    from transformer.transform import transform

    options, files = chosen.options, rendered.files
    context = manifests.read(options["context"])
    name = files.name if files is not None else "<rendered>"
    try:
        result = transform(rendered.data, options, context.files, name=name)
    except InputError as error:
        raise InputError(files.in_files(str(error)) if files is not None else str(error)) from error
    report = result.report
    if files is not None:
        report = report._replace(findings=[files.located(finding) for finding in report.findings])
    notes = [*chosen.notes, *rendered.notes, *context.notes]
    command = "cmp" if files is None else "cmp of files"
    data = json.as_data(report, options, command=command, notes=notes)
    body = b"".join(result.output) if closing.may_write(data) else b""
    if closing.may_write(data):
        if not body.strip():
            raise BugError("objects came in and nothing would go out")
        _refuse_nothing(body, asked, "all objects were settings of the old mesh, so nothing is left")
    return closing.finish(data, options, environ, body)


def _refuse_nothing(data: bytes, asked: Asked, why: str) -> None:
    """Raises InputError where a stream holds no object, unless the Application allows that."""
    if not asked.switch("allow-empty") and not _has_objects(data):
        raise InputError(
            f"{why}, and Argo CD deletes all that an empty answer lacks (prune); where that is meant, set the "
            'parameter allow-empty to "true"'
        )


def _has_objects(data: bytes) -> bool:
    """Whether there is an object; what cannot be read counts as one, since a transform says more about it."""
    for start, end in split.split(data):
        try:
            root = nodes.parse(nodes.decode(data[start:end])[0]).root
            if root is not None and nodes.get(root, "kind") is not None and _is_object(root):
                return True
        except nodes.ParseError:
            return True
    return False


def _is_object(node: nodes.Node) -> bool:
    """Whether a document or an item is an object, or a list with one in it. Raises ParseError."""
    node = nodes.resolve(node)
    if node.kind != nodes.MAPPING:
        return False
    kind, items = nodes.get(node, "kind"), nodes.get(node, "items")
    name = str(nodes.resolve(kind).value) if kind is not None else ""
    if items is None:
        return name != "List"
    items = nodes.resolve(items)
    if items.kind == nodes.SEQUENCE:
        return any(map(_is_object, items.value))
    return not name.endswith("List")
