"""`meshshift check`: what would still be done or decided, without writing manifests; the last step of a
pipeline.

It also closes a gap of kustomize, which skips exec functions silently where `--enable-exec` is missing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from transformer import settings
from transformer.codes import CODES
from transformer.errors import DONE, FINDINGS, INTERNAL, InputError, UsageError
from transformer.findings import SEVERITIES, Finding, ObjectRef
from transformer.frontends import closing, krm, manifests, output, overlooked, readiness
from transformer.frontends.joined import Joined
from transformer.frontends.manifests import Unread
from transformer.options import Options
from transformer.report import colours, json, overview
from transformer.settings import Layer, Settings

COMMAND, UNREAD = "check", overview.UNREAD
if TYPE_CHECKING:
    from transformer.outcome import ObjectFate

_HEADS = ("KIND", "PRESENT", "WOULD MOVE", "NEEDS A DECISION")


def run(
    data: bytes | None,
    paths: Sequence[str],
    layers: Sequence[Layer],
    environ: Mapping[str, str],
    *,
    view: str = "",
) -> int:
    """Check files and folders, or a stream where `data` is given; returns the exit code.

    `view` is what was asked for: `overview` or `full`; where it is empty a terminal gets the overview.
    """
    notes: list[str] = []
    unread: list[Unread] = []
    joined = None
    files = 0
    if data is None:
        found = manifests.read(paths)
        files = len(found.files)
        # A finding says the same as a note.
        notes += [note for note in found.notes if note not in {one.note for one in found.unread}]
        unread = [*found.unread, *overlooked.find(paths)]
        joined = Joined(found.files)
        data = joined.data
        chosen = settings.resolve(layers, environ)
    else:
        chosen = _settings_of_stream(data, layers, environ)
    if not data.strip() and chosen.options["fail-on"] != "never":
        # An empty answer of whatever stands before the pipe must not look like a finished migration.
        what = (
            f"no manifests in {', '.join(paths)}"
            if joined is not None
            else "nothing came in on standard input"
        )
        raise UsageError(f"{what}, so nothing was checked (--fail-on never accepts that)")
    report = _report(data, chosen, notes, joined, [_unread(one) for one in unread])
    report = closing.kept(report, chosen.options, environ)
    if chosen.options["report"] == "text" and (
        view == "overview" or (not view and output.stdout_is_terminal())
    ):
        where = _place(paths if joined is not None else (), files, layers)
        stages = readiness.table(report, chosen.options)
        colour = colours.wanted(sys.stdout, environ)
        shown = overview.render(report, where, stages, width=output.width(), colour=colour)
    else:
        shown = closing.shown(report, chosen.options, sys.stdout, environ)
        if chosen.options["report"] == "text":
            partial = bool(chosen.options["only"])
            shown += table(report, partial=partial) + readiness.table(report, chosen.options)
    output.write(shown.encode(errors="backslashreplace"))
    return int(report["exit_code"])


def _place(paths: Sequence[str], files: int, layers: Sequence[Layer]) -> overview.Place:
    folder = paths[0] if len(paths) == 1 and os.path.isdir(paths[0]) else ""
    configs = [os.path.join(folder, name) for name in settings.CONFIG_FILES] if folder else []
    used = {os.path.realpath(layer.source) for layer in layers[2:]}
    unused = [path for path in configs if os.path.isfile(path) and os.path.realpath(path) not in used]
    return overview.Place(
        " ".join(paths) or "the stream",
        files,
        folder,
        configured=bool(layers[2:]),
        unused=(unused or [""])[0],
    )


def _settings_of_stream(data: bytes, layers: Sequence[Layer], environ: Mapping[str, str]) -> Settings:
    found = krm.detect(data)
    config = krm.function_config(found) if found is not None else None
    return settings.resolve([*layers[:2], *([config] if config else []), *layers[2:]], environ)


def _report(
    data: bytes, chosen: Settings, notes: list[str], joined: Joined | None, unread: list[Finding]
) -> dict[str, Any]:
    from transformer.outcome import rank
    from transformer.transform import transform

    options = chosen.options
    context = manifests.read(options["context"])
    name = joined.name if joined is not None else "<stdin>"
    try:
        found = transform(data, options, context.files, name=name).report
    except InputError as error:
        raise InputError(joined.in_files(str(error)) if joined is not None else str(error)) from error
    findings = list(found.findings)
    if readiness.under_way(options):
        findings += readiness.missing(found)
    for fate in found.objects:
        if remains(fate):
            findings.append(_remaining(fate.ref, fate.file, fate.line, held=fate.outcome == "held"))
    if joined is not None:
        findings = [joined.located(finding) for finding in findings]
    findings += unread
    findings.sort(key=rank)
    found = found._replace(findings=findings, exit_code=_exit_code(findings, options, found.exit_code))
    report = json.as_data(found, options, command=COMMAND, notes=[*chosen.notes, *notes, *context.notes])
    for entry in [*report["objects"], *(at for fact in report["facts"] for at in fact["objects"])]:
        if joined is not None and entry["file"] == joined.name:
            entry["file"], entry["line"] = joined.locate(entry["line"])
    return report


def remains(fate: ObjectFate) -> bool:
    """Whether something of the old mesh is still to go: what needs no change, or stays on purpose, is not."""
    return fate.outcome not in ("unchanged", "kept") and not fate.stays


def is_old(ref: ObjectRef) -> bool:
    """Whether the object's kind belongs to a mesh that is left behind."""
    from transformer.outcome import MESH_SUFFIXES, PASSED_KINDS

    return ref.group.endswith(MESH_SUFFIXES) and (ref.group, ref.kind) not in PASSED_KINDS


