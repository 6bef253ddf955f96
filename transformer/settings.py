"""Values of options from flags and environment, checked against the table of options, and the order of all
sources.

Nothing heavy is imported: a run that has neither a configuration file nor a functionConfig never loads
pydantic.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from transformer.errors import UsageError
from transformer.options import OPTIONS, Acceptance, Option, Options, pair_problem
from transformer.stream.patterns import pattern

#: Variables that steer the program and are not options.
OWN_VARIABLES = frozenset({"MESHSHIFT_CONFIG", "MESHSHIFT_DEBUG", "MESHSHIFT_STATE", "MESHSHIFT_TOOLS"})
CONFIG_FILES = ("meshshift.yaml", ".meshshift.yaml")

BY_KEY: dict[str, Option] = {option.key: option for option in OPTIONS}

_PREFIX = "MESHSHIFT_"
_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_NAMESPACE = pattern(_LABEL + r"\Z")
_DOMAIN = pattern(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_CONDITION = pattern(r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9][\w.-]*=[A-Za-z0-9]?[\w.-]*\Z", re.ASCII)
_GATEWAY_PAIR = pattern(rf"(?:{_LABEL})?/?{_NAME}\s*=\s*{_LABEL}/{_NAME}(?:#{_NAME})?\Z")
_PORTS = pattern(r"\d{1,5}(?:-\d{1,5})?\Z", re.ASCII)
_ACCEPT = pattern(r"(?P<code>[^@=\s]+)@(?P<object>[^=]+)=(?P<reason>.*)\Z", re.DOTALL)
_UNTIL = pattern(r"(?P<reason>.*?)\s*\(until (?P<expires>[^()]*)\)\Z", re.DOTALL)
_OBJECT = pattern(r"[A-Za-z][A-Za-z0-9]*(?:/[^/\s]+){1,2}\Z")


class Wrong(ValueError):
    """A value that an option does not take; the message says what it takes."""


class Layer(NamedTuple):
    """What one source says: its name for messages, and values by option key.

    `writes` are the folders below which its report files may lie; None, for flags and environment, is anywhere.
    """

    source: str
    values: dict[str, Any]
    writes: tuple[str, ...] | None = None


class Settings(NamedTuple):
    """Options of a run, and what a person should know about how they came about."""

    options: Options
    notes: tuple[str, ...]


# -- one value -----------------------------------------------------------------------------------------------


def value_of(option: Option, texts: Sequence[str]) -> Any:
    """The value that texts stand for (one, or several where a flag was repeated). Raises Wrong."""
    if option.kind == "accept":
        return tuple(acceptance(text) for text in texts if text.strip())
    if option.kind == "list":
        return tuple(check(option, part) for text in texts for part in split(option, text))
    return check(option, texts[-1])


def split(option: Option, text: str) -> list[str]:
    """Entries of a list that stand in one text with commas between. Raises Wrong where a comma may mean something else."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if option.key == "only" and len(parts) > 1 and any("=" in part for part in parts):
        raise Wrong(
            f"{text!r}: a comma could mean that both labels are needed or that one is enough: join labels of one pod "
            "with &, and write others as another entry"
        )
    return parts


def check(option: Option, text: str) -> str:
    """One text, or one entry of a list, if the option takes it. Raises Wrong."""
    if option.kind == "choice":
        if text not in option.choices:
            allowed = ", ".join(choice for choice in option.choices if choice)
            hint = suggestion(text, option.choices)
            quotes = " in quotes" if hint and _is_number(text) else ""
            raise Wrong(
                f"{text!r} is not one of {allowed}" + (f"; did you mean {hint}{quotes}?" if hint else "")
            )
        return text
    fits, wanted = _SHAPES.get(option.key, (None, ""))
    if fits is not None and text and not fits(text):
        raise Wrong(f"{text!r} is not {wanted}")
    return text


def acceptance(text: str) -> Acceptance:
    """The acceptance written as `CODE@Kind/namespace/name=reason`, optionally with `(until 2027-01-31)` at
    its end.
    """
    match = _ACCEPT.match(text.strip())
    if match is None:
        raise Wrong(f"{text!r} is not CODE@Kind/namespace/name=reason")
    reason, expires = match["reason"].strip(), ""
    until = _UNTIL.match(reason)
    if until is not None:
        reason, expires = until["reason"].strip(), until["expires"].strip()
    return checked_acceptance(Acceptance(match["code"].strip(), match["object"].strip(), reason, expires))


