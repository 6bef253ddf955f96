"""The directions of imports, and the size and names of modules: ARCHITECTURE.md as assertions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real_tools import ROOT

PACKAGE = "transformer"
MAX_LINES = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "handler", "handlers"}


class Direction(NamedTuple):
    """What the modules of one part may import of the package: `only` those parts, or none of `never`."""

    part: str
    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()

    def allows(self, imported: str) -> bool:
        return imported not in self.never and (self.only is None or imported in self.only)


DIRECTIONS = [
    # Knows YAML and bytes, nothing of meshes.
    Direction("stream", only=frozenset({"stream"})),
    # Ranks requests; both the targets and the intermediate form build on it.
    Direction("order", only=frozenset({"order"})),
    Direction("ir", only=frozenset({"ir", "order"})),
    Direction("rules", never=frozenset({"frontends", "report", "proof", "cli"})),
    Direction("targets", never=frozenset({"rules", "frontends", "report", "proof"})),
    # Reads source and emitted objects, so a mistake in rules or the intermediate form stays visible.
    Direction("proof", only=frozenset({"proof", "stream", "context"})),
]


class Module(NamedTuple):
    """A module of the package: dotted name, whether it is a package, source text."""

    name: str
    is_package: bool
    text: str

    @property
    def part(self) -> str:
        """First name below the package; "" for the package itself."""
        return part_of(self.name)


def modules(root: Path) -> list[Module]:
    """Every module of the package under `root`."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        names = list(path.relative_to(root).with_suffix("").parts)
        is_package = names[-1] == "__init__"
        name = ".".join(names[:-1] if is_package else names)
        found.append(Module(name, is_package, path.read_text(encoding="utf-8")))
    return found


def part_of(name: str) -> str:
    """First name below the package; "" for the package itself."""
    return name.split(".")[1] if "." in name else ""


def imports(module: Module, known: set[str]) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything of the package that a module imports, wherever in the file."""
    for node in ast.walk(ast.parse(module.text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(module, node)
            submodules = [f"{origin}.{alias.name}" for alias in node.names]
            # `from transformer import stream` imports a module, `from transformer.stream import nodes` may.
            names = [name for name in submodules if name in known] or [origin]
        elif isinstance(node, ast.Call) and called(node) in {"import_module", "__import__"} and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                names = [argument.value]
        for name in names:
            if name == PACKAGE or name.startswith(PACKAGE + "."):
                yield getattr(node, "lineno", 0), name


def absolute(module: Module, node: ast.ImportFrom) -> str:
    """The module that a `from … import` names, with leading dots resolved."""
    if not node.level:
        return node.module or ""
    package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join(base + ([node.module] if node.module else []))


def called(node: ast.Call) -> str:
    """Last name of the function that is called."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def wrong_imports(found: list[Module]) -> list[str]:
    """One line for every import against a direction."""
    known = {module.name for module in found}
    wrong = []
    for module in found:
        for line, imported in imports(module, known):
            part = part_of(imported)
            against = [d for d in DIRECTIONS if d.part == module.part and not d.allows(part)]
            # The package itself holds only the version.
            if (against and imported != PACKAGE) or imported == f"{PACKAGE}.__main__":
                wrong.append(f"{module.name}:{line} imports {imported}")
    return wrong


def test_imports_keep_their_direction() -> None:
    found = modules(ROOT)
    assert {direction.part for direction in DIRECTIONS} <= {module.part for module in found}
    assert wrong_imports(found) == []


@pytest.mark.parametrize(
    ("path", "text", "wrong", "reason"),
    [
        ("stream/a.py", "from transformer.stream import nodes", "", "its own part"),
        ("stream/a.py", "import re, os", "", "not of the package"),
        ("stream/a.py", "from transformer import __version__", "", "the package itself"),
        ("stream/a.py", "from transformer import errors", "transformer.errors", "a module by its package"),
        ("stream/a.py", "import transformer.errors as e", "transformer.errors", "another part"),
        ("stream/a.py", "from ..errors import InputError", "transformer.errors", "a relative import"),
        ("stream/__init__.py", "from . import nodes", "", "a relative import of its own part"),
        ("stream/a.py", "def f():\n    from transformer import ir", "transformer.ir", "a late import"),
        (
            "stream/a.py",
            "import importlib\nimportlib.import_module('transformer.ir')",
            "transformer.ir",
            "by name",
        ),
        ("order/a.py", "from transformer.ir import x", "transformer.ir", "order stands alone"),
        ("ir/a.py", "from transformer.order import x", "", "the intermediate form knows ranks"),
        ("ir/a.py", "from transformer.stream import nodes", "transformer.stream.nodes", "and no bytes"),
        ("rules/istio/a.py", "from transformer.ir import x", "", "rules write the intermediate form"),
        (
            "rules/istio/a.py",
            "from transformer.proof import x",
            "transformer.proof",
            "they are judged by proof",
        ),
        ("rules/istio/a.py", "from transformer import cli", "transformer.cli", "they know no command line"),
        ("targets/linkerd/a.py", "import transformer.rules.istio", "transformer.rules.istio", "one way only"),
        ("targets/linkerd/a.py", "from transformer.ir import x", "", "targets read the intermediate form"),
        ("proof/a.py", "from transformer.context import x", "", "proof asks the same context"),
        ("proof/a.py", "from transformer.ir import x", "transformer.ir", "proof must not share its mistakes"),
        ("cli.py", "from transformer.__main__ import main", "transformer.__main__", "nobody imports it"),
        ("cli.py", "from transformer.rules import x", "", "no direction for the command line"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, path: str, text: str, wrong: str, reason: str) -> None:
    files = ["errors.py", "ir/__init__.py", "stream/__init__.py", "stream/nodes.py", "cli.py", "__main__.py"]
    for name in ["__init__.py", *files, path]:
        file = tmp_path / PACKAGE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if name == path else "", encoding="utf-8")
    found = [line.rpartition(" ")[2] for line in wrong_imports(modules(tmp_path))]
    assert found == ([wrong] if wrong else []), reason


def test_modules_are_short() -> None:
    lengths = {module.name: len(module.text.splitlines()) for module in modules(ROOT)}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_modules_are_named_after_their_subject() -> None:
    names = [module.name for module in modules(ROOT)]
    assert [name for name in names if VAGUE_NAMES & set(name.replace("_", ".").split("."))] == []
