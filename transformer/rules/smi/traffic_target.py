"""TrafficTargets become Servers, routes and policies of Linkerd for the pods of their ServiceAccount, or are held with them.

https://github.com/servicemeshinterface/smi-spec/tree/main/apis/traffic-access (smi-osm-surface §1.5, §3.2)
https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.ir import authorization as ir
from transformer.ledger import ACCEPTED, NO_OP, TRANSLATED, Fate
from transformer.objects import Obj, View
from transformer.rules import osm_mode, reach
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.istio.authorization_scope import Scope
from transformer.rules.registry import rule
from transformer.rules.smi import ingress, target_emission, target_reading
from transformer.rules.smi.ingress import Opening
from transformer.rules.smi.target_reading import LINKERD_SMI, OSM, SPECS, Target
from transformer.run import Run
from transformer.targets import metadata

_TARGET = ("access.smi-spec.io", "TrafficTarget")


@rule(
    id="smi-bindings",
    kinds=[kind for kind in reach.SMI_KINDS if kind != _TARGET],
    order=30,
    summary="drafts of access policies are held with everything that they may reach",
)
def hold(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every IdentityBinding: no implementation enforces it, and what was meant is not known."""
    reach.hold_all(run, objs, "is a draft of the specification")


@rule(
    id="traffic-target",
    kinds=[_TARGET, reach.INGRESS_BACKEND],
    order=30,
    summary="Servers, routes and policies for exactly the same callers, or held; `authorization: hold` holds all",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate the TrafficTargets and IngressBackends of the stream together, or hold them with what they reach."""
    osm_mode.tell(run, objs[0])
    targets = [obj for obj in objs if obj.ref.kind == "TrafficTarget"]
    for obj in targets:
        for group in _specs(run, obj):
            run.memo.setdefault("route-group-users", {}).setdefault(group.uid, []).append(obj)
    rest = [obj for obj in objs if obj not in targets or not _is_inert(run, obj)]
    for obj in rest:
        for group in _specs(run, obj):
            run.units.bind([obj.uid, group.uid])
    if run.options["authorization"] == "translate":
        _translate(
            run, sorted(rest, key=lambda obj: (obj.namespace, obj.ref.kind != "TrafficTarget", obj.name))
        )
    else:
        reach.hold_all(run, rest, "is enforced by Open Service Mesh's sidecar only")


def _is_inert(run: Run, obj: Obj) -> bool:
    """Whether nobody enforces TrafficTargets here; they go then, with a finding."""
    reading, mode = run.options["smi-implementation"], osm_mode.mode(run)
    if reading == LINKERD_SMI:
        why = "linkerd-smi reads TrafficSplits only, so nothing enforces it"
    elif reading == OSM and mode.permissive:
        why = f"permissive mode ({mode.told_by}) ignores it"
    else:
        return False
    metadata.account(run, obj)
    run.drop(obj)
    run.say("MS522", obj, why)
    run.memo.setdefault("inert-targets", set()).add(obj.uid)
    _settle(run, obj, Fate(NO_OP, "MS522"))
    return True


def _settle(run: Run, obj: Obj, fate: Fate) -> None:
    for key, field in obj.view.items():
        if key not in ("apiVersion", "kind", "metadata"):
            run.mark(field, fate)


def _translate(run: Run, objs: Sequence[Obj]) -> None:
    scope = Scope(run)
    targets: list[Target] = []
    openings: list[Opening] = []
    failed: set[str] = set()
    ignored: set[int] = run.memo.setdefault("inert-targets", set())
    for obj in objs:
        metadata.account(run, obj)
        run.drop(obj)
        for reached in reach.of(run, obj):
            run.units.link(obj.uid, reached.uid)
            run.units.link(reached.uid, obj.uid)
        try:
            _refuse_other_meshes(run, scope, obj)
            if obj.ref.kind == "TrafficTarget":
                target = target_reading.read(run, obj)
                if target is None:
                    ignored.add(obj.uid)
                else:
                    targets.append(target)
            else:
                openings += ingress.read(run, scope, obj)
            scope.check(obj)
        except Unsayable as problem:
            if _held(run, problem, obj):
                failed.add(obj.namespace)
            continue
        reached_ports = Fate(TRANSLATED, "the ports of the pods that it reaches")
        _settle(run, obj, Fate(NO_OP, "MS511") if obj.uid in ignored else reached_ports)
    for namespace in dict.fromkeys(obj.namespace for obj in objs):
        # They close and open the namespace together: where one stays, none of them may be dropped.
        run.units.bind(obj.uid for obj in objs if obj.namespace == namespace)
        if namespace not in failed:
            _of_namespace(
                run, scope, namespace, targets, openings, [o for o in objs if o.namespace == namespace]
            )


def _of_namespace(
    run: Run, scope: Scope, namespace: str, targets: Sequence[Target], openings: Sequence[Opening], objs: Sequence[Obj]
) -> None:  # fmt: skip
    """Close the namespace, or leave it to meshed callers in permissive mode, and open what its objects open."""
    permissive = osm_mode.mode(run).permissive and run.options["smi-implementation"] == OSM
    base = ir.ANY_IDENTITY if permissive else ir.NOBODY
    try:
        target_emission.close(run, scope, namespace, objs, base)
        found = list(target_emission.accounts(
            scope, run, namespace, [t for t in targets if t.obj.namespace == namespace],
            [o for o in openings if o.obj.namespace == namespace],
        ))  # fmt: skip
    except Unsayable as problem:
        at = problem.at.obj if isinstance(problem.at, View) else problem.at
        run.units.link(at.uid, objs[0].uid)
        _held(run, problem, objs[0])
        return
    for account in found:
        callers = [
            *(target.sources for target in account.targets),
            *(o.sources for o in account.openings),
            base,
        ]
        run.memo.setdefault("admitted-callers", {})[namespace, account.name] = ir.union(callers)
        try:
            target_emission.emit(run, scope, namespace, account, base)
        except Unsayable as problem:
            _held(run, problem, account.objects[0])


def _held(run: Run, problem: Unsayable, obj: Obj) -> bool:
    """Hold what cannot be said; False where a person accepted it, and the target counts as absent."""
    if run.hold(problem.code, problem.at, problem.message, remedy=problem.remedy):
        return True
    run.mark(obj.view, Fate(ACCEPTED, problem.code))
    return False


def _refuse_other_meshes(run: Run, scope: Scope, obj: Obj) -> None:
    """Policies of Linkerd that stand there already would add callers; those of Istio say something else."""
    for group, kind in (
        ("policy.linkerd.io", "Server"), ("policy.linkerd.io", "AuthorizationPolicy"),
        ("policy.linkerd.io", "ServerAuthorization"), ("security.istio.io", "AuthorizationPolicy"),
        ("security.istio.io", "PeerAuthentication"),
    ):  # fmt: skip
        for other in run.context.objects(group, kind):
            root = group == "security.istio.io" and other.namespace == scope.root
            if (other.namespace == obj.namespace or root) and metadata.MARKER not in other.annotations:
                raise Unsayable("MS408", obj, f"{other.ref} speaks of the same pods")


def _specs(run: Run, obj: Obj) -> Iterator[Obj]:
    """Route groups of the stream that a target names."""
    for entry in target_reading.rules(obj).each():
        found = run.context.find(SPECS, entry.get("kind").text(), obj.namespace, entry.get("name").text()).obj
        if found is not None and not found.context:
            yield found
