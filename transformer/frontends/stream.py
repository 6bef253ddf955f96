"""A plain stream of manifests, as Helm post-renderers and shell pipes have it: standard input to standard
output.
"""

from __future__ import annotations

from collections.abc import Mapping

from transformer.codes import CODES
from transformer.errors import DONE, BugError
from transformer.findings import Finding
from transformer.frontends import closing, manifests, output
from transformer.report import json
from transformer.settings import Settings

COMMAND = "transform"


def run(data: bytes, settings: Settings, environ: Mapping[str, str]) -> int:
    """Transform a stream; returns the exit code. Nothing goes to standard output unless that is 0."""
    if not data.strip():
        return _empty(data, settings, environ)
    from transformer.transform import transform

    options = settings.options
    context = manifests.read(options["context"])
    result = transform(data, options, context.files)
    report = json.as_data(result.report, options, command=COMMAND, notes=[*settings.notes, *context.notes])
    body = b"".join(result.output) if closing.may_write(report) else b""
    if closing.may_write(report) and not body.strip():
        raise BugError("objects came in and nothing would go out")
    return closing.finish(report, options, environ, body)


def _empty(data: bytes, settings: Settings, environ: Mapping[str, str]) -> int:
    """Empty input: an answer that the caller accepts, and a finding, because Helm 3 hides manifests in one
    such case.
    """
    from transformer.outcome import Report

    code = CODES["MS011"]
    finding = Finding(
        code.code, code.severity, "<stdin>", 0, None, "", "nothing came in on standard input", code.remedy
    )
    found = Report([finding], [], [], [], {}, {}, DONE)
    report = json.as_data(found, settings.options, command=COMMAND, notes=settings.notes)
    # Helm 4 sets this variable for its plugins and refuses an empty answer.
    answer = output.NOTHING if environ.get("HELM_PLUGIN_NAME") else data
    return closing.finish(report, settings.options, environ, answer)
