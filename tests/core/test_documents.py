"""Parts of the input: bytes that pass, what is written in place of a part, and where objects come from."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer import needles
from transformer.documents import Input
from transformer.errors import InputError
from transformer.objects import Obj

PIECES = st.sampled_from(
    [
        b"---", b"\n", b"\r\n", b"...", b" ", b"apiVersion: v1\n", b"kind: List\n", b"items:\n", b"- a: 1\n",
        b"kind: Service\n", b"{", b"}", b"[", b"]", b'"', b"'", b"|\n", b"  x: y\n", b"# c\n", b"\t", b"\xff",
        b"\xef\xbb\xbf", b"---apiVersion: v1\n", b"\x00",
    ]
)  # fmt: skip


def objects(text: str, namespace: str = "") -> list[Obj]:
    counter = itertools.count()
    return [
        obj
        for part in Input(text.encode(), needles.NEEDLES).parts()
        if (obj := part.obj(counter, namespace)) is not None
    ]


@given(st.lists(PIECES, max_size=30))
def test_what_is_not_changed_is_written_as_it_came(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert b"".join(Input(data, needles.NEEDLES).write()) == data


def test_a_zero_alone_makes_no_wide_text() -> None:
    data = b"\x00\nkind: List\n"
    assert b"".join(Input(data, needles.NEEDLES).write()) == data


@pytest.mark.parametrize(
    ("head", "file"),
    [
        ("", "<stdin>"),
        ("# Source: shop/templates/a.yaml\n", "shop/templates/a.yaml"),
        ("# note\n# Source: shop/templates/a.yaml  \r\n", "shop/templates/a.yaml"),
    ],
)
def test_the_file_of_an_object_is_helm_s_source(head: str, file: str) -> None:
    (obj,) = objects(head + "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n")
    assert obj.file == file


@pytest.mark.parametrize(
    "annotation",
    [
        "postrenderer.helm.sh/postrender-filename: shop/a.yaml",
        "internal.config.kubernetes.io/path: shop/a.yaml",
        "config.kubernetes.io/path: 'shop/a.yaml'",
        'config.kubernetes.io/origin: "path: shop/a.yaml\\nrepo: x\\n"',
    ],
)
def test_the_file_of_an_object_is_what_its_tool_noted(annotation: str) -> None:
    (obj,) = objects(f"kind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    {annotation}\n")
    assert obj.file == "shop/a.yaml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: n}\n", ("", "v1", "A", "n", "a")),
        ("apiVersion: x.io/v1\nkind: A\nmetadata: {generateName: a-}\n", ("x.io", "v1", "A", "d", "a-")),
        ("apiVersion: x.io/v1\nkind: A\n", ("x.io", "v1", "A", "d", "")),
        ("kind: A\nmetadata: [x]\n", ("", "", "A", "d", "")),
        ("apiVersion: v1\nkind: A\nmetadata: &m {name: 12}\n", ("", "v1", "A", "d", "12")),
    ],
)
def test_identities(text: str, expected: tuple[str, ...]) -> None:
    (obj,) = objects(text, "d")
    assert tuple(obj.ref) == expected


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "a: 1\n", "- a\n", "text\n", "kind:\n", "kind: [a]\n"]
)
def test_what_is_no_object(text: str) -> None:
    assert objects(text) == []


def test_lines_are_those_of_the_input() -> None:
    first, second = objects("# one\nkind: A\n---\n\n\nkind: B\nmetadata:\n  name: b\n")
    assert first.line + first.root.line == 2
    assert second.view.get("metadata", "name").line == 8


def test_lines_of_list_items() -> None:
    (_, obj) = objects("apiVersion: v1\nkind: List\nitems:\n- kind: A\n- kind: B\n  metadata:\n    name: b\n")
    assert obj.view.get("metadata", "name").line == 7


def test_a_candidate_that_cannot_be_read_names_its_place() -> None:
    stream = Input(b"a: 1\n---\n# Source: c/t.yaml\nistio: {\n", needles.NEEDLES)
    with pytest.raises(
        InputError, match=r"^c/t\.yaml \(line [45] of the stream\): this document may hold mesh objects"
    ):
        [part.obj(itertools.count(), "") for part in stream.parts()]


def test_dropped_documents_leave_the_rest_alone() -> None:
    stream = Input(b"# head\nkind: A\n---\nkind: B\n---\nkind: C\n", needles.NEEDLES)
    parts = list(stream.parts())
    parts[1].dropped = True
    assert b"".join(stream.write()).replace(b"---\n", b"").split() == b"# head kind: A kind: C".split()


def test_derived_objects_stand_at_the_place_of_their_source() -> None:
    stream = Input(b"kind: A\n---\n# Source: x\n# why\nkind: B\n---\nkind: C\n", needles.NEEDLES)
    part = list(stream.parts())[1]
    part.dropped = True
    part.derived = [{"kind": "D"}, {"kind": "E"}]
    assert b"".join(stream.write()) == (
        b"kind: A\n---\n# Source: x\n# why\nkind: D\n---\n# Source: x\nkind: E\n---\nkind: C\n"
    )


def test_derived_objects_beside_a_source_that_stays() -> None:
    stream = Input(b"kind: B", needles.NEEDLES)
    (part,) = stream.parts()
    part.derived = [{"kind": "D"}]
    assert b"".join(stream.write()) == b"kind: B\n---\nkind: D\n"
