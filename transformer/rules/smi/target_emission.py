"""Servers and policies for the pods of one ServiceAccount, and the closed default of its namespace, as plans of the run.

In deny-by-default mode nobody calls a pod whom no TrafficTarget names, so the whole namespace is closed and its ports
are opened one by one. The kubelet's probes passed by OSM's sidecar (pkg/injector), so they are let in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir.authorization import SourceSet
from transformer.objects import Obj
from transformer.rules import inbound_objects, reach
from transformer.rules.istio import authorization_servers as servers
from transformer.rules.istio import mesh_routes
from transformer.rules.istio.authorization_plans import Rest, Wanted, refuse_bypass
from transformer.rules.istio.authorization_pods import MOVES, Pods
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.istio.authorization_scope import Scope
from transformer.rules.smi import protocols, target_plans
from transformer.rules.smi.ingress import Opening
from transformer.rules.smi.target_reading import OSM, Target
from transformer.rules.workload import bypasses, injection_settings, posture
from transformer.run import Run
from transformer.targets.linkerd import inbound_policy
from transformer.targets.linkerd.inbound_plan import Plan
from transformer.targets.linkerd.request_paths import Unwritable


def close(run: Run, scope: Scope, namespace: str, objs: Sequence[Obj], base: SourceSet) -> None:
    """Leave every port of the namespace's pods to `base`, unless a Server opens it. Raises `Unsayable`."""
    word = inbound_policy.access_policy(base)
    moving = [pods for pods in scope.pods(namespace) if pods.way == MOVES]
    for pods in moving:
        existing = pods.pod.annotations.get(injection_settings.DEFAULT_POLICY)
        if existing.present and posture.in_effect(pods.pod.annotations) != word:
            raise Unsayable(
                "MS408", existing, f"is {existing.text()!r}, but the mesh's policies mean {word!r}"
            )
        ports = bypasses.Ports(pods.ports, (), rest_closed=True)
        refuse_bypass(pods, scope.setting(namespace).obj, ports, pods.obj)
    if scope.flips(namespace):
        run.memo.setdefault("default-inbound-policy", {})[namespace] = word
    for pods in moving:
        run.memo.setdefault("own-inbound-policy", set()).add(pods.obj.uid)
        inherits = scope.flips(namespace) or pods.pod.annotation(injection_settings.DEFAULT_POLICY)
        if not inherits and not pods.obj.context:
            # Without the default these pods would be open, so they stay where one of the objects does.
            for obj in objs:
                run.units.link(obj.uid, pods.obj.uid)
            run.edit(
                pods.obj, pods.pod.annotations_path, write=posture.inbound(run, word),
                owners=[pods.obj, *objs],
            )  # fmt: skip
    if base == ir.NOBODY:
        run.once("MS428", objs[0], "the default inbound policy deny also closes port 4191 of the proxies")


class Account(NamedTuple):
    """What opens the ports of one ServiceAccount's pods: targets that name it, and ingresses."""

    name: str
    targets: tuple[Target, ...]
    openings: tuple[Opening, ...]

    @property
    def objects(self) -> list[Obj]:
        """All targets and IngressBackends, targets first."""
        found = [*(target.obj for target in self.targets), *(opening.obj for opening in self.openings)]
        return list({obj.uid: obj for obj in found}.values())


def accounts(
    scope: Scope, run: Run, namespace: str, targets: Sequence[Target], openings: Sequence[Opening]
) -> Iterator[Account]:
    """What there is to say of every ServiceAccount of a namespace."""
    behind: dict[str, list[Opening]] = {}
    for opening in openings:
        found = [
            p
            for p in scope.pods(namespace)
            if opening.service in {s.name for s in protocols.services(run, p)}
        ]
        if not found:
            raise Unsayable(
                "MS541", opening.obj, f"no workload here is behind Service {namespace}/{opening.service}",
                "Render it together with the workload.",
            )  # fmt: skip
        for name in sorted({reach.account(pods.obj) for pods in found}):
            behind.setdefault(name, []).append(opening)
    for name in dict.fromkeys([*(target.account for target in targets), *behind]):
        mine = tuple(target for target in targets if target.account == name)
        yield Account(name, mine, tuple(behind.get(name, ())))


def emit(run: Run, scope: Scope, namespace: str, account: Account, base: SourceSet) -> None:
    """Plan the Servers of a ServiceAccount's pods; `base` is let in anyway.

    Raises `Unsayable`, and has planned nothing then.
    """
    at = account.objects[0]
    mine = [p for p in scope.pods(namespace) if reach.account(p.obj) == account.name and p.way == MOVES]
    _refuse_pods_without_sidecar(run, scope, namespace, account)
    if not mine:
        if not run.context.is_complete(namespace):
            raise Unsayable(
                "MS406", at, f"no workload of the stream has the ServiceAccount {account.name}",
                "Render it together with the workload, or name the namespace under complete.",
            )  # fmt: skip
        run.say("MS550", at, "reaches no pod of a mesh, and goes")
        return
    closed = Rest(inbound_policy.access_policy(base), False)
    found = [Wanted(pods, closed, _plans(run, pods, account, base), {}) for pods in mine]
    planned = list(servers.servers(found, scope.pods(namespace), [], at, only_choices=False))
    specs = {spec.uid: spec for target in account.targets for spec in target.specs if not spec.context}
    owners = [*account.objects, *(pods.obj for pods in mine), *specs.values()]
    for server in planned:
        for made in inbound_policy.objects(server.plan, server.name, dict(server.selector), server.port):
            value = inbound_objects.as_object(run, made, at, namespace)
            run.derive(value, owners, shared=made.kind.endswith("Authentication"))
        served = run.memo.setdefault("inbound-servers", {})
        for pods in mine:
            if dict(server.selector).items() <= pods.labels.items():
                served[pods.obj.uid, server.port] = (server.name, owners)
    if account.targets:
        run.once(
            "MS524",
            at,
            "OSM looks at the Host header of requests between pods too; Linkerd at the callers only",
        )


