"""The input as replaceable parts: a document, or one item of a `List` or a KRM `ResourceList`.

Parts are parsed only when they may be relevant or when the context index asks for their kind; whatever is not changed
is written back as the very bytes that came in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from transformer import unreadable
from transformer.errors import InputError, place_of
from transformer.findings import ObjectRef
from transformer.objects import Obj
from transformer.stream import emit, nodes, scan, splice, split
from transformer.stream.patterns import pattern

if TYPE_CHECKING:
    from transformer.stream import items

# What must stand before the word comes after it, because only a pattern that starts with letters is fast.
_KIND = pattern(rb"kind(?:(?<=\Akind)|(?<=[\s{,\"'-]kind))[\"']?[ \t]*:[ \t]*[\"']?([A-Za-z0-9]+)")
_PLAIN_KIND = pattern(rb"(?:\A|(?<=\n))[\"']?kind[\"']?[ \t]*:[ \t]+[\"']?[A-Za-z0-9]")
_LIST = pattern(rb"(?:^|[\n{,])[ \t]*[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?(?:ResourceList|[A-Za-z]*List)\b")
_SOURCE_LINE = pattern(rb"^# Source: (\S.*?)[ \t]*\r?$", re.MULTILINE)
_SOURCE = pattern(r"^# Source: (\S.*?)[ \t]*\r?$", re.MULTILINE)
_BOM = b"\xef\xbb\xbf"
_DEFAULT_STYLE = emit.Style(indent_sequences=False, newline="\n")
_FILE_ANNOTATIONS = (
    "internal.config.kubernetes.io/path",
    "config.kubernetes.io/path",
    "postrenderer.helm.sh/postrender-filename",
)


class Part:
    """A document or a list item: its bytes, its lazily parsed object, and what is to be written for it."""

    __slots__ = (
        "_edited_by", "_edited_text", "_obj", "_read", "_text", "_tree", "bom", "candidate", "derived", "dropped",
        "edits", "file", "implied", "item", "line", "raw", "rendered",
    )  # fmt: skip

    def __init__(
        self, raw: bytes, line: int, *, candidate: bool, file: str, item: items.Item | None = None,
        implied: tuple[str, str] = ("", ""),
    ) -> None:  # fmt: skip
        self.raw = raw
        self.line = line
        self.candidate = candidate
        self.file = file
        self.rendered = False
        self.item = item
        self.implied = implied
        self.bom = raw.startswith(_BOM)
        self.edits: list[splice.Op] = []
        self.derived: list[dict[str, Any]] = []
        self.dropped = False
        self._edited_by: list[splice.Op] | None = None
        self._edited_text = ""
        self._read = False
        self._text = ""
        self._tree: nodes.Tree | None = None
        self._obj: Obj | None = None

    @property
    def text(self) -> str:
        """The part decoded, without a byte order mark."""
        self._parse()
        return self._text

    @property
    def changed(self) -> bool:
        """Whether something else than the original bytes will be written."""
        return bool(self.edits or self.derived or self.dropped)

    def kinds(self) -> set[str]:
        """The kind of a candidate, which is parsed in any case; else the kinds that a byte scan sees.

        Empty where only a parser can tell: `kind` may be written with a tag, an anchor, in a block or escaped.
        """
        if self.candidate:
            root = self.root
            kind = nodes.get(root, "kind") if root is not None else None
            return {str(nodes.resolve(kind).value) if kind is not None else self.implied[1]} - {""}
        if self.item is None and not self.raw.lstrip().startswith(b"{") and not _PLAIN_KIND.search(self.raw):
            return set()
        return {match.decode() for match in _KIND.findall(self.raw)} | ({self.implied[1]} - {""})

    @property
    def root(self) -> nodes.Node | None:
        """The object's mapping, None where the part holds no mapping (comments, other YAML)."""
        self._parse()
        node = self._tree.root if self._tree is not None else None
        if (
            node is not None
            and self.item is not None
            and node.kind == nodes.SEQUENCE
            and len(node.value) == 1
        ):
            node = node.value[0]
        return node if node is not None and node.kind == nodes.MAPPING else None

    @property
    def tree(self) -> nodes.Tree | None:
        """The parsed part, None where it has not been parsed or cannot be."""
        self._parse()
        return self._tree

    def _parse(self) -> None:
        if self._read:
            return
        self._read = True
        raw = self.raw[3:] if self.bom else self.raw
        try:
            self._text, _ = nodes.decode(raw)
            tree = nodes.parse(self._text)
            if tree.root is not None:
                # Keys, tags, merges and aliases that Kubernetes refuses are only seen when they are read.
                nodes.to_value(tree.root)
            self._tree = tree
        except nodes.ParseError as error:
            if not self.candidate:
                # An unrelated document that no parser accepts still passes; it just cannot serve as context.
                return
            raise InputError(unreadable.message(self.at(error), self.raw, error)) from error

    def obj(self, counter: Iterator[int], namespace: str) -> Obj | None:
        """The Kubernetes object in this part, or None; `namespace` fills in where none is written."""
        if self._obj is None:
            root = self.root
            ref = _identity(root, namespace, self.implied) if root is not None else None
            if root is not None and ref is not None:
                if self.candidate and ref.kind.endswith("List"):
                    _refuse_list(self, root)
                self._obj = Obj(next(counter), ref, root, self, file=_file_of(self, root), line=self.line)
        return self._obj

    def render(self) -> list[str]:
        """Texts to write for this part: the (edited) original unless dropped, then what was derived from it."""
        style = emit.detect(self.text, _DEFAULT_STYLE)
        texts = []
        if not self.dropped:
            texts.append(self._edited())
        item = self.item
        if item is not None:
            derived = self.derived
            return texts + [
                emit.render_flow(value) if item.flow else emit.render_item(value, style, item.indent)
                for value in derived
            ]
        return [self._document(texts, style)]

    def try_edits(self) -> None:
        """Apply the planned edits once, so that a refusal (`splice.Refused`) is known before anything is written."""
        self._edited()

    def _edited(self) -> str:
        if not self.edits:
            return self.text
        if self._edited_by is not self.edits:
            # Applied once to try them and once to write them: parsing and comparing is most of the work.
            assert self._tree is not None
            self._edited_text = splice.apply(self.text, self._tree, self.edits, self._item_root())
            self._edited_by = self.edits
        return self._edited_text

    def _item_root(self) -> tuple[int, ...]:
        """Where the object is in the part: a block item is a sequence of one, a flow item the object itself."""
        return (0,) if self.item is not None and not self.item.flow else ()

    def _document(self, kept: list[str], style: emit.Style) -> str:
        text = self.text
        root = self.root
        newline = style.newline
        out = "".join(kept)
        if self.derived and out and not out.endswith("\n"):
            out += newline
        head = text[: root.start] if root is not None else ""
        if head and not head.endswith("\n"):
            head = head.rstrip(" \t") + newline
        source = "".join(f"# Source: {name}{newline}" for name in _SOURCE.findall(head))
        for index, value in enumerate(self.derived):
            first = index == 0 and not kept
            out += head if first else f"---{newline}{source}"
            out += emit.render(value, style)
        if self.derived and not kept and root is not None:
            out += f"...{newline}" if _ends_explicitly(text, root.end) else _tail(text)
        return out

    def at(self, error: nodes.ParseError) -> str:
        """Where the error is, as a person finds it."""
        return place_of(self.file, self.line + error.line - 1, rendered=self.rendered)


