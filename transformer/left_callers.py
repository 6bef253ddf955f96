"""Callers that new policies let in by name and that stay behind: at the boundary of the meshes they have no identity.

Told for every family that writes Linkerd's policies, from the objects that are written: a proxy of Linkerd knows the
identities of its own mesh only (https://linkerd.io/2/reference/authorization-policy/).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from transformer import codes
from transformer.context.index import WORKLOAD_KINDS
from transformer.findings import Finding
from transformer.objects import Obj
from transformer.run import Run
from transformer.settle import Emitted, Settlement

_INJECT = "linkerd.io/inject"
_IN = ("enabled", "ingress")
_SHOWN = 3


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
        if workload.namespace == caller.namespace and caller.account in ("", _account(workload))
    ]
    if known:
        return any(_stays_itself(run, settlement, workload) for workload in known)
    return (
        run.stage.partial
        and caller.namespace not in run.scope.moving()
        and not _in_linkerd(run, caller.namespace)
    )


def _stays_itself(run: Run, settlement: Settlement, workload: Obj) -> bool:
    own = _template(workload).get("metadata", "annotations").get(_INJECT).text()
    if own in _IN or (own != "disabled" and _in_linkerd(run, workload.namespace)):
        return False
    return workload.uid in settlement.held or not (run.scope.moves(workload) or run.scope.picks(workload))


def _in_linkerd(run: Run, namespace: str) -> bool:
    found = run.context.namespace(namespace).obj
    return found is not None and found.annotations.get(_INJECT, "") in _IN


def _template(workload: Obj) -> Any:
    return workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])


def _account(workload: Obj) -> str:
    spec = _template(workload).get("spec")
    return spec.get("serviceAccountName").text() or spec.get("serviceAccount").text() or "default"


def _finding(run: Run, source: Obj, callers: list[Caller]) -> Finding:
    shown = ", ".join(map(str, callers[:_SHOWN]))
    more = f" and {len(callers) - _SHOWN} more" if len(callers) > _SHOWN else ""
    then = "is refused from `phase: enforce` on" if run.stage.audits else "is refused"
    one = codes.CODES["MS438"]
    line = source.line + source.root.line
    return Finding(
        one.code, one.severity, source.file, line, source.ref, "",
        f"lets in {shown}{more} by name: what stays in the old mesh has no identity here, and {then}", one.remedy,
    )  # fmt: skip
