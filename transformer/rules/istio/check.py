"""The check of an Istio object against its kind's definition before a rule reads it."""

from __future__ import annotations

from transformer.ledger import NO_OP, Fate
from transformer.objects import Obj
from transformer.rules import fields
from transformer.rules.istio import schema
from transformer.rules.istio.held import Held
from transformer.run import Run

_PARTS = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_UNKNOWN = "is not a field of this kind"


def check_fields(run: Run, obj: Obj, kind: str) -> None:
    """Compare the spec with the kind's definition: unknown fields are told, malformed ones hold the object."""
    malformed = False
    if not obj.spec.is_mapping:
        run.hold("MS004", obj, "has no spec")
        raise Held
    beside = [fields.Problem(field, True, _UNKNOWN) for key, field in obj.view.items() if key not in _PARTS]
    for problem in (*beside, *fields.check(obj.spec, schema.shape(kind))):
        if problem.pruned:
            run.say("MS005", problem.at, f"{problem.why}; the API server drops it, so it has no effect")
            run.mark(problem.at, Fate(NO_OP, "MS005"))
            run.memo.setdefault("pruned", set()).add((obj.uid, problem.at.path))
        else:
            malformed |= run.hold("MS004", problem.at, problem.why)
    if malformed:
        raise Held
    _account_empty(run, obj)


def _account_empty(run: Run, obj: Obj) -> None:
    """An empty block or list says nothing; only as a condition on a header or parameter it means presence."""
    for leaf in obj.spec.leaves():
        field = obj.view.get(*leaf)
        condition = len(leaf) > 1 and leaf[-2] in ("headers", "queryParams", "withoutHeaders")
        if (field.is_mapping or field.is_sequence) and not condition:
            run.no_op(field, "an empty block or list says nothing")
