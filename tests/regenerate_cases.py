"""Writes what cases expect anew: `python -m tests.regenerate_cases [RULE[/CASE]…]`.

Read the difference before it is committed: tests compare bytes, so what stands there is a promise.
"""

from __future__ import annotations

import sys

from tests.case_tables import CASES, regenerate


def main(names: list[str]) -> int:
    """Regenerate the named rules or cases, or all; returns the exit code."""
    wanted = [CASES / name for name in names] or sorted(CASES.iterdir())
    unknown = [path.relative_to(CASES) for path in wanted if not path.is_dir()]
    if unknown:
        print(f"no such rule or case: {', '.join(map(str, unknown))}", file=sys.stderr)
        return 2
    folders = []
    for path in wanted:
        folders += (
            [path]
            if (path / "input.yaml").exists()
            else sorted(found.parent for found in path.glob("*/input.yaml"))
        )
    for changed in regenerate(folders):
        print(f"written: {changed.relative_to(CASES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
