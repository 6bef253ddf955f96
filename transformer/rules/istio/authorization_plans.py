"""What every port of a workload needs: the plan of its Server, and the default for ports that nobody declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir.request_classes import Table
from transformer.objects import Obj
from transformer.rules.istio import authorization_pods, authorization_table
from transformer.rules.istio.authorization_pods import RELATIVE, Pods
from transformer.rules.istio.authorization_rules import Policy, Unsayable
from transformer.rules.istio.authorization_table import PERMISSIVE, SNIFFED, STRICT, TCP
from transformer.rules.istio.peer_authentication import Modes
from transformer.rules.workload import bypasses, posture
from transformer.run import Run
from transformer.stream.patterns import pattern
from transformer.targets.linkerd.inbound_plan import Plan, plan
from transformer.targets.linkerd.inbound_policy import access_policy
from transformer.targets.linkerd.request_paths import Unwritable


class Rest(NamedTuple):
    """The default for undeclared ports, and whether it refuses callers that Istio lets in."""

    policy: str
    stricter: bool


class Today(NamedTuple):
    """What Istio makes of a port: the mode of mutual TLS, how it is read, and who may call."""

    mode: str
    reading: str
    table: Table


class Wanted(NamedTuple):
    """A workload's default, the plans of its ports, and what they are today."""

    pods: Pods
    rest: Rest
    plans: dict[int, Plan]
    today: dict[int, Today]

    @property
    def opened(self) -> list[tuple[int, str]]:
        """Ports and paths that probes open to everyone although policies do not."""
        return sorted(
            {
                (probe.port, probe.path)
                for probe in self.pods.probes
                if (found := self.plans.get(probe.port)) is not None and found.base != ir.ANYONE
            }
        )

    def servers(self) -> dict[int, Plan]:
        """Plans that need a Server because the default does not say the same."""
        return {
            port: found for port, found in self.plans.items()
            if found.routes or access_policy(found.base) != self.rest.policy
        }  # fmt: skip


def mesh_mode(run: Run, namespace: str, at: Obj) -> str:
    """The mode of pods for which no workload's own setting exists; asks for the fact where nobody tells."""
    return STRICT if posture.posture(run, namespace, at) == posture.STRICT else PERMISSIVE


def wanted(
    run: Run, pods: Pods, policies: Sequence[Policy], modes: Modes, at: Obj, namespace: Obj | None
) -> Wanted:
    """Plans for every port of a workload. Raises `Unsayable` where one of them cannot be written; `at` is told then."""
    mesh = modes.workload or mesh_mode(run, pods.obj.namespace, pods.obj)
    ports = {*pods.ports, *modes.ports, *_named(policies)}
    today: dict[int, Today] = {}
    found: dict[int, Plan] = {}
    # Kept also where a port cannot be written, so that a person can be told what it is about.
    run.memo.setdefault("access", {})[pods.obj.ref] = Wanted(pods, Rest("", stricter=False), found, today)
    for port in sorted(ports):
        today[port] = _today(run, pods, policies, port, modes.of(port, mesh), at)
        found[port] = _plan(run, pods, port, today[port], at, namespace)
    default = rest(policies, modes.of(0, mesh))
    if default.stricter and not ports and not run.context.is_complete(pods.obj.namespace):
        # Where all Services are known and none selects the pods, they call and are not called: closed, and told (MS421).
        raise Unsayable(
            "MS406", at, f"no port of {pods.obj.ref} is known, and callers that may reach it would be refused",
            f"Declare its containerPorts, add its Services as --context, or name the namespace {pods.obj.namespace} under "
            "complete.",
        )  # fmt: skip
    opened = {port for port, plan in found.items() if plan.base == ir.ANYONE and not plan.routes}
    closed = default.policy != access_policy(ir.ANYONE)
    refuse_bypass(pods, namespace, bypasses.Ports(found.keys() - opened, opened, closed), at)
    _refuse_hooks(pods, found, at, rest_closed=closed)
    return Wanted(pods, default, found, today)


def refuse_bypass(pods: Pods, namespace: Obj | None, ports: bypasses.Ports, at: Obj) -> None:
    """Raise `Unsayable` where callers of a port are to be checked and can reach it past Linkerd's proxy."""
    bypass = bypasses.find(pods.pod, namespace, ports)
    if bypass is not None:
        own = bypass.at is not None and bypass.at.obj is pods.obj
        raise Unsayable(bypass.code, bypass.at if own and bypass.at is not None else at, bypass.message)


