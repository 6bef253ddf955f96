"""How every run ends: the report is kept where it was asked for, the manifests go out, then the report is
shown.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from transformer.errors import DONE
from transformer.frontends import output
from transformer.options import Options
from transformer.report import colours, forms, store


def finish(data: dict[str, Any], options: Options, environ: Mapping[str, str], body: bytes = b"") -> int:
    """Keep the report, write `body` to standard output, show the report on standard error; returns the exit
    code.

    Raises UsageError where the report file cannot be written (then nothing goes to standard output), OSError
    where standard output cannot.
    """
    data = kept(data, options, environ)
    if body:
        output.write(body)
    output.say(shown(data, options, sys.stderr, environ))
    return int(data["exit_code"])


def kept(data: dict[str, Any], options: Options, environ: Mapping[str, str]) -> dict[str, Any]:
    """Keep the report in the report files and as the last one; returns it, with a note where the latter
    failed.
    """
    for path in options["report-file"]:
        store.write_report_file(path, data, options["report"])
    trouble = store.keep_last(data, environ)
    return data | {"notes": [*data["notes"], trouble]} if trouble else data


def shown(data: dict[str, Any], options: Options, where: TextIO | None, environ: Mapping[str, str]) -> str:
    """The report as it is shown on a standard stream."""
    return forms.render(data, options["report"], colour=where is not None and colours.wanted(where, environ))


def may_write(data: dict[str, Any]) -> bool:
    """Whether manifests may go out: only where the run is done."""
    return bool(data["exit_code"] == DONE)