def _refuse_pods_without_sidecar(run: Run, scope: Scope, namespace: str, account: Account) -> None:
    """Outside of OSM a target may be enforced without sidecars (Traefik Mesh), so pods that do not move are under it too."""
    reading = run.options["smi-implementation"]
    staying = [p for p in scope.pods(namespace) if reach.account(p.obj) == account.name and p.way != MOVES]
    joining = [p for p in scope.pods(namespace) if reach.account(p.obj) == account.name and p.way == MOVES]
    # OSM protects pods with its sidecar only; where none of the account has it, another mesh is meant.
    if staying and account.targets and (reading != OSM or not joining):
        raise Unsayable(
            "MS406", account.objects[0], f"{staying[0].obj.ref} does not join Linkerd, and may be protected without sidecar",
            "Set linkerd.io/inject on its pods or their Namespace.",
        )  # fmt: skip


def _plans(run: Run, pods: Pods, account: Account, base: SourceSet) -> dict[int, Plan]:
    at = account.objects[0]
    read = protocols.of_ports(run, pods)
    if not read and not run.context.is_complete(pods.obj.namespace):
        raise Unsayable(
            "MS406", at, f"no Service of {pods.obj.ref} is here, so nobody knows how its ports are read",
            "Add the Services as --context, or name the namespace under complete.",
        )  # fmt: skip
    misread = protocols.misread(run, pods)
    if misread is not None:
        raise Unsayable(
            "MS526",
            at,
            f"OSM takes port {misread.get('port').text()} of {misread.obj.ref} for HTTP, Linkerd's clients for TCP",
        )
    plans = {}
    own = {service.name for service in protocols.services(run, pods)}
    mine = [opening for opening in account.openings if opening.service in own]
    for port in sorted({*pods.ports, *read, *(opening.port for opening in mine)}):
        kinds = read.get(port, {protocols.CLOSED})
        if len(kinds) > 1:
            raise Unsayable("MS406", at, f"Services read port {port} of {pods.obj.ref} differently")
        ingress = ir.union(opening.sources for opening in mine if opening.port == port)
        plans[port] = _plan(run, pods, account, port, next(iter(kinds)), base | ingress)
    _tell(run, pods, account.targets, read)
    return plans


def _plan(
    run: Run, pods: Pods, account: Account, port: int, protocol: str, base: SourceSet
) -> Plan:  # fmt: skip
    at, opaque = account.objects[0], protocol == protocols.TCP
    probes = [probe for probe in pods.probes if probe.port == port]
    paths = [probe.path for probe in probes if probe.kind == "httpGet"]
    try:
        wanted = target_plans.at_port(account.targets, port, protocol, run.options["smi-implementation"])
        wanted = wanted._replace(base=wanted.base | base)
        found = target_plans.plan(wanted, paths, mesh_routes.precedence(run), opaque=opaque)
    except Unwritable as why:
        raise Unsayable("MS517", at, f"port {port} of {pods.obj.ref}: {why}") from why
    for probe in probes:
        if probe.kind != "httpGet" or opaque:
            raise Unsayable(
                "MS407", at, f"{probe.title} of {pods.obj.ref} would be refused",
                probe.remedy or "Make it a tcpSocket probe, or plain HTTP to a port that is read as HTTP.",
            )  # fmt: skip
    return found


def _tell(run: Run, pods: Pods, targets: Sequence[Target], read: dict[int, set[str]]) -> None:
    """What of the targets has another effect than it seems to, today and from now on."""
    reading = run.options["smi-implementation"]
    tcp = [str(port) for port, kinds in sorted(read.items()) if kinds == {protocols.TCP}]
    http = [port for port, kinds in sorted(read.items()) if kinds == {protocols.HTTP}]
    for target in targets:
        if reading == OSM and tcp and not target.tcp and target.ports is None:
            run.say(
                "MS518",
                target.obj,
                f"has no TCPRoute, so its callers may open the TCP ports {', '.join(tcp)}",
            )
        named = [str(port) for port in http if target.ports is not None and target.opens(port)]
        if named and not target.http and reading == OSM:
            run.say("MS519", target.obj, f"port {', '.join(named)} is read as HTTP, and no route opens it")
    unserved = [] if not targets else [str(port) for port in pods.ports if port not in read]
    if unserved and not run.context.is_complete(pods.obj.namespace):
        run.say("MS525", targets[0].obj, f"port {', '.join(unserved)} of {pods.obj.ref} has no Service here")
