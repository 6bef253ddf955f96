"""Injection settings and sidecar annotations of a pod template become Linkerd's annotations on the template.

The pod's own setting beats the Namespace's, as in all injectors. An injection label that a selector uses stays, and
the Namespace is closed to Istio's injector instead. https://istio.io/latest/docs/reference/config/annotations/
https://linkerd.io/2/reference/proxy-configuration/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj, View
from transformer.rules import ingress
from transformer.rules.registry import rule
from transformer.rules.workload import injection_settings as settings
from transformer.rules.workload import (
    kept_gateway,
    label_selectors,
    moving,
    pod_annotations,
    pod_contents,
    single_moves,
)
from transformer.rules.workload.pod_annotations import Held, Plan, old_mesh_key
from transformer.rules.workload.posture import CLOSED, STRICT, in_effect, inbound, posture
from transformer.run import Run

_WAYPOINTS = ("istio.io/use-waypoint", "istio.io/use-waypoint-namespace", "istio.io/ingress-use-waypoint")
#: Labels for telemetry, topology and Istio's own installation; other objects may select pods by them.
_KEPT_LABELS = (
    "service.istio.io/", "security.istio.io/", "topology.istio.io/", "networking.istio.io/",
    "gateway.istio.io/", "operator.istio.io/", "install.operator.istio.io/", "istio.io/gateway-name", "istio.io/waypoint-for",
)  # fmt: skip
_SIDECAR_DOMAINS = ("sidecar.istio.io/", "traffic.sidecar.istio.io/", "proxy.istio.io/", "inject.istio.io/")
_ELSEWHERE = "Move the pods to a Namespace that Linkerd injects, or take them out of the mesh."
_OSM_POD = (
    "openservicemesh.io/sidecar-injection",
    "openservicemesh.io/inbound-port-",
    "openservicemesh.io/outbound-",
)


class Surroundings:
    """Settings of Namespaces by name, and label keys that other objects select pods by."""

    def __init__(self, run: Run) -> None:
        self.namespaces = settings.of_namespaces(run)
        self._selected = label_selectors.pod_keys(run)

    def selected(self, namespace: str) -> set[str]:
        """Label keys that other objects select pods of the namespace by."""
        return self._selected.get(namespace, set()) | self._selected.get("", set())


@rule(
    id="workload-injection",
    kinds=list(WORKLOAD_KINDS),
    keys=settings.POD_LABELS + _WAYPOINTS + (settings.OSM_INJECTION,) + _SIDECAR_DOMAINS,
    order=45,
    summary="sidecar settings of pod templates become config.linkerd.io annotations; opt-outs carry over",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate the sidecar settings of every workload of the stream, or hold it with its unit."""
    around = Surroundings(run)
    for obj in objs:
        pod = settings.pod_of(obj)
        run.account(obj, [*_misplaced(obj), *_settings(pod)])
        if ingress.keeps(run) and ingress.is_gateway(obj):
            namespace = around.namespaces.get(obj.namespace, settings.NamespaceSetting(None))
            kept_gateway.translate(run, pod, namespace, [*_misplaced(obj), *_settings(pod)])
            continue
        try:
            _translate(run, pod, around)
        except Held:
            continue


def _settings(pod: settings.Pod) -> Iterator[View]:
    for place in (pod.labels, pod.annotations):
        yield from (view for key, view in place.items() if old_mesh_key(key))


def _misplaced(obj: Obj) -> Iterator[View]:
    """Sidecar settings above the pod template, where no injector reads them."""
    path = WORKLOAD_KINDS[obj.ref.group, obj.ref.kind]
    above = [path[:index] for index in range(len(path)) if index == 0 or path[index - 1].endswith("Template")]
    for place in above:
        for name in ("labels", "annotations"):
            for key, view in obj.view.get(*place, "metadata", name).items():
                if key.startswith(_SIDECAR_DOMAINS + _OSM_POD) or key == settings.ISTIO_INJECTION:
                    yield view


