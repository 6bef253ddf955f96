"""Few Servers for many pods: workloads with equal plans share one, under the policy's own selector where that is exact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from transformer.objects import Obj
from transformer.rules.istio import authorization_pods
from transformer.rules.istio.authorization_plans import Wanted
from transformer.rules.istio.authorization_pods import OUTSIDE, Pods
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.targets.linkerd.inbound_plan import Plan
from transformer.targets.metadata import fit


class Choice(NamedTuple):
    """A selector that a Server may have, and what the Server is then called after."""

    labels: tuple[tuple[str, str], ...]
    stem: str


class Server(NamedTuple):
    """One Server to emit."""

    name: str
    selector: tuple[tuple[str, str], ...]
    port: int
    plan: Plan


def servers(
    group: Sequence[Wanted], neighbours: Sequence[Pods], choices: Sequence[Choice], at: Obj, *, only_choices: bool
) -> Iterator[Server]:  # fmt: skip
    """Servers of workloads that the same policies reach.

    `neighbours` are all pods of the namespace; `choices` are the policies' selectors, broadest first. With
    `only_choices` a workload's own labels will not do, because pods that are not here must be covered too. Raises
    `Unsayable` where a Server would pick a pod that needs another one.
    """
    mine = {wanted.pods.obj.uid: wanted for wanted in group}
    ports = sorted({port for wanted in group for port in wanted.servers()})
    for port in ports:
        left = {uid: wanted for uid, wanted in mine.items() if port in wanted.servers()}
        for plan in _distinct(wanted.plans[port] for wanted in left.values()):
            users = [wanted for wanted in left.values() if wanted.plans[port] == plan]
            yield from _for_users(users, plan, port, mine, neighbours, choices, at, only_choices=only_choices)


def named(memo: dict[str, Any], namespace: str, server: Server) -> Server:
    """The Server, under another name where one with another selector has the name: policies may be called like workloads."""
    taken: dict[tuple[str, str], tuple[tuple[str, str], ...]] = memo.setdefault("server-names", {})
    if taken.setdefault((namespace, server.name), server.selector) == server.selector:
        return server
    import hashlib  # loads OpenSSL, which few runs need

    digest = hashlib.sha256(repr(sorted(server.selector)).encode()).hexdigest()[:8]
    return server._replace(name=fit(f"{server.name}-{digest}"))


def _for_users(
    users: Sequence[Wanted], plan: Plan, port: int, mine: Mapping[int, Wanted], neighbours: Sequence[Pods],
    choices: Sequence[Choice], at: Obj, *, only_choices: bool,
) -> Iterator[Server]:  # fmt: skip
    for choice in choices:
        picked = _picked(choice.labels, neighbours)
        if all(wanted.pods in picked for wanted in users) and _fits(picked, plan, port, mine):
            yield Server(fit(f"{choice.stem}-{port}"), choice.labels, port, plan)
            return
    if only_choices:
        raise Unsayable(
            "MS406", at, f"port {port} of {users[0].pods.obj.ref} needs a Server of its own, and pods that are not in "
            "this stream may be under the same policies",
            "Name the namespace under complete once stream and context hold all of its workloads.",
        )  # fmt: skip
    covered: set[int] = set()
    own = [(authorization_pods.selector_of(wanted.pods), wanted) for wanted in users]
    for labels, wanted in sorted(own, key=lambda entry: len(entry[0])):
        if wanted.pods.obj.uid in covered:
            continue
        picked = _picked(tuple(labels.items()), neighbours)
        again = covered & {pods.obj.uid for pods in picked}
        covered |= {pods.obj.uid for pods in picked}
        if not labels or again or not _fits(picked, plan, port, mine):
            raise Unsayable(
                "MS408", at, f"no selector picks the pods of {wanted.pods.obj.ref} alone, and others need another Server "
                f"for port {port}",
            )  # fmt: skip
        yield Server(fit(f"{_stem(wanted.pods, neighbours)}-{port}"), tuple(labels.items()), port, plan)


def _stem(pods: Pods, neighbours: Sequence[Pods]) -> str:
    """The workload's name, with its kind where another kind has the name too."""
    same = [other for other in neighbours if other.obj.name == pods.obj.name]
    return pods.obj.name if len(same) == 1 else f"{pods.obj.name}-{pods.obj.ref.kind.lower()}"


def _picked(labels: tuple[tuple[str, str], ...], neighbours: Sequence[Pods]) -> list[Pods]:
    return [
        pods for pods in neighbours
        if pods.way != OUTSIDE and all(pods.labels.get(key) == value for key, value in labels)
    ]  # fmt: skip


def _fits(picked: Sequence[Pods], plan: Plan, port: int, mine: Mapping[int, Wanted]) -> bool:
    """Whether every pod that the Server would pick has this plan, or does not have the port and the same policies.

    A pod that does not declare the port has no probe there, so the plan must not open any to everyone.
    """
    probed = bool(plan.routes) and any(
        _is_probed(wanted.pods, port) for wanted in mine.values() if wanted.plans.get(port) == plan
    )
    for pods in picked:
        wanted = mine.get(pods.obj.uid)
        found = wanted.plans.get(port) if wanted is not None else None
        if wanted is None or (probed if found is None else found != plan):
            return False
    return True


def _is_probed(pods: Pods, port: int) -> bool:
    """Whether the kubelet asks the port for a path."""
    return any(probe.port == port and probe.kind in ("httpGet", "grpc") for probe in pods.probes)


def _distinct(plans: Iterator[Plan]) -> list[Plan]:
    found: list[Plan] = []
    for plan in plans:
        if plan not in found:
            found.append(plan)
    return found
