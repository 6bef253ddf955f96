"""Policies that name the ServiceAccount of Istio's ingress gateway, which is not the new ingress's (`ingress-identity`).

Istio's charts call it istio-ingressgateway-service-account; another one is found through the Gateways that select its
pods. https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.context.index import WORKLOAD_KINDS
from transformer.ir import authorization as ir
from transformer.objects import Obj
from transformer.rules import ingress, reach
from transformer.rules.istio.authorization_callers import Sources
from transformer.rules.istio.authorization_rules import Policy, Unsayable
from transformer.run import Run

_BY_CONVENTION = "istio-ingressgateway-service-account"
#: Gateways for traffic that leaves or joins clusters are selected by Gateways too, and no ingress takes their place.
_INTERNAL = ("egress", "eastwest")
#: What else is likely to be Istio's ingress in its own namespace: told, and not replaced.
_LIKELY = "ingressgateway"
_REMEDY = "Name the ServiceAccount of the new ingress with ingress-identity, or add it to the policy."


def replaced(run: Run, policy: Policy) -> Policy:
    """The policy for the new ingress; told. Raises `Unsayable` where the two mean different callers."""
    if ingress.keeps(run):
        # The gateway stays, and joins Linkerd under the ServiceAccount that it has; Gateways that are mapped leave it.
        named = [old for old in accounts(run) if any(_names(rule.sources, old) for rule in policy.rules)]
        for old in named if run.options["gateway-map"] else ():
            run.say("MS426", policy.obj, f"names ServiceAccount {'/'.join(old)}, which is not that of the Gateways in "
                    "gateway-map", remedy="Add the ServiceAccount of those Gateways to the policy.")  # fmt: skip
        return policy
    rules = policy.rules
    target = run.options["ingress-identity"]
    space, _, account = target.partition("/")
    for old in accounts(run):
        if old == (space, account) or not any(_names(rule.sources, old) for rule in rules):
            continue
        name = "/".join(old)
        if not target:
            run.say(
                "MS426", policy.obj, f"names ServiceAccount {name} of Istio's ingress gateway", remedy=_REMEDY
            )
            continue
        found = [_renamed(rule.callers, old, (space, account)) for rule in rules]
        if None in found:
            raise Unsayable(
                "MS404", policy.obj, f"ServiceAccounts {name} and {target} may not do the same, and become one",
                "Leave one of the two in the policy.",
            )  # fmt: skip
        rules = tuple(rule._replace(callers=new) for rule, new in zip(rules, found, strict=True) if new)
        run.say("MS293", policy.obj, f"{target} takes the place of {name}")
    _tell_others(run, policy, space)
    return policy._replace(rules=rules)


def _renamed(callers: Sources, old: tuple[str, str], new: tuple[str, str]) -> Sources | None:
    """The callers with another account in the place of one; None where the two may not do the same."""
    least, likely, most = (ir.renamed(one, old, new) for one in callers)
    return None if least is None or likely is None or most is None else Sources(least, likely, most)


def _names(sources: ir.SourceSet, account: tuple[str, str]) -> bool:
    return any(name == account[1] for name, _ in sources.of(account[0]).accounts)


def _tell_others(run: Run, policy: Policy, new: str) -> None:
    """Accounts that are likely to be an ingress, and whole namespaces in which one runs."""
    root, known = run.options["mesh.root-namespace"], accounts(run)
    listed = {name for rule in policy.rules for name, _ in rule.sources.of(root).accounts}
    for name in sorted(name for name in listed if _LIKELY in name and (root, name) not in known):
        run.say("MS426", policy.obj, f"names ServiceAccount {root}/{name}, by its name an ingress gateway",
                remedy="Add the ServiceAccount of the new ingress to the policy.")  # fmt: skip
    spaces = {
        entry.name
        for rule in policy.rules
        for entry in rule.sources.namespaces
        if entry.others != rule.sources.others
    }
    for space in sorted(spaces & {space for space, _ in known} - {new}):
        run.say("MS426", policy.obj, f"names namespace {space}, in which Istio's ingress runs; the new one does not",
                remedy="Name the ServiceAccount of the new ingress in the policy too.")  # fmt: skip


def accounts(run: Run) -> list[tuple[str, str]]:
    """Namespaces and names of the ServiceAccounts of Istio's ingress gateways."""
    found: list[tuple[str, str]] | None = run.memo.get("ingress-accounts")
    if found is None:
        known = {(str(run.options["mesh.root-namespace"]), _BY_CONVENTION)}
        wanted = list(_selectors(run))
        for workload in run.context.workloads():
            labels = reach.pod_labels(workload).items()
            if any(one.items() <= labels for one in wanted) and not _is_internal(workload):
                known.add((workload.namespace, _account(workload)))
        found = run.memo["ingress-accounts"] = sorted(known)
    return found


def _selectors(run: Run) -> Iterator[dict[str, str]]:
    """Labels that Gateways for clients from outside pick their pods by."""
    for gateway in run.context.objects(*ingress.GATEWAY):
        modes = {server.get("tls", "mode").text() for server in gateway.spec.get("servers").each()}
        wanted = gateway.spec.get("selector").texts()
        if wanted and not modes <= {"ISTIO_MUTUAL", "AUTO_PASSTHROUGH"}:
            yield wanted


def _account(workload: Obj) -> str:
    template = workload.view.get(*WORKLOAD_KINDS[workload.ref.group, workload.ref.kind])
    name = template.get("spec", "serviceAccountName") or template.get("spec", "serviceAccount")
    return name.text() or "default"


def _is_internal(workload: Obj) -> bool:
    words = [workload.name, _account(workload), *reach.pod_labels(workload).values()]
    return any(name in word for word in words for name in _INTERNAL)
