"""Security objects are held, and with them every workload that they reach: only the old mesh's sidecar enforces them.

What they reach stands in `transformer.rules.reach`. https://istio.io/latest/docs/reference/config/security/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.istio import kept_ingress, proxy_extensions
from transformer.rules.registry import rule
from transformer.run import Run

_SECURITY = "security.istio.io"
#: Kinds that `authorization: translate` gives to the rule for policies instead.
TRANSLATED_KINDS = ((_SECURITY, "AuthorizationPolicy"), (_SECURITY, "PeerAuthentication"))


@rule(
    id="security",
    kinds=[kind for kind in reach.ISTIO_KINDS if kind not in TRANSLATED_KINDS],
    order=30,
    summary="security policies and proxy extensions are held with every workload that they reach",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every security object of the stream; what it reaches follows through the units."""
    hold_all(run, objs)


def hold_all(run: Run, objs: Sequence[Obj]) -> None:
    """Ask that the objects stay, and relate them to what they reach."""
    for obj in objs:
        if kept_ingress.policy(run, obj):
            continue
        legacy = (obj.ref.group, obj.ref.kind) in reach.LEGACY_KINDS
        code, what = (
            ("MS401", "cannot exist beside any current Istio")
            if legacy
            else ("MS400", "is enforced by Istio's sidecar only")
        )
        found = proxy_extensions.describe(obj) or proxy_extensions.Extension(code, f"{obj.ref.kind} {what}")
        reach.hold(run, obj, found.code, found.message, found.remedy)
