"""What a run may have done to a stream, told from its bytes and its report alone: pass-through, order, new objects."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from dev.measure.corpus_runs import Ran, Source, run
from transformer.findings import ObjectRef
from transformer.outcome import Report
from transformer.stream import nodes, split

MARKER = "meshshift.dev/from"

Identity = tuple[str, str, str, str]


class Objects(NamedTuple):
    """Objects of a run's output for a validator: derived ones, and edited ones before and after the run."""

    derived: list[dict[str, Any]]
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]


def documents(data: bytes) -> list[bytes]:
    """The documents of a stream, markers included: together they are all of its bytes."""
    return [data[document.start : document.end] for document in split.split(data)]


def values(document: bytes) -> list[Any]:
    """The objects of a document, the items of a list in its place; nothing where no parser accepts it."""
    try:
        root = nodes.parse(nodes.decode(document.removeprefix(b"\xef\xbb\xbf"))[0]).root
    except nodes.ParseError:
        return []
    value = nodes.to_value(root) if root is not None else None
    if (
        isinstance(value, dict)
        and str(value.get("kind", "")).endswith("List")
        and isinstance(value.get("items"), list)
    ):
        return list(value["items"])
    return [] if value is None else [value]


def pass_through(ran: Ran) -> list[str]:
    """Faults of documents that the report leaves alone: they are identical and in order, and all that is new is told."""
    report = _report(ran)
    if report.exit_code:
        return [f"{ran.source.name}: output beside exit code {report.exit_code}"] if ran.output else []
    changed = touched(report)
    if not changed:
        return (
            []
            if ran.output == ran.source.data
            else [f"{ran.source.name}: changed although nothing was to be"]
        )
    before, after = documents(ran.source.data), documents(ran.output)
    kept = Counter(after)
    faults = []
    position = 0
    for document in before:
        if any(_identity(value) in changed for value in values(document)):
            continue
        kept[document] -= 1
        try:
            position = after.index(document, position) + 1
        except ValueError:
            faults.append(
                f"{ran.source.name}: a document that nothing concerns was changed or moved: {document[:80]!r}"
            )
    for document in +kept:
        if document not in before:
            faults += [f"{ran.source.name}: {fault}" for fault in _untold(document, report)]
    return faults


def _untold(document: bytes, report: Report) -> list[str]:
    """Objects of a new or changed document that the report tells neither as emitted nor as edited."""
    told = {_key(ref) for ref, _ in report.emitted} | {_key(ref) for ref in report.edited}
    told |= {_key(fate.ref) for fate in report.objects}
    found = [value for value in values(document) if isinstance(value, dict)]
    return [
        f"{_identity(value)} is new and not told"
        for value in found
        if _identity(value) not in told and _marked(value)
    ]


def idempotent(ran: Ran) -> list[str]:
    """Whether a second run over the output changes nothing."""
    again = run(Source(ran.source.name, ran.output))
    return (
        []
        if again.output == ran.output
        else [f"{ran.source.name}: a second run changes the output ({again.refusal})"]
    )


def unaccounted(ran: Ran) -> list[str]:
    """Objects with a leaf that has no fate."""
    report = _report(ran)
    faults = [
        f"{ran.source.name}: {finding.message}" for finding in report.findings if finding.code == "MS009"
    ]
    faults += [
        f"{ran.source.name}: {fate.ref} has leaves without a fate"
        for fate in report.objects
        if fate.fates.get("unaccounted")
    ]
    return faults + ([f"{ran.source.name}: exit code {report.exit_code}"] if report.exit_code == 4 else [])


def to_validate(ran: Ran) -> Objects:
    """Derived objects of the output, and every edited object as it was and as it is."""
    report = _report(ran)
    if not (report.emitted or report.edited):
        return Objects([], [], [])
    edited = {_key(ref) for ref in report.edited}
    after = [
        value for document in documents(ran.output) for value in values(document) if isinstance(value, dict)
    ]
    before = [
        value
        for document in documents(ran.source.data)
        for value in values(document)
        if isinstance(value, dict)
    ]
    return Objects(
        [value for value in after if _marked(value)],
        [value for value in before if _identity(value) in edited],
        [value for value in after if _identity(value) in edited and not _marked(value)],
    )


def touched(report: Report) -> set[Identity]:
    """Objects that the run edited or that left the stream."""
    gone = {_key(fate.ref) for fate in report.objects if fate.outcome in ("translated", "degraded", "edited")}
    return gone | {_key(ref) for ref in report.edited}


def _report(ran: Ran) -> Report:
    if ran.report is None:
        raise ValueError(f"{ran.source.name} was refused: {ran.refusal}")
    return ran.report


def _marked(value: dict[str, Any]) -> bool:
    return MARKER in (((value.get("metadata") or {}).get("annotations")) or {})


def _key(ref: ObjectRef) -> Identity:
    return ref.group, ref.kind, ref.namespace, ref.name


def _identity(value: Any) -> Identity:
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        return "", "", "", ""
    meta = value["metadata"]
    group = str(value.get("apiVersion", "")).rpartition("/")[0]
    name = meta.get("name") or meta.get("generateName") or ""
    return group, str(value.get("kind", "")), str(meta.get("namespace") or ""), str(name)
