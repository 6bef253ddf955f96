"""Servers and defaults of workloads that the same policies reach, as planned objects and edits of the run."""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ir import authorization as ir
from transformer.objects import Obj
from transformer.rules import inbound_objects, root_policies
from transformer.rules.istio import authorization_plans as plans
from transformer.rules.istio import authorization_servers as servers
from transformer.rules.istio import peer_authentication
from transformer.rules.istio.authorization_plans import Wanted
from transformer.rules.istio.authorization_pods import MOVES
from transformer.rules.istio.authorization_rules import Policy, Unsayable, selector
from transformer.rules.istio.authorization_scope import Group, Scope
from transformer.rules.istio.authorization_servers import Choice
from transformer.rules.istio.authorization_table import DISABLE
from transformer.rules.workload import injection_settings, posture
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.linkerd import inbound_policy
from transformer.targets.linkerd.inbound_plan import Plan

_POLICY = "policy.linkerd.io"


def _hold_for_unseen(
    run: Run, scope: Scope, namespace: str, objs: Sequence[Obj], *, closed: bool = False
) -> None:
    """Policies of other streams would be lost with the sidecar, above all those that deny: hold where there may be any.

    `closed`: ports that no Server is for are closed on the pod templates, so not for pods of other streams.
    """
    unseen = [name for name in (namespace, scope.root) if not run.context.is_complete(name)]
    if not unseen:
        return
    where = " and ".join(dict.fromkeys(unseen))
    for obj in objs:
        message = f"other policies of {where} may be for the same pods of {namespace}"
        if closed and selector(obj) and namespace in unseen:
            message += (
                ", and pods elsewhere that it selects would get its Servers only: for their other ports the "
                "Namespace's default would count"
            )
        run.hold("MS429", obj, message)


def emit(run: Run, scope: Scope, namespace: str, group: Group) -> None:
    """Plan everything that the group's workloads need. Raises `Unsayable`, and has planned nothing then."""
    at = group.at
    _refuse_strangers(run, namespace, at)
    found = [needed(run, scope, group, pods.obj) for pods in group.pods]
    run.memo.setdefault("access", {}).update((wanted.pods.obj.ref, wanted) for wanted in found)
    incomplete = not run.context.is_complete(namespace)
    selected = {selector(obj) for obj in group.objects if selector(obj)}
    choices = _choices(group)
    if incomplete and len(selected) > 1:
        raise Unsayable(
            "MS406", at, "policies with several selectors meet on these pods, and other pods under one of them may not be "
            "in this stream", f"Name the namespace {namespace} under complete.",
        )  # fmt: skip
    only = incomplete and bool(selected)
    planned = list(servers.servers(found, scope.pods(namespace), choices, at, only_choices=only))
    default = default_of(run, scope, namespace, [p for p in group.policies if not selector(p.obj)])
    for wanted in found:
        _write_default(run, wanted, default, group)
    for server in planned:
        _derive(run, namespace, group, servers.named(run.memo, namespace, server))
    _tell(run, scope, namespace, group, found)
    closed = any(wanted.rest.policy != (default or "all-unauthenticated") for wanted in found)
    _hold_for_unseen(run, scope, namespace, group.objects, closed=closed)


def needed(run: Run, scope: Scope, group: Group, obj: Obj) -> Wanted:
    """What one workload of the group needs. Raises `Unsayable`."""
    pods = next(pods for pods in group.pods if pods.obj is obj)
    settings = _settings(run)
    modes = peer_authentication.modes(settings, scope.root, obj.namespace, pods.labels)
    namespace = scope.setting(obj.namespace).obj
    return plans.wanted(run, pods, group.policies, modes, group.at, namespace)


def _settings(run: Run) -> list[Obj]:
    return run.context.objects("security.istio.io", "PeerAuthentication")


def _refuse_strangers(run: Run, namespace: str, at: Obj) -> None:
    """Policies of Linkerd that stand there already would add callers, or take ports away."""
    for kind in ("Server", "AuthorizationPolicy", "ServerAuthorization"):
        for obj in run.context.objects(_POLICY, kind):
            if obj.namespace == namespace and metadata.MARKER not in obj.annotations:
                raise Unsayable("MS408", at, f"{obj.ref} of Linkerd is in the same namespace already")


