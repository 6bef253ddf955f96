"""What an Argo CD Application says to the plugin: `spec.source.plugin.parameters` and `env`.

Argo CD hands over the parameters as JSON in ARGOCD_APP_PARAMETERS (what plugin.yaml announces as default is never
sent) and every variable as ARGOCD_ENV_<name>. Whatever nobody here reads is an error: a misspelt name must not
change what is deployed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from transformer import settings
from transformer.errors import UsageError
from transformer.options import OPTIONS
from transformer.settings import BY_KEY, Layer, Wrong

KINDS = ("helm", "kustomize", "directory")
_PARAMETERS, _ENV = "ARGOCD_APP_PARAMETERS", "ARGOCD_ENV_"
_TYPES = ("string", "array", "map")
#: Parameters about the rendering, with the type of their value; a switch is a string `true` or `false`.
SOURCE_PARAMETERS = {
    "source": "kind",
    "release-name": "string",
    "values-files": "array",
    "values": "string",
    "helm-parameters": "map",
    "helm-string-parameters": "map",
    "skip-crds": "switch",
    "skip-tests": "switch",
    "skip-schema-validation": "switch",
    "directory-recurse": "switch",
    "allow-empty": "switch",
}
#: Options that would let an Application write where it likes in the plugin's container.
_OF_THE_OPERATOR = ("report-file",)


class Asked(NamedTuple):
    """What an Application asks for: option layers, the strongest first, and parameters of the rendering by name."""

    layers: tuple[Layer, Layer]
    source: dict[str, Any]

    def text(self, name: str) -> str:
        """A text or kind; empty where it is not given."""
        return str(self.source.get(name, ""))

    def switch(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.source.get(name) == "true"

    def entries(self, name: str) -> list[str]:
        """An array; empty where it is not given."""
        return list(self.source.get(name, ()))

    def pairs(self, name: str) -> dict[str, str]:
        """A map; empty where it is not given."""
        return dict(self.source.get(name, {}))


def read(environ: Mapping[str, str]) -> Asked:
    """Parameters and variables of the Application. Raises UsageError for what is unknown, given twice or misshapen."""
    given = _parameters(environ.get(_PARAMETERS, ""))
    options = {name: value for name, value in given.items() if name in BY_KEY}
    source = {name: _of_source(name, value) for name, value in given.items() if name in SOURCE_PARAMETERS}
    unknown = sorted(given.keys() - options.keys() - source.keys())
    if unknown:
        hint = settings.suggestion(unknown[0], [*SOURCE_PARAMETERS, *BY_KEY])
        raise UsageError(
            f"there is no parameter {unknown[0]}" + (f"; did you mean {hint}?" if hint else "")
            + f": correct spec.source.plugin.parameters (there are {', '.join(SOURCE_PARAMETERS)} and every option)"
        )  # fmt: skip
    values = {name: _option(name, value) for name, value in options.items()}
    layers = (Layer("parameters", _without_unset(values)), _variables(environ))
    for layer in layers:
        for key in _OF_THE_OPERATOR:
            if key in layer.values:
                raise UsageError(f"{key} is not for Applications: set it in the plugin's container")
    return Asked(layers, source)


def _parameters(text: str) -> dict[str, Any]:
    """Values by name from the JSON of Argo CD: strings, lists of strings, or mappings of strings."""
    try:
        entries = json.loads(text) if text.strip() else []
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{_PARAMETERS} is no JSON: {error}") from error
    found: dict[str, Any] = {}
    if not isinstance(entries, list | None):
        raise UsageError(f"{_PARAMETERS} is a list of objects with a name")
    for entry in entries or ():
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
            raise UsageError(f"{_PARAMETERS} is a list of objects with a name")
        name = _text(entry["name"], "the name of a parameter")
        said = {key: entry[key] for key in _TYPES if entry.get(key) is not None}
        if name in found:
            raise UsageError(f"parameter {name} is given twice")
        if len(said) != 1:
            raise UsageError(f"parameter {name} needs one of string, array and map; it has {len(said)}")
        found[name] = _plain(name, said.popitem()[1])
    return found


def _plain(name: str, value: Any) -> Any:
    texts = [*value.items()] if isinstance(value, dict) else [value if isinstance(value, list) else [value]]
    for text in (text for group in texts for text in group):
        if not isinstance(text, str):
            raise UsageError(f"parameter {name} holds something else than strings")
        _text(text, f"parameter {name}")
    return value


def _text(text: str, what: str) -> str:
    """The text, if programs can be told it and files can hold it. Raises UsageError."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(f"{what} holds NUL or half of a surrogate pair, which no program can be told")
    return text


def _of_source(name: str, value: Any) -> Any:
    """The value of a parameter about the rendering, in its type. Raises UsageError."""
    wanted = SOURCE_PARAMETERS[name]
    type_of = "map" if isinstance(value, dict) else "array" if isinstance(value, list) else "string"
    if type_of != (wanted if wanted in _TYPES else "string"):
        raise UsageError(f"parameter {name} is {_a(wanted)}, not {_a(type_of)}")
    choices = {"switch": ("", "true", "false"), "kind": ("", *KINDS)}.get(wanted)
    if choices and value not in choices:
        raise UsageError(f"parameter {name}: {value!r} is not one of {', '.join(choices[1:])}")
    return value


def _a(word: str) -> str:
    return f"a{'n' if word == 'array' else ''} {word}"


def _option(key: str, value: Any) -> Any:
    """The value of an option from a parameter; None where it is empty, which counts as unset. Raises UsageError."""
    option = BY_KEY[key]
    several = option.kind in ("list", "accept")
    if isinstance(value, dict) or (isinstance(value, list) and not several):
        raise UsageError(f"parameter {key} is {'an array or ' if several else ''}a string")
    texts = value if isinstance(value, list) else value.splitlines() if option.kind == "accept" else [value]
    if not any(text.strip() for text in texts):
        return None
    try:
        return settings.value_of(option, texts)
    except Wrong as wrong:
        raise UsageError(f"parameter {key}: {wrong}") from wrong


def _without_unset(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _variables(environ: Mapping[str, str]) -> Layer:
    """Options from ARGOCD_ENV_MESHSHIFT_…; other variables of the Application are errors. Raises UsageError."""
    variables = {option.variable for option in OPTIONS}
    given = {name.removeprefix(_ENV): text for name, text in environ.items() if name.startswith(_ENV)}
    for name in sorted(given):
        if name not in variables:
            hint = settings.suggestion(name, variables)
            raise UsageError(
                f"env of the Application: there is no option {name}" + (f"; did you mean {hint}?" if hint else "")
                + "; values for charts are parameters"
            )  # fmt: skip
    return settings.from_environment(given)._replace(source="env of the Application")
