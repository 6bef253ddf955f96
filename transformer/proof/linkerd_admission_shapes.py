"""The shapes that Linkerd's policy webhook reads objects into, and references to kinds of objects.

A field that does not fit is a refusal (linkerd2, `policy-controller/k8s/api/src/policy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .linkerd_inbound_networks import InvalidNetwork, includes, network
from .objects import Obj, group_of, spec

OPERATORS = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})


class Refused(ValueError):
    """What admission answers to an object that it does not let in."""


def targets(ref: Obj, group: str, kind: str) -> bool:
    """Whether a reference names the kind; letter case does not count, no group is the core group."""
    written = str(ref.get("group") or "core").lower()
    return written == (group or "core").lower() and str(ref.get("kind") or "").lower() == kind.lower()


def named(ref: Obj) -> str:
    """Kind and group of a reference, for a message."""
    group = str(ref.get("group") or "")
    kind = str(ref.get("kind"))
    return f"{kind}.{group}" if group and group.lower() != "core" else kind


def text(owner: Obj, field: str) -> str:
    """A required string."""
    found = owner.get(field)
    if not isinstance(found, str):
        raise Refused(f"{field}: a string is required")
    return found


def texts(owner: Obj, field: str) -> list[str]:
    """An optional list of strings, empty where it is missing."""
    found = owner.get(field)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
        raise Refused(f"{field}: not a list of strings")
    return found


def mapping(owner: Obj, field: str) -> Obj:
    """A required object."""
    found = owner.get(field)
    if not isinstance(found, Mapping):
        raise Refused(f"{field}: an object is required")
    return found


def mappings(owner: Obj, field: str, *, required: bool = False) -> list[Obj]:
    """A list of objects, empty where it is missing and not required."""
    found = owner.get(field)
    if found is None and not required:
        return []
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise Refused(f"{field}: a list of objects is required")
    return found


def flag(owner: Obj, field: str) -> bool:
    """An optional boolean."""
    found = owner.get(field, False)
    if not isinstance(found, bool):
        raise Refused(f"{field}: not a boolean")
    return found


def unsigned(owner: Obj, field: str) -> int:
    """A required number of 32 bits without sign."""
    found = owner.get(field)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**32:
        raise Refused(f"{field}: a number is required")
    return found


def reference(ref: Obj) -> Obj:
    """A reference: kind and name are required."""
    text(ref, "kind")
    text(ref, "name")
    for field in ("group", "namespace"):
        if ref.get(field) is not None:
            text(ref, field)
    return ref


def selector(found: Any) -> None:
    """A label selector."""
    if not isinstance(found, Mapping):
        raise Refused("selector: an object is required")
    labels = found.get("matchLabels")
    if labels is not None and not (
        isinstance(labels, Mapping) and all(isinstance(value, str) for value in labels.values())
    ):
        raise Refused("matchLabels: not a mapping of strings")
    for expression in mappings(found, "matchExpressions"):
        text(expression, "key")
        if text(expression, "operator") not in OPERATORS:
            raise Refused(f"unknown operator {expression['operator']}")
        texts(expression, "values")


def block_list(entries: list[Obj]) -> None:
    """Networks whose exceptions lie in them and leave something."""
    for entry in entries:
        try:
            found = network(entry)
        except InvalidNetwork as error:
            raise Refused(str(error)) from error
        for excepted in found.excepted:
            if includes(excepted, found.block):
                raise Refused(f"{found.block} is wholly excepted by {excepted}")
            if not includes(found.block, excepted):
                raise Refused(f"{excepted} is not in {found.block}")


def access_policy(server: Obj) -> Any:
    """`spec.accessPolicy` of a Server; versions before v1beta3 have no such field and lose it."""
    version = str(server.get("apiVersion") or "").partition("/")[2]
    return spec(server).get("accessPolicy") if version == "v1beta3" else None


def served(obj: Obj, versions: Mapping[str, frozenset[str]], group: str) -> bool:
    """Whether the API server has the version of an object of the group; true for other groups."""
    known = versions.get(str(obj.get("kind")))
    version = str(obj.get("apiVersion") or "").partition("/")[2]
    return group_of(obj) != group or known is None or version in known
