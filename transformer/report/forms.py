"""The formats of a report, and which of them a file gets.

Every format is made from the data of `transformer.report.json`, so each run, and the last one, can be shown in all of them.
"""

from __future__ import annotations

import importlib
from typing import Any

from transformer.report import json, text

#: Formats that a module of this package makes; the others are `text` and `json`.
_MODULES = {"sarif": "sarif", "github": "github", "gitlab": "gitlab", "markdown": "markdown"}
#: What a file's name says about its format; the first ending that fits counts.
ENDINGS = (
    (".jsonl", "lines"),
    (".sarif", "sarif"),
    (".sarif.json", "sarif"),
    ("code-quality-report.json", "gitlab"),
    (".json", "json"),
    (".md", "markdown"),
)
_ARE_JSON = ("json", "sarif", "gitlab")


def render(data: dict[str, Any], form: str, *, colour: bool = False) -> str:
    """The report in a format (a value of the option `report`, or `lines`); colours only where it is text."""
    if form == "text":
        return text.render(data, colour=colour)
    if form == "json":
        return json.dumps(data)
    if form == "lines":
        return json.lines(data)
    made: str = importlib.import_module(f"transformer.report.{_MODULES[form]}").render(data)
    return made


def of_file(path: str, form: str) -> str:
    """The format of a report file: what its ending says, else the chosen one.

    `.json` is also right for the other formats that are JSON, where one of them is chosen.
    """
    said = next((known for ending, known in ENDINGS if path.endswith(ending)), form)
    return form if said == "json" and form in _ARE_JSON else said
