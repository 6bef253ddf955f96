"""Kubernetes objects as the run sees them: identity, place in the input, and a read-only view over their nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from transformer.findings import FieldPath, ObjectRef
from transformer.stream import nodes

if TYPE_CHECKING:
    from transformer.documents import Part


#: Annotation of everything that the program makes: kind, namespace and name of the source.
MARKER = "meshshift.dev/from"


class View:
    """Read-only view of one field: its value, its path in the object, and false where the field is absent or null."""

    __slots__ = ("node", "obj", "path")

    def __init__(self, obj: Obj, node: nodes.Node | None, path: FieldPath) -> None:
        self.obj = obj
        self.node = nodes.resolve(node) if node is not None else None
        self.path = path

    def __bool__(self) -> bool:
        return self.node is not None and not self.is_null

    @property
    def present(self) -> bool:
        """Whether the field is written at all, be it as null."""
        return self.node is not None

    @property
    def is_null(self) -> bool:
        """Whether the field is written as null (`~`, `null`, nothing)."""
        return self.node is not None and self.node.kind == nodes.SCALAR and nodes.to_value(self.node) is None

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a mapping."""
        return self.node is not None and self.node.kind == nodes.MAPPING

    @property
    def is_sequence(self) -> bool:
        """Whether the value is a sequence."""
        return self.node is not None and self.node.kind == nodes.SEQUENCE

    @property
    def line(self) -> int:
        """1-based line in the input, 0 where the field is absent."""
        return self.obj.line + self.node.line if self.node is not None else 0

    def get(self, *keys: str | int) -> View:
        """The field below, by one or several keys or list indexes; an absent view where any of them is missing."""
        node, path = self.node, self.path
        for key in keys:
            if node is not None:
                node = _child(nodes.resolve(node), key)
            path = (*path, key)
        return View(self.obj, node, path)

    def items(self) -> Iterator[tuple[str, View]]:
        """Keys and fields of a mapping (merge keys resolved); nothing for anything else."""
        if self.node is not None and self.node.kind == nodes.MAPPING:
            for key, _, value in nodes.pairs(self.node):
                yield key, View(self.obj, value, (*self.path, key))

    def each(self) -> Iterator[View]:
        """Items of a sequence; nothing for anything else."""
        if self.node is not None and self.node.kind == nodes.SEQUENCE:
            for index, item in enumerate(self.node.value):
                yield View(self.obj, item, (*self.path, index))

    def value(self) -> Any:
        """The plain Python value as Kubernetes reads it; None where absent."""
        return nodes.to_value(self.node) if self.node is not None else None

    def text(self) -> str:
        """The value as text, empty where it is absent, null or no scalar."""
        value = self.value() if self.node is not None and self.node.kind == nodes.SCALAR else None
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def texts(self) -> dict[str, str]:
        """The entries of a mapping as text, such as labels; empty for anything else."""
        return {key: field.text() for key, field in self.items()}

    def sources(self) -> Iterator[View]:
        """The fields as written: itself; a view that is put together of several has several."""
        yield self

    def leaves(self) -> Iterator[FieldPath]:
        """Paths of all scalars and empty collections below, in order."""
        if self.node is None:
            return
        children = [v for _, v in self.items()] if self.is_mapping else list(self.each())
        if not children:
            yield self.path
            return
        for child in children:
            yield from child.leaves()

    def nulls(self) -> Iterator[FieldPath]:
        """Paths of the leaves below that are null."""
        if self.is_null:
            yield self.path
        for child in [v for _, v in self.items()] if self.is_mapping else list(self.each()):
            yield from child.nulls()


def _child(node: nodes.Node, step: str | int) -> nodes.Node | None:
    if isinstance(step, str):
        return nodes.get(node, step) if node.kind == nodes.MAPPING else None
    return node.value[step] if node.kind == nodes.SEQUENCE and 0 <= step < len(node.value) else None


class Obj:
    """One Kubernetes object of the input or of the context."""

    __slots__ = ("context", "file", "line", "part", "ref", "root", "uid")

    def __init__(
        self, uid: int, ref: ObjectRef, root: nodes.Node, part: Part | None, *, file: str, line: int
    ) -> None:
        self.uid = uid
        self.ref = ref
        self.root = root
        self.part = part
        self.context = part is None
        self.file = file
        self.line = line

    @property
    def view(self) -> View:
        """The whole object."""
        return View(self, self.root, ())

    @property
    def namespace(self) -> str:
        """Namespace, with the run's default filled in."""
        return self.ref.namespace

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.ref.name

    @property
    def writes_namespace(self) -> bool:
        """Whether metadata.namespace is written, not filled in from the options."""
        return bool(self.view.get("metadata", "namespace").text())

    @property
    def spec(self) -> View:
        """The object's spec."""
        return self.view.get("spec")

    @property
    def labels(self) -> dict[str, str]:
        """metadata.labels as text."""
        return self.view.get("metadata", "labels").texts()

    @property
    def annotations(self) -> dict[str, str]:
        """metadata.annotations as text."""
        return self.view.get("metadata", "annotations").texts()

    def __repr__(self) -> str:
        return f"<{self.ref}>"