def _remaining(ref: ObjectRef, file: str, line: int, *, held: bool) -> Finding:
    code = CODES["MS014"]
    what = "is still here" if is_old(ref) else "still carries settings of the old mesh"
    message = f"{what}: {'it is held' if held else 'it would move'}"
    remedy = "Resolve the finding that holds it." if held else code.remedy
    return Finding(code.code, code.severity, file, line, ref, "", message, remedy)


def _unread(one: Unread) -> Finding:
    code = CODES[UNREAD]
    return Finding(code.code, code.severity, one.file, one.line, None, "", one.why, code.remedy)


def _exit_code(findings: Sequence[Finding], options: Options, before: int) -> int:
    if before == INTERNAL:
        return INTERNAL
    limit = options["fail-on"]
    if limit == "never":
        return DONE
    floor = SEVERITIES.index(limit)
    return (
        FINDINGS if any(SEVERITIES.index(f.severity) >= floor and not f.accepted for f in findings) else DONE
    )


def table(report: Mapping[str, Any], *, partial: bool = False) -> str:
    """How many objects of every kind there are, would move, and need a decision first; empty where there are
    none.
    """
    rows: dict[str, list[int]] = {}
    for entry in report["objects"]:
        kind = f"{entry['kind']} ({entry['group']})" if entry["group"] else entry["kind"]
        row = rows.setdefault(kind, [0, 0, 0])
        row[0] += 1
        row[1] += entry["outcome"] in ("translated", "degraded", "edited")
        row[2] += entry["outcome"] == "held"
    if not rows:
        where = " in what `only` names" if partial else ""
        if overview.passed_over(report):
            return f"Nothing of Istio, SMI or Open Service Mesh is in what was read{where}; not everything was.\n"
        return f"Nothing of Istio, SMI or Open Service Mesh is left{where}.\n"
    width = max(len(kind) for kind in [*rows, _HEADS[0]])
    lines = ["  ".join([_HEADS[0].ljust(width), *_HEADS[1:]])]
    for kind in sorted(rows):
        cells = [str(number).rjust(len(head)) for number, head in zip(rows[kind], _HEADS[1:], strict=True)]
        lines.append("  ".join([kind.ljust(width), *cells]))
    return "\n".join(lines) + "\n"
