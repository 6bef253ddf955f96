"""`phase: enforce` puts policies in force that `switch` wrote as audits, even when what they were made of is gone.

`audit` admits every caller and logs those that would be refused.
https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import MARKER, Obj, View
from transformer.rules import reach
from transformer.rules.registry import rule
from transformer.rules.workload.injection_settings import DEFAULT_POLICY
from transformer.rules.workload.posture import AUDIT, ENFORCED
from transformer.run import Run

SERVER = ("policy.linkerd.io", "Server")
#: Beside the access policy of a Server that only audits: the one that is enforced; `deny` where none is noted.
ENFORCED_ACCESS = "meshshift.dev/access-policy"


@rule(
    id="enforcement",
    kinds=[SERVER, ("", "Namespace"), *WORKLOAD_KINDS],
    keys=(ENFORCED, ENFORCED_ACCESS, MARKER),
    order=80,
    summary="policies that an earlier phase wrote as audits are enforced",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Plan the edits of everything that audits for this program; other audits are somebody's wish."""
    if run.stage.audits:
        return
    for obj in objs:
        if (obj.ref.group, obj.ref.kind) == SERVER:
            _server(run, obj)
            continue
        path = WORKLOAD_KINDS.get((obj.ref.group, obj.ref.kind), ())
        for place in dict.fromkeys(((), path)):
            _default_policy(run, obj.view.get(*place, "metadata", "annotations"))


def _server(run: Run, obj: Obj) -> None:
    if MARKER not in obj.annotations or obj.spec.get("accessPolicy").text() != AUDIT:
        return
    if not _is_whole(run, obj):
        return
    policy = obj.annotations.get(ENFORCED_ACCESS) or "deny"
    run.edit(obj, ("spec",), write={"accessPolicy": policy})
    run.edit(obj, ("metadata", "annotations"), remove=[ENFORCED_ACCESS])
    run.say("MS023", obj.spec.get("accessPolicy"), f"accessPolicy {policy} is enforced from now on")


def _is_whole(run: Run, server: Obj) -> bool:
    """Whether all pods that the Server selects are what the run is about; told where only some are."""
    if run.scope.moves(server):
        return True
    pods = reach.selected(run, server.namespace, server.spec.get("podSelector", "matchLabels").texts())
    inside = [workload for workload in pods if run.scope.picks(workload)]
    if inside and len(inside) < len(pods):
        run.say("MS024", server.spec.get("accessPolicy"), f"{inside[0].ref} is enforced, and not its Server: that also "
                f"selects {next(pod.ref for pod in pods if pod not in inside)}")  # fmt: skip
    return bool(pods) and len(inside) == len(pods)


def _default_policy(run: Run, annotations: View) -> None:
    wanted = annotations.get(ENFORCED)
    if not wanted.text() or annotations.get(DEFAULT_POLICY).text() != AUDIT:
        return
    run.edit(annotations.obj, annotations.path, write={DEFAULT_POLICY: wanted.text()}, remove=[ENFORCED])
    run.say(
        "MS023", annotations.get(DEFAULT_POLICY), f"{DEFAULT_POLICY}: {wanted.text()} is enforced from now on"
    )