def rest(policies: Sequence[Policy], mode: str) -> Rest:
    """The default-inbound-policy for ports that nobody names: the exact word for it, else `deny`."""
    try:
        table = authorization_table.table(policies, 0, mode, SNIFFED)
    except Unwritable:
        return Rest("deny", True)
    if table.connections is not None and table.uniform == table.connections:
        word = access_policy(table.connections)
        if word:
            return Rest(word, False)
    return Rest("deny", True)


def _named(policies: Sequence[Policy]) -> set[int]:
    operations = [
        op for policy in policies for rule in policy.rules for op in (*rule.operations, *rule.conditions)
    ]
    return {port for op in operations for port in (*(op.ports or ()), *op.not_ports)}


def _today(run: Run, pods: Pods, policies: Sequence[Policy], port: int, mode: str, at: Obj) -> Today:
    reading = authorization_pods.reading(run, pods, port)
    if not reading:
        if authorization_table.looks_at_requests(policies, port):
            raise Unsayable(
                "MS406", at, f"how Istio reads port {port} of {pods.obj.ref} depends on Services that are not here or "
                "disagree", "Add the Services as --context, or name the namespace under complete.",
            )  # fmt: skip
        reading = SNIFFED
    try:
        return Today(mode, reading, authorization_table.table(policies, port, mode, reading))
    except Unwritable as why:
        raise Unsayable(why.code, at, f"port {port} of {pods.obj.ref}: {why}") from why


def _plan(run: Run, pods: Pods, port: int, today: Today, at: Obj, namespace: Obj | None) -> Plan:
    opaque = today.reading == TCP or (
        today.reading == SNIFFED and authorization_pods.is_opaque_port(run, pods, namespace, port)
    )
    probes = [probe for probe in pods.probes if probe.port == port]
    try:
        found = plan(
            today.table, [probe.path for probe in probes if probe.kind == "httpGet"], opaque=opaque,
            calls=[probe.path for probe in probes if probe.kind == "grpc"],
        )  # fmt: skip
    except Unwritable as why:
        raise Unsayable(why.code, at, f"port {port} of {pods.obj.ref}: {why}") from why
    _refuse_probes(pods, port, found, at)
    if found.looks_at_paths and _merges_slashes(run):
        raise Unsayable(
            "MS405", at, f"port {port} of {pods.obj.ref}: this mesh merges slashes (//) before its policies look at paths, "
            "and Linkerd does not",
        )  # fmt: skip
    return found


_NORMALIZATION = pattern(r"pathNormalization:\s*(?:\n\s*)?\{?\s*\"?normalization\"?:\s*\"?([A-Z_]+)")


def _merges_slashes(run: Run) -> bool:
    """Whether the mesh's normalization goes beyond what the routes' expressions allow for: a fact, or the mesh's ConfigMap."""
    stated: str = run.options["mesh.path-normalization"]
    if stated:
        return "merge" in stated
    for obj in run.context.objects("", "ConfigMap"):
        if obj.namespace == run.options["mesh.root-namespace"] and obj.name.startswith("istio"):
            found = _NORMALIZATION.search(obj.view.get("data", "mesh").text())
            if found and "MERGE" in found[1]:
                return True
    return False


def _refuse_probes(pods: Pods, port: int, found: Plan, at: Obj) -> None:
    """A restricted port whose probes would fail."""
    if found.base == ir.ANYONE or bypasses.skipped_today(pods.pod, port):
        return
    named = any(route.hosts for route in found.routes)
    for probe in pods.probes:
        unseen = probe.kind in ("HTTPS", RELATIVE) or found.opaque or (probe.host and named)
        if probe.port == port and unseen:
            raise Unsayable("MS407", at, f"{probe.title} of {pods.obj.ref} would be refused", probe.remedy)


def _refuse_hooks(pods: Pods, found: Mapping[int, Plan], at: Obj, *, rest_closed: bool) -> None:
    """Hooks by HTTP: Istio's agent answers them, Linkerd's policy controller does not know them."""
    for hook in pods.hooks:
        plan = found.get(hook.port)
        closed = plan.base != ir.ANYONE if plan is not None else rest_closed
        if closed and not bypasses.skipped_today(pods.pod, hook.port):
            raise Unsayable("MS407", at, f"{hook.title} of {pods.obj.ref} would be refused", hook.remedy)
