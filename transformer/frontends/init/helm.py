"""Helm needs no file: a chart stays as it is and meshshift is named where it is installed."""

from __future__ import annotations

import posixpath

from transformer.frontends.init.plan import Plan, Step
from transformer.frontends.init.setup import Setup


def wire(work: Plan, setup: Setup) -> None:
    """Tell the command of every chart that may hold something of an old mesh; charts of charts go with them."""
    for chart in sorted(setup.survey.charts):
        if any(
            other != chart and (not other or chart.startswith(other + "/")) for other in setup.survey.charts
        ):
            continue
        where = f"chart {chart or '.'}"
        if not setup.survey.names_a_mesh(setup.survey.below(chart)):
            work.kept.append(f"{where}: nothing of an old mesh in it")
        elif chart in work.rendered_by:
            work.kept.append(f"{where}: {work.rendered_by[chart]} renders it")
        else:
            name = posixpath.basename(chart) or "RELEASE"
            path = chart if "/" in chart else f"./{chart}" if chart else "."
            work.left.append(
                f"{where}: name meshshift where it is installed; with Helm 4 it is a plugin (helm-postrender)"
            )
            command = f"helm upgrade --install {name} {path} --post-renderer meshshift"
            work.steps.append(
                Step(f"helm template {name} {path} | meshshift check", "what becomes of it", first=True)
            )
            work.steps.append(Step(command, "installs it for Linkerd"))
