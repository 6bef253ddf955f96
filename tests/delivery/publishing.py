"""This checkout as a repository that others can name: a commit with everything that a clone would have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.delivery.running import run
from tests.docs.walkthrough import copy_repository

_AUTHOR = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false")


def publish(folder: Path, env: Mapping[str, str]) -> str:
    """Copy the checkout into a new folder and commit it there; returns the commit."""
    copy_repository(folder)
    return commit(folder, env)


def commit(folder: Path, env: Mapping[str, str]) -> str:
    """Make a folder a git repository with all of its files in one commit; returns the commit."""
    for words in (["init", "-q"], ["add", "-A"], [*_AUTHOR, "commit", "-q", "-m", "All files"]):
        run(["git", *words], env, cwd=folder).succeeded()
    return run(["git", "rev-parse", "HEAD"], env, cwd=folder).succeeded().out.decode().strip()
