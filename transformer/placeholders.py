"""Placeholders that another tool fills in later: `$(NAME)` of kustomize's `vars`, `${NAME}` of Flux and envsubst.

What they will be is not known here, and they are filled in where their tool knows of the field: kustomize's `vars` only in
the kinds that it is told of, Flux not where a quoted regular expression has taken the value apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from transformer.findings import FieldPath
from transformer.ledger import ACCEPTED, DEGRADED, NO_OP
from transformer.objects import Obj
from transformer.run import Run
from transformer.stream.patterns import pattern

#: `${NAME}` with what envsubst and Flux allow behind the name: `${NAME:-default}`, `${NAME/a/b}`, `${NAME^^}`.
_BRACED = pattern(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?:[-:=+?/#%,^@][^{}]*)?\}", re.ASCII)
_ROUND = pattern(r"\$\([A-Za-z_][A-Za-z0-9_.-]*\)", re.ASCII)
#: Fields that hold a regular expression, where `$(name)` is an end and a group.
_REGULAR = frozenset({"regex", "pathRegex", "regexRewrite"})
_BESIDE_SPEC = frozenset({("metadata",), ("status",)})
_IDENTITY = frozenset({("metadata", "name"), ("metadata", "namespace")})
#: What decides whether pods have a sidecar; a value that is not known counts as no, and then the key needs nothing.
_DECIDES = frozenset({
    "istio-injection", "istio.io/dataplane-mode", "istio.io/rev", "openservicemesh.io/sidecar-injection",
    "sidecar.istio.io/inject",
})  # fmt: skip
#: Label or annotation with which Flux leaves an object's `${NAME}` as they are.
_SUBSTITUTE = "kustomize.toolkit.fluxcd.io/substitute"
_SMI_ROUTES = ("specs.smi-spec.io", "HTTPRouteGroup")


def note(run: Run, data: bytes) -> None:
    """Hold every object that says something with a placeholder where it decides the translation (MS027).

    `data` is the stream; without a `$` in it (or an escape that may be one) nothing is looked at.
    """
    if b"$" not in data and b"\\" not in data:
        return
    for uid in run.ledger.accounts():
        obj = run.objects[uid]
        for path in _consumed(run, obj):
            view = obj.view.get(*path)
            text = "\n".join([*(step for step in path if isinstance(step, str)), view.text()])
            found = _placeholder(obj, path, text)
            if found is not None:
                run.hold("MS027", view, f"`{found.group()}` is filled in after this run")


def _consumed(run: Run, obj: Obj) -> Iterator[FieldPath]:
    """Leaves that decide something: of objects that are only edited those that are rewritten.

    Labels and annotations of objects that go are copied as they are or not at all, so a placeholder stays one.
    """
    goes = obj.uid in run.dropped
    for path, fate in run.ledger.entries(obj.uid):
        kind = fate.kind if fate is not None else ""
        carried = goes and path[:1] in _BESIDE_SPEC and path not in _IDENTITY
        idle = kind in (NO_OP, DEGRADED) and not goes and path[-1] not in _DECIDES
        if not (carried or idle or kind == ACCEPTED):
            yield path


def _placeholder(obj: Obj, path: FieldPath, text: str) -> re.Match[str] | None:
    found = _BRACED.search(text)
    if found is not None and "disabled" not in (
        obj.annotations.get(_SUBSTITUTE),
        obj.labels.get(_SUBSTITUTE),
    ):
        return found
    headers = (obj.ref.group, obj.ref.kind) == _SMI_ROUTES and "headers" in path
    return None if headers or not _REGULAR.isdisjoint(path) else _ROUND.search(text)
