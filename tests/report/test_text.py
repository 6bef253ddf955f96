"""The report for people."""

from __future__ import annotations

import io

import pytest

from tests.report import samples
from transformer.findings import Finding
from transformer.report import colours, facts, json, text
from transformer.settings import BY_KEY

WHOLE = """\
meshshift: a note
a.yaml (line 12 of the stream): error MS004 VirtualService shop/cart spec.http[0].fault
    what it means
    in two lines
    fix: what to do
b.yaml (line 3 of the stream): error MS007 AuthorizationPolicy all
    stays
    fix: see there
a.yaml (line 20 of the stream): accepted MS010 AuthorizationPolicy all
    gone
    accepted: tested
a.yaml: warning MS005 VirtualService shop/cart
    no effect
    fix: delete it
info MS008
    needs CRDs
    fix: install them
    target: HTTPRoute shop/cart
meshshift: 2 errors, 1 warning, 1 note, 1 accepted; objects: 1 held, 1 translated, 1 new; nothing was written
assumed: linkerd 2.20, gateway-api 1.2, channel standard, mesh.mtls strict
more about a finding: meshshift explain MS004
"""


def test_a_whole_report() -> None:
    assert text.render(samples.data()) == WHOLE


def test_check_names_lines_of_files() -> None:
    assert "a.yaml:12: error MS004" in text.render(samples.data(1, command="check"))


def test_a_run_that_wrote_does_not_say_that_nothing_was_written() -> None:
    assert "nothing was written" not in text.render(samples.data(0))
    assert "nothing was written" not in text.render(samples.data(1, command="check"))


def test_a_run_with_nothing_to_say_says_nothing() -> None:
    data = samples.data(0, findings=[], objects=[], emitted=[], edited=[]) | {"notes": []}
    assert text.render(data) == ""


def test_a_failure_is_told() -> None:
    assert (
        text.render(json.failure("transform", 3, "a.yaml:3: not YAML")) == "meshshift: a.yaml:3: not YAML\n"
    )


def test_colours_paint_severities_and_nothing_else() -> None:
    painted = text.render(samples.data(), colour=True)
    assert "\x1b[31merror\x1b[0m MS004" in painted
    assert "\x1b[33mwarning\x1b[0m MS005" in painted
    for code in colours.Paint(True).codes:
        painted = painted.replace(code, "")
    assert painted == WHOLE


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("evil", ["\x1b]0;owned\x07", "\x9b2J", "a\rb", "\u202egnp", "\x1b[2J"])
def test_what_a_manifest_says_cannot_steer_a_terminal(evil: str, colour: bool) -> None:
    finding = Finding("MS004", "error", evil, 1, None, evil, evil, evil, accepted="")
    shown = text.render(samples.data(findings=[finding]), colour=colour)
    assert evil not in shown
    assert f"\\x{ord(evil[0] if evil[0] != 'a' else evil[1]):02x}" in shown


@pytest.mark.parametrize(
    ("environ", "terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_when_colours_are_wanted(environ: dict[str, str], terminal: bool, wanted: bool) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    assert colours.wanted(stream, environ) is wanted


# -- missing facts ------------------------------------------------------------------------------------------------

QUESTION = """\
meshshift: 1 fact is missing that no manifest tells; nothing was written

  mesh.mtls: {help}
    why: reason 0
    for: Namespace ns0 (ns.yaml:4)

Say it in meshshift.yaml:

  mesh:
    mtls: strict  # or permissive

or on the command line: --mesh-mtls=strict
or in the environment: MESHSHIFT_MESH_MTLS=strict"""


def test_the_question_for_a_missing_fact() -> None:
    wanted = QUESTION.format(help=BY_KEY["mesh.mtls"].help)
    assert facts.message([samples.fact()], fatal=True) == wanted
    assert "nothing was written" not in facts.message([samples.fact()], fatal=False)


def test_many_objects_and_reasons_are_counted() -> None:
    message = facts.message([samples.fact(objects=12, reasons=9)], fatal=True)
    assert message.count("Namespace ns") == 5
    assert "; and 7 more" in message
    assert message.count("why:") == 3
    assert "and 6 more reasons" in message


def test_several_facts_make_one_message_and_one_snippet() -> None:
    both = [samples.fact("channel"), samples.fact("mesh.mtls"), samples.fact("mesh.root-namespace")]
    message = facts.message(both, fatal=True)
    assert message.startswith("meshshift: 3 facts are missing")
    assert (
        "  channel: standard  # or experimental\n  mesh:\n    mtls: strict  # or permissive\n    root-namespace: …\n"
        in message
    )
    assert "--channel=standard --mesh-mtls=strict --mesh-root-namespace=…" in message


def test_a_question_is_not_buried_under_findings() -> None:
    data = samples.data(2) | {"facts": [samples.fact()]}
    shown = text.render(data)
    assert shown.startswith("meshshift: a note\nmeshshift: 1 fact is missing")
    assert "MS004" not in shown
    assert "MS004" in text.render(data | {"exit_code": 1}), "check goes on and shows both"
