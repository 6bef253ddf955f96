"""The command line: options, sub-commands, and the one place where expected failures become exit codes.

Options may stand anywhere; the first other word is the command. Front ends are imported when they are called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from transformer import needles, settings
from transformer.errors import USAGE, MeshshiftError, UsageError
from transformer.frontends import output
from transformer.options import OPTIONS
from transformer.settings import Layer
from transformer.stream import scan

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


def run(argv: Sequence[str], data: bytes | None = None) -> int:
    """Run the command line; `data` is standard input where it has been read. Returns the exit code."""
    environ = os.environ
    name, layers = "", list[Layer]()
    try:
        name, operands, given = parse(argv) if argv else ("transform", [], {})
        if name in ("help", "version"):
            output.write(operands[0].encode())
            return 0
        command = COMMANDS[name]
        own = _own_flags(name, given)
        layers += [settings.from_flags(given), settings.from_environment(environ)]
        path = settings.config_path(own.pop("config", [""])[-1], environ)
        if own.get("function-config"):
            from transformer.frontends import krm

            layers.append(krm.function_config_file(own["function-config"][-1]))
        if path:
            layers.append(settings.from_file(path))
        call = Call(operands, layers, environ, data, own)
        if not command.reports or not output.stderr_is_terminal():
            return command.run(call)
        from transformer.frontends import waiting

        with waiting.shown(environ):
            return command.run(call)
    except MeshshiftError as error:
        return _failed(error, name, layers, environ)


def _own_flags(name: str, given: dict[str, list[str]]) -> dict[str, list[str]]:
    """The texts of flags that are no options, taken out of `given`. Raises UsageError for another command's."""
    own = {}
    for flag in FLAGS:
        if flag.name not in given:
            continue
        if flag.commands and name not in flag.commands:
            raise UsageError(f"--{flag.name} belongs to {' and '.join(flag.commands)}, not to {name}")
        own[flag.name] = given.pop(flag.name)
    return own


def _failed(error: MeshshiftError, name: str, layers: Sequence[Layer], environ: Mapping[str, str]) -> int:
    """Tell about an expected failure; also in the files that are the only channel under Helm 4."""
    from transformer.report import forms, json, store, text

    data = json.failure(name or "transform", error.exit_code, str(error))
    chosen = settings.chosen(layers)
    reports = name in COMMANDS and COMMANDS[name].reports
    # A person who mistypes a command sees it; the last report is worth more.
    if reports or environ.get("HELM_PLUGIN_NAME"):
        store.keep_last(data, environ)
        for path in chosen.get("report-file", ()):
            try:
                store.write_report_file(path, data, chosen.get("report", "text"))
            except UsageError as second:
                output.say(f"meshshift: {second}")
    if reports and chosen.get("report") == "github":
        output.say(forms.render(data, "github"))
    else:
        output.say("".join(f"meshshift: {text.visible(line)}\n" for line in str(error).splitlines()))
    return error.exit_code


# -- commands ------------------------------------------------------------------------------------------------


def _transform(call: Call) -> int:
    if call.operands:
        hint = settings.suggestion(call.operands[0], COMMANDS)
        raise UsageError(
            f"transform takes no {call.operands[0]!r}" + (f"; did you mean {hint}?" if hint else "")
        )
    data = _input(call)
    if data is None:
        from transformer.frontends import greeting

        output.say(greeting.text())
        return USAGE
    if b"ResourceList" in data:
        from transformer.frontends import krm

        found = krm.detect(data)
        if found is not None:
            if call.flag("function-config"):
                raise UsageError(
                    "a ResourceList brings its functionConfig along: leave --function-config out"
                )
            return krm.run(data, found, call.layers, call.environ)
    chosen = settings.resolve(call.layers, call.environ)
    wants_report = chosen.options["report-file"] or chosen.options["report"] != "text"
    if data.strip() and not wants_report and not scan.contains(data, needles.NEEDLES):
        output.write(data)
        return 0
    from transformer.frontends import stream

    return stream.run(data, chosen, call.environ)


def _check(call: Call) -> int:
    data = None if call.operands else _input(call)
    if data is None and not call.operands:
        raise UsageError("check needs files or folders, or a stream on standard input")
    from transformer.frontends import check

    view = call.flag("overview") or call.flag("full")
    return check.run(data, call.operands, call.layers, call.environ, view=view)