def _choices(group: Group) -> list[Choice]:
    """Selectors that a Server may take over: the whole namespace, then those of policies.

    Only those that imply all the others: pods that come later and are under fewer policies are not under the Server.
    """
    # Settings of the root namespace are not read again when a part moves, and names must not change with that.
    named = [obj for obj in group.objects if obj in group.own or obj not in group.settings]
    wide = next((obj for obj in named if not selector(obj)), None)
    own = {selector(obj): obj.name for obj in reversed(named) if selector(obj)}
    found = [Choice(labels, name) for labels, name in sorted(own.items(), key=lambda entry: len(entry[0]))]
    if wide is not None:
        found = [Choice((), wide.name), *found]
    return [choice for choice in found if all(set(labels) <= set(choice.labels) for labels in own)]


def default_of(run: Run, scope: Scope, namespace: str, policies: Sequence[Policy]) -> str:
    """The default that the Namespace hands to its pods in this run; empty for the cluster's own."""
    obj = scope.setting(namespace).obj
    if obj is None:
        return ""
    existing = posture.in_effect(obj.view.get("metadata", "annotations"))
    if not scope.flips(namespace):
        return existing
    if policies:
        return _rest(run, scope, obj, policies).policy
    strict = posture.posture(run, namespace, obj) == posture.STRICT
    return existing or (injection_settings.AUTHENTICATED if strict else "")


def _rest(run: Run, scope: Scope, at: Obj, policies: Sequence[Policy]) -> plans.Rest:
    """The default of a Namespace by the policies that are for all of it."""
    mode = peer_authentication.modes(_settings(run), scope.root, at.name, {}).workload
    return plans.rest(policies, mode or plans.mesh_mode(run, at.name, at))


def _tell_default(run: Run, scope: Scope, namespace: str, rest: plans.Rest, at: Obj) -> None:
    """Tell of a Namespace's default where no pods are here of which it would be told."""
    if any(pods.way == MOVES for pods in scope.pods(namespace)):
        return
    if rest.stricter:
        run.say(
            "MS421", at, f"closes every port of the pods of {namespace}, none of which is here, to everyone"
        )
    if rest.policy == "deny":
        _tell_metrics_of_proxies(run, at)


def _tell_metrics_of_proxies(run: Run, at: Obj) -> None:
    run.once("MS428", at, "the default inbound policy deny also closes port 4191 of the proxies")


def default_of_namespaces(
    run: Run, scope: Scope, policies: Sequence[Policy], settings: Sequence[Obj]
) -> None:
    """Leave word of the defaults of Namespaces for the rule that edits them; `settings` are PeerAuthentications."""
    for obj in settings:
        if not selector(obj) and scope.flips(obj.namespace):
            _hold_for_unseen(run, scope, obj.namespace, [obj])
    wide = [policy for policy in policies if not selector(policy.obj)]
    for namespace in sorted(scope.namespaces):
        mine = [policy for policy in wide if policy.obj.namespace in (namespace, scope.root)]
        at = scope.setting(namespace).obj
        if not mine or at is None or not scope.flips(namespace):
            continue
        _hold_for_unseen(run, scope, namespace, [policy.obj for policy in mine])
        for policy in mine:
            root_policies.combine(run, policy.obj, [at])
        moving = [policy.obj for policy in mine if not root_policies.stands(run, policy.obj)]
        try:
            rest = _rest(run, scope, at, mine)
        except Unsayable as problem:
            for obj in moving or [at]:
                run.hold(problem.code, obj, problem.message, remedy=problem.remedy)
            continue
        run.memo.setdefault("default-inbound-policy", {})[namespace] = rest.policy
        _tell_default(run, scope, namespace, rest, moving[0] if moving else at)


def _write_default(run: Run, wanted: Wanted, inherited: str, group: Group) -> None:
    """Write the default on the pod template where the pods do not inherit it."""
    pods, word = wanted.pods, wanted.rest.policy
    run.memo.setdefault("own-inbound-policy", set()).add(pods.obj.uid)
    existing = pods.pod.annotations.get(injection_settings.DEFAULT_POLICY)
    if existing.present and posture.in_effect(pods.pod.annotations) != word:
        raise Unsayable("MS408", existing, f"is {existing.text()!r}, but the policies mean {word!r}")
    open_anyway = not inherited and word == "all-unauthenticated" and not any(map(selector, group.settings))
    if existing.present or word == inherited or open_anyway:
        return
    run.edit(
        pods.obj, pods.pod.annotations_path, write=posture.inbound(run, word),
        owners=[pods.obj, *group.objects], marks=run.translated(*(obj.spec for obj in group.moving)),
    )  # fmt: skip


