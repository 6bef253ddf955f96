"""The facts that the repository's manifests need: found by a run that writes nothing, answered by options or by a person."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from transformer import settings
from transformer.errors import InputError, UsageError
from transformer.frontends import manifests, output
from transformer.frontends.init.survey import Survey
from transformer.frontends.joined import Joined
from transformer.options import OPTIONS, Option, Options
from transformer.report import json, text

Fact = dict[str, Any]


def missing(survey: Survey, options: Options) -> list[Fact]:
    """Facts that no option tells and something needs, as the report has them. Raises InputError for broken manifests."""
    from transformer.transform import transform

    files = Joined(manifests.read(survey.manifests()).files)
    context = manifests.read(options["context"])
    try:
        report = transform(files.data, options, context.files, name=files.name).report
    except InputError as error:
        hint = "name a smaller folder if this file is no part of what you deploy"
        raise InputError(f"{files.in_files(str(error))}; {hint}") from error
    facts: list[Fact] = json.as_data(report, options, command="init")["facts"]
    for fact in facts:
        for entry in fact["objects"]:
            if entry["file"] == files.name:
                entry["file"], entry["line"] = files.locate(entry["line"])
    return facts


def ask(facts: Sequence[Fact]) -> dict[str, Any]:
    """Answers of the person at the terminal, by option key. Raises UsageError where the terminal is closed."""
    values = {}
    for fact in facts:
        option = settings.BY_KEY[fact["key"]]
        output.say("\n" + "\n".join(_question(option, fact)))
        while option.key not in values:
            answer = line(f"{option.key}: ")
            try:
                value = settings.value_of(option, [answer]) if answer else None
            except settings.Wrong as wrong:
                output.say(f"{wrong}")
                continue
            if value:
                values[option.key] = value
    return values


def line(prompt: str) -> str:
    """One line from the terminal, without blanks around it. Raises UsageError at the end of input."""
    if output.ahead is not None:
        output.ahead()
    sys.stderr.write(prompt)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise UsageError("no answer came, so nothing was written")
    return answer.strip()


def refusal(facts: Sequence[Fact], argv: Sequence[str], why: str) -> str:
    """The message about facts that nobody is asked for, and `why`, with a command to paste.

    `argv` is what followed `meshshift`.
    """
    count = "1 fact is missing" if len(facts) == 1 else f"{len(facts)} facts are missing"
    lines = [f"{count} that no manifest tells, and {why}; nothing was written"]
    for fact in facts:
        lines += ["", *("  " + text for text in _question(settings.BY_KEY[fact["key"]], fact))]
    options = _options(facts)
    flags = [f"{option.flag}={_first(option)}" for option in options]
    others = [f"{o.flag}={choice}" for o in options for choice in o.choices if choice and choice != _first(o)]
    remark = f"   # or {' '.join(others)}" if others else ""
    return "\n".join(
        [*lines, "", "Say it like this:", "", f"  meshshift {shlex.join([*argv, *flags])}{remark}"]
    )


def from_paths(values: Mapping[str, Any], root: str) -> dict[str, Any]:
    """Values of flags with paths from `root` instead of the current folder, as a configuration file there has them."""
    out = dict(values)
    if "context" in out:
        out["context"] = tuple(os.path.relpath(entry, root).replace(os.sep, "/") for entry in out["context"])
    return out


def _question(option: Option, fact: Fact) -> list[str]:
    choices = " or ".join(choice for choice in option.choices if choice)
    lines = [f"{option.key}: {option.help}" + (f": {choices}" if choices else "")]
    lines += [f"  why: {why}" for why in fact["why"][:1]]
    first = fact["objects"][0]
    more = f" and {len(fact['objects']) - 1} more" if len(fact["objects"]) > 1 else ""
    place = f" ({os.path.relpath(first['file'])}:{first['line']})" if first["file"] else ""
    return [
        *(text.visible(entry) for entry in lines),
        text.visible(f"  for: {text.name(first)}{place}{more}"),
    ]


def _options(facts: Sequence[Fact]) -> list[Option]:
    wanted = {fact["key"] for fact in facts}
    return [option for option in OPTIONS if option.key in wanted]


def _first(option: Option) -> str:
    return next((choice for choice in option.choices if choice), option.key.rpartition(".")[2].upper())
