"""Callers that new policies let in by name and that stay behind: at the boundary of the meshes they have no identity.

Told for every family that writes Linkerd's policies, from the objects that are written: a proxy of Linkerd knows the
identities of its own mesh only (https://linkerd.io/2/reference/authorization-policy/).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from transformer import final_findings
from transformer.context.index import WORKLOAD_KINDS
from transformer.findings import Finding
from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.workload import injection_settings
from transformer.rules.workload.injection_settings import NamespaceSetting
from transformer.run import Run
from transformer.settle import Emitted, Settlement

_IN = ("enabled", "ingress")


class Caller(NamedTuple):
    """A caller that a policy names: a ServiceAccount, or every account of a namespace where it has no name."""

    namespace: str
    account: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.account}" if self.account else f"namespace {self.namespace}"


def findings(run: Run, settlement: Settlement) -> Iterator[Finding]:
    """One finding for every source of policies that name callers which stay in the old mesh."""
    named: dict[int, tuple[Obj, dict[Caller, None]]] = {}
    authentications = {
        (one.ref.namespace, one.ref.name): one.value
        for one in settlement.emitted
        if one.ref.kind == "MeshTLSAuthentication"
    }
    for emitted in settlement.emitted:
        for caller in _named(emitted, authentications):
            if _stays(run, settlement, caller):
                source = emitted.plan.origin
                named.setdefault(source.uid, (source, {}))[1][caller] = None
    for source, callers in named.values():
        yield _finding(run, source, list(callers))


def _named(emitted: Emitted, authentications: dict[tuple[str, str], dict[str, Any]]) -> Iterator[Caller]:
    if (emitted.ref.group, emitted.ref.kind) != ("policy.linkerd.io", "AuthorizationPolicy"):
        return
    for ref in emitted.value["spec"].get("requiredAuthenticationRefs", ()):
        place = ref.get("namespace", emitted.ref.namespace)
        if ref["kind"] == "ServiceAccount":
            yield Caller(place, ref["name"])
        for identity in authentications.get((place, ref["name"]), {}).get("spec", {}).get("identityRefs", ()):
            if identity["kind"] == "ServiceAccount":
                yield Caller(identity.get("namespace", place), identity["name"])
            elif identity["kind"] == "Namespace" and "name" in identity:
                yield Caller(identity["name"], "")


def _stays(run: Run, settlement: Settlement, caller: Caller) -> bool:
    """Whether pods of the caller are known to stay, or may stay because `only` does not name their namespace."""
    known = [
        workload
        for workload in run.context.workloads()
        if workload.namespace == caller.namespace and caller.account in ("", reach.account(workload))
    ]
    if known:
        return any(_stays_itself(run, settlement, workload) for workload in known)
    if in_linkerd(run, caller.namespace) or caller.namespace in _moving(run, settlement):
        return False
    return run.stage.partial or not run.context.is_complete(caller.namespace)


def _stays_itself(run: Run, settlement: Settlement, workload: Obj) -> bool:
    """Whether the workload is, or may be, in the old mesh and does not leave it in this run."""
    own = _template(workload).get("metadata", "annotations").get(injection_settings.INJECT).text()
    if own in _IN or (own != "disabled" and in_linkerd(run, workload.namespace)):
        return False
    setting = _settings(run).get(workload.namespace, NamespaceSetting(None))
    injection = injection_settings.of_pod(injection_settings.pod_of(workload), setting)
    if injection.state == injection_settings.OUT:
        return False  # without an identity today, too
    if workload.uid in run.clients or workload.uid in settlement.held:
        return workload.uid in settlement.held
    return injection.own or not _flips(settlement, setting)


def _settings(run: Run) -> dict[str, NamespaceSetting]:
    found: dict[str, NamespaceSetting] | None = run.memo.get("namespaces-of-callers")
    if found is None:
        found = run.memo["namespaces-of-callers"] = injection_settings.of_namespaces(run)
    return found


def _flips(settlement: Settlement, setting: NamespaceSetting) -> bool:
    """Whether the Namespace takes the pods with it that have no setting of their own."""
    obj = setting.obj
    return obj is not None and not obj.context and setting.meshes and obj.uid not in settlement.held


def _moving(run: Run, settlement: Settlement) -> set[str]:
    """Namespaces of which something moves, in this run or as `only` names it."""
    moved = [obj for uid, obj in run.clients.items() if uid not in settlement.held]
    return {obj.namespace or obj.name for obj in moved} | run.scope.moving()


def caller(obj: Obj) -> Caller:
    """What policies know the pods of a workload by; for a Namespace, all of its pods."""
    return Caller(obj.name, "") if obj.ref.kind == "Namespace" else Caller(obj.namespace, reach.account(obj))


def in_linkerd(run: Run, namespace: str) -> bool:
    """Whether a Namespace of stream or context is in Linkerd already."""
    found = run.context.namespace(namespace).obj
    return found is not None and found.annotations.get(injection_settings.INJECT, "") in _IN


def _template(workload: Obj) -> Any:
    return workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])


def _finding(run: Run, source: Obj, callers: list[Caller]) -> Finding:
    then = "is refused from `phase: enforce` on" if run.stage.audits else "is refused"
    return final_findings.about(
        source,
        "MS438",
        f"lets in {final_findings.listed(callers)} by name: what stays in the old mesh has no identity here, and {then}",
    )