class Container:
    """A `List` or `ResourceList` document cut into item parts."""

    __slots__ = ("items", "parts", "root", "text")

    def __init__(self, text: str, cut: items.Items, parts: list[Part]) -> None:
        self.text = text
        self.items = cut
        self.parts = parts

    def render(self) -> str:
        """The document with every changed item replaced."""
        return self.items.join([part.render() if part.changed else [part.text] for part in self.parts])


class Input:
    """A whole input stream: documents in order, each a part or a container of parts."""

    def __init__(self, data: bytes, needles: Sequence[bytes], *, name: str = "<stdin>") -> None:
        self.data = data
        self.name = name
        self.documents = split.split(data)
        self._needles = needles
        self._entries: list[Part | Container] | None = None

    @property
    def entries(self) -> list[Part | Container]:
        """Parts and containers in order of the stream."""
        if self._entries is None:
            flags = scan.candidates(self.data, self.documents, self._needles)
            line = 1
            position = 0
            self._entries = []
            for document, candidate in zip(self.documents, flags, strict=True):
                line += self.data.count(b"\n", position, document.start)
                position = document.start
                self._entries.append(self._entry(document, line, candidate))
        return self._entries

    def parts(self) -> Iterator[Part]:
        """All parts, list items included."""
        for entry in self.entries:
            if isinstance(entry, Container):
                yield from entry.parts
            else:
                yield entry

    def write(self) -> list[bytes | memoryview]:
        """The output stream as buffers; untouched documents are slices of the input."""
        whole = memoryview(self.data)
        out: list[bytes | memoryview] = []
        for document, entry in zip(self.documents, self.entries, strict=True):
            parts = entry.parts if isinstance(entry, Container) else [entry]
            if not any(part.changed for part in parts):
                out.append(whole[document.start : document.end])
                continue
            text = entry.render() if isinstance(entry, Container) else "".join(entry.render())
            mark = _BOM if self.data[document.start : document.start + 3] == _BOM else b""
            out.append(mark + text.encode())
        return out

    def _entry(self, document: split.Document, line: int, candidate: bool) -> Part | Container:
        raw = self.data[document.start : document.end]
        part = Part(raw, line, candidate=candidate, file=self.name)
        if raw.find(b"# Source: ", 0, 2048) >= 0:
            source = _SOURCE_LINE.search(raw, 0, 2048)
            if source:
                part.file, part.rendered = source.group(1).decode("utf-8", "replace"), True
        if b"List" not in raw or not _LIST.search(raw):
            return part
        from transformer.stream import items

        try:
            text, _ = nodes.decode(raw[3:] if part.bom else raw)
            cut = items.slice_items(text)
        except nodes.ParseError as error:
            if candidate:
                raise InputError(unreadable.message(part.at(error), part.raw, error)) from error
            return part
        if cut is None or not _is_list(text[: cut.items[0].start if cut.items else len(text)], cut.suffix):
            return part
        if cut.cross_item_aliases and candidate:
            # An item that leans on an anchor of another one cannot be read or moved alone.
            raise InputError(
                f"{place_of(part.file, line, rendered=part.rendered)}: items of this list share YAML anchors, "
                "so none can be changed alone; write the anchors out"
            )
        implied = _of_items(cut)
        of_mesh = scan.contains(implied[0].encode(), self._needles)
        parts = []
        above, position = line, 0
        for item in cut.items:
            body = text[item.start : item.end].encode()
            above += text.count("\n", position, item.start)
            position = item.start
            flag = of_mesh or scan.candidates(body, [split.Document(0, len(body))], self._needles)[0]
            parts.append(Part(body, above, candidate=flag, file=part.file, item=item, implied=implied))
            parts[-1].rendered = part.rendered
        return Container(text, cut, parts)


