"""Security objects are held, and with them every workload that they reach: only the old mesh's sidecar enforces them.

What they reach stands in `transformer.rules.reach`. https://istio.io/latest/docs/reference/config/security/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.registry import rule
from transformer.run import Run

_SIDECAR = ("networking.istio.io", "Sidecar")


@rule(
    id="security",
    kinds=[kind for kind in reach.ISTIO_KINDS if kind[1] not in ("AuthorizationPolicy", "PeerAuthentication")] + [_SIDECAR],
    order=30,
    summary="token policies and proxy extensions are held with every workload that they reach",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every security object of the stream; what it reaches follows through the units."""
    for obj in objs:
        if (obj.ref.group, obj.ref.kind) == _SIDECAR and not _closes_ports(obj):
            if not run.hold("MS010", obj, "Sidecar (networking.istio.io) has no translation in this version"):
                run.drop(obj)
            continue
        run.account(obj, [obj.view])
        run.drop(obj)
        legacy = (obj.ref.group, obj.ref.kind) in reach.LEGACY_KINDS
        code, what = (
            ("MS401", "cannot exist beside any current Istio")
            if legacy
            else ("MS400", "is enforced by Istio's sidecar only")
        )
        if not run.hold(code, obj, f"{obj.ref.kind} {what}"):
            run.mark(obj.view, Fate(ACCEPTED, code))
        for reached in reach.of(run, obj):
            run.units.link(obj.uid, reached.uid)
            run.units.link(reached.uid, obj.uid)


def _closes_ports(obj: Obj) -> bool:
    """Whether a Sidecar refuses traffic: only where it says so, its hosts alone block nothing (observed I21)."""
    mode = obj.spec.get("outboundTrafficPolicy", "mode").text()
    return mode == "REGISTRY_ONLY" or bool(list(obj.spec.get("ingress").each()))
