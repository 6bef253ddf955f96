"""Measures speed and memory beside other programs and writes `docs/benchmark.md`: `python -m bench`.

Inputs are generated, the program is installed from its wheel, and all commands of a row run in turn.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import inputs
from bench.installed import Installed, install
from bench.peers import Peers, chart, find, kustomization, version
from bench.processes import Command, Measured, measure
from dev.measure import pages

LIMIT = 60.0
FACTS = ("--mesh-mtls", "permissive")


class Row(NamedTuple):
    """One input: what it is called, its documents, the program's arguments, rounds, and whether a target is set."""

    name: str
    documents: Iterator[str]
    arguments: Sequence[str]
    rounds: int
    target: str


class Taken(NamedTuple):
    """A row with the size of its input and what was measured, by command."""

    row: Row
    size: int
    found: Mapping[str, Measured]


def rows() -> Iterator[Row]:
    """Every input, smallest first."""
    yield Row("2 documents, no mesh", inputs.unrelated(2), (), 21, "≤ 2 × Python")
    yield Row(
        "1 meshed Deployment", inputs.deployments(1), FACTS, 21, "≤ 5 × Python, ≤ 1.5 × kubectl kustomize"
    )
    yield Row("100 meshed Deployments", inputs.deployments(100), FACTS, 7, "")
    yield Row("1,000 meshed Deployments", inputs.deployments(1000), FACTS, 5, "≤ 1.2 s")
    yield Row("10,000 meshed Deployments", inputs.deployments(10_000), FACTS, 3, "linear")
    yield Row("1 VirtualService with its Service", inputs.virtual_services(1), FACTS, 21, "")
    yield Row("100 VirtualServices with Services", inputs.virtual_services(100), FACTS, 7, "")
    yield Row("1,000 VirtualServices with Services", inputs.virtual_services(1000), FACTS, 5, "linear")
    yield Row("100 MB of ConfigMaps, no mesh", inputs.settings(100_000_000), (), 5, "≤ 0.6 s, ≤ 130 MiB")
    yield Row("50,000 documents, 1,000 meshed", inputs.mixed(50_000, 1000), FACTS, 3, "≤ 4 s")


