"""What a person sees who types the bare command: what it is, and what to type next in this folder.

Looks at names only, and at no more than `BUDGET` of them: a home folder must not be read for a greeting.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from transformer.report.text import visible
from transformer.settings import CONFIG_FILES

BUDGET = 2000
_DEPTH, _WIDE = 3, 48
_KINDS = {
    "kustomization.yaml": "kustomization",
    "kustomization.yml": "kustomization",
    "Kustomization": "kustomization",
    "Chart.yaml": "chart",
    "Kptfile": "kpt package",
}
_SEVERAL = {
    "kustomization": "kustomizations",
    "chart": "charts",
    "kpt package": "kpt packages",
    "manifest": "manifests",
}
_ABOUT = """\
meshshift moves Kubernetes manifests from Istio, SMI and Open Service Mesh to Linkerd and Gateway API
while they are rendered: manifests come in on standard input, and go out on standard output.
Nothing is piped in.
"""
_PIPES = """\
For example:

  helm template shop ./chart | meshshift > out.yaml    try it
  meshshift check k8s/                                 what is there, what would move
"""


def text(folder: str = ".") -> str:
    """The greeting for a folder."""
    found = _found(folder)
    if not found:
        return f"{_ABOUT}\n{_PIPES}\nEverything else: meshshift --help\n"
    configured = [name for name in CONFIG_FILES if os.path.isfile(os.path.join(folder, name))]
    what = " and ".join(
        f"{len(places)} {_SEVERAL[kind]}" if len(places) > 1 else f"1 {kind}"
        for kind, places in found.items()
    )
    steps = [("meshshift check .", "what is there, what would move, what needs a decision")]
    if not configured:
        steps.append(("meshshift init .", "says what no manifest tells, and wires meshshift in"))
    build = "kustomize build {} | meshshift"
    if configured:
        build = "kustomize build {} --enable-alpha-plugins --enable-exec | meshshift check"
    for kind, command in (("kustomization", build), ("chart", "helm template {} | meshshift")):
        # The last one by depth and name: overlays lie deeper than their base, or come later.
        steps += [
            (command.format(place), "shows the result, writes no file") for place in found.get(kind, ())[-1:]
        ]
    wide = max(len(command) for command, _ in steps if len(command) <= _WIDE)
    lines = "".join(f"  {command.ljust(wide)}  {why}\n" for command, why in steps)
    state = f"configured by {configured[0]}" if configured else "not configured yet"
    return visible(
        f"{_ABOUT}\nThis folder has {what}, {state}. Next:\n\n{lines}\nEverything else: meshshift --help\n"
    )


def _found(folder: str) -> dict[str, list[str]]:
    """Where there are kustomizations, charts, packages; where there are none of these, manifests."""
    found: dict[str, list[str]] = {}
    manifests: list[str] = []
    for place, name in _names(folder, _DEPTH):
        if name in _KINDS:
            found.setdefault(_KINDS[name], []).append(place)
        elif name.endswith((".yaml", ".yml")) and name not in CONFIG_FILES:
            manifests.append(place)
    return found or ({"manifest": manifests} if manifests else {})


def _names(folder: str, depth: int) -> Iterator[tuple[str, str]]:
    """(folder, name) of files, level by level."""
    level, left = [folder], BUDGET
    for _ in range(depth):
        below: list[str] = []
        for place in level:
            try:
                entries = sorted(os.scandir(place), key=lambda entry: entry.name)
            except OSError:  # a folder that is closed to us has nothing to offer here
                continue
            for entry in entries:
                left -= 1
                if left < 0:
                    return
                if entry.is_dir(follow_symlinks=False):
                    below += [] if entry.name.startswith(".") else [os.path.normpath(entry.path)]
                else:
                    yield os.path.normpath(place), entry.name
        level = below
