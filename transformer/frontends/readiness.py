"""What `check` says while a migration is under way: whether this stage is complete, and which namespaces may go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from transformer.codes import CODES
from transformer.findings import Finding
from transformer.options import Options

if TYPE_CHECKING:
    from transformer.outcome import Report

_NEXT = {"prepare": "phase: switch", "switch": "phase: enforce"}
_HEADS = ("NAMESPACE", "READY FOR", "BLOCKED BY")


def under_way(options: Options) -> bool:
    """Whether both meshes run: sources stay for a time, and what was added has to be there."""
    return options["phase"] != "enforce" or bool(options["only"])


def missing(report: Report) -> Iterator[Finding]:
    """What this stage adds and is not there. Where sources stay, nothing else would tell that no transform has run."""
    code = CODES["MS018"]
    places = {str(fate.ref): (fate.file, fate.line) for fate in reversed(report.objects)}
    for ref, source in report.emitted:
        message = f"{ref} is missing, which {source} becomes at this stage"
        # What is missing is nowhere; a reader looks at what it is made of.
        file, line = places.get(source, ("", 0))
        yield Finding(code.code, code.severity, file, line, ref, "", message, code.remedy)


def table(report: Mapping[str, Any], options: Options) -> str:
    """Each namespace with the stage that it is ready for, or what keeps it from there; empty where nothing is under way."""
    blocked = _blocked(report)
    if not blocked or not under_way(options):
        return ""
    following = _NEXT.get(options["phase"], "enforce without only")
    rows = [
        (namespace or "(none)", "-" if why else following, "; ".join(why))
        for namespace, why in sorted(blocked.items())
    ]
    widths = [max(len(row[column]) for row in [_HEADS, *rows]) for column in range(2)]
    lines = (
        f"{row[0].ljust(widths[0])}  {row[1].ljust(widths[1])}  {row[2]}".rstrip() for row in [_HEADS, *rows]
    )
    return "\n".join(lines) + "\n"


def _blocked(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """What stands in the way, by namespace: objects that are held, not yet edited, or not yet added."""
    found: dict[str, dict[str, int]] = {}
    for entry in report["objects"]:
        counts = found.setdefault(_namespace(entry), {})
        if entry["outcome"] == "held":
            counts["held"] = counts.get("held", 0) + 1
        elif entry["outcome"] not in ("unchanged", "kept") and not entry["stays"]:
            counts["not migrated"] = counts.get("not migrated", 0) + 1
    for entry in report["emitted"]:
        counts = found.setdefault(entry["namespace"], {})
        counts["missing"] = counts.get("missing", 0) + 1
    return {
        namespace: [f"{number} {what}" for what, number in counts.items()]
        for namespace, counts in found.items()
    }


def _namespace(entry: Mapping[str, Any]) -> str:
    name: str = entry["name"] if (entry["group"], entry["kind"]) == ("", "Namespace") else entry["namespace"]
    return name
