"""Injection and sidecar settings in kinds that no rule edits hold their object and the Namespace that injects its pods.

Operators take pod labels and annotations from custom resources (`spec.podMetadata`, `values.podAnnotations`); an
opt-out there would be lost. https://istio.io/latest/docs/reference/config/annotations/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.objects import Obj, View
from transformer.rules.registry import rule
from transformer.rules.workload import injection_settings as settings
from transformer.run import Run

_KEYS = (
    "sidecar.istio.io/", "traffic.sidecar.istio.io/", "proxy.istio.io/", "inject.istio.io/",
    settings.REVISION, settings.DATAPLANE, settings.OSM_INJECTION,
)  # fmt: skip


@rule(
    id="pod-settings-elsewhere",
    kinds=[],
    keys=_KEYS,
    order=55,
    summary="sidecar settings in kinds that are not edited hold the object and its Namespace",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every object of an unknown kind that carries settings for pods, with the Namespaces its pods may lie in."""
    for obj in objs:
        found = next(_settings(obj.view, 0), None)
        if found is None:
            continue
        key = found.path[-1]
        if not run.hold(
            "MS116", found, f"{key} in {obj.ref.kind} ({obj.ref.group or 'core'}) is not translated"
        ):
            continue
        for namespace in run.context.objects("", "Namespace"):
            if not namespace.context and obj.namespace in ("", namespace.name):
                run.units.link(obj.uid, namespace.uid)


def _settings(view: View, depth: int) -> Iterator[View]:
    """Settings in maps of labels and annotations below the object's own metadata."""
    if view.is_mapping:
        name = str(view.path[-1]).lower() if view.path else ""
        below = depth > 2 or (depth == 2 and view.path[0] != "metadata")
        if below and name.endswith(("labels", "annotations")) and name != "matchlabels":
            for key, value in view.items():
                if key.startswith(_KEYS):
                    yield value
            return
        for _, child in view.items():
            yield from _settings(child, depth + 1)
    elif view.is_sequence:
        for child in view.each():
            yield from _settings(child, depth + 1)