def _translate(run: Run, pod: settings.Pod, around: Surroundings) -> None:
    obj = pod.obj
    for view in _misplaced(obj):
        run.say(
            "MS106", view, f"{view.path[-1]} is read on {'the pod template' if pod.path else 'pods'} only"
        )
        run.no_op(view, "MS106")
    osm = pod.annotations.get(settings.OSM_INJECTION)
    if osm and settings.osm_value(osm.text()) is None:
        run.hold("MS114", osm, f"OSM refuses the value {osm.text()!r}")
        raise Held
    namespace = around.namespaces.get(obj.namespace, settings.NamespaceSetting(None))
    injection = settings.of_pod(pod, namespace)
    _refuse_obstacles(run, pod, injection)
    if run.scope.picks(obj) and injection.state == settings.OUT and not single_moves.has_left(pod):
        for view in _settings(pod):
            run.no_op(view, "outside the mesh, which its Namespace stays in")
        return
    plan = Plan()
    leave = single_moves.leave(run, pod, injection, namespace)
    if injection.state == settings.OUT and leave is None:
        _drop_unused(run, pod, plan)
    else:
        pod_annotations.translate(run, pod, plan)
    labels = _labels(run, pod, injection, namespace, around.selected(obj.namespace))
    if leave is None:
        _injection(run, pod, injection, plan)
    else:
        _leave(run, pod, leave, plan)
    moves = injection.own or leave is not None
    if moves or (injection.state != settings.OUT and any(True for _ in _settings(pod))):
        _join(run, pod, moves, namespace, plan)
    _edit(run, pod, plan, labels, leave.labels if leave is not None else {})


def _leave(run: Run, pod: settings.Pod, leave: single_moves.Leave, plan: Plan) -> None:
    """Write what takes the pods out of their Namespace's mesh, beside what the template says already."""
    inject = pod.annotations.get(settings.INJECT)
    if inject.present and inject.text() not in ("enabled", "ingress"):
        run.hold("MS101", inject, f"linkerd.io/inject: {inject.text()!r} on pods that are to move")
        raise Held
    plan.write = leave.annotations | plan.write
    for view in _settings(pod):
        key = str(view.path[-1])
        if key in (*settings.POD_LABELS, settings.OSM_INJECTION):
            if (leave.labels | leave.annotations).get(key) == view.text():
                run.no_op(view, "keeps the old mesh's injector out")
            else:
                plan.decided.append(view)
                if view.path[-2] == "annotations" and key not in plan.write:
                    plan.remove.append(key)


def _refuse_obstacles(run: Run, pod: settings.Pod, injection: settings.Injection) -> None:
    found = list(pod_contents.obstacles(pod, injection.state))
    for obstacle in found:
        run.hold(obstacle.code, obstacle.at, obstacle.message, remedy=obstacle.remedy)
    if found:
        raise Held


def _drop_unused(run: Run, pod: settings.Pod, plan: Plan) -> None:
    """Pods outside the mesh: their sidecar annotations do nothing."""
    for key, view in pod.annotations.items():
        if old_mesh_key(key) and key not in (settings.SIDECAR_INJECT, settings.OSM_INJECTION):
            run.no_op(view, "the pods have no sidecar")
            plan.drop(view)


def _injection(run: Run, pod: settings.Pod, injection: settings.Injection, plan: Plan) -> None:
    """Write `linkerd.io/inject` for what the template itself asks."""
    own = [view for view in _settings(pod) if view.path[-1] in (*settings.POD_LABELS, settings.OSM_INJECTION)]
    own = [view for view in own if view.path[-1] != settings.REVISION or view.path[-2] == "labels"]
    annotations = [view for view in own if view.path[-2] == "annotations"]
    if not own:
        return
    plan.drop(*annotations)
    if _without_effect(run, pod, injection, own[0]):
        for view in own:
            run.no_op(view, "without effect on these pods")
        return
    wanted = "enabled" if injection.asks == settings.IN else "disabled"
    existing = pod.annotations.get(settings.INJECT)
    _refuse_contradiction(run, existing, wanted)
    if _stays_out(run, pod, injection):
        plan.remove = [key for key in plan.remove if key not in {str(view.path[-1]) for view in annotations}]
    if injection.doubtful:
        run.say(
            "MS109", own[0], f"{own[0].path[-1]} is an annotation, and the Namespace has no injection label"
        )
    plan.decided += own
    if not existing.present:
        plan.write = {settings.INJECT: wanted} | plan.write


