"""Helm needs no file: a chart stays as it is and meshshift is named where it is installed."""

from __future__ import annotations

import posixpath

from transformer.frontends.init.plan import Plan, Step, word
from transformer.frontends.init.setup import Setup
from transformer.frontends.init.survey import value_of


def wire(work: Plan, setup: Setup) -> None:
    """Tell the command of charts that may hold something of an old mesh; charts of charts go with them."""
    open_ones = []
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
            open_ones.append(chart)
    if not open_ones:
        return
    chart, *others = open_ones
    more = f" and {len(others)} more" if others else ""
    left = "name meshshift where it is installed; with Helm 4 it is a plugin (helm-postrender)"
    work.left.append(f"chart {chart or '.'}{more}: {left}")
    head = f"{chart}/Chart.yaml" if chart else "Chart.yaml"
    said = value_of(setup.survey.files[head], setup.survey.path(head))
    name = said.get("name") if isinstance(said, dict) else None
    name = word(str(name or posixpath.basename(chart) or "RELEASE"))
    path = word(chart if "/" in chart else f"./{chart}" if chart else ".")
    work.steps.append(
        Step(f"helm template {name} {path} | meshshift check", "what becomes of it", first=True)
    )
    command = f"helm upgrade --install {name} {path} --post-renderer meshshift"
    work.steps.append(Step(command, "installs it for Linkerd"))
