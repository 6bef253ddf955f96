"""Configuration file and functionConfig, validated by a pydantic model that is built from the table of
options.

Scalars are taken as they are written, not as YAML reads them: `linkerd: 2.20` is version 2.20 and not the
number 2.2.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)

from transformer import settings
from transformer.errors import UsageError
from transformer.options import OPTIONS, Acceptance, Option
from transformer.stream import nodes, scalars

API_VERSION, KIND = "meshshift.dev/v1alpha1", "MeshShift"
_OBJECT_KEYS = frozenset({"apiVersion", "kind", "metadata", "spec"})
_WANTED = {
    "string_type": "a text",
    "tuple_type": "a list",
    "literal_error": "one of its words",
    "model_type": "a mapping",
}
_STRICT = ConfigDict(extra="forbid", populate_by_name=False)


class AcceptEntry(BaseModel):
    """One acceptance as an object: the finding's code, `Kind/namespace/name`, a reason, optionally an expiry
    date.
    """

    model_config = _STRICT
    code: str
    object: str
    reason: str
    expires: str = ""


# -- reading -------------------------------------------------------------------------------------------------


def read(raw: bytes, source: str) -> dict[str, Any]:
    """Values by option key from a configuration file, plain or as an object of kind MeshShift.

    Raises UsageError.
    """
    try:
        text, _ = nodes.decode(raw)
        tree = nodes.parse(text)
        if tree.duplicates:
            again = tree.duplicates[0][1]
            raise UsageError(f"{source}:{again.line + 1}: {again.value} is written twice")
        data = plain(tree.root) if tree.root is not None else None
    except nodes.ParseError as error:
        raise UsageError(f"{source}:{error.line}: {error.message}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UsageError(f"{source}: options are a mapping of keys to values")
    if "apiVersion" in data or "kind" in data:
        data = spec_of(data, source)
    return values(data, source)


def spec_of(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The `spec` of an object of our own kind. Raises UsageError for any other object."""
    if (data.get("apiVersion"), data.get("kind")) != (API_VERSION, KIND):
        raise UsageError(
            f"{source}: {data.get('kind')} of {data.get('apiVersion')} is not understood; "
            f"write apiVersion: {API_VERSION} and kind: {KIND}"
        )
    for key in data:
        if key not in _OBJECT_KEYS:
            raise UsageError(f"{source}: unknown key {key}; options stand under spec")
    spec = data.get("spec") or {}
    if not isinstance(spec, dict):
        raise UsageError(f"{source}: spec is a mapping of options")
    return spec


def plain(node: nodes.Node) -> Any:
    """Plain data of which every scalar is the text that was written, and null is None."""
    node = nodes.resolve(node)
    if node.kind == nodes.MAPPING:
        return {key: plain(value) for key, _, value in nodes.pairs(node)}
    if node.kind == nodes.SEQUENCE:
        return [plain(item) for item in node.value]
    # Only to find out whether it is null; what YAML makes of numbers does not matter here.
    try:
        empty = scalars.resolve(node.value, node.style, node.tag) is None
    except scalars.ScalarError:
        empty = False
    return None if empty else str(node.value)


# -- validating ----------------------------------------------------------------------------------------------


def values(data: Mapping[str, Any], source: str, *, rewritten: bool = False) -> dict[str, Any]:
    """Values by option key from plain data with nested, dotted or dashed keys.

    `rewritten`: a tool has written the data anew, as kustomize does, which makes 2.2 of the number 2.20.
    Raises UsageError naming every fault.
    """
    try:
        nested = _nested(data, source)
        found = model().model_validate(_with_lost_zeros(nested) if rewritten else nested)
    except ValidationError as error:
        raise UsageError(
            "\n".join(_fault(entry, source) for entry in error.errors(include_url=False))
        ) from error
    dumped = found.model_dump(by_alias=True, exclude_unset=True)
    out = {}
    for option in OPTIONS:
        here: Any = dumped
        for step in option.key.split("."):
            here = here.get(step) if isinstance(here, dict) else None
        if here is not None:
            out[option.key] = _as_option(option, here)
    return out


def _with_lost_zeros(data: dict[str, Any]) -> dict[str, Any]:
    """The data with versions that lost a final zero as numbers, where no other version can be meant."""
    out = dict(data)
    for option in OPTIONS:
        text = data.get(option.key)
        if option.kind == "choice" and isinstance(text, str) and text not in option.choices:
            meant = [choice for choice in option.choices if "." in choice and choice == f"{text}0"]
            out[option.key] = meant[0] if meant else text
    return out


