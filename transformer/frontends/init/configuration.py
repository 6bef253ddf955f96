"""The configuration file and functionConfigs that `init` writes: values of options as YAML that `transformer.config` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformer import settings
from transformer.errors import MeshshiftError, UsageError
from transformer.frontends.init.plan import Plan
from transformer.frontends.init.survey import Survey, value_of
from transformer.options import OPTIONS, Option
from transformer.stream import emit, splice

#: What a kustomization or a Kptfile lists. `meshshift.yaml` beside it may be the configuration file.
FUNCTION_FILE = "meshshift-function.yaml"
#: Options of a single run, which a repository does not keep.
_OF_A_RUN = ("report", "report-file")
_STYLE = emit.Style(indent_sequences=False, newline="\n")
_HEAD = "# What no manifest tells meshshift; `meshshift --help` lists all keys.\n"


def existing(survey: Survey) -> str:
    """The name of the configuration file that the folder has, or an empty string.

    Raises UsageError for two, and for a link out of the folder, which is neither followed nor replaced.
    """
    for name in settings.CONFIG_FILES:
        if name in survey.left_out:
            raise UsageError(
                f"{survey.path(name)} is a link out of {survey.root}; nothing was written: put a file of its own there"
            )
    found = [name for name in settings.CONFIG_FILES if name in survey.files]
    if len(found) > 1:
        raise UsageError(f"both {found[0]} and {found[1]} are in {survey.root}: keep one")
    return found[0] if found else ""


def plan(work: Plan, name: str, said: Mapping[str, Any], wanted: Mapping[str, Any], *, krm: bool) -> str:
    """Plan the configuration file of the folder: a new one, or what `wanted` adds to the one that is there.

    `name` is the file that is there (or empty), `said` its values and `wanted` those that are asked for, by option key; `krm`:
    it lies in a package where every file has to be an object. Returns the file's name. Raises UsageError for a contradiction.
    """
    keep = {key: value for key, value in wanted.items() if key not in _OF_A_RUN}
    if not name:
        name = settings.CONFIG_FILES[0]
        work.write(name, _new(keep, krm=krm).encode(), "what no manifest tells")
        return name
    operations: list[splice.Op] = []
    base: tuple[str, ...] = ("spec",) if _is_object(work, name) else ()
    for option in OPTIONS:
        if option.key not in keep or said.get(option.key) == keep[option.key]:
            continue
        if option.key in said:
            raise UsageError(
                f"{name} says {option.key}: {shown(option, said[option.key])} and {option.flag} says "
                f"{shown(option, keep[option.key])}; nothing was written: change the file, or leave the flag out"
            )
        *path, key = option.key.split(".")
        operations.append(splice.Insert((*base, *path), key, written(option, keep[option.key])))
    if not operations:
        work.kept.append(f"{name}: says what is needed")
        return name
    lines = ", ".join(f"{key}: {shown(settings.BY_KEY[key], keep[key])}" for key in keep if key not in said)
    if value_of(work.survey.files[name], name) is None:
        work.write(
            name, work.survey.files[name] + b"\n" + _new(keep, krm=False).encode(), "what no manifest tells"
        )
    else:
        work.edit(name, operations, "what no manifest tells", f"add {lines}")
    _read_again(work, name, keep, lines)
    return name


def _read_again(work: Plan, name: str, keep: Mapping[str, Any], lines: str) -> None:
    """Raises UsageError where the planned file does not say the values: its form is one that cannot be added to."""
    from transformer import config

    try:
        says = config.read(work.read(name) or b"", name)
        wrong = any(says.get(key) != value for key, value in keep.items())
    except MeshshiftError:
        wrong = True
    if wrong:
        raise UsageError(
            f"{name} cannot be edited safely; nothing was written. By hand: add {lines}. Then run this command again."
        )


def function(config: str, values: Mapping[str, Any]) -> str:
    """The text of a functionConfig that takes its options from a configuration file (a path from its own folder, or none).

    `values` are options by key that stand in it; they win over the file.
    """
    arguments = f"        args: {emit.render_flow([f'--config={config}'])}\n" if config else ""
    spec = nested(values)
    body = emit.render({"spec": spec}, _STYLE)
    origin = f"# Options stand in {config}; the same keys under `spec` win over it.\n" if config else ""
    return (
        f"{origin}apiVersion: meshshift.dev/v1alpha1\nkind: MeshShift\nmetadata:\n  name: meshshift\n  annotations:\n"
        '    config.kubernetes.io/local-config: "true"\n'
        "    config.kubernetes.io/function: |\n      exec:\n        path: meshshift\n"
        f"{arguments}{body}"
    )


def plan_function(work: Plan, folder: str, config: str, values: Mapping[str, Any]) -> None:
    """Plan the functionConfig of a folder; one that is there stays, whatever it says. Raises UsageError for another object."""
    name = f"{folder}/{FUNCTION_FILE}" if folder else FUNCTION_FILE
    text = function(config, values).encode()
    there = work.read(name)
    planned = work.changes.get(name)
    if there is None or (planned is not None and planned.before is None):
        work.write(name, text, "runs meshshift as a function")
    elif there != text:
        value = value_of(there, name)
        if not isinstance(value, dict) or value.get("kind") != "MeshShift":
            raise UsageError(
                f"{name} exists and is no functionConfig of meshshift: move it; nothing was written"
            )
        work.kept.append(f"{name}: differs from what would be written, and stays as it is")


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data of a configuration file with these values, in the order of the table of options."""
    out: dict[str, Any] = {}
    for option in OPTIONS:
        if option.key in values:
            *path, key = option.key.split(".")
            here = out
            for step in path:
                here = here.setdefault(step, {})
            here[key] = written(option, values[option.key])
    return out


def written(option: Option, value: Any) -> Any:
    """The value of an option as plain data."""
    if option.kind == "accept":
        return [{key: text for key, text in entry._asdict().items() if text} for entry in value]
    return list(value) if option.kind == "list" else value


def shown(option: Option, value: Any) -> str:
    """The value of an option on one line, as a flag or a variable takes it."""
    if option.kind == "accept":
        return "\n".join(
            f"{e.code}@{e.object}={e.reason}" + (f" (until {e.expires})" if e.expires else "") for e in value
        )
    return ",".join(value) if option.kind == "list" else str(value)


def _new(values: Mapping[str, Any], *, krm: bool) -> str:
    body = nested(values)
    if krm:
        head = function("", values)
        return _HEAD + head
    return _HEAD + (emit.render(body, _STYLE) if body else "")


def _is_object(work: Plan, name: str) -> bool:
    value = value_of(work.survey.files[name], name)
    return isinstance(value, dict) and "kind" in value
