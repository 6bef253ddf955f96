"""Istio's policies of the corpus whose workloads are there as well, run as a cluster would have them.

A policy in a file without workloads says nothing about the translation: it is held because its pods are out of sight.
So only streams count in which a policy selects a workload; their Namespaces are added with Istio's label where they lie
elsewhere, and everything is declared complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, NamedTuple

from dev.measure import stream_checks
from dev.measure.corpus_runs import OPTIONS, Ran, Source, run
from transformer.context.index import WORKLOAD_KINDS
from transformer.findings import ObjectRef
from transformer.stream.nodes import ParseError

KINDS = ("AuthorizationPolicy", "PeerAuthentication")
_ROOT, _HOME = "istio-system", "default"
_TEMPLATES = {kind: path for (_, kind), path in WORKLOAD_KINDS.items()}


class Judged(NamedTuple):
    """A policy with a workload: what became of it, and the errors of its own that hold it."""

    source: str
    ref: ObjectRef
    outcome: str
    codes: tuple[str, ...]


class Size(NamedTuple):
    """A stream whose policies all moved: how many there were, and how many objects of Linkerd stand for them."""

    source: str
    policies: int
    objects: int


def judge(sources: Iterable[Source]) -> tuple[list[Judged], list[Size]]:
    """What becomes of every policy that selects a workload of its stream, and how many objects stand for it."""
    judged: list[Judged] = []
    sizes: list[Size] = []
    for source in sources:
        if b"security.istio.io" not in source.data:
            continue
        objects = [value for document in stream_checks.documents(source.data) for value in _values(document)]
        chosen = {_place(value) for value in objects if value["kind"] in KINDS and _selects(value, objects)}
        if not chosen:
            continue
        ran = run(_whole(source, objects), {**OPTIONS, "complete": ("*",), "namespace": _HOME})
        found = _judged(ran, chosen)
        judged += found
        made = [ref for ref, origin in ran.report.emitted if origin.split()[0] in KINDS] if ran.report else []
        if found and all(one.outcome != "held" for one in found):
            sizes.append(Size(source.name, len(found), len(made)))
    return judged, sizes


def share(judged: Iterable[Judged]) -> list[tuple[object, ...]]:
    """Rows of kind, policies, and policies by outcome."""
    rows: dict[str, Counter[str]] = {}
    for one in judged:
        rows.setdefault(one.ref.kind, Counter())[one.outcome] += 1
    return [
        (kind, counts.total(), *(counts[outcome] for outcome in ("translated", "degraded", "held")))
        for kind, counts in sorted(rows.items())
    ]


def per_policy(sizes: Iterable[Size]) -> tuple[float, Size | None]:
    """The median of objects per policy over the streams that moved whole, and the stream with the most."""
    found = sorted(sizes, key=lambda size: (size.objects / size.policies, size.source))
    return (median(size.objects / size.policies for size in found), found[-1]) if found else (0.0, None)


def _judged(ran: Ran, chosen: set[tuple[str, str, str]]) -> list[Judged]:
    if ran.report is None:
        return []
    found = []
    for fate in ran.report.objects:
        if fate.ref.kind in KINDS and (fate.ref.kind, fate.ref.namespace or _HOME, fate.ref.name) in chosen:
            own = {f.code for f in ran.report.findings if f.object == fate.ref and f.severity == "error"}
            found.append(Judged(ran.source.name, fate.ref, fate.outcome, tuple(sorted(own))))
    return found


def _whole(source: Source, objects: list[dict[str, Any]]) -> Source:
    """The stream with the Namespaces that it lacks, as they are where Istio's policies are enforced."""
    there = {value["metadata"].get("name") for value in objects if value["kind"] == "Namespace"}
    needed = sorted({_place(value)[1] for value in objects} - there - {_ROOT, "kube-system"})
    head = "".join(
        f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    istio-injection: enabled\n---\n"
        for name in needed
    )
    return source._replace(data=head.encode() + source.data.removeprefix(b"\xef\xbb\xbf"))


def _values(document: bytes) -> list[dict[str, Any]]:
    try:
        found = stream_checks.values(document)
    except ParseError:
        return []  # a template: the run refuses it with file and line
    return [
        one
        for one in found
        if isinstance(one, dict) and isinstance(one.get("metadata"), dict) and one.get("kind")
    ]


def _place(value: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = value["metadata"]
    return str(value["kind"]), str(metadata.get("namespace") or _HOME), str(metadata.get("name"))


def _selects(policy: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]) -> bool:
    spec = policy.get("spec")
    selector = spec.get("selector") if isinstance(spec, dict) else None
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    wanted = labels if isinstance(labels, dict) else {}
    namespace = _place(policy)[1]
    return any(
        namespace in (_ROOT, _place(value)[1]) and wanted.items() <= found.items()
        for value in objects
        if (found := _labels(value)) is not None
    )


def _labels(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """Labels of a workload's pods; None for what has none."""
    path = _TEMPLATES.get(str(value["kind"]))
    if path is None:
        return None
    at: Any = value
    for step in (*path, "metadata", "labels"):
        at = at.get(step) if isinstance(at, dict) else None
    return at if isinstance(at, dict) else {}
