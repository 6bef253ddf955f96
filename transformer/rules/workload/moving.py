"""What is noted for every workload whose pods change meshes: that it moves, and what its pods rely on.

Linkerd's side: https://linkerd.io/2/tasks/graceful-shutdown/ , https://linkerd.io/2/features/server-policy/
"""

from __future__ import annotations

from transformer.rules.workload import pod_contents
from transformer.rules.workload.injection_settings import Pod
from transformer.run import Run

_NATIVE_SIDECARS_SINCE = (2, 20)
_JOBS = frozenset({"Job", "CronJob"})


def register(run: Run, pod: Pod, *, strict: bool) -> None:
    """Enter a workload among the clients that move, once, with the findings about its pods.

    `strict`: its ports are closed to callers without a mesh identity, as far as policies do not say otherwise.
    """
    obj = pod.obj
    if obj.uid in run.clients:
        return
    run.clients[obj.uid] = obj
    if strict:
        run.memo.setdefault("strict-pods", []).append(pod)
    if obj.context:
        return
    if obj.part is None or pod_contents.MAY_CALL_AGENT.search(obj.part.raw):
        for call in pod_contents.calls_to_agent(pod):
            run.say(
                "MS130",
                call,
                "this talks to Istio's agent, which the pods no longer have",
                remedy=_remedy(run),
            )
    _job(run, pod)
    _metrics(run, pod, strict)


def _remedy(run: Run) -> str:
    if run.target.linkerd >= _NATIVE_SIDECARS_SINCE:
        return "Delete the call: Linkerd's native sidecar starts before the application and ends with it."
    return (
        f'Switch native sidecars on ({run.target.native_sidecar_key}: "true") and delete the call, use linkerd-await, or '
        "POST localhost:4191/shutdown with config.linkerd.io/proxy-admin-shutdown: enabled."
    )


def _job(run: Run, pod: Pod) -> None:
    key = run.target.native_sidecar_key
    native = pod.annotation(key) or pod.annotation("sidecar.istio.io/nativeSidecar")
    by_default = run.target.linkerd >= _NATIVE_SIDECARS_SINCE
    if pod.obj.ref.kind in _JOBS and (native == "false" or (not by_default and native != "true")):
        run.say(
            "MS131", pod.obj, "the pods run to completion, but Linkerd's proxy would keep them running",
            remedy=f'Set {key}: "true" on the pod template, or run it under linkerd-await --shutdown.',
        )  # fmt: skip


def _metrics(run: Run, pod: Pod, strict: bool) -> None:
    port = pod.annotations.get("prometheus.io/port")
    if port.text() in ("15020", "15090"):
        run.say(
            "MS132", port, f"port {port.text()} is the Istio sidecar's; nothing answers there after the move"
        )
    scrape = pod.annotations.get("prometheus.io/scrape")
    if strict and scrape.text() == "true":
        run.say("MS133", scrape, "only clients with a mesh identity can scrape these pods after the move")