def _without_effect(run: Run, pod: settings.Pod, injection: settings.Injection, at: View) -> bool:
    """Whether the template's own setting decides nothing today, with a finding where that may surprise."""
    existing = pod.annotations.get(settings.INJECT)
    if pod.host_network:
        run.say("MS124", at, "pods on the host network are never injected")
    elif injection.asks == settings.IN and injection.state == settings.OUT:
        if existing.text() in ("enabled", "ingress"):
            run.say("MS105", existing, "Linkerd is switched on already; the old mesh injects nothing here")
        else:
            run.say(
                "MS104",
                at,
                f"the Namespace {pod.obj.namespace} keeps its pods out of the mesh whatever they ask",
            )
    else:
        # A value that is no wish, or no sidecar where ambient captures the pods all the same.
        return not injection.asks or injection.asks != (injection.state or settings.OUT)
    return True


def _refuse_contradiction(run: Run, existing: View, wanted: str) -> None:
    """Hold where Linkerd's annotation says otherwise; opting in beside the old mesh's opt-out is a finished move."""
    if not existing.present or existing.text() == wanted:
        return
    if existing.text() == "ingress" and wanted == "enabled":
        return
    if wanted == "disabled" and existing.text() in ("enabled", "ingress"):
        run.say("MS105", existing, "Linkerd is switched on beside the opt-out from the old mesh, which goes")
        return
    run.hold(
        "MS101",
        existing,
        f"linkerd.io/inject: {existing.text()!r}, but the old mesh's setting means {wanted!r}",
    )
    raise Held


def _join(
    run: Run, pod: settings.Pod, alone: bool, namespace: settings.NamespaceSetting, plan: Plan
) -> None:  # fmt: skip
    """The pods move: note it, and close their ports by themselves where no Namespace of the stream does."""
    never = settings.unreachable(pod, namespace.obj) if alone else ""
    if never:
        run.hold("MS101", pod.obj, f"{never}, and these pods are in the mesh today", remedy=_ELSEWHERE)
        raise Held
    covered = namespace.obj is not None and not namespace.obj.context and namespace.meshes
    strict = alone and not covered and posture(run, pod.obj.namespace, pod.obj) == STRICT
    by_policies = pod.obj.uid in run.memo.get("own-inbound-policy", ())
    existing = pod.annotations.get(settings.DEFAULT_POLICY)
    if by_policies:
        pass  # the rule for policies writes what they mean
    elif strict and not existing.present:
        plan.write |= inbound(run, settings.AUTHENTICATED)
    elif strict and in_effect(pod.annotations) not in CLOSED:
        run.hold(
            "MS101",
            existing,
            f"{settings.DEFAULT_POLICY}: {existing.text()!r}, but the mesh requires mutual TLS",
        )
        raise Held
    moving.register(run, pod, strict=strict)
    if pod.obj.ref.kind in ("Pod", "Job"):
        run.say("MS125", pod.obj, f"a {pod.obj.ref.kind} that exists cannot be injected afterwards")


