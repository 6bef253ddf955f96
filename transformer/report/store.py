"""Where reports go besides the terminal: the report file, and the last report in the user's state folder.

Helm 4 shows nothing that a plugin writes to stderr and Helm 3 shows it only on failure, so a report needs a
file.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

from transformer import whole_files
from transformer.errors import UsageError
from transformer.report import forms, json

LAST = "last.json"


def write_report_file(path: str, data: dict[str, Any], form: str) -> None:
    """Write the report to a file: `.jsonl` is appended to, one line per finding; any other file is replaced
    whole.

    The name's ending says the format (`forms.ENDINGS`), `form` says it where the ending does not. Raises
    UsageError where it cannot be written.
    """
    if os.path.realpath(path) == os.path.realpath("/dev/stdout"):
        raise UsageError("the report file is standard output, which belongs to the manifests")
    try:
        known = forms.of_file(path, form)
        body = forms.render(data, known).encode(errors="backslashreplace")
        if known == "lines":
            _append(path, body)
        else:
            _replace(path, body)
    except OSError as error:
        raise UsageError(f"the report file cannot be written: {path}: {error.strerror}") from error


def keep_last(data: dict[str, Any], environ: Mapping[str, str]) -> str:
    """Keep the report as the last one; returns what to tell the user where that fails, else nothing."""
    folder = state_folder(environ)
    if not folder:
        return ""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _replace(os.path.join(folder, LAST), json.dumps(data).encode(errors="backslashreplace"))
    except OSError as error:
        return f"no report is kept: {folder}: {error.strerror} (MESHSHIFT_STATE names another folder)"
    return ""


def read_last(environ: Mapping[str, str]) -> dict[str, Any]:
    """The last report. Raises UsageError where there is none that can be read."""
    import json as parser

    folder = state_folder(environ)
    if not folder:
        raise UsageError("no report is kept: MESHSHIFT_STATE is empty, or there is no home folder")
    path = os.path.join(folder, LAST)
    try:
        with open(path, encoding="utf-8") as file:
            data = parser.load(file)
    except FileNotFoundError as error:
        raise UsageError(f"there is no report yet: {path} does not exist") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"the last report cannot be read: {path}: {error}") from error
    if not isinstance(data, dict) or data.get("version") != json.VERSION:
        raise UsageError(f"{path} was written by another version of meshshift")
    return data


def time_of_last(environ: Mapping[str, str]) -> str:
    """When the last report was written, in local time; reports carry no time, so that they can be compared."""
    written = os.stat(os.path.join(state_folder(environ), LAST)).st_mtime
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(written))


def state_folder(environ: Mapping[str, str]) -> str:
    """MESHSHIFT_STATE (empty: keep nothing), else `meshshift` in XDG_STATE_HOME or `~/.local/state`; empty
    without a home.
    """
    own = environ.get("MESHSHIFT_STATE")
    if own is not None:
        return own
    base = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):  # the XDG base directory specification: relative paths are to be ignored
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "meshshift") if os.path.isabs(base) else ""


def _append(path: str, body: bytes) -> None:
    # One write in append mode: runs of the same pipeline share the file without cutting each other's lines.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        while body:
            body = body[os.write(descriptor, body) :]
    finally:
        os.close(descriptor)


def _replace(path: str, body: bytes) -> None:
    """Write a file whole or not at all; what is no regular file (a pipe, /dev/stderr) is just written to."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as stream:
            stream.write(body)
        return
    target = os.path.realpath(path)
    temporary = whole_files.beside(target, body)
    try:
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
