"""Pods whose ports close to callers without a mesh identity: nothing may reach these ports past the proxy.

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
from transformer.rules.workload import bypasses
from transformer.rules.workload import injection_settings as settings
from transformer.run import Run


@rule(
    id="closed-ports",
    kinds=[("", "Namespace"), *WORKLOAD_KINDS],
    order=61,
    summary="mandatory mTLS holds pods with ports that Linkerd's proxy does not see",
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
    for pod in closed:
        namespace = namespaces.get(pod.obj.namespace, settings.NamespaceSetting(None)).obj
        try:
            _refuse_bypass(run, authorization_pods.of(run, pod.obj, namespaces), namespace)
        except Unsayable as problem:
            run.hold(problem.code, problem.at, problem.message, remedy=problem.remedy)


def _refuse_bypass(run: Run, pods: Pods, namespace: Obj | None) -> None:
    ports = bypasses.Ports(pods.ports, (), rest_closed=True)
    bypass = bypasses.find(pods.pod, namespace, ports)
    if bypass is not None:
        own = bypass.at is not None and bypass.at.obj is pods.obj
        at = bypass.at if own and bypass.at is not None else pods.obj
        run.hold(bypass.code, at, f"{bypass.message}, but the mesh requires mutual TLS")
