"""Writes the pages of `docs/` that are told by the code alone: codes, rules, options, commands (`python -m dev.reference`)."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from dev import command_line
from dev.measure import pages
from transformer.codes import CODES, RETIRED, Code
from transformer.rules import registry

COMMAND = "sh dev/docs"
FAMILIES = {
    "0": "The stream and the run",
    "1": "Injection and workloads",
    "2": "Routes",
    "3": "Destinations and what stands behind routes",
    "4": "Authorization and TLS",
    "5": "SMI and Open Service Mesh",
    "6": "TCP, TLS and gRPC routes, and the listeners that serve them",
    "7": "Gateway API objects that are used with Istio already",
    "8": "What leaves the mesh, and machines outside the cluster",
    "9": "Controllers that own routes, and extensions of proxies",
}
SEVERITIES = {
    "error": "the object stays as it is, with its migration unit",
    "warning": "something behaves differently",
    "info": "good to know",
}


def codes_page(codes: Mapping[str, Code] = CODES) -> str:
    """The catalogue of finding codes."""
    ordered = [code for _, code in sorted(codes.items())]
    index = pages.table(
        ("code", "severity", "meaning"),
        ((f"[{code.code}](#{code.code.lower()})", code.severity, code.title) for code in ordered),
    )
    parts = [CODES_HEAD, index]
    for digit in sorted({code.code[2] for code in ordered}):
        parts.append(f"## {FAMILIES[digit]}\n")
        parts += [_code(code) for code in ordered if code.code[2] == digit]
    if RETIRED:
        parts.append(f"## No longer used\n\n{', '.join(sorted(RETIRED))}\n")
    return "\n".join(parts)


def _code(code: Code) -> str:
    accepting = ""
    if code.severity == "error":
        accepting = "- **Accepting:** " + (
            "a person may accept the loss\n" if code.acceptable else "not possible\n"
        )
    example = f"\n```yaml\n{code.example}\n```\n" if code.example else ""
    return f"""\
### {code.code}

**{code.title[0].upper()}{code.title[1:]}.** {code.cause}

- **Severity:** {code.severity}: {SEVERITIES[code.severity]}
- **Effect:** {code.effect}
- **What to do:** {code.remedy}
{accepting}{example}"""


def rules_page() -> str:
    """What each rule takes and makes of it."""
    found = sorted(registry.load(), key=lambda rule: rule.id)
    index = pages.table(
        ("rule", "takes", "in short"),
        (
            (f"[{rule.id}](#{rule.id})", ", ".join(_kinds(rule)) or "labels and annotations", rule.summary)
            for rule in found
        ),
    )
    return "\n".join([RULES_HEAD, index, *(_rule(rule) for rule in found)])


def _kinds(rule: registry.Rule) -> Iterator[str]:
    return iter(dict.fromkeys(kind for _, kind in rule.kinds))


def _rule(rule: registry.Rule) -> str:
    about = inspect.cleandoc(sys.modules[rule.translate.__module__].__doc__ or "")
    kinds = pages.table(("kind", "group"), ((kind, group or "core") for group, kind in rule.kinds))
    keys = (
        "\nLabels and annotations: " + ", ".join(f"`{key}`" for key in rule.keys) + ".\n" if rule.keys else ""
    )
    return f"## {rule.id}\n\n{about}\n\n{kinds}{keys}"


PAGES = {
    "codes.md": codes_page,
    "rules.md": rules_page,
    "options.md": command_line.options_page,
    "commands.md": command_line.commands_page,
}


def main() -> int:
    """Write every page; returns the exit code."""
    for name, page in PAGES.items():
        print(_shown(pages.write(name, COMMAND, page())))
    return 0


def _shown(path: Path) -> str:
    return path.relative_to(pages.DOCS.parent).as_posix()


CODES_HEAD = """\
# Finding codes

Every finding has a code that keeps its meaning. `meshshift explain CODE` shows the same in a terminal. An error holds
the object it is about, a warning says that something behaves differently, an info is good to know. Where a person may
accept the loss: `--accept 'CODE@Kind/namespace/name=reason'`, the same under `accept` in `meshshift.yaml`, or the
annotation `meshshift.dev/accept: 'CODE: reason'` on the object.
"""
RULES_HEAD = """\
# Rules

Which kind goes where. `meshshift rules KIND` shows the same in a terminal. Kinds of Istio, SMI and Open Service Mesh that no
rule takes are held ([MS010](codes.md#ms010)).
"""

if __name__ == "__main__":
    sys.exit(main())