def checked_acceptance(given: Acceptance) -> Acceptance:
    """The acceptance, if its code may be accepted and all of its parts are what they should be.

    Raises Wrong.
    """
    from transformer.codes import CODES

    code = CODES.get(given.code)
    if code is None:
        hint = suggestion(given.code, CODES)
        raise Wrong(f"there is no code {given.code!r}" + (f"; did you mean {hint}?" if hint else ""))
    if not code.acceptable:
        raise Wrong(f"{given.code} ({code.title}) cannot be accepted")
    if not _OBJECT.match(given.object):
        raise Wrong(f"{given.object!r} is not Kind/namespace/name")
    if not given.reason.strip():
        raise Wrong(f"the acceptance of {given.code} on {given.object} needs a reason")
    if given.expires and not _is_date(given.expires):
        raise Wrong(f"{given.expires!r} is not a date like 2027-01-31")
    return given


def suggestion(word: str, known: Iterable[str]) -> str:
    """The known word nearest to a misspelt one, or an empty string."""
    import difflib

    near = difflib.get_close_matches(word, [name for name in known if name], n=1, cutoff=0.6)
    return near[0] if near else ""


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _is_date(text: str) -> bool:
    try:
        time.strptime(text, "%Y-%m-%d")
    except ValueError:
        return False
    return len(text) == len("2027-01-31")


def _are_ports(text: str) -> bool:
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        if not _PORTS.match(part.strip()) or not 1 <= int(low) <= int(high or low) <= 65535:
            return False
    return True


def _are_networks(text: str) -> bool:
    import ipaddress

    try:
        return bool([ipaddress.ip_network(part.strip()) for part in text.split(",")])
    except ValueError:
        return False


def _is_namespace(text: str) -> bool:
    return _NAMESPACE.match(text) is not None


def _is_scope(text: str) -> bool:
    if "=" not in text:
        return _is_namespace(text)
    space, _, conditions = text.rpartition(":")
    return (not space or _is_namespace(space)) and all(map(_CONDITION.match, conditions.split("&")))


def _is_account(text: str) -> bool:
    space, slash, name = text.partition("/")
    return bool(slash) and _is_namespace(space) and len(name) <= 253 and _DOMAIN.match(name) is not None


def _is_gateway_pair(text: str) -> bool:
    return _GATEWAY_PAIR.match(text) is not None


_SHAPES: dict[str, tuple[Callable[[str], bool], str]] = {
    "namespace": (_is_namespace, "a namespace: lower-case letters, digits and dashes"),
    "only": (
        _is_scope,
        "a namespace, or pod labels: key=value, key=value&key=value, namespace:key=value",
    ),
    "complete": (lambda text: text == "*" or _is_namespace(text), "a namespace or *"),
    "gateway-map": (_is_gateway_pair, "namespace/name=namespace/name, with #listener at its end or without"),
    "ingress-identity": (_is_account, "a ServiceAccount as namespace/name"),
    "gateway-class": (
        lambda text: len(text) <= 253 and _DOMAIN.match(text) is not None,
        "the name of a GatewayClass: lower-case letters, digits and dashes",
    ),
    "mesh.root-namespace": (_is_namespace, "a namespace: lower-case letters, digits and dashes"),
    "mesh.cluster-domain": (
        lambda text: len(text) <= 253 and _DOMAIN.match(text) is not None,
        "a DNS domain",
    ),
    "linkerd-install.opaque-ports": (
        _are_ports,
        "ports and ranges of ports with commas between: 25,3306,4000-4010",
    ),
    "linkerd-install.cluster-networks": (
        _are_networks,
        "networks with commas between: 10.42.0.0/16,10.43.0.0/16",
    ),
}


# -- sources -------------------------------------------------------------------------------------------------


def from_flags(given: Mapping[str, Sequence[str]]) -> Layer:
    """Values from the texts of the flags, by option key. Raises UsageError."""
    values = {}
    for key, texts in given.items():
        option = BY_KEY[key]
        try:
            values[key] = value_of(option, texts)
        except Wrong as wrong:
            raise UsageError(f"{option.flag}: {wrong}") from wrong
    return Layer("flags", values)


