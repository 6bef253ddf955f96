"""Metadata of derived objects: what is carried over from the source object, what is not, and the marker.

Carried: name (or a suffix of it), namespace, the chart's and the team's labels, annotations of the delivery tools. Not
carried: finalizers, ownerReferences, server-set fields, labels that only the old mesh reads, Argo CD's tracking id.
"""

from __future__ import annotations

from typing import Any

from transformer.ledger import NO_OP, TRANSLATED, Fate, Mark
from transformer.objects import MARKER as MARKER
from transformer.objects import Obj
from transformer.run import Run

_TOOL_PREFIXES = (
    "helm.sh/", "argocd.argoproj.io/", "postrenderer.helm.sh/", "kustomize.toolkit.fluxcd.io/", "config.kubernetes.io/origin",
    "config.kubernetes.io/local-config",
)  # fmt: skip
_NEVER = frozenset({"argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"})
_OLD_MESH = ("istio.io/", "istio-injection", "openservicemesh.io/", "smi-spec.io/")


def marker(source: Obj) -> str:
    """The value of the marker annotation: where a derived object came from."""
    parts = (source.ref.kind, source.namespace, source.name)
    return "/".join(part for part in parts if part)


def metadata(source: Obj, name: str, *, namespace: str | None = None) -> dict[str, Any]:
    """Metadata for an object derived from `source`; `namespace` None keeps the source's (unwritten stays unwritten)."""
    out: dict[str, Any] = {"name": fit(name)}
    if namespace is not None and namespace != source.namespace:
        out["namespace"] = namespace
    elif source.writes_namespace:
        out["namespace"] = source.namespace
    labels = {key: value for key, value in source.labels.items() if carries_label(key)}
    if labels:
        out["labels"] = labels
    annotations = {key: value for key, value in source.annotations.items() if carries_annotation(key)}
    annotations[MARKER] = marker(source)
    out["annotations"] = annotations
    return out


def carries_label(key: str) -> bool:
    """Whether a label goes over to derived objects."""
    return key not in _NEVER and not _of_old_mesh(key)


def carries_annotation(key: str) -> bool:
    """Whether an annotation goes over to derived objects: only those that steer a delivery tool."""
    return key not in _NEVER and key.startswith(_TOOL_PREFIXES)


def _of_old_mesh(key: str) -> bool:
    domain = key.split("/", 1)[0] + "/"
    return key == "istio-injection" or any(stem in domain for stem in _OLD_MESH)


def fit(name: str, limit: int = 63) -> str:
    """A name that fits the limit: cut, with a hash of the whole so that two long names stay two."""
    if len(name) <= limit:
        return name
    # Loads OpenSSL, which most runs never need.
    import hashlib

    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: limit - 9].rstrip('-.')}-{digest}"


def account(run: Run, source: Obj) -> None:
    """Open the account of a source object that will be replaced, and settle everything but its spec."""
    run.account(source, [source.view])

    def enter(path: tuple[str | int, ...], kind: str, why: str) -> None:
        run.ledger.enter(Mark(source.uid, path, Fate(kind, why)))

    for null in source.view.nulls():
        enter(null, NO_OP, "null has no effect")
    for key, field in source.view.items():
        if key in ("apiVersion", "kind"):
            enter(field.path, TRANSLATED, "replaced by the target's")
        elif key == "status":
            enter(field.path, NO_OP, "status is written by the cluster")
        elif key == "metadata":
            for name, below in field.items():
                if name in ("name", "namespace"):
                    enter(below.path, TRANSLATED, "carried over")
                elif below.is_mapping and not list(below.items()):
                    enter(below.path, NO_OP, "empty")
                elif name in ("labels", "annotations") and below.is_mapping:
                    carried = carries_label if name == "labels" else carries_annotation
                    for entry, leaf in below.items():
                        kept = carried(entry)
                        enter(
                            leaf.path,
                            TRANSLATED if kept else NO_OP,
                            "carried over" if kept else "not carried to derived objects",
                        )
                else:
                    enter(below.path, NO_OP, "not carried to derived objects")
