"""The reference pages of options and commands, from the tables that the program itself reads."""

from __future__ import annotations

from collections.abc import Iterator

from dev.measure import pages
from transformer import cli, command_line
from transformer.options import OPTIONS, SUPPORTED_PAIRS, Option
from transformer.report import forms
from transformer.settings import BY_KEY, OWN_VARIABLES

_KINDS = {
    "choice": "one of its words",
    "text": "a text",
    "list": "a list: commas in a flag or a variable, a flag may be repeated, a sequence in YAML",
    "accept": "a list of acceptances: a flag may be repeated, lines in a variable, objects in YAML",
}
_GROUPS = (
    ("Versions of the target", ("linkerd", "gateway-api", "channel")),
    ("How far a run goes", ("phase", "only")),
    (
        "What no manifest tells",
        ("gateway-class", "gateway-map", "ingress-identity", "namespace", "context", "complete"),
    ),
    ("The mesh of today", ("mesh.", "smi-implementation")),
    ("The Linkerd of tomorrow", ("linkerd-install.", "authorization", "prefix-mode")),
    ("Findings and reports", ("fail-on", "accept", "report", "report-file")),
)
_EXITS = (
    ("0", "done"),
    ("1", "findings at or above `--fail-on`; standard output is empty"),
    ("2", "usage, configuration, or a missing fact"),
    ("3", "input that cannot be read"),
    ("4", "internal error, or a field without a fate"),
)
_OWN = {
    "MESHSHIFT_CONFIG": "the configuration file, as `--config`",
    "MESHSHIFT_STATE": "folder that keeps the last report; empty: keep none",
    "MESHSHIFT_DEBUG": "`1` shows where an internal error comes from",
    "MESHSHIFT_TOOLS": "for development: folder of the real programs that the tests run",
}
_FORMS = {
    "text": "for people, in colour on a terminal",
    "json": "everything; the shape is described in `transformer/report/json.py` and stable",
    "sarif": "code scanning: rules with help, results with places and fingerprints, acceptances as suppressions",
    "github": "workflow commands of GitHub Actions: annotations beside the lines",
    "gitlab": "a Code Quality report for merge requests",
    "markdown": "tables for the summary of a job or a comment",
}


def options_page() -> str:
    """Every option in its group; those that no group names come last."""
    grouped = [(title, list(_members(keys))) for title, keys in _GROUPS]
    listed = {option.key for _, members in grouped for option in members}
    others = [option for option in OPTIONS if option.key not in listed]
    if others:
        grouped.append(("More", others))
    parts = [OPTIONS_HEAD]
    for title, members in grouped:
        parts += [f"## {title}\n", *(_option(option) for option in members)]
    pairs = ((linkerd, ", ".join(versions)) for linkerd, versions in SUPPORTED_PAIRS.items())
    parts += ["## Versions that go together\n", pages.table(("linkerd", "gateway-api"), pairs)]
    own = ((f"`{name}`", _OWN[name]) for name in sorted(OWN_VARIABLES))
    parts += ["## Variables that are no options\n", pages.table(("variable", "meaning"), own)]
    return "\n".join(parts)


def _members(keys: tuple[str, ...]) -> Iterator[Option]:
    for key in keys:
        if key.endswith("."):
            yield from (option for option in OPTIONS if option.key.startswith(key))
        elif key in BY_KEY:
            yield BY_KEY[key]


def _option(option: Option) -> str:
    default = ", ".join(option.default) if isinstance(option.default, tuple) else option.default
    words = [f"`{choice}`" for choice in option.choices if choice]
    takes = ", ".join(words) if words else _KINDS[option.kind]
    first = option.help.partition(" ")[0]
    meaning = first.capitalize() + option.help[len(first) :] if first.islower() else option.help
    return f"""\
### {option.key}

{meaning.rstrip(".")}.

- **Written:** `{option.flag}`, `{option.variable}`, key `{option.key}`
- **Takes:** {takes}
- **Default:** {f"`{default}`" if default else "none"}
"""


def commands_page() -> str:
    """Every command with its flags, the formats of reports, and the exit codes."""
    rows = ((f"`{_usage(name)}`", command.summary) for name, command in cli.COMMANDS.items())
    flags = (
        (
            f"`--{flag.name}{' ' + flag.placeholder if flag.placeholder else ''}`",
            ", ".join(f"`{name}`" for name in flag.commands) or "every command",
            flag.help,
        )
        for flag in command_line.FLAGS
    )
    endings = {
        form: [f"`{end}`" for end, known in forms.ENDINGS if known == form] for form in (*_FORMS, "lines")
    }
    shown = [(f"`{form}`", ", ".join(endings[form]), _FORMS[form]) for form in BY_KEY["report"].choices]
    shown.append(
        ("", ", ".join(endings["lines"]), "one line of JSON for every finding, appended to the file")
    )
    return "\n".join(
        [
            COMMANDS_HEAD,
            pages.table(("command", "does"), rows),
            "Flags that are no [options](options.md):\n",
            pages.table(("flag", "of", "meaning"), flags),
            REPORTS_HEAD,
            pages.table(("`--report`", "ending of a file", "what it is"), shown),
            REPORTS_TAIL,
            "## Exit codes\n\nThe same everywhere; a hook, an action or a KRM function hands them on.\n",
            pages.table(("code", "meaning"), _EXITS),
        ]
    )


def _usage(name: str) -> str:
    operands = cli.COMMANDS[name].operands
    shown = "meshshift" if name == "transform" else f"meshshift {name}"
    return f"{shown} {operands}" if operands else shown


OPTIONS_HEAD = """\
# Options

Every option is a flag (`--mesh-mtls strict`), a variable (`MESHSHIFT_MESH_MTLS=strict`), a key of `meshshift.yaml`
(`mesh: {mtls: strict}` or `mesh.mtls: strict`) and a key below `spec` of a KRM function's functionConfig. A flag wins over the
environment, that over the functionConfig, that over the file. Paths in the file start at its folder.

A *fact* is an option that has no default, because no manifest tells it: meshshift asks for all missing ones at once.
"""
COMMANDS_HEAD = """\
# Command line

`meshshift --help` and `meshshift help COMMAND` show the same in a terminal. Options may stand anywhere; what follows `--` is a
file or a folder, whatever it looks like.
"""
REPORTS_HEAD = """\
## Reports

A run shows its findings on standard error, `check` on standard output, in the format of `--report`. `--report-file` writes them
into files as well; the ending of a name says the format, `--report` where it does not. `.json` is also right for `sarif` and
`gitlab` where `--report` says so.
"""
REPORTS_TAIL = """\
Several files from one run, and the last report in another format:

```
meshshift check --report-file report.json,meshshift.sarif,summary.md k8s/
meshshift last --report sarif
```

Places are relative to the folder in which meshshift runs: start it in the root folder of the repository. Where no file is
known, as for a stream, SARIF and Code Quality name `<stdin>` or `<manifests>` instead.
"""
