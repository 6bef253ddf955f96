"""What the command line looks like: commands with their own flags, the options of all, and the help that lists them.

Options may stand anywhere; the first other word is the command. The table of commands is `transformer.cli.COMMANDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from transformer import settings
from transformer.errors import UsageError
from transformer.options import OPTIONS
from transformer.settings import Layer

if TYPE_CHECKING:
    import argparse

ABOUT = """\
meshshift moves Kubernetes manifests from Istio, SMI and Open Service Mesh to Linkerd and Gateway API
while they are rendered: it reads manifests on standard input and writes manifests on standard output.
"""
USES = """\
  helm template shop ./chart | meshshift > out.yaml          try it
  helm install shop ./chart --post-renderer meshshift        Helm 3 (Helm 4: as a plugin)
  kustomize build . | meshshift check                        is anything of the old mesh left?
  meshshift explain MS010                                    what a finding means
  kustomize build . | meshshift explain --workload shop/cart who may call it, before and after
  meshshift --help                                           everything else
"""
_EPILOG = """\
Every option is also a variable (--mesh-mtls is MESHSHIFT_MESH_MTLS) and a key of meshshift.yaml and of
the functionConfig (mesh.mtls). A flag wins over the environment, that over the functionConfig, that over
the file.

exit codes: 0 done, 1 findings at or above --fail-on, 2 usage or configuration, 3 input that cannot be
read, 4 internal error. Unless it is 0 no manifests are written (a KRM function answers 1 with its results).
"""


class Call(NamedTuple):
    """A parsed command line: operands, layers of options (flags, environment, then the file), the environment,
    and the texts given for the command's own flags.
    """

    operands: list[str]
    layers: list[Layer]
    environ: Mapping[str, str]
    data: bytes | None
    own: Mapping[str, list[str]]

    def flag(self, name: str) -> str:
        """What was given last for a flag of the command; empty where nothing was."""
        return self.own.get(name, [""])[-1]


class Flag(NamedTuple):
    """A flag that is no option: it belongs to some commands (to all where none is named) and has no other spelling.

    Without a placeholder it is a switch, whose text is its own name.
    """

    name: str
    placeholder: str
    help: str
    commands: tuple[str, ...] = ()


class Command(NamedTuple):
    """A sub-command: what follows it, what it does, the function that does it, whether its report is kept."""

    operands: str
    summary: str
    run: Callable[[Call], int]
    reports: bool = False


#: By name.
Commands = Mapping[str, Command]

FLAGS = (
    Flag("config", "FILE", "configuration file (default: meshshift.yaml or .meshshift.yaml in this folder)"),
    Flag(
        "function-config",
        "FILE",
        "for transform: options from a functionConfig in a file, as kustomize hands it to legacy plugins; relative "
        "paths in it start at this folder",
        ("transform",),
    ),
    Flag(
        "workload",
        "NS/NAME",
        "for explain: who may call what of this workload, before and after, by port",
        ("explain",),
    ),
    Flag("output", "DIR", "for flux-patches: folder of patches.yaml and manifests.yaml", ("flux-patches",)),
    Flag("helm-release", "FILE", "for flux-patches: HelmRelease that gets the patches", ("flux-patches",)),
    Flag("check", "", "for flux-patches: write nothing, fail where files are not current", ("flux-patches",)),
    Flag("for", "LIST", "for init: only kustomize, helm, argocd, flux, kpt or pre-commit", ("init",)),
    Flag("diff", "", "for init: print what would change as a unified diff, and write nothing", ("init",)),
    Flag("yes", "", "for init: ask nothing", ("init",)),
    Flag("overview", "", "for check: one screen instead of every finding, as on a terminal", ("check",)),
    Flag("full", "", "for check: every finding with its remedy, also on a terminal", ("check",)),
)


def parse(argv: Sequence[str], commands: Commands) -> tuple[str, list[str], dict[str, list[str]]]:
    """Command, operands and the texts given for every option. Raises UsageError.

    The commands `help` and `version` have the text to print as their only operand.
    """
    from transformer import __version__

    parser = _parser()
    known, rest = parser.parse_known_args(list(argv))
    given = {key: texts for key, texts in vars(known).items() if key not in ("help", "version")}
    words, after = (rest[: rest.index("--")], rest[rest.index("--") + 1 :]) if "--" in rest else (rest, [])
    for word in words:
        if word.startswith("-") and word != "-":
            spellings = [option.flag for option in OPTIONS] + [f"--{flag.name}" for flag in FLAGS]
            spellings += ["--help", "--version"]
            hint = settings.suggestion(word.partition("=")[0], spellings)
            raise UsageError(f"there is no option {word}" + (f"; did you mean {hint}?" if hint else ""))
    if known.version:
        return "version", [f"meshshift {__version__}\n"], given
    operands = words + after
    given_name = bool(operands)
    name = operands.pop(0) if operands else "transform"
    if known.help or name == "help":
        topic = operands[0] if name == "help" and operands else name if given_name else ""
        return "help", [_help(topic if topic in commands else "", commands)], given
    if name not in commands:
        hint = settings.suggestion(name, commands)
        raise UsageError(
            f"there is no command {name!r}; "
            + (f"did you mean {hint}?" if hint else f"there are {', '.join(commands)}")
        )
    return name, operands, given


def _parser(command: str = "") -> argparse.ArgumentParser:
    """A parser of every flag and option; with the flags of one command only, for its help, where one is named."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> Any:
            raise UsageError(message)

    class Formatter(argparse.RawDescriptionHelpFormatter):
        # With a width argparse does not load shutil and the compression modules to ask for the terminal's.
        def __init__(self, prog: str) -> None:
            super().__init__(prog, width=100)

    parser = Parser(
        prog="meshshift", usage="meshshift [COMMAND] [OPTIONS] [OPERANDS…]",
        add_help=False, allow_abbrev=False, formatter_class=Formatter,
    )  # fmt: skip
    parser.add_argument("-h", "--help", action="store_true", help="show this and exit")
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    for flag in FLAGS:
        if command and flag.commands and command not in flag.commands:
            continue
        taken: dict[str, Any] = (
            {"action": "append", "metavar": flag.placeholder}
            if flag.placeholder
            else {"action": "append_const", "const": flag.name}
        )
        parser.add_argument(
            f"--{flag.name}", dest=flag.name, default=argparse.SUPPRESS,
            help=flag.help.removeprefix(f"for {command}: "), **taken,
        )  # fmt: skip
    options = parser.add_argument_group("options for every command")
    for option in OPTIONS:
        shown = ", ".join(option.default) if isinstance(option.default, tuple) else option.default
        extra = f" (default: {shown})" if shown else ""
        repeat = {"list": "; with commas, or repeated", "accept": "; may be repeated"}.get(option.kind, "")
        choices = "{" + ",".join(choice for choice in option.choices if choice) + "}"
        options.add_argument(
            option.flag, dest=option.key, action="append", default=argparse.SUPPRESS,
            metavar=choices if option.choices else option.key.rpartition(".")[2].upper(),
            help=(option.help + repeat + extra).replace("%", "%%"),
        )  # fmt: skip
    return parser


def _help(command: str, commands: Commands) -> str:
    parser = _parser(command)
    parser.epilog = _EPILOG
    if command:
        known = commands[command]
        parser.usage = f"meshshift {command} {known.operands + ' ' if known.operands else ''}[OPTIONS]"
        parser.description = known.summary
        return parser.format_help()
    width = max(len(f"{name} {known.operands}") for name, known in commands.items())
    listed = (
        f"  {f'{name} {known.operands}'.ljust(width)}  {known.summary}" for name, known in commands.items()
    )
    parser.description = ABOUT + "\ncommands:\n" + "\n".join(listed) + "\n\nfor example:\n" + USES
    return parser.format_help()


def own_flags(name: str, given: dict[str, list[str]]) -> dict[str, list[str]]:
    """The texts of flags that are no options, taken out of `given`. Raises UsageError for another command's."""
    own = {}
    for flag in FLAGS:
        if flag.name not in given:
            continue
        if flag.commands and name not in flag.commands:
            raise UsageError(f"--{flag.name} belongs to {' and '.join(flag.commands)}, not to {name}")
        own[flag.name] = given.pop(flag.name)
    return own