def from_environment(environ: Mapping[str, str]) -> Layer:
    """Values from `MESHSHIFT_*`; an empty variable counts as unset, an unknown one is an error. Raises
    UsageError.
    """
    variables = {option.variable: option for option in OPTIONS}
    values = {}
    for name in sorted(environ):
        if not name.startswith(_PREFIX) or name in OWN_VARIABLES:
            continue
        option = variables.get(name)
        if option is None:
            hint = suggestion(name, [*variables, *OWN_VARIABLES])
            raise UsageError(
                f"environment: there is no option {name}" + (f"; did you mean {hint}?" if hint else "")
            )
        text = environ[name]
        if not text.strip():
            continue
        # Reasons hold commas, so acceptances stand on lines of their own.
        texts = text.splitlines() if option.kind == "accept" else [text]
        try:
            values[option.key] = value_of(option, texts)
        except Wrong as wrong:
            raise UsageError(f"environment: {name}: {wrong}") from wrong
    return Layer("environment", values)


def config_path(flag: str, environ: Mapping[str, str]) -> str:
    """The configuration file of the run: the one named, else the one in the current folder, else an empty
    string.
    """
    named = flag or environ.get("MESHSHIFT_CONFIG", "")
    if named:
        return named
    found = [name for name in CONFIG_FILES if os.path.isfile(name)]
    if len(found) > 1:
        raise UsageError(
            f"both {found[0]} and {found[1]} are in this folder: keep one, or name one with --config"
        )
    return found[0] if found else ""


def from_file(path: str) -> Layer:
    """Values from a configuration file; relative paths in it start at its folder. Raises UsageError."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise UsageError(f"the configuration file cannot be read: {path}: {error.strerror}") from error
    from transformer import config

    values = config.read(raw, path)
    folder = os.path.dirname(path)
    if "context" in values:
        values["context"] = tuple(os.path.join(folder, entry) for entry in values["context"])
    if "report-file" in values:
        values["report-file"] = tuple(os.path.join(folder, entry) for entry in values["report-file"])
    return Layer(path, values, (os.curdir, folder or os.curdir))


def chosen(layers: Iterable[Layer]) -> dict[str, Any]:
    """Values by option key where every option comes from the strongest source that gives it."""
    values: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.values.items():
            values.setdefault(key, value)
    return values


def report_files(layers: Iterable[Layer]) -> tuple[str, ...]:
    """Report files from the strongest source that names any.

    A configuration comes with the manifests, so it may only write where they are. Raises UsageError for other places.
    """
    for layer in layers:
        if "report-file" not in layer.values:
            continue
        for path in layer.values["report-file"]:
            if layer.writes is not None and not _is_below(path, layer.writes):
                raise UsageError(
                    f"{layer.source}: report-file: {path} is not below the folder of the run, where a configuration may "
                    "write: name it with --report-file or MESHSHIFT_REPORT_FILE"
                )
        return tuple(layer.values["report-file"])
    return ()


def _is_below(path: str, folders: Iterable[str]) -> bool:
    """Whether a path, links followed, lies in one of the folders; what is Git's own does not, since Git runs hooks."""
    real = os.path.realpath(path)
    if ".git" in real.lower().split(os.sep):
        return False
    return any(os.path.commonpath([real, top]) == top for top in map(os.path.realpath, folders))


def resolve(layers: Sequence[Layer], environ: Mapping[str, str]) -> Settings:
    """Options from all sources, the strongest first; acceptances that have expired are left out with a note.

    Raises UsageError where Linkerd does not support the chosen pair of versions, and for misplaced report files.
    """
    values = chosen(layers)
    report_files(layers)
    notes: list[str] = []
    if "accept" in values:
        today = _today(environ)
        expired = [entry for entry in values["accept"] if entry.expires and entry.expires < today]
        values["accept"] = tuple(entry for entry in values["accept"] if entry not in expired)
        notes = [
            f"the acceptance of {e.code} on {e.object} expired on {e.expires} and no longer counts"
            for e in expired
        ]
    options = Options(values)
    problem = pair_problem(options["linkerd"], options["gateway-api"])
    if problem:
        raise UsageError(problem)
    return Settings(options, tuple(notes))


def _today(environ: Mapping[str, str]) -> str:
    """The date against which expiry is compared, in UTC: SOURCE_DATE_EPOCH where a build sets it, else the
    clock's.
    """
    epoch = environ.get("SOURCE_DATE_EPOCH", "").strip()
    if epoch and not epoch.isdecimal():
        raise UsageError(f"environment: SOURCE_DATE_EPOCH: {epoch!r} is not a number of seconds")
    return time.strftime("%Y-%m-%d", time.gmtime(int(epoch) if epoch else time.time()))
