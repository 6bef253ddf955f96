"""The report as Markdown."""

from __future__ import annotations

import re

import markdown as python_markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import samples
from transformer.findings import Finding
from transformer.report import json, markdown

WHOLE = """\
### meshshift check: 2 errors, 1 warning, 1 note, 1 accepted; objects: 1 held, 1 translated, 1 new

> a note

|  | code | object | where | what it means, what to do |
| --- | --- | --- | --- | --- |
| ❌ error | MS004 | VirtualService shop/cart<br>spec.http\\[0\\].fault | a.yaml:12 \
| what it means<br>in two lines<br>what to do |
| ❌ error | MS007 | AuthorizationPolicy all | b.yaml:3 | stays<br>see there |
| ⚠️ warning | MS005 | VirtualService shop/cart | a.yaml | no effect<br>delete it |
| ℹ️ info | MS008 |  |  | needs CRDs<br>install them |

**Accepted**

| code | object | reason |
| --- | --- | --- |
| MS010 | AuthorizationPolicy all | tested |

| kind | present | would move | needs a decision |
| --- | --- | --- | --- |
| AuthorizationPolicy (security.istio.io) | 1 | 0 | 1 |
| VirtualService (networking.istio.io) | 1 | 1 | 0 |

Assumed: linkerd 2.20, gateway-api 1.2, channel standard, mesh.mtls strict
"""


def test_a_whole_report() -> None:
    assert markdown.render(samples.data(1, command="check")) == WHOLE


def test_places_in_a_stream_are_told_as_such() -> None:
    shown = markdown.render(samples.data(1))
    assert "| a.yaml, line 12 of the stream |" in shown
    stream = samples.FINDINGS[0]._replace(file="<stdin>")
    assert "| the stream, line 12 |" in markdown.render(samples.data(findings=[stream]))


def test_a_run_without_anything_and_a_failed_one() -> None:
    nothing = samples.data(0, findings=[], objects=[], emitted=[], edited=[]) | {
        "notes": [],
        "assumptions": {},
    }
    assert markdown.render(nothing) == "### meshshift transform: nothing to report\n"
    failed = markdown.render(json.failure("check", 3, "not\n# YAML"))
    assert failed == "### meshshift check: ended with 3\n\n> not\n> #<!-- --> YAML\n"


def test_many_findings_are_cut_and_told() -> None:
    many = [
        Finding("MS005", "warning", "a.yaml", n, None, "", "m" * 5000, "") for n in range(markdown.MOST + 7)
    ]
    shown = markdown.render(samples.data(findings=many))
    assert shown.count("⚠️") == markdown.MOST
    assert "\n… and 7 more\n" in shown
    assert len(shown.encode()) < 1024 * 1024, "more than GitHub takes"


SPECIAL = [
    *"a|<>&`*_[]()#@!~$\\\n\r-+ ",
    "<script>",
    "[x](http://e)",
    "![x](y)",
    "<!--",
    "-->",
    "https://e",
    "www.e",
]


@given(st.lists(st.sampled_from(SPECIAL)).map("".join))
def test_nothing_that_manifests_say_becomes_markup(words: str) -> None:
    table = markdown.table(("head",), [[f"x{words}x"]])
    made = python_markdown.markdown(table, extensions=["tables"])
    tags = set(re.findall(r"<(\w+)", made))
    assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "br"}, made
    assert made.count("<td") == 1, "one row, one cell"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("@team", "@<!-- -->team"),
        ("#12", "#<!-- -->12"),
        ("http://x", "http:&#47;/x"),
        ("a|b", "a\\|b"),
        ("<b>", "&lt;b&gt;"),
        ("\x1b[2J", "\\\\x1b\\[2J"),
    ],
)
def test_escapes(words: str, shown: str) -> None:
    assert markdown.escaped(words) == shown
