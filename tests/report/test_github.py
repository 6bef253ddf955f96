"""Workflow commands of GitHub Actions, read as the runner reads them."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import samples
from transformer.findings import Finding
from transformer.report import github, json, text


class Command(NamedTuple):
    """A command as the runner understands it."""

    name: str
    properties: dict[str, str]
    message: str


def read(line: str) -> Command | None:
    """Read a line of a log like actions/runner (src/Runner.Common/ActionCommand.cs); None where it is no command."""
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    head, data = line[2:end], line[end + 2 :]
    name, _, rest = head.partition(" ")
    pairs = (pair.partition("=") for pair in rest.split(",") if "=" in pair)
    return Command(
        name, {key.strip(): _unescaped(value, also=True) for key, _, value in pairs}, _unescaped(data)
    )


def _unescaped(text: str, *, also: bool = False) -> str:
    for written, meant in [(":", "%3A"), (",", "%2C")] if also else []:
        text = text.replace(meant, written)
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def commands(data: dict[str, object]) -> list[Command]:
    return [found for line in github.render(data).splitlines() if (found := read(line)) is not None]


def test_a_whole_report() -> None:
    found = commands(samples.data(1, command="check"))
    assert found == [
        ("notice", {}, "a note"),
        (
            "error",
            {"file": "a.yaml", "line": "12", "title": "MS004 VirtualService shop/cart spec.http[0].fault"},
            "what it means\nin two lines\nfix: what to do",
        ),
        (
            "error",
            {"file": "b.yaml", "line": "3", "title": "MS007 AuthorizationPolicy all"},
            "stays\nfix: see there",
        ),
        (
            "warning",
            {"file": "a.yaml", "title": "MS005 VirtualService shop/cart"},
            "no effect\nfix: delete it",
        ),
        ("notice", {"title": "MS008"}, "needs CRDs\nfix: install them"),
    ]


def test_the_last_line_counts_what_was_accepted_too() -> None:
    last = github.render(samples.data(1, command="check")).splitlines()[-1]
    assert last == "meshshift: 2 errors, 1 warning, 1 note, 1 accepted; objects: 1 held, 1 translated, 1 new"


def test_lines_of_a_stream_are_not_lines_of_a_file() -> None:
    found = commands(samples.data(1))
    assert found[1].properties["file"] == "a.yaml"
    assert "line" not in found[1].properties
    assert found[1].message.startswith("line 12 of the stream: what it means")


def test_a_failure_and_missing_facts_are_errors() -> None:
    assert commands(json.failure("check", 3, "not\nYAML")) == [
        ("error", {"title": "meshshift check"}, "not\nYAML")
    ]
    data = samples.data(2, findings=[], objects=[], emitted=[]) | {"notes": [], "facts": [samples.fact()]}
    (asked,) = commands(data)
    assert asked.name == "error"
    assert "--mesh-mtls" in asked.message
    assert [command.name for command in commands(data | {"exit_code": 0})] == ["warning"]


EVIL = st.lists(
    st.sampled_from([*"ab:,%=;\r\n\x1b\u202e ", "::", "%0A", "::set-env name=A::b", "%25", "::error::x"])
).map("".join)


@given(message=EVIL, field=EVIL, file=EVIL, remedy=EVIL, note=EVIL)
def test_what_manifests_say_ends_no_command_and_starts_none(
    message: str, field: str, file: str, remedy: str, note: str
) -> None:
    finding = Finding("MS004", "error", f"f{file}", 4, None, f"x{field}", f"m{message}", remedy)
    data = samples.data(1, command="check", findings=[finding], objects=[]) | {"notes": [f"n{note}"]}
    lines = github.render(data).split("\n")
    assert len(lines) == 4
    assert lines[0].startswith("::notice::n")
    assert lines[1].startswith("::error file=")
    assert lines[2].startswith("meshshift: ")
    found = read(lines[1])
    assert found is not None
    assert set(found.properties) == {"file", "line", "title"}
    assert found.properties["title"] == _visible(f"MS004 x{field}".strip())
    whole = f"m{message}\nfix: {remedy}" if remedy else f"m{message}"
    assert found.message == _visible(whole.strip())


def _visible(words: str) -> str:
    """What the log shows: the same, with control characters written out; line breaks survive as escapes."""
    return "\n".join("\r".join(map(text.visible, part.split("\r"))) for part in words.split("\n"))


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("100%", "::error::100%25"),
        ("a\r\nb", "::error::a%0D%0Ab"),
        ("a: b, c", "::error::a: b, c"),
        ("%0A", "::error::%250A"),
    ],
)
def test_escapes_of_messages(message: str, line: str) -> None:
    assert github.command("error", message) == line


def test_escapes_of_properties() -> None:
    assert (
        github.command("warning", "m", file="a,b:c%", title="x\ny")
        == "::warning file=a%2Cb%3Ac%25,title=x%0Ay::m"
    )
