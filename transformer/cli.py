"""The commands, and the one place where expected failures become exit codes. Front ends are imported when they are called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from transformer import needles, settings
from transformer.command_line import Call, Command, own_flags, parse
from transformer.errors import USAGE, MeshshiftError, UsageError
from transformer.frontends import output
from transformer.settings import Layer
from transformer.stream import scan


def run(argv: Sequence[str], data: bytes | None = None) -> int:
    """Run the command line; `data` is standard input where it has been read. Returns the exit code."""
    environ = os.environ
    name, layers = "", list[Layer]()
    try:
        name, operands, given = parse(argv, COMMANDS) if argv else ("transform", [], {})
        if name in ("help", "version"):
            output.write(operands[0].encode())
            return 0
        command = COMMANDS[name]
        own = own_flags(name, given)
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


def _failed(error: MeshshiftError, name: str, layers: Sequence[Layer], environ: Mapping[str, str]) -> int:
    """Tell about an expected failure; also in the files that are the only channel under Helm 4."""
    from transformer.report import forms, json, store, text

    data = json.failure(name or "transform", error.exit_code, str(error))
    chosen = settings.chosen(layers)
    reports = name in COMMANDS and COMMANDS[name].reports
    # A person who mistypes a command sees it; the last report is worth more.
    if reports or environ.get("HELM_PLUGIN_NAME"):
        store.keep_last(data, environ)
        for path in _report_files(layers):
            try:
                store.write_report_file(path, data, chosen.get("report", "text"))
            except UsageError as second:
                output.say(f"meshshift: {second}")
    if reports and chosen.get("report") == "github":
        output.say(forms.render(data, "github"))
    else:
        output.say("".join(f"meshshift: {text.visible(line)}\n" for line in str(error).splitlines()))
    return error.exit_code


def _report_files(layers: Sequence[Layer]) -> Sequence[str]:
    """Where a failure may be told; nowhere where that is what failed."""
    try:
        return settings.report_files(layers)
    except UsageError:
        return ()


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

    if call.flag("overview") and call.flag("full"):
        raise UsageError("--overview and --full exclude each other: give one of them")
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
