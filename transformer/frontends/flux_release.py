"""A file with a HelmRelease: its namespace, and the file with our patches as its first post-renderer.

Ours comes first because the patches were made for what the chart renders. It is recognised by the comment that each of
its patches starts with. All other bytes of the file stay.
"""

from __future__ import annotations

import itertools
from typing import Any

from transformer.documents import Input, Part
from transformer.errors import InputError, UsageError
from transformer.frontends.flux_patches import MARK
from transformer.objects import Obj
from transformer.stream import nodes, splice

_GROUP, _KIND = "helm.toolkit.fluxcd.io", "HelmRelease"
_WHERE = ("spec", "postRenderers")


class Release:
    """The only HelmRelease of a file; `namespace` is the one that it installs into, empty where the file does not say."""

    def __init__(self, path: str, stream: Input, part: Part, obj: Obj) -> None:
        self.path = path
        self._stream = stream
        self._part = part
        self._value: dict[str, Any] = nodes.to_value(obj.root)
        spec = self._value.get("spec") or {}
        self.namespace: str = str(spec.get("targetNamespace") or obj.ref.namespace)

    @classmethod
    def read(cls, path: str) -> Release:
        """Read a file. Raises UsageError where it cannot be read or holds none or several."""
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise UsageError(f"--helm-release: {path} cannot be read: {error.strerror}") from error
        stream = Input(data, (_KIND.encode(),), name=path)
        counter = itertools.count()
        objects = [(part, obj) for part in stream.parts() if (obj := part.obj(counter, "")) is not None]
        found = [(part, obj) for part, obj in objects if (obj.ref.group, obj.ref.kind) == (_GROUP, _KIND)]
        if len(found) != 1:
            raise UsageError(
                f"--helm-release: {path} holds {len(found) or 'no'} HelmReleases of {_GROUP}, not one"
            )
        return cls(path, stream, *found[0])

    def with_patches(self, patches: list[dict[str, Any]]) -> bytes:
        """The file with these patches instead of those that were written before. Raises InputError where that cannot be
        done without touching anything else.
        """
        self._part.edits = self._edits({"kustomize": {"patches": patches}} if patches else None)
        try:
            self._part.try_edits()
        except splice.Refused as refusal:
            line = f":{self._part.line + refusal.line - 1}" if refusal.line else ""
            raise InputError(
                f"{self.path}{line}: spec.postRenderers cannot be edited ({refusal}): write it in block style, without "
                "anchors"
            ) from refusal
        return b"".join(self._stream.write())

    def _edits(self, entry: dict[str, Any] | None) -> list[splice.Op]:
        spec = self._value.get("spec") or {}
        listed = spec.get("postRenderers") or []
        if not isinstance(listed, list):
            raise InputError(f"{self.path}: spec.postRenderers is no list")
        mine = [index for index, found in enumerate(listed) if _is_ours(found)]
        if [listed[index] for index in mine] == ([entry] if entry is not None else []):
            return []
        if len(mine) < len(listed):
            edits: list[splice.Op] = [splice.RemoveItem((*_WHERE, index)) for index in reversed(mine)]
            return edits + ([splice.InsertItem(_WHERE, 0, entry)] if entry is not None else [])
        gone: list[splice.Op] = [splice.Remove(_WHERE)] if "postRenderers" in spec else []
        return gone + ([splice.Insert(_WHERE[:1], _WHERE[1], [entry])] if entry is not None else [])


def _is_ours(entry: Any) -> bool:
    patches = (entry.get("kustomize") or {}).get("patches") if isinstance(entry, dict) else None
    return (
        isinstance(patches, list)
        and bool(patches)
        and all(str(one.get("patch", "")).startswith(MARK) for one in patches)
    )
