"""Pods whose ports close to callers without a mesh identity: what would pass by the proxy, what of the kubelet it refuses.

Istio's agent answers probes and hooks. Linkerd opens the paths of HTTP probes by itself where it reads the port as HTTP.
Workloads that policies reach have Servers of their own and are looked at with these (`authorization_plans`).
https://linkerd.io/2/reference/proxy-configuration/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj
from transformer.rules.istio import authorization_pods
from transformer.rules.istio.authorization_pods import Pods
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.registry import rule
from transformer.rules.workload import bypasses, port_lists
from transformer.rules.workload import injection_settings as settings
from transformer.run import Run


@rule(
    id="closed-ports",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=61,
    summary="mandatory mTLS holds pods with ports that Linkerd's proxy does not see, or probes that it would refuse",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Look at every workload that the injection rules close, once all of their edits are planned."""
    planned = run.memo.get("access", {})
    closed: list[settings.Pod] = [
        pod
        for pod in run.memo.get("strict-pods", ())
        if pod.obj.ref not in planned and not run.units.asked(pod.obj.uid)
    ]
    namespaces = settings.of_namespaces(run) if closed else {}
    opaque = _opaque_lists(run) if closed else {}
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
