"""Scalars mean to us what they mean to Kubernetes; the tables are kubectl's recorded answers."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from transformer.stream import nodes, scalars

HERE = Path(__file__).parent
ERROR = "error"
PIECES = [
    *"01-+.eE_xXob89fa:TZ ", "inf", "Inf", "nan", "y", "n", "no", "on", "true", "null", "~", "00", "0x", "0b", "0o",
    "12345678901234567890", "9223372036854775807", "2001-01-01", "<<", "=", "#", "'", '"', "[", "{", ",", "&", "*", "!",
    "|", ">", "%", "@", "`", "\n", "\t", "é", "\x85", "\u2028", "\ufeff", "\x07", "yes", "off", "=",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=12)


def table(name: str) -> list[tuple[str, str]]:
    """Rows of (as written in YAML, answer as JSON or 'error')."""
    rows = (HERE / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return [(written, answer) for written, _, answer in (row.partition("\t") for row in rows)]


def same(ours: Any, answer: Any) -> bool:
    """Equal, and equal in type; beyond int64 kubectl prints floats without a fraction."""
    if isinstance(ours, float) and isinstance(answer, int) and abs(answer) >= 2**63:
        return ours == float(answer)
    if isinstance(ours, dict | list):
        return bool(ours == answer)
    return type(ours) is type(answer) and bool(ours == answer)


def read(text: str) -> Any:
    """The value of a document's key `v`, or 'error'."""
    try:
        root = nodes.parse(text).root
        return nodes.to_value(root)["v"] if root is not None else ERROR
    except nodes.ParseError:
        return ERROR


# libyaml knows this escape of JSON; Kubernetes' YAML reader refuses it, its JSON reader does not.
# Bytes that are no UTF-8 become replacement characters there and are refused here.
KNOWN_DIFFERENCES = {'"\\/"': "/", "!!binary '/w=='": ERROR}


@pytest.mark.parametrize(("written", "answer"), table("kubernetes_scalars.tsv"), ids=repr)
def test_value_as_kubernetes_reads_it(written: str, answer: str) -> None:
    ours = read(f"v: {written}\n")
    if written in KNOWN_DIFFERENCES:
        assert ours == KNOWN_DIFFERENCES[written]
        return
    assert ours == ERROR if answer == ERROR else same(ours, json.loads(answer)), (ours, answer)


@pytest.mark.parametrize(("written", "answer"), table("kubernetes_keys.tsv"), ids=repr)
def test_key_as_kubernetes_reads_it(written: str, answer: str) -> None:
    ours = read(f"v: {{{written}: 1}}\n" if written and written[0] != "?" else f"v: {{{written} : 1}}\n")
    assert ours == ERROR if answer == ERROR else list(ours) == [json.loads(answer)], (ours, answer)


def test_the_tables_are_long_enough_to_mean_something() -> None:
    assert len(table("kubernetes_scalars.tsv")) >= 300
    assert len(table("kubernetes_keys.tsv")) >= 50