def main() -> int:
    """Generate, measure and write; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        program = install(work)
        peers = find()
        env = environment(work)
        taken = [take(row, work, program, peers, env) for row in rows()]
        print(pages.write("benchmark.md", "python -m bench", page(taken, peers, program)))
    return 0


def environment(work: Path) -> dict[str, str]:
    """An environment in which nothing is preset or measured, and no cluster or state of the user is touched."""
    foreign = ("MESHSHIFT_", "PYTHON", "COV_", "COVERAGE_", "HELM_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"XDG_STATE_HOME": str(work / "state"), "KUBECONFIG": os.devnull, "HOME": str(work)}


def take(row: Row, work: Path, program: Installed, peers: Peers, env: Mapping[str, str]) -> Taken:
    """Measure one row."""
    folder = work / "row"
    folder.mkdir(exist_ok=True)
    source = folder / "in.yaml"
    size = inputs.write(source, row.documents)
    commands = [
        Command("meshshift", [program.meshshift, *row.arguments], source, work),
        Command("cat", ["cat"], source, work),
        Command("python -c pass", [program.python, "-c", "pass"], None, work),
    ]
    if peers.kubectl:
        commands.append(
            Command("kubectl kustomize", [peers.kubectl, "kustomize", str(kustomization(source))], None, work)
        )
    if peers.kustomize:
        commands.append(
            Command("kustomize build", [peers.kustomize, "build", str(kustomization(source))], None, work)
        )
    if peers.helm3:
        commands.append(
            Command("helm template", [peers.helm3, "template", "bench", str(chart(source))], None, work)
        )
    found = measure(commands, env, rounds=row.rounds, limit=LIMIT, work=work)
    print(f"{row.name}: {found['meshshift'].seconds:.3f} s {found['meshshift'].trouble}", file=sys.stderr)
    return Taken(row, size, found)


def page(taken: Sequence[Taken], peers: Peers, program: Installed) -> str:
    """The text of the page."""
    names = [name for name in taken[0].found if name != "meshshift"]
    times = [
        (entry.row.name, _bytes(entry.size), _seconds(entry.found["meshshift"]),
         *(_seconds(entry.found[name]) for name in names), entry.row.target)
        for entry in taken
    ]  # fmt: skip
    ratios = [
        (entry.row.name, *(_ratio(entry.found["meshshift"], entry.found[name]) for name in names))
        for entry in taken
    ]
    memory = [
        (entry.row.name, *(_memory(entry.found[name]) for name in ("meshshift", *names))) for entry in taken
    ]
    troubles = [
        f"- {name}, {entry.row.name}: {_reason(found.trouble)}"
        for entry in taken for name, found in entry.found.items() if found.trouble
    ]  # fmt: skip
    versions = ", ".join(f"{name} {text}" for name, text in version(peers).items())
    return "\n".join([
        INTRODUCTION.format(
            python=platform.python_version(), system=platform.system(), machine=platform.machine(),
            cores=os.cpu_count(), versions=versions, limit=int(LIMIT),
        ),
        "## Time\n", pages.table(("input", "size", "meshshift", *names, "target"), times),
        "## Time as a multiple\n",
        "meshshift's median divided by the other's; below 1 it is faster.\n",
        pages.table(("input", *names), ratios, numbers=len(names)),
        "## Peak memory\n", pages.table(("input", "meshshift", *names), memory, numbers=len(names) + 1),
        "## Not measured\n", *(troubles or ["Nothing was left out."]), "", _beside(taken),
    ])  # fmt: skip


def _beside(taken: Sequence[Taken]) -> str:
    ours = {entry.row.name: _seconds(entry.found["meshshift"]) for entry in taken}
    rows = [
        ("1 VirtualService", "29 ms", ours["1 VirtualService with its Service"]),
        ("100 VirtualServices", "0.10 s", ours["100 VirtualServices with Services"]),
        ("1,000 VirtualServices", "0.64 s", ours["1,000 VirtualServices with Services"]),
    ]
    return f"""\
## Beside ingress2gateway

Its figures (version 1.1) were taken apart from these, on VirtualServices bound to a gateway; those here are rules of
the mesh and include their Services. It is a compiled program; it does not keep the rest of a stream, and it does not
check that the order of rules is kept.

{pages.table(("input", "ingress2gateway 1.1", "meshshift"), rows)}"""


def _seconds(found: Measured) -> str:
    if found.trouble:
        return "–"
    return f"{found.seconds * 1000:.0f} ms" if found.seconds < 0.1 else f"{found.seconds:.2f} s"


def _ratio(ours: Measured, other: Measured) -> str:
    if ours.trouble or other.trouble:
        return "–"
    ratio = ours.seconds / other.seconds
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}" if ratio >= 0.1 else f"{ratio:.2f}"


def _memory(found: Measured) -> str:
    return "–" if found.trouble else f"{found.mebibytes:.0f} MiB"


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _reason(trouble: str) -> str:
    return trouble if len(trouble) < 160 else trouble[:157] + "…"


INTRODUCTION = """\
# Speed and memory

Medians of interleaved runs on one machine ({system} {machine}, {cores} cores, Python {python}); {versions}.
The inputs are generated; meshshift is installed from its wheel, compiled, and reads and writes files. `cat` copies the
same bytes, `python -c pass` starts Python and nothing else. The others render the same manifests: kustomize as the one
resource of a kustomization, Helm as the templates of a chart. A command that takes more than {limit} s is stopped and
not tried again. Numbers vary with the machine and its load; the multiples vary less. Memory below 9 MiB cannot be told.
"""

if __name__ == "__main__":
    sys.exit(main())