def _derive(run: Run, namespace: str, group: Group, server: servers.Server) -> None:
    owners = list(dict.fromkeys((group.place, *group.objects, *(pods.obj for pods in group.pods))))
    marks = run.translated(*(obj.spec for obj in group.moving))
    own = inbound_objects.own_identities(run)
    for made in inbound_policy.objects(server.plan, server.name, dict(server.selector), server.port, own):
        if own in made.spec.get("identities", ()):
            run.memo["own-identities"] = True
        value = inbound_objects.as_object(run, made, group.objects[0], namespace, beside=group.place)
        run.derive(value, owners, marks, shared=made.kind.endswith("Authentication"), source=group.objects[0])


_NARROWED = {
    "methods": (
        "MS431",
        "methods that no route can name are refused where patterns or paths tell callers apart",
    ),
    "hosts": (
        "MS432",
        "hosts that policies name are refused with every port and with a dot behind them as well",
    ),
}


def _tell_narrowed(run: Run, at: Obj, found: Sequence[tuple[int, Plan]]) -> None:
    for dimension, (code, what) in _NARROWED.items():
        ports = sorted({port for port, plan in found if dimension in plan.narrowed})
        if ports:
            run.say(code, at, f"on port {', '.join(map(str, ports))} {what}")


def _tell_metrics(run: Run, at: Obj, found: Sequence[Wanted]) -> None:
    """Ports that Prometheus reads by annotation: Istio's agent answers there today, whatever the policies say."""
    closed = []
    for wanted in found:
        pod = wanted.pods.pod
        port = pod.annotation("prometheus.io/port")
        if pod.annotation("prometheus.io/scrape") != "true" or not port.isdigit():
            continue
        plan = wanted.plans.get(int(port))
        policy = inbound_policy.access_policy(plan.base) if plan else wanted.rest.policy
        if policy != "all-unauthenticated" and not (
            plan and any(r.sources == ir.ANYONE for r in plan.routes)
        ):
            closed.append(f"{port} of {wanted.pods.obj.name}")
    if closed:
        run.say("MS436", at, f"lets no caller without an identity to the metrics on {', '.join(closed)}")


def _tell(run: Run, scope: Scope, namespace: str, group: Group, found: Sequence[Wanted]) -> None:
    at = group.at
    names = ", ".join(wanted.pods.obj.name for wanted in found if wanted.rest.stricter)
    if names:
        run.say("MS421", at, f"ports of {names} that no manifest declares are closed to everyone")
    plans_found = [(port, plan) for wanted in found for port, plan in wanted.plans.items()]
    guarded = sorted({port for port, plan in plans_found if plan.looks_at_paths})
    if guarded:
        ports = ", ".join(map(str, guarded))
        run.say("MS422", at, f"on port {ports} paths that Istio would normalise first are refused")
    stricter = sorted({port for port, plan in plans_found if plan.stricter})
    if stricter:
        ports = ", ".join(map(str, stricter))
        run.say(
            "MS425",
            at,
            f"port {ports} is opaque for Linkerd: callers allowed for some requests only are refused",
        )
    _tell_narrowed(run, at, plans_found)
    _tell_metrics(run, at, found)
    opened = sorted({f"{path} on port {port}" for wanted in found for port, path in wanted.opened})
    if opened:
        run.say("MS433", at, f"everyone may send the probes of these pods: {', '.join(opened)}")
    if any(wanted.rest.policy == "deny" for wanted in found):
        _tell_metrics_of_proxies(run, at)
    for policy in group.policies:
        if policy.patterns and policy.complete:
            run.once(
                "MS430", policy.obj, "patterns of callers stand for the accounts and namespaces of this run"
            )
    for obj in [obj for obj in group.settings if DISABLE in str(obj.spec.value())]:
        run.say("MS423", obj, "switches mutual TLS off, which Linkerd does not do between its pods")
