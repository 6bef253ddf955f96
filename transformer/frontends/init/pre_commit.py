"""Wires pre-commit: a hook that shows at every commit what is left of the old mesh."""

from __future__ import annotations

from typing import Any

from transformer.frontends.init.plan import Plan
from transformer.frontends.init.setup import Setup
from transformer.frontends.init.survey import PRE_COMMIT, is_template, value_of
from transformer.stream import splice

HOOK = "meshshift-report"
_OTHERS = ("meshshift-check",)
# Sources that are translated while they are rendered keep their mesh objects, so that only what cannot be read may fail.
_REPO: dict[str, Any] = {
    "repo": "local",
    "hooks": [
        {
            "id": HOOK,
            "name": "meshshift report",
            "entry": "meshshift check --overview --fail-on=never .",
            "language": "system",
            "types_or": ["yaml", "json"],
            "pass_filenames": False,
            "verbose": True,
        }
    ],
}


def wire(work: Plan, setup: Setup) -> None:
    """Plan the hook where the repository uses pre-commit and does not have it."""
    raw = setup.survey.files.get(PRE_COMMIT)
    if raw is None:
        return
    if is_template(raw):
        work.left.append(f"{PRE_COMMIT} is a template: add the hook {HOOK} yourself")
        return
    value = value_of(raw, setup.survey.path(PRE_COMMIT))
    repos = value.get("repos") if isinstance(value, dict) else None
    if any(f"'id': '{hook}'" in str(repos) for hook in (HOOK, *_OTHERS)):
        work.kept.append(f"{PRE_COMMIT}: wired already")
        return
    operation: splice.Op = (
        splice.InsertItem(("repos",), len(repos or ()), _REPO)
        if isinstance(value, dict) and "repos" in value
        else splice.Insert((), "repos", [_REPO])
    )
    work.edit(
        PRE_COMMIT,
        [operation],
        "shows at every commit what is left (needs meshshift on PATH)",
        f"add a hook {HOOK}",
    )