def _of_items(cut: items.Items) -> tuple[str, str]:
    """apiVersion and kind of items that write neither: those of a typed list (`ServiceList`) without the `List`."""
    alone = not (cut.flow or cut.cross_item_aliases)
    root = nodes.parse(cut.prefix + cut.suffix if alone else cut.text).root
    found = [nodes.get(root, key) for key in ("apiVersion", "kind")] if root is not None else []
    version, kind = (
        str(nodes.resolve(node).value) if node is not None else "" for node in found or (None, None)
    )
    typed = kind.endswith("List") and kind not in ("List", "ResourceList")
    return (version, kind.removesuffix("List")) if typed else ("", "")


def _refuse_list(part: Part, root: nodes.Node) -> None:
    """Stop at a list whose items stay unseen (one inside of another list, or spelt unusually): any may be a policy."""
    found = nodes.get(root, "items")
    if found is not None and nodes.resolve(found).kind == nodes.SEQUENCE and nodes.resolve(found).value:
        raise InputError(
            f"{place_of(part.file, part.line + found.line, rendered=part.rendered)}: this list may hold mesh objects "
            "but cannot be taken apart (it is an item of another list, or its kind is written in an unusual way); "
            "write its items as documents"
        )


def _is_list(head: str, tail: str) -> bool:
    """Whether the document around the items says that it is a List; a kind inside of an item does not count."""
    return _LIST.search(head.encode()) is not None or _LIST.search(tail.encode()) is not None


