"""Who may call a workload before and after the run, as tables in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from transformer.ir import authorization as ir
from transformer.ir import networks, path_conditions
from transformer.ir.authorization import SourceSet
from transformer.ir.networks import EVERYWHERE, Networks
from transformer.ir.path_conditions import Classes, Condition
from transformer.ir.request_classes import OTHER, ROOT, Cells, Path

if TYPE_CHECKING:
    from transformer.rules.istio.authorization_plans import Today, Wanted
    from transformer.targets.linkerd.inbound_plan import Plan

_READINGS = {"http": "HTTP", "tcp": "TCP", "sniffed": "told by its first bytes"}
_DEFAULTS = {
    "all-unauthenticated": "everyone",
    "all-authenticated": "every identity of the mesh",
    "deny": "nobody",
}

Row = tuple[str, str]


def callers(found: SourceSet) -> str:
    """A set of callers in words."""
    if found == ir.NOBODY:
        return "nobody"
    if found == ir.ANYONE:
        return "everyone"
    parts = []
    if found.unauthenticated:
        parts.append("callers without an identity" + _from(found.unauthenticated))
    if found.others:
        parts.append("every identity of the mesh" + _from(found.others))
    for space in found.namespaces:
        if space.others != found.others:
            parts.append((f"{space.name}/*" if space.others else f"not {space.name}/*") + _from(space.others))
        parts += [
            (f"{space.name}/{name}" if found_from else f"not {space.name}/{name}") + _from(found_from)
            for name, found_from in space.accounts
        ]
    return ", ".join(parts)


def _from(found: Networks) -> str:
    if not found or found == EVERYWHERE:
        return ""
    listed = [
        str(entry["cidr"]) + (f" without {' '.join(entry['except'])}" if "except" in entry else "")
        for entry in networks.entries(found)
    ]
    return f" from {' or '.join(listed)}"


def workload(wanted: Wanted) -> str:
    """Tables of all ports of a workload: what its policies say in Istio, and what the emitted objects say."""
    ref = wanted.pods.obj.ref
    lines = [f"{ref}", ""]
    for port, today in wanted.today.items():
        lines += _port(port, today, wanted.plans.get(port))
    if not wanted.rest.policy:
        return "\n".join(lines)
    lines += [
        "ports that nobody declares",
        f"  after   {_DEFAULTS.get(wanted.rest.policy, wanted.rest.policy)}"
        + (" (fewer than before)" if wanted.rest.stricter else ""),
        "",
    ]
    if wanted.opened:
        opened = ", ".join(f"{path} on {port}" for port, path in wanted.opened)
        lines += [f"probes, served to everyone afterwards: {opened}", ""]
    return "\n".join(lines)


def _port(port: int, today: Today, plan: Plan | None) -> Iterator[str]:
    yield f"port {port}, read as {_READINGS[today.reading]}, mutual TLS {today.mode}"
    before, after = (
        list(_today(today)),
        list(_planned(plan)) if plan else [("everything", "as before, in Istio")],
    )
    width = max(len(what) for what, _ in (*before, *after))
    for side, rows in (("before", before), ("after", after)):
        for at, (what, who) in enumerate(rows):
            yield f"  {side if at == 0 else '':<6}  {what:<{width}}  {who}"
    yield ""


def _today(today: Today) -> Iterator[Row]:
    table = today.table
    if table.hosts is not None:
        for host, cells in table.hosts.items():
            for what, who in _cells(cells):
                yield (f"host {host}: {what}" if host else what), callers(who)
    if table.connections is not None:
        yield (
            "bytes that are no HTTP" if table.hosts is not None else "connections",
            callers(table.connections),
        )


def _cells(cells: Cells | Classes) -> Iterator[tuple[str, SourceSet]]:
    if isinstance(cells, Classes):
        for truth, row in cells.rows:
            named = [_path(path) for path, holds in zip(cells.conditions, truth, strict=True) if holds]
            where = " and ".join(named) or "every other path"
            yield from _row(where, dict(row))
        return
    for path, found in sorted(cells.items(), key=lambda entry: (entry[0] == ROOT, entry[0])):
        alone = len(cells) == 1
        yield from _row("every path" if alone else "every other path" if path == ROOT else _path(path), found)


def _row(where: str, row: dict[str, SourceSet]) -> Iterator[tuple[str, SourceSet]]:
    for method, who in sorted(row.items(), key=lambda entry: (entry[0] == OTHER, entry[0])):
        yield f"{method or ('every method' if len(row) == 1 else 'every other method')} {where}", who


def _path(condition: Condition) -> str:
    if isinstance(condition, Path):
        return condition.text + ("*" if condition.prefix else "")
    return "".join(text if kind == path_conditions.TEXT else kind for kind, text in condition.parts)


def _planned(plan: Plan) -> Iterator[Row]:
    if not plan.routes:
        yield ("connections" if plan.opaque else "every request"), callers(plan.base)
        return
    for route in plan.routes:
        host = f"host {', '.join(route.hosts)}: " if route.hosts else ""
        for kind, value, method in route.matches:
            shown = "every other path" if (kind, value) == ("PathPrefix", "/") else _short(kind, value)
            yield f"{host}{method or 'every method'} {shown}", callers(route.sources | plan.base)
    yield "bytes that are no HTTP", callers(plan.base)


def _short(kind: str, value: str) -> str:
    if kind == "PathPrefix":
        return f"{value} and below"
    if kind == "Exact":
        return value
    return f"~ {value}" if len(value) <= 60 else f"~ {value[:57]}..."


def none(namespace: str, name: str, known: Sequence[str]) -> str:
    """What is said where no policy of the stream was translated for the workload."""
    listed = f" Policies reach {', '.join(known)}." if known else ""
    return f"No policy of these manifests was put in a table for {namespace}/{name}.{listed}\n"
