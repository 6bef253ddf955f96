"""What would pass by the proxy of pods whose ports are closed, and which calls of the kubelet it would refuse.

Istio's agent answers probes and hooks. Linkerd opens the paths of HTTP probes by itself where it reads the port as HTTP.
https://linkerd.io/2/reference/proxy-configuration/ , https://linkerd.io/2/features/server-policy/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj
from transformer.rules.istio import authorization_pods
from transformer.rules.istio.authorization_pods import Pods
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.workload import bypasses, port_lists
from transformer.rules.workload import injection_settings as settings
from transformer.run import Run


def refuse(run: Run, closed: Sequence[settings.Pod]) -> None:
    """Hold those of the pods that would be less protected behind Linkerd's proxy, or never ready.

    All edits of the pods have to be planned.
    """
    namespaces = settings.of_namespaces(run)
    opaque = _opaque_lists(run)
    for pod in closed:
        namespace = namespaces.get(pod.obj.namespace, settings.NamespaceSetting(None)).obj
        try:
            pods = authorization_pods.of(run, pod.obj, namespaces)
        except Unsayable as problem:
            run.hold(problem.code, problem.at, problem.message, remedy=problem.remedy)
            continue
        _refuse_bypass(run, pods, namespace)
        if pod.obj.uid not in run.memo.get("own-inbound-policy", ()):
            _refuse_probes(run, pods, namespace, opaque.get(pod.obj.uid))


def _opaque_lists(run: Run) -> dict[int, str]:
    """The lists of opaque ports that this run writes on pods."""
    key = authorization_pods.OPAQUE_PORTS
    return {edit.target.uid: str(edit.write[key]) for edit in run.edits if key in edit.write}


def _refuse_probes(run: Run, pods: Pods, namespace: Obj | None, written: str | None) -> None:
    """Hold pods with calls of the kubelet that Linkerd does not let in by itself; `written` is a new list of opaque ports."""
    for call in (*pods.probes, *pods.hooks):
        if call.kind == "httpGet":
            refused = (
                port_lists.contains(written, call.port)
                if written is not None
                else authorization_pods.is_opaque_port(run, pods, namespace, call.port)
            )
        else:
            refused = True
        if refused and not bypasses.skipped_today(pods.pod, call.port):
            message = f"{call.title} would be refused, because the mesh requires mutual TLS"
            run.hold("MS407", call.at, message, remedy=call.remedy)


def _refuse_bypass(run: Run, pods: Pods, namespace: Obj | None) -> None:
    ports = bypasses.Ports(pods.ports, (), rest_closed=True)
    bypass = bypasses.find(pods.pod, namespace, ports)
    if bypass is not None:
        own = bypass.at is not None and bypass.at.obj is pods.obj
        at = bypass.at if own and bypass.at is not None else pods.obj
        run.hold(bypass.code, at, f"{bypass.message}, but the mesh requires mutual TLS")