@functools.cache
def model() -> type[BaseModel]:
    """The model of the configuration: one field for every option, nested where its key has a dot, nothing
    else.
    """
    return _model("MeshShift", "", OPTIONS)


def _model(name: str, prefix: str, options: tuple[Option, ...]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    nested: dict[str, list[Option]] = {}
    for option in options:
        step, _, rest = option.key.removeprefix(prefix).partition(".")
        if rest:
            nested.setdefault(step, []).append(option)
        else:
            fields[step.replace("-", "_")] = (_type(option), Field(None, alias=step, description=option.help))
    for step, below in nested.items():
        title = step.title().replace("-", "")
        inner = _model(title, f"{prefix}{step}.", tuple(below))
        fields[step.replace("-", "_")] = (inner, Field(None, alias=step))
    return create_model(name, __config__=_STRICT, **fields)


def _type(option: Option) -> Any:
    if option.kind == "choice":
        # The check comes first, for its message; the literal is what a schema shows.
        return Annotated[Literal[option.choices], BeforeValidator(functools.partial(_checked, option))]
    if option.kind == "list":
        entry = Annotated[str, AfterValidator(functools.partial(_checked, option))]
        return Annotated[tuple[entry, ...], BeforeValidator(functools.partial(_split, option))]
    if option.kind == "accept":
        accepted = Annotated[
            AcceptEntry, BeforeValidator(_written_acceptance), AfterValidator(_checked_acceptance)
        ]
        return Annotated[tuple[accepted, ...], BeforeValidator(_lines)]
    return Annotated[str, AfterValidator(functools.partial(_checked, option))]


def _checked(option: Option, value: Any) -> Any:
    return settings.check(option, value) if isinstance(value, str) else value


def _split(option: Option, value: Any) -> Any:
    """Lists may be written as a sequence or as one text with commas; entries may hold commas too."""
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list):
        return entries
    return [
        part
        for entry in entries
        for part in (settings.split(option, entry) if isinstance(entry, str) else [entry])
    ]


def _lines(value: Any) -> Any:
    return [line for line in value.splitlines() if line.strip()] if isinstance(value, str) else value


def _written_acceptance(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return dict(zip(Acceptance._fields, settings.acceptance(value), strict=True))


def _checked_acceptance(entry: AcceptEntry) -> AcceptEntry:
    settings.checked_acceptance(Acceptance(entry.code, entry.object, entry.reason, entry.expires))
    return entry


def _as_option(option: Option, value: Any) -> Any:
    if option.kind == "accept":
        return tuple(Acceptance(**entry) for entry in value)
    return value


# -- keys and messages ---------------------------------------------------------------------------------------


def _nested(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The data with `mesh.mtls` and `mesh-mtls` written as `mesh: {mtls: …}`, and without nulls."""
    dashed = {option.key.replace(".", "-"): option.key for option in OPTIONS if "." in option.key}
    out: dict[str, Any] = {}
    for key, value in data.items():
        steps = dashed.get(key, key).split(".")
        for path, leaf in _leaves(steps, value):
            here = out
            for step in path[:-1]:
                here = here.setdefault(step, {})
                if not isinstance(here, dict):
                    raise UsageError(f"{source}: {'.'.join(path)} is given twice")
            if path[-1] in here:
                raise UsageError(f"{source}: {'.'.join(path)} is given twice")
            here[path[-1]] = leaf
    return out


def _leaves(path: list[str], value: Any) -> Iterator[tuple[list[str], Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves([*path, *key.split(".")], below)
    elif value is not None:
        yield path, value


def _fault(error: Any, source: str) -> str:
    """One line for a fault that pydantic found: source, key, what is wrong, the nearest right spelling."""
    steps = [step for step in error["loc"] if isinstance(step, str)]
    key = ".".join(steps)
    if error["type"] == "extra_forbidden":
        inside_accept = steps[:1] == ["accept"]
        sections = list(dict.fromkeys(k.split(".")[0] for k in settings.BY_KEY if "." in k))
        known = list(AcceptEntry.model_fields) if inside_accept else [*settings.BY_KEY, *sections]
        hint = settings.suggestion(steps[-1] if inside_accept else key, known)
        return f"{source}: unknown key {key}" + (
            f"; did you mean {hint}?" if hint else f"; keys are {', '.join(known)}"
        )
    if error["type"] == "value_error":
        return f"{source}: {key}: {error['ctx']['error']}"
    if error["type"] == "missing":
        return f"{source}: {key} is missing"
    return f"{source}: {key}: expected {_WANTED.get(error['type']) or error['msg']}"
