"""Findings as workflow commands of GitHub Actions, which show them beside the lines that they are about.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands: `::error file=…,line=…,title=…::message`.
What a person accepted is counted and not shown again on every pull request. GitHub shows ten annotations of each kind per step.
"""

from __future__ import annotations

from typing import Any

from transformer.errors import USAGE
from transformer.report import facts, places, text

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(data: dict[str, Any]) -> str:
    """One command per line, then the line that closes the report for people."""
    lines = [command("notice", note) for note in data["notes"]]
    if data["facts"] and data["exit_code"] == USAGE:
        lines.append(command("error", facts.message(data["facts"], fatal=True), title="a fact is missing"))
        return "".join(f"{line}\n" for line in lines)
    lines += [_finding(entry, data["command"]) for entry in places.ordered(data["findings"])]
    if data["facts"]:
        lines.append(command("warning", facts.message(data["facts"], fatal=False), title="a fact is missing"))
    if data["error"]:
        lines.append(command("error", data["error"], title=f"meshshift {data['command']}"))
    if data["findings"] or data["objects"]:
        lines.append(text.summary(data))
    return "".join(f"{line}\n" for line in lines if line)


def _finding(entry: dict[str, Any], name: str) -> str:
    if entry["accepted"]:
        return ""
    place = places.of(entry, command=name)
    title = " ".join(
        part
        for part in (entry["code"], text.name(entry["object"]) if entry["object"] else "", entry["field"])
        if part
    )
    message = entry["message"]
    if not place.known and place.line:
        message = f"line {place.line} of the stream: {message}"
    elif place.stream_line:
        message = f"line {place.stream_line} of the stream: {message}"
    if entry["remedy"]:
        message += f"\nfix: {entry['remedy']}"
    where: dict[str, str | int] = {}
    if place.known:
        where["file"] = place.path
        if place.line:
            where["line"] = place.line
    return command(_COMMANDS[entry["severity"]], message, **where, title=title)


def command(name: str, message: str, **properties: str | int) -> str:
    """A workflow command; whatever stands in message and properties cannot end it or start another."""
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name}{' ' + given if given else ''}::{_data(message)}"


def _data(message: str) -> str:
    escaped = message.strip().replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.visible(escaped)


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
