"""Either Helm with the post-renderer of this checkout, for tests that ask the same of both."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.delivery.running import WRAPPER, Done, run
from tests.delivery.samples import STRICT


class Helm(NamedTuple):
    """A Helm with an empty home; `folder` is where a test may write, `program` is meshshift."""

    version: int
    path: str
    env: dict[str, str]
    folder: Path
    program: str

    def template(self, folder: Path, *arguments: object, env: dict[str, str] | None = None) -> Done:
        """`helm template demo CHART` through the post-renderer."""
        renderer = WRAPPER if self.version == 3 else "meshshift"
        return self.plain(folder, "--post-renderer", renderer, *arguments, env=env)

    def plain(self, folder: Path, *arguments: object, env: dict[str, str] | None = None) -> Done:
        """`helm template demo CHART`, for the release namespace `shop`."""
        command = [self.path, "template", "demo", folder, "-n", "shop", *arguments]
        return run(command, self.env | STRICT | (env or {}))


class Streams(NamedTuple):
    """What Helm sent, and what it got back."""

    sent: bytes
    answered: bytes
