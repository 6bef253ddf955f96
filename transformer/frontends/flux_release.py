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
        target = self._spec().get("targetNamespace") or ""
        if not isinstance(target, str):
            raise InputError(f"{path}: spec.targetNamespace of the HelmRelease is no text")
        self.namespace = target or obj.ref.namespace

    @classmethod
    def read(cls, path: str) -> Release:
        """Read a file. Raises UsageError where it cannot be read or holds none or several, InputError where the fields
        that are read here are not what they should be.
        """
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
        done without touching anything else, UsageError where our entry holds something of somebody else.
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
        spec = self._spec()
        listed = _list(spec.get("postRenderers"), f"{self.path}: spec.postRenderers")
        mine = [index for index, found in enumerate(listed) if self._is_ours(index, found)]
        if [listed[index] for index in mine] == ([entry] if entry is not None else []):
            return []
        if len(mine) < len(listed):
            edits: list[splice.Op] = [splice.RemoveItem((*_WHERE, index)) for index in reversed(mine)]
            return edits + ([splice.InsertItem(_WHERE, 0, entry)] if entry is not None else [])
        gone: list[splice.Op] = [splice.Remove(_WHERE)] if "postRenderers" in spec else []
        return gone + ([splice.Insert(_WHERE[:1], _WHERE[1], [entry])] if entry is not None else [])

    def _spec(self) -> dict[str, Any]:
        return _mapping(self._value.get("spec"), f"{self.path}: spec of the HelmRelease")

    def _is_ours(self, index: int, found: Any) -> bool:
        """Whether an entry holds nothing but our patches. Raises UsageError where it holds them and more."""
        place = f"{self.path}: spec.postRenderers[{index}]"
        entry = _mapping(found, place)
        kustomize = _mapping(entry.get("kustomize"), f"{place}.kustomize")
        patches = _list(kustomize.get("patches"), f"{place}.kustomize.patches")
        ours = [
            str(_mapping(one, f"{place}.kustomize.patches[{number}]").get("patch", "")).startswith(MARK)
            for number, one in enumerate(patches)
        ]
        if any(ours) and (not all(ours) or len(entry) > 1 or len(kustomize) > 1):
            raise UsageError(
                f"{place} holds patches of flux-patches, which are replaced as a whole, and something else: move that "
                "into an entry of its own behind it"
            )
        return any(ours)


def _mapping(value: Any, place: str) -> dict[str, Any]:
    """The value of a field; empty where it is not there. Raises InputError for what is no mapping."""
    if value is not None and not isinstance(value, dict):
        raise InputError(f"{place} is no mapping")
    return value or {}


def _list(value: Any, place: str) -> list[Any]:
    """The value of a field; empty where it is not there. Raises InputError for what is no list."""
    if value is not None and not isinstance(value, list):
        raise InputError(f"{place} is no list")
    return value or []
