"""Kinds that only tune Istio's proxies: they go with a warning for what they set, and stay where a gateway obeys them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.objects import Obj, View
from transformer.rules import fields
from transformer.rules.istio import kept_ingress
from transformer.rules.istio.check import check_fields
from transformer.rules.istio.held import Held
from transformer.run import Run
from transformer.targets import metadata


def settings(run: Run, objs: Sequence[Obj], kind: str) -> Iterator[tuple[str, View]]:
    """Drop the objects, and give the fields of their specs to be told, by name; what is malformed is held."""
    for obj in objs:
        if kept_ingress.policy(run, obj):
            continue
        metadata.account(run, obj)
        run.drop(obj)
        try:
            check_fields(run, obj, kind)
        except Held:
            continue
        run.client_config[obj.uid] = obj
        yield from fields.effective(run, obj.spec)
