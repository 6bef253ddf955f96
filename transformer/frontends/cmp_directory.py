"""Plain manifests of a folder, chosen and read as Argo CD's directory source does it."""

from __future__ import annotations

import codecs
import json
import math
import os
import re
from collections.abc import Iterator
from typing import Any

from transformer import unreadable
from transformer.errors import InputError, UsageError
from transformer.frontends.confined import holds
from transformer.frontends.manifests import Manifests
from transformer.settings import CONFIG_FILES
from transformer.stream import nodes, split
from transformer.stream.patterns import pattern

_ENDINGS = (".yaml", ".yml", ".json", ".jsonnet")
_SKIP = b"+argocd:skip-file-rendering"
#: UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
#: A character as two escapes, after any number of escaped backslashes.
_PAIR = pattern(rb"(?<!\\)((?:\\\\)*)\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_LOOKS_LIKE_ONE = (b"apiVersion:", b"kind:", b"metadata:")


def read(root: str, *, recurse: bool) -> Manifests:
    """The files of the current folder (with those below it where asked) that hold manifests, by relative path.

    `root` is the repository, which links may not leave. A file that holds something else is left out with a note.
    Raises InputError for a file that looks like manifests and is none, UsageError for what is not rendered here.
    """
    found = Manifests([], [])
    for name in _below(".", recurse):
        path = os.path.normpath(name)
        if path in CONFIG_FILES:
            continue
        data = _bytes(root, path)
        if data is None:
            continue
        data = _utf8(path, data)
        if _SKIP in data:
            continue
        if path.endswith(".jsonnet"):
            raise UsageError(
                f"{path}: Jsonnet is not rendered by this plugin: write manifests, or exclude the file"
            )
        if path.endswith(".json"):
            found.files.append((path, _json(path, data)))
            continue
        wrong = _yaml_fault(path, data)
        if wrong:
            found.notes.append(f"{path} was left out, as Argo CD does: {wrong}")
        else:
            found.files.append((path, data))
    return found


def _below(folder: str, recurse: bool) -> Iterator[str]:
    """Files with an ending of manifests, in the order of their names."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            if recurse:
                yield from _below(path, recurse)
        elif name.endswith(_ENDINGS):
            yield path


def _bytes(root: str, path: str) -> bytes | None:
    """The content of a regular file; None for a link to nothing or to a folder. Raises UsageError."""
    if not holds(root, path):
        raise UsageError(f"{path} is a link that leaves the repository")
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _utf8(path: str, data: bytes) -> bytes:
    """The same text as UTF-8. Argo CD reads UTF-16 that has a mark; a file left out would have its objects deleted.

    Raises InputError.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    try:
        data = data.decode(encoding).removeprefix("\ufeff").encode() if encoding else data
    except UnicodeError as error:
        raise InputError(f"{path} begins as {encoding} and is something else; write it as UTF-8") from error
    if b"\0" in data and _SKIP not in data:
        raise InputError(
            f"{path} is no text, or UTF-16 without a mark; write it as UTF-8, or mark it with {_SKIP.decode()}"
        )
    return data


def _json(path: str, data: bytes) -> bytes:
    """A JSON file as YAML. Argo CD takes one object in each file and fails for anything else. Raises InputError."""
    try:
        value = json.loads(
            data, parse_constant=_refused, parse_float=_finite, object_pairs_hook=_without_duplicates
        )
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except UnicodeError as error:
        raise InputError(f"{path} holds characters that are none; write it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        wrong = unreadable.fault(data, nodes.ParseError(str(error)))
        raise InputError(f"{path}: {wrong}; a JSON file holds one object") from error
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise InputError(f"{path} holds something else than one Kubernetes object")
    # Tabs may indent JSON, not YAML (in a string JSON has them as \\t), and readers of YAML refuse surrogate pairs.
    return _PAIR.sub(_character, data.replace(b"\t", b"  "))


def _character(pair: re.Match[bytes]) -> bytes:
    escape = pair[0].removeprefix(pair[1])
    return pair[1] + str(json.loads(b'"%b"' % escape)).encode()


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is larger than JSON's readers take")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; which of two values counts, depends on who reads it. Raises ValueError."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key} stands twice in an object")
        found[key] = value
    return found


def _yaml_fault(path: str, data: bytes) -> str:
    """Why a YAML file holds no manifests; empty where it does. Raises InputError where only some of it is wrong."""
    objects, wrong = 0, ""
    for start, end in split.split(data):
        try:
            root = nodes.parse(nodes.decode(data[start:end])[0]).root
            value = nodes.to_value(root) if root is not None else None
        except nodes.ParseError as error:
            line = data.count(b"\n", 0, start) + error.line
            wrong = f"line {line}: {unreadable.fault(data[start:end], error)}"
            break
        if value is None:
            continue
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            wrong = "it holds something else than Kubernetes objects"
            break
        objects += 1
    if wrong and (objects or all(word in data for word in _LOOKS_LIKE_ONE)):
        raise InputError(f"{path}: {wrong}; correct it, or mark the file with {_SKIP.decode()}")
    return wrong or ("" if objects else "it is empty")