def _labels(
    run: Run, pod: settings.Pod, injection: settings.Injection, namespace: settings.NamespaceSetting, selected: set[str]
) -> list[str]:  # fmt: skip
    """Settle the old mesh's pod labels; the keys that go. `selected` are the keys that other objects select by."""
    gone = []
    for key, view in pod.labels.items():
        if not old_mesh_key(key):
            continue
        if key in settings.POD_LABELS and _stays_out(run, pod, injection):
            continue
        if key in settings.POD_LABELS or key in _WAYPOINTS:
            if key in _WAYPOINTS:
                run.degrade("MS103", view, f"{key}: {view.text()}: Linkerd has no waypoints")
            if key in selected or _in_selector(pod, key):
                _keep_selected(run, pod, view, injection, namespace)
            else:
                gone.append(key)
        elif key == settings.ISTIO_INJECTION:
            run.say("MS106", view, "istio-injection is read on Namespaces only")
            run.no_op(view, "MS106")
        elif key.startswith(_KEPT_LABELS):
            run.no_op(view, "a label that other objects may select by")
        else:
            run.degrade("MS115", view, f"{key} is no known pod label of Istio or OSM")
    return gone


def _stays_out(run: Run, pod: settings.Pod, injection: settings.Injection) -> bool:
    """Whether the template keeps its opt-out: Istio's injector still runs, and may look after the Namespace."""
    opted_out = injection.asks == settings.OUT and not single_moves.has_left(pod)
    return run.stage.hides_routes and opted_out


def _in_selector(pod: settings.Pod, key: str) -> bool:
    """Whether the workload's own selector uses the label."""
    obj = pod.obj
    selector = obj.spec.get("selector") if pod.path else View(obj, None, ())
    if not selector and (obj.ref.kind == "ReplicationController" or obj.ref.group == "extensions"):
        return True  # the API server took all pod labels for the selector
    expressions = [entry.get("key").text() for entry in selector.get("matchExpressions").each()]
    return selector.get("matchLabels", key).present or key in expressions or selector.get(key).present


def _keep_selected(
    run: Run, pod: settings.Pod, view: View, injection: settings.Injection, namespace: settings.NamespaceSetting
) -> None:  # fmt: skip
    key = str(view.path[-1])
    if key == settings.DATAPLANE and view.text() == "ambient":
        run.hold("MS108", view, "Istio's node proxy would keep capturing these pods")
        raise Held
    run.no_op(view, "MS107")
    asks_istio = key == settings.REVISION or (key == settings.SIDECAR_INJECT and view.text() == "true")
    closed = injection.state == settings.OUT and namespace.sidecar == settings.OUT
    if not asks_istio or (injection.state == settings.OUT and not closed):
        run.say("MS107", view, f"{key} stays, because a selector uses it; it injects nothing here")
        return
    found = namespace.obj
    if closed and found is not None and found.context:
        run.say(
            "MS107",
            view,
            f"{key} stays, because a selector uses it; its Namespace is closed to Istio's injector",
        )
        return
    if found is not None and not found.context:
        run.units.bind([found.uid, pod.obj.uid])
        run.edit(
            found,
            ("metadata", "labels"),
            write={settings.ISTIO_INJECTION: "disabled"},
            owners=[found, pod.obj],
        )
        if not found.annotations.get(settings.INJECT):
            write = {settings.INJECT: "enabled" if namespace.meshes else "disabled"}
            run.edit(found, ("metadata", "annotations"), write=write, owners=[found, pod.obj])
        run.say(
            "MS107",
            view,
            f"{key} stays, because a selector uses it; the Namespace gets istio-injection: disabled",
        )
        return
    if run.hold(
        "MS118", view, f"{key} cannot go, because a selector uses it, and Istio's injector still obeys it",
        remedy=f"Render the Namespace {pod.obj.namespace or 'of the workload'} in the same stream (it gets istio-injection: "
        "disabled), or label it so in the cluster before these pods restart and accept the finding.",
    ):  # fmt: skip
        raise Held


def _edit(run: Run, pod: settings.Pod, plan: Plan, labels: list[str], written: dict[str, str]) -> None:
    removed = list(dict.fromkeys(plan.remove))
    if plan.write or removed or plan.decided:
        run.edit(
            pod.obj, pod.annotations_path, write=plan.write, remove=removed,
            owners=[pod.obj], marks=run.translated(*plan.decided), renames=plan.renames,
        )  # fmt: skip
    if labels or written:
        run.edit(pod.obj, pod.labels_path, write=written, remove=labels, owners=[pod.obj])
