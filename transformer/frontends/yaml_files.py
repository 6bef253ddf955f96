"""Files of other programs that hold one YAML mapping: Chart.yaml, kustomizations, lists of repositories."""

from __future__ import annotations

from typing import Any

from transformer.errors import InputError
from transformer.stream import nodes


def mapping(path: str) -> dict[str, Any]:
    """What a file holds; empty where it holds nothing. Raises InputError where it cannot be read or is no mapping."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return mapping_of(data, path)


def mapping_of(data: bytes, path: str) -> dict[str, Any]:
    """The same of what was read already; `path` is where from, for messages."""
    try:
        root = nodes.parse(nodes.decode(data)[0]).root
        value = nodes.to_value(root) if root is not None else None
    except nodes.ParseError as error:
        raise InputError(f"{path}:{error.line}: {error.message}") from error
    if value is not None and not isinstance(value, dict):
        raise InputError(f"{path} is no mapping")
    return value or {}
