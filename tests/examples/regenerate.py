"""Writes the committed files of the examples anew: `python -m tests.examples.regenerate [NAME…]`.

Read the difference before it is committed: tests compare bytes, so what stands there is a promise.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from dev import tools
from tests.delivery.running import install_program, isolated
from tests.examples.cases import EXAMPLES, before, expected


def main(names: list[str]) -> int:
    """Regenerate the named examples, or all; returns the exit code."""
    unknown = set(names) - {example.name for example in EXAMPLES}
    if unknown:
        print(f"no such example: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        env = isolated(os.environ, Path(folder), install_program(Path(folder)))
        for example in EXAMPLES:
            if names and example.name not in names:
                continue
            stream = before(example, tools.find, env)
            for name, content in expected(example, env, stream).items():
                path = example.folder / name
                if not path.exists() or path.read_bytes() != content:
                    path.write_bytes(content)
                    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