def _ask(lines: list[str]) -> Any:
    """What kubectl makes of lines of a spec."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not on PATH")
    text = "apiVersion: v1\nkind: Probe\nmetadata:\n  name: a\nspec:\n" + "".join(
        f"  {line}\n" for line in lines
    )
    command = [program, "label", "--local", "-o", "json", "-f", "-", "probe=x"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    return json.loads(done.stdout)["spec"] if done.returncode == 0 else done.stderr


def test_kubectl_still_gives_the_recorded_answers() -> None:
    rows = [
        (written, json.loads(answer))
        for written, answer in table("kubernetes_scalars.tsv")
        if answer != ERROR
    ]
    answers = _ask([f"k{number}: {written}" for number, (written, _) in enumerate(rows)])
    assert isinstance(answers, dict), answers
    changed = [row for number, row in enumerate(rows) if answers[f"k{number}"] != row[1]]
    assert changed == []


def test_random_numbers_mean_what_kubectl_says() -> None:
    source = random.Random(20)
    words = {"".join(source.choices("0123456789-+._eExXob", k=source.randint(1, 7))) for _ in range(1500)}
    fit = [
        word for word in sorted(words) if not word.startswith(("- ", "--")) and word != "-" and _finite(word)
    ]
    answers = _ask([f"k{number}: {word}" for number, word in enumerate(fit)])
    assert isinstance(answers, dict), answers
    wrong = [
        word for number, word in enumerate(fit) if not same(scalars.resolve(word), answers[f"k{number}"])
    ]
    assert wrong == []
    assert len(fit) > 1000


def _finite(word: str) -> bool:
    try:
        scalars.resolve(word)
    except scalars.ScalarError:
        return False
    return True


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan"])
def test_what_json_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(scalars.ScalarError):
        scalars.resolve(text)


@pytest.mark.parametrize("style", [None, "", "plain"])
def test_every_spelling_of_plain_is_plain(style: str | None) -> None:
    assert scalars.resolve("yes", style) is True
    assert scalars.resolve("yes", "'") == "yes"


PLAIN = [
    ("x", "a word"),
    ("a b", "inner blank"),
    ("v1", "a version"),
    ("10.0.0.1", "an address is no number"),
    ("10.0.0.0/8", "a network"),
    ("http://h:80/p", "a colon before a letter or digit"),
    ("a#b", "a hash inside"),
    ("100m", "a quantity"),
    ("1.2.3", "three numbers"),
    ("linkerd.io/inject", "an annotation key"),
    ("é", "a letter"),
    ("spiffe://a/ns/b/sa/c", "an identity"),
    ("it's", "an inner quote"),
    ("1a", "a digit first"),
    ("5s", "a duration"),
    ("a-b", "an inner dash"),
    ("/healthz", "a path"),
    ("GET", "a method"),
    ("^", "an ordinary sign"),
    ("(x)", "brackets"),
    ("1_a", "no number after all"),
    ("😀", "beyond the basic plane"),
    ("0x1G", "no hexadecimal"),
]
QUOTED = [
    ("", "null"),
    ("~", "null"),
    ("null", "null"),
    ("NULL", "null"),
    ("true", "bool"),
    ("False", "bool"),
    ("tRuE", "bool"),
    ("yes", "bool of v2 and YAML 1.1"),
    ("No", "bool"),
    ("on", "bool"),
    ("OFF", "bool"),
    ("y", "bool of v2"),
    ("N", "bool"),
    ("1", "int"),
    ("-1", "int"),
    ("+1", "int"),
    ("0755", "octal"),
    ("0o755", "octal of 1.2"),
    ("0x1F", "hexadecimal"),
    ("0b101", "binary"),
    ("08", "float of v2"),
    ("1_000", "int of 1.1"),
    ("1.5", "float"),
    ("1e3", "float of 1.2"),
    ("1.", "float"),
    (".5", "float"),
    (".1_0", "float of Go"),
    (".inf", "float"),
    ("-.INF", "float"),
    (".NaN", "float"),
    ("1:30", "base 60 of 1.1"),
    ("190:20:30.15", "base 60"),
    ("2001-01-01", "date"),
    ("2001-1-1", "date of v2"),
    ("2001-12-14T21:59:43Z", "timestamp"),
    ("2001-12-14 21:59:43.10 -5", "timestamp"),
    ("=", "value key of 1.1"),
    ("<<", "merge key"),
    ("- x", "dash"),
    ("-", "dash"),
    ("-x", "leading dash"),
    ("? x", "question mark"),
    (":x", "colon"),
    ("a: b", "mapping"),
    ("a:", "mapping"),
    ("a #b", "comment"),
    ("#a", "comment"),
    ("[a]", "flow"),
    ("a, b", "flow"),
    ("{a}", "flow"),
    ("a]", "flow"),
    ("&a", "anchor"),
    ("*a", "alias"),
    ("!a", "tag"),
    ("|", "block"),
    (">", "block"),
    ("'a'", "quote"),
    ('"a"', "quote"),
    ("%a", "directive"),
    ("@a", "reserved"),
    ("`a", "reserved"),
    (" a", "blank"),
    ("a ", "blank"),
    ("a\nb", "break"),
    ("a\tb", "tab"),
    ("a\x07", "control"),
    ("\x85", "break of YAML 1.1"),
    ("a\u2028b", "break of YAML 1.1"),
    ("\ufeffa", "byte order mark"),
    ("---", "marker"),
    ("...", "marker"),
    ("--- a", "marker"),
    ("a\u200b"[:1] + ":", "ends with a colon"),
    ("0o8"[:2], "prefix that a reader may take"),
]


@pytest.mark.parametrize(("text", "reason"), PLAIN)
def test_plain_is_enough(text: str, reason: str) -> None:
    assert not scalars.needs_quotes(text), reason


@pytest.mark.parametrize(("text", "reason"), QUOTED)
def test_quotes_are_needed(text: str, reason: str) -> None:
    assert scalars.needs_quotes(text), reason


@given(TEXTS)
def test_what_goes_unquoted_is_a_string_for_every_reader(text: str) -> None:
    if scalars.needs_quotes(text):
        return
    assert read(f"v: {text}\n") == text
    assert nodes.to_value(_root(f"[{text}, {{k: {text}}}]")) == [text, {"k": text}]
    assert nodes.to_value(_root(f"{{{text}: 1}}")) == {text: 1}
    assert yaml.load(f"v: {text}\n", yaml.SafeLoader) == {"v": text}
    assert not _is_core_number(text)
    assert scalars.key_text(text) == text


def _root(text: str) -> nodes.Node:
    root = nodes.parse(text).root
    assert root is not None
    return root


def _is_core_number(text: str) -> bool:
    """Numbers of the YAML 1.2 core schema, read by Python."""
    for base, prefix in ((8, "0o"), (16, "0x"), (10, "")):
        digits = text.removeprefix(prefix) if base != 10 else text
        if text.startswith(prefix) and "_" not in digits and digits == digits.strip() and digits.isascii():
            try:
                int(digits, base)
            except ValueError:
                continue
            return base == 10 or digits[:1] not in "+-"
    try:
        return text.isascii() and "_" not in text and math.isfinite(float(text))
    except ValueError:
        return False
