"""The flow of a run: bytes in, rules, units, settlement, bytes and a report out. All or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from transformer import codes, coexistence, needles, outcome, placeholders, scope
from transformer.context.index import Context
from transformer.documents import Input, Part
from transformer.errors import DONE, USAGE, BugError, InputError, place_of
from transformer.findings import Finding
from transformer.objects import MARKER, Obj
from transformer.options import Options
from transformer.outcome import MESH_SUFFIXES, PASSED_KINDS, Report
from transformer.progress import busy_with
from transformer.rules import registry
from transformer.run import Run
from transformer.settle import Settlement, settle
from transformer.stream import split
from transformer.stream.patterns import pattern
from transformer.targets import versions

if TYPE_CHECKING:
    pass
_SPECIAL_STARTS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"%", b"...")
_SPECIAL_LINES = (b"\n...", b"\n%", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_SPECIAL_SEPARATOR = pattern(rb"---(?:[^ \t\n]|[ \t]+[^ \t\n#])")
_SPECIAL_SEPARATOR_LINE = pattern(rb"\n---(?:[^ \t\n]|[ \t]+[^ \t\n#])")


class Result(NamedTuple):
    """Output buffers (empty unless the run may write) and the report."""

    output: list[bytes | memoryview]
    report: Report


def transform(
    data: bytes, options: Options, context_files: Iterable[tuple[str, bytes]] = (), *, name: str = "<stdin>"
) -> Result:
    """Transform a stream. `context_files` are (name, bytes) read only as context.

    Errors: `InputError` where a document that may matter cannot be read, `BugError` where output does not verify.
    """
    stream = Input(data, needles.NEEDLES + scope.needles(options["only"]), name=name)
    parts = list(stream.parts())
    files = [
        part for file, content in context_files for part in Input(content, needles.NEEDLES, name=file).parts()
    ]
    counter = itertools.count()
    context = Context(parts, files, counter, options["namespace"], options["complete"])
    run = Run(
        options, context, versions.target(options["linkerd"], options["gateway-api"], options["channel"])
    )
    context.includes = run.scope.includes
    findings = list(_ambiguities(stream))
    objects = []
    for number, part in enumerate(parts, 1):
        busy_with("reading document", number, len(parts))
        if part.candidate and (obj := part.obj(counter, options["namespace"])) is not None:
            objects.append(obj)
    if not run.scope.everything:
        objects = coexistence.confined(run, objects)
    _apply_rules(run, objects, data)
    coexistence.note_harms(run)
    placeholders.note(run, data)
    if MARKER.encode() in data:
        from transformer import torn_names

        torn_names.note(run, objects)
    busy_with("deciding what moves together")
    settlement = settle(run)
    if any(missing.at.uid not in settlement.held for entries in run.facts.values() for missing in entries):
        report = outcome.report(run, settlement, findings, objects, USAGE)
        return Result([], report)
    busy_with("writing documents")
    output = _write(stream, run, settlement)
    report = outcome.report(run, settlement, findings, objects, None)
    return Result(output if report.exit_code == DONE else [], report)


def _apply_rules(run: Run, objects: Sequence[Obj], data: bytes) -> None:
    by_kind: dict[tuple[str, str], list[Obj]] = {}
    for obj in objects:
        kind = (obj.ref.group, obj.ref.kind)
        by_kind.setdefault(kind, []).append(obj)
        run.objects[obj.uid] = obj
        if obj.ref.group.endswith(MESH_SUFFIXES) and not obj.name and kind not in PASSED_KINDS:
            run.hold("MS004", obj, "has no metadata.name; the API server refuses it")
    handled: set[tuple[str, str]] = set()
    beside = [group for group, needle in registry.UNNAMED.items() if by_kind and needle in data]
    rules = registry.load([*beside, *(group for group, _ in by_kind)])
    taken = {kind for rule in rules for kind in rule.kinds}
    others = [
        obj for kind, found in by_kind.items() if kind not in taken and not kind[0].endswith(MESH_SUFFIXES)
        for obj in found
    ]  # fmt: skip
    for number, rule in enumerate(rules, 1):
        about = rule.kinds[0][1] if rule.kinds else "all others"
        busy_with(f"rules for {about},", number, len(rules))
        given = _given(run, rule, by_kind) if rule.kinds else others
        handled.update(rule.kinds)
        if given:
            rule.translate(run, given)
    for kind, found in by_kind.items():
        if kind[0].endswith(MESH_SUFFIXES) and kind not in handled and kind not in PASSED_KINDS:
            for obj in found:
                if not run.hold(
                    "MS010", obj, f"{obj.ref.kind} ({obj.ref.group}) has no translation in this version"
                ):
                    run.drop(obj)


def _given(run: Run, rule: registry.Rule, by_kind: dict[tuple[str, str], list[Obj]]) -> list[Obj]:
    """The objects that a rule is for: those of the stream that may name an old mesh, or all."""
    if not rule.unnamed:
        return [obj for kind in rule.kinds for obj in by_kind.get(kind, ())]
    return [obj for kind in rule.kinds for obj in run.context.objects(*kind) if not obj.context]


def _is_plain(data: bytes) -> bool:
    """Whether no line of a stream can be read differently: separators stand alone, nothing else is special.

    One look at the whole instead of one at every document; a false no only costs that time.
    """
    if data.startswith(_SPECIAL_STARTS) or _SPECIAL_SEPARATOR.match(data):
        return False
    return not any(line in data for line in _SPECIAL_LINES) and not _SPECIAL_SEPARATOR_LINE.search(data)


def _ambiguities(stream: Input) -> Iterable[Finding]:
    """Separators that other tools read differently; in a document that may matter they are errors of the input."""
    if _is_plain(stream.data):
        return
    for document, entry in zip(stream.documents, stream.entries, strict=True):
        for found in split.ambiguities(stream.data, document):
            line = stream.data.count(b"\n", 0, found.offset) + 1
            if isinstance(entry, Part) and entry.candidate and found.kind not in ("directive", "utf-16"):
                raise InputError(
                    f"{place_of(entry.file, line, rendered=entry.rendered)}: `{found.text}` is read differently by "
                    "Helm, kubectl and kustomize, and this document may hold mesh objects: put the separator on a line "
                    "of its own"
                )
            code = codes.CODES["MS001"]
            file = entry.file if isinstance(entry, Part) else stream.name
            yield Finding(
                "MS001", code.severity, file, line, None, "", f"{found.kind}: `{found.text}`", code.remedy
            )


def _write(stream: Input, run: Run, settlement: Settlement) -> list[bytes | memoryview]:
    for obj in run.dropped.values():
        stays = obj.uid in settlement.held or settlement.stays(run, obj.uid)
        if obj.part is not None and not stays:
            obj.part.dropped = True
    for emitted in sorted(settlement.emitted, key=lambda one: one.plan.order):
        part = emitted.plan.owners[0].part
        if part is None:
            raise BugError(f"{emitted.ref} has no place in the stream")
        part.derived.append(emitted.value)
        for earlier in emitted.replaces:
            if earlier.part is not None:
                earlier.part.dropped = True
    for old in settlement.left_over:
        if old.part is not None:
            old.part.dropped = True
    output = stream.write()
    if stream.data.strip() and not b"".join(output).strip():
        # Helm 4 refuses an empty answer, and an empty stream could delete everything: a comment is accepted everywhere.
        return [b"# All objects of this stream were mesh settings that Linkerd does not need.\n"]
    return output
