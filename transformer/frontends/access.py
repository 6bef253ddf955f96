"""`meshshift explain --workload ns/name`: who may call what of a workload, before the run and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transformer import settings
from transformer.errors import DONE, FINDINGS, UsageError
from transformer.frontends import manifests, output
from transformer.frontends.joined import Joined
from transformer.options import Options
from transformer.report import access
from transformer.settings import Layer


def run(
    workload: str,
    data: bytes | None,
    paths: Sequence[str],
    layers: Sequence[Layer],
    environ: Mapping[str, str],
) -> int:
    """Print the tables of a workload in files and folders, or in a stream; returns the exit code.

    Policies are read as with `authorization: translate`, whatever the settings say; findings that hold them are listed.
    """
    namespace, slash, name = workload.partition("/")
    if not slash or not namespace or not name:
        raise UsageError(f"--workload takes NAMESPACE/NAME, not {workload!r}")
    if data is None:
        data = Joined(manifests.read(paths).files).data
    chosen = settings.resolve(layers, environ).options
    options = Options({**dict(chosen.items()), "authorization": "translate", "fail-on": "never"})
    from transformer.transform import transform

    report = transform(data, options, manifests.read(chosen["context"]).files).report
    found = report.access or {}
    mine = [one for ref, one in found.items() if (ref.namespace, ref.name) == (namespace, name)]
    shown = [access.workload(wanted) for wanted in mine]
    if not mine:
        shown = [access.none(namespace, name, sorted({f"{ref.namespace}/{ref.name}" for ref in found}))]
    held = [
        finding for finding in report.findings
        if finding.severity == "error" and finding.object is not None and finding.object.namespace == namespace
    ]  # fmt: skip
    if held:
        shown.append("held, so all of this stays as it is before:")
        shown += [f"  {finding.code} {finding.object}: {finding.message}" for finding in held]
        shown.append("")
    output.write("\n".join(shown).encode(errors="backslashreplace"))
    return DONE if mine else FINDINGS
