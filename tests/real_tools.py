"""Real programs for tests: Helm, kustomize, kubectl, kpt, kubectl-validate.

A program that cannot be had skips the tests that need it and says why; where `CI=true` it fails them, so that
a green run there has really run everything.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import NoReturn

import pytest

from dev import tools

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def tool(name: str) -> str:
    """Path of the program called `name` in `dev/tools.toml`, installed on first use; else skips or fails."""
    found = _found(name)
    if isinstance(found, tools.ToolMissing):
        absent(str(found))
    return found


def shared_folder() -> Path:
    """The folder of reference data beside the repository; else skips or fails."""
    if not SHARED.is_dir():
        absent("the folder of reference data, ../shared, is not beside the repository")
    return SHARED


def absent(reason: str) -> NoReturn:
    """Ends the test for something this machine lacks: skipped for a person, failed in CI."""
    if in_ci():
        pytest.fail(f"{reason} (CI=true: nothing may be skipped)", pytrace=False)
    pytest.skip(reason)


def in_ci() -> bool:
    """Whether this run must not skip anything."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


@functools.cache
def _found(name: str) -> str | tools.ToolMissing:
    # A failed build is remembered too: it would take as long again for every test.
    try:
        return tools.find(name)
    except tools.ToolMissing as missing:
        return missing