def _explain(call: Call) -> int:
    if call.flag("workload"):
        from transformer.frontends import access

        data = None if call.operands else _input(call)
        if data is None and not call.operands:
            raise UsageError("explain --workload needs files or folders, or a stream on standard input")
        return access.run(call.flag("workload"), data, call.operands, call.layers, call.environ)
    from transformer.report import catalogue

    pages = [catalogue.explain(code) for code in call.operands] or [catalogue.all_codes()]
    output.write("\n".join(pages).encode())
    return 0


def _init(call: Call) -> int:
    from transformer.frontends import init

    return init.run(init.wish(call.operands, call.own), call.layers, call.environ)


def _rules(call: Call) -> int:
    from transformer.report import catalogue

    pages = [catalogue.rules(kind) for kind in call.operands] or [catalogue.rules()]
    output.write("\n".join(pages).encode())
    return 0


def _last(call: Call) -> int:
    from transformer.frontends import closing
    from transformer.report import store

    if call.operands:
        raise UsageError("last takes no operands")
    data = store.read_last(call.environ)
    output.say(f"meshshift: this run ended {store.time_of_last(call.environ)}")
    options = settings.resolve(call.layers, call.environ).options
    output.write(closing.shown(data, options, sys.stdout, call.environ).encode(errors="backslashreplace"))
    return 0


def _cmp(call: Call) -> int:
    from transformer.frontends import cmp

    return cmp.run(call.operands, call.layers, call.environ)


def _flux_patches(call: Call) -> int:
    from transformer.frontends import flux

    if call.operands:
        raise UsageError("flux-patches takes no operands: the chart's render comes on standard input")
    target = flux.Target(call.flag("output"), call.flag("helm-release"), check=bool(call.flag("check")))
    return flux.run(_input(call), target, call.layers, call.environ)


def _input(call: Call) -> bytes | None:
    """Standard input; None where a person sits in front of it."""
    if call.data is not None:
        return call.data
    return None if output.is_terminal() else output.read()


COMMANDS: dict[str, Command] = {
    "transform": Command(
        "", "manifests from standard input to standard output (the default)", _transform, True
    ),
    "check": Command("[PATH…]", "only findings; fails while anything of the old mesh remains", _check, True),
    "init": Command("[FOLDER]", "wires meshshift into a repository and says what no manifest tells", _init),
    "explain": Command(
        "[CODE… | PATH…]",
        "what a finding means and what to do (without a code, all codes); with --workload, who may call it",
        _explain,
    ),
    "rules": Command("[KIND…]", "what becomes of which kind; without a kind, all rules", _rules),
    "cmp": Command("init | generate", "Argo CD plugin: renders this folder and transforms it", _cmp),
    "flux-patches": Command(
        "", "from a chart's render to patches for its Flux HelmRelease", _flux_patches, True
    ),
    "last": Command("", "the report of the last run that found something of a mesh (Helm hides it)", _last),
}

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


# -- parsing -------------------------------------------------------------------------------------------------


def parse(argv: Sequence[str]) -> tuple[str, list[str], dict[str, list[str]]]:
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
        return "help", [_help(parser, topic if topic in COMMANDS else "")], given
    if name not in COMMANDS:
        hint = settings.suggestion(name, COMMANDS)
        raise UsageError(
            f"there is no command {name!r}; "
            + (f"did you mean {hint}?" if hint else f"there are {', '.join(COMMANDS)}")
        )
    return name, operands, given


def _parser() -> argparse.ArgumentParser:
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
        taken: dict[str, Any] = (
            {"action": "append", "metavar": flag.placeholder}
            if flag.placeholder
            else {"action": "append_const", "const": flag.name}
        )
        parser.add_argument(
            f"--{flag.name}", dest=flag.name, default=argparse.SUPPRESS, help=flag.help, **taken
        )
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


def _help(parser: argparse.ArgumentParser, command: str) -> str:
    parser.epilog = _EPILOG
    if command:
        known = COMMANDS[command]
        parser.usage = f"meshshift {command} {known.operands + ' ' if known.operands else ''}[OPTIONS]"
        parser.description = known.summary
        return parser.format_help()
    width = max(len(f"{name} {known.operands}") for name, known in COMMANDS.items())
    listed = (
        f"  {f'{name} {known.operands}'.ljust(width)}  {known.summary}" for name, known in COMMANDS.items()
    )
    parser.description = ABOUT + "\ncommands:\n" + "\n".join(listed) + "\n\nfor example:\n" + USES
    return parser.format_help()