def _identity(root: nodes.Node, namespace: str, implied: tuple[str, str]) -> ObjectRef | None:
    """The object's identity, or None where the mapping is no Kubernetes object; `implied` is what its list says."""

    def text(node: nodes.Node | None) -> str:
        node = nodes.resolve(node) if node is not None else None
        value = nodes.to_value(node) if node is not None and node.kind == nodes.SCALAR else None
        return "" if value is None else str(node.value) if node is not None else ""

    api_version, kind = text(nodes.get(root, "apiVersion")), text(nodes.get(root, "kind"))
    if not api_version and not kind:
        api_version, kind = implied
    if not kind:
        return None
    group, _, version = api_version.rpartition("/")
    if (group, kind) == ("", "Namespace"):
        namespace = ""
    metadata = nodes.get(root, "metadata")
    metadata = nodes.resolve(metadata) if metadata is not None else None
    if metadata is None or metadata.kind != nodes.MAPPING:
        return ObjectRef(group, version, kind, namespace, "")
    name = text(nodes.get(metadata, "name")) or text(nodes.get(metadata, "generateName"))
    return ObjectRef(group, version, kind, text(nodes.get(metadata, "namespace")) or namespace, name)


def _file_of(part: Part, root: nodes.Node) -> str:
    """The file a finding names: Helm's `# Source:`, a KRM path annotation, or the input's own name."""
    metadata = nodes.get(root, "metadata")
    metadata = nodes.resolve(metadata) if metadata is not None else None
    noted = (
        nodes.get(metadata, "annotations")
        if metadata is not None and metadata.kind == nodes.MAPPING
        else None
    )
    noted = nodes.resolve(noted) if noted is not None else None
    if noted is not None and noted.kind == nodes.MAPPING:
        for key in _FILE_ANNOTATIONS:
            value = nodes.get(noted, key)
            if value is not None and value.kind == nodes.SCALAR:
                return str(value.value)
        origin = nodes.get(noted, "config.kubernetes.io/origin")
        if origin is not None and origin.kind == nodes.SCALAR:
            match = re.search(r"^path: (.+)$", str(origin.value), re.MULTILINE)
            if match:
                return match.group(1).strip()
    return part.file


def _tail(text: str) -> str:
    """Comments in the first column behind a document's last line, which a replacement keeps as those at its head."""
    lines = text.splitlines(keepends=True)
    start = len(lines)
    while start and (lines[start - 1].startswith("#") or not lines[start - 1].strip()):
        start -= 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    return "".join(lines[start:])


def _ends_explicitly(text: str, end: int) -> bool:
    """Whether a document end marker follows the object: what comes next may then lack a `---`."""
    return re.search(r"(?m)^\.\.\.\s*$", text[end:]) is not None
