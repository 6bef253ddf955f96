"""SMI route groups have no effect of their own: one that a translated object uses goes with it, others are held."""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import ACCEPTED, NO_OP, TRANSLATED, Fate
from transformer.objects import Obj
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata

_SPECS = "specs.smi-spec.io"


@rule(
    id="smi-specs",
    kinds=[(_SPECS, "HTTPRouteGroup"), (_SPECS, "TCPRoute"), (_SPECS, "UDPRoute")],
    order=55,
    summary="route groups go with the TrafficSplit or TrafficTarget that uses them",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Settle every route group of the stream."""
    users: dict[int, list[Obj]] = run.memo.get("route-group-users", {})
    for obj in objs:
        metadata.account(run, obj)
        run.drop(obj)
        run.client_config[obj.uid] = obj
        for user in users.get(obj.uid, []):
            if user.ref.kind == "TrafficSplit":
                run.units.bind([obj.uid, user.uid])
            for name in ("spec", "matches"):
                run.mark(obj.view.get(name), _fate(run, user))
        if obj.uid in users:
            continue
        if not run.hold("MS506", obj, f"{obj.ref.kind} is used by nothing that is translated here"):
            run.mark(obj.view, Fate(ACCEPTED, "MS506"))


def _fate(run: Run, user: Obj) -> Fate:
    """What becomes of a group by one of its users; a user that is held takes the group along."""
    if user.ref.kind == "TrafficSplit":
        return Fate(TRANSLATED, str(user.ref))
    if user.uid in run.memo.get("inert-targets", ()):
        return Fate(NO_OP, "its user has no effect")
    return (
        Fate(TRANSLATED, str(user.ref))
        if run.options["authorization"] == "translate"
        else Fate(ACCEPTED, "MS400")
    )
