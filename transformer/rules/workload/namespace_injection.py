"""Injection settings of a Namespace become `linkerd.io/inject`, mandatory mTLS its default inbound policy.

`istio-injection`, `istio.io/rev`, `istio.io/dataplane-mode`, and OSM's label and annotation go.
https://istio.io/latest/docs/reference/config/labels/
https://linkerd.io/2/features/proxy-injection/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.objects import Obj, View
from transformer.rules.registry import rule
from transformer.rules.workload import injection_settings as settings
from transformer.rules.workload import label_selectors, moving
from transformer.rules.workload.bypasses import SKIP_SUBNETS
from transformer.rules.workload.pod_annotations import SKIP_INBOUND, Held, old_mesh_key
from transformer.rules.workload.posture import CLOSED, STRICT, in_effect, inbound, posture
from transformer.run import Run

_SETTINGS = (
    settings.ISTIO_INJECTION, settings.REVISION, settings.DATAPLANE, settings.OSM_MONITORED,
    settings.OSM_IGNORE, settings.OSM_INJECTION,
)  # fmt: skip
_WAYPOINTS = ("istio.io/use-waypoint", "istio.io/use-waypoint-namespace", "istio.io/ingress-use-waypoint")
_NOT_NEEDED = ("openservicemesh.io/metrics",)
#: Read by Istio's control plane and its tools, wherever pods are.
_LEFT_ALONE = ("install.operator.istio.io/", "operator.istio.io/", "galley.istio.io/", "topology.istio.io/")


@rule(
    id="namespace-injection",
    kinds=[("", "Namespace")],
    keys=_SETTINGS + _WAYPOINTS + _NOT_NEEDED,
    order=40,
    summary="injection labels become linkerd.io/inject, mandatory mTLS the default inbound policy",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate the injection settings of every Namespace of the stream, or hold it with what it injects."""
    pods: dict[str, list[settings.Pod]] | None = None
    selected: dict[str, Obj] = {}
    for obj in objs:
        mine = list(_old_mesh_fields(obj))
        if not mine:
            continue
        run.account(obj, mine)
        if pods is None:
            pods = settings.by_namespace(run.context.workloads())
            selected = label_selectors.namespace_keys(run)
        try:
            _translate(run, obj, mine, pods.get(obj.name, []), selected)
        except Held:
            continue


def _old_mesh_fields(obj: Obj) -> Iterator[View]:
    for place in ("labels", "annotations"):
        yield from (view for key, view in obj.view.get("metadata", place).items() if old_mesh_key(key))


def _translate(
    run: Run, obj: Obj, mine: list[View], pods: list[settings.Pod], selected: dict[str, Obj]
) -> None:
    setting = settings.of_namespace(obj)
    osm = obj.annotations.get(settings.OSM_INJECTION)
    _tie(run, obj, setting, pods)
    if osm is not None and settings.osm_value(osm) is None:
        run.hold(
            "MS114",
            obj.view.get("metadata", "annotations", settings.OSM_INJECTION),
            f"OSM refuses the value {osm!r}",
        )
        raise Held
    wanted = _wanted(run, obj, setting)
    write = _inject(run, obj, wanted)
    if wanted == "enabled":
        write |= _joins(run, obj, setting, pods)
    kept = _fields(run, obj, mine, wanted)
    marks = [view for view in mine if view.path[-1] in _SETTINGS and view not in kept]
    gone = {
        place: [str(v.path[-1]) for v in mine if v not in kept and v.path[1] == place]
        for place in ("labels", "annotations")
    }
    for key in gone["labels"]:
        at = obj.view.get("metadata", "labels", key)
        if key in selected and run.hold(
            "MS117", at, f"{selected[key].ref} selects Namespaces by the label {key}"
        ):
            raise Held
    run.edit(
        obj,
        ("metadata", "annotations"),
        write=write,
        remove=gone["annotations"],
        marks=run.translated(*marks),
    )
    run.edit(obj, ("metadata", "labels"), write=_closed_to_istio(run, setting, wanted), remove=gone["labels"])


def _closed_to_istio(run: Run, setting: settings.NamespaceSetting, wanted: str) -> dict[str, str]:
    """While both meshes run Istio's injector does too, and it may inject where no label says otherwise."""
    leaves = wanted == "enabled" and setting.sidecar == settings.IN
    return {settings.ISTIO_INJECTION: "disabled"} if leaves and run.stage.hides_routes else {}


def _wanted(run: Run, obj: Obj, setting: settings.NamespaceSetting) -> str:
    """`enabled`, `disabled` or nothing for `linkerd.io/inject`; settings that do nothing today are named."""
    labels = obj.view.get("metadata", "labels")
    injection = labels.get(settings.ISTIO_INJECTION)
    if obj.name in settings.NEVER_INJECTED:
        run.say("MS102", injection or obj, f"Istio's injector never touches the Namespace {obj.name}")
        return ""
    if setting.meshes:
        return "enabled"
    if injection.present and injection.text() != "disabled":
        run.say("MS102", injection, f"istio-injection: {injection.text()!r} injects nothing")
        return ""
    if setting.osm == settings.IN and not setting.monitored:
        annotation = obj.view.get("metadata", "annotations", settings.OSM_INJECTION)
        run.say("MS102", annotation, f"without the label {settings.OSM_MONITORED} OSM does not inject here")
        return ""
    opted_out = setting.osm == settings.OUT or obj.labels.get(settings.OSM_IGNORE) == "true"
    return "disabled" if setting.sidecar == settings.OUT or opted_out else ""


def _inject(run: Run, obj: Obj, wanted: str) -> dict[str, str]:
    existing = obj.view.get("metadata", "annotations", settings.INJECT)
    if wanted == "enabled":
        if existing.present and existing.text() not in ("enabled", "ingress"):
            _contradiction(
                run,
                existing,
                f"linkerd.io/inject: {existing.text()!r} in a Namespace that is in the mesh today",
            )
        never = settings.unreachable_namespace(obj.name, obj)
        if never:
            label = obj.view.get("metadata", "labels", settings.WEBHOOKS)
            _contradiction(run, label if label.present else obj.view, never)
    return {settings.INJECT: wanted} if wanted and not existing.present else {}


def _contradiction(run: Run, at: View, message: str) -> None:
    run.hold("MS101", at, message)
    raise Held


def _joins(
    run: Run, obj: Obj, setting: settings.NamespaceSetting, pods: list[settings.Pod]
) -> dict[str, str]:
    """The Namespace's pods move: note them, and close the Namespace where the mesh requires mutual TLS."""
    annotations = obj.view.get("metadata", "annotations")
    existing = annotations.get(settings.DEFAULT_POLICY)
    means = in_effect(annotations)
    closed = means in CLOSED
    by_policies: str = run.memo.get("default-inbound-policy", {}).get(obj.name, "")
    strict = closed or posture(run, obj.name, obj) == STRICT
    if strict and existing.present and not closed:
        _contradiction(
            run, existing, f"{settings.DEFAULT_POLICY}: {existing.text()!r}, but the mesh requires mutual TLS"
        )
    if strict or by_policies not in ("", "all-unauthenticated"):
        _refuse_bypass(run, obj)
    run.clients[obj.uid] = obj
    for pod in pods:
        if settings.of_pod(pod, setting).state == settings.IN:
            moving.register(run, pod, strict=strict)
            _refuse_exposed(run, pod, strict)
    run.once(
        "MS134", obj, "hooks of charts run in this Namespace without passing through a Helm 3 post-renderer"
    )
    if strict and "MS133" not in {finding.code for finding in run.findings}:
        run.once(
            "MS133",
            obj,
            "metrics ports, and 4191 of the proxies, answer only clients with a mesh identity",
        )
    if by_policies and existing.present and means != by_policies:
        _contradiction(
            run,
            existing,
            f"{settings.DEFAULT_POLICY}: {existing.text()!r}, but the policies mean {by_policies!r}",
        )
    wanted = by_policies or (settings.AUTHENTICATED if strict else "")
    return inbound(run, wanted) if wanted and not existing.present else {}


def _refuse_bypass(run: Run, obj: Obj) -> None:
    """Hold the Namespace where its annotations let anyone past the proxies of pods that are to refuse some callers."""
    for key in (SKIP_INBOUND, SKIP_SUBNETS):
        skipped = obj.view.get("metadata", "annotations", key)
        if skipped.text().strip():
            _contradiction(
                run, skipped, f"{key}: {skipped.text()} passes by the proxies, which are to refuse callers"
            )


def _refuse_exposed(run: Run, pod: settings.Pod, strict: bool) -> None:
    """Hold pods, and with them the Namespace, that their own Linkerd annotations would leave less protected than today."""
    inject = pod.annotations.get(settings.INJECT)
    if inject.present and inject.text() not in ("enabled", "ingress"):
        run.hold("MS101", inject, f"linkerd.io/inject: {inject.text()!r} on pods that are in the mesh today")
    never = settings.unreachable(pod, None)
    if never:
        run.hold("MS101", pod.obj, f"{never}, and they are in the mesh today")
    policy = pod.annotations.get(settings.DEFAULT_POLICY)
    if strict and policy.present and in_effect(pod.annotations) not in CLOSED:
        run.hold(
            "MS101", policy, f"{settings.DEFAULT_POLICY}: {policy.text()!r}, but the mesh requires mutual TLS"
        )


def _fields(run: Run, obj: Obj, mine: list[View], wanted: str) -> list[View]:
    """Settle what is not an injection setting; the fields that stay."""
    kept = []
    for view in mine:
        key = str(view.path[-1])
        if key in _WAYPOINTS:
            run.degrade("MS103", view, f"{key}: {view.text()}: Linkerd has no waypoints")
        elif key in _NOT_NEEDED:
            run.say("MS112", view, f"Linkerd needs nothing in place of {key}")
            run.no_op(view, "MS112")
        elif (
            key == settings.ISTIO_INJECTION and wanted == "disabled" and obj.annotations.get(settings.INJECT)
        ):
            run.say("MS105", view, "stays beside linkerd.io/inject, which decides already")
            run.no_op(view, "MS105")
            kept.append(view)
        elif key.startswith(_LEFT_ALONE):
            run.no_op(view, "read by Istio's control plane only")
            kept.append(view)
        elif key not in _SETTINGS:
            run.degrade("MS115", view, f"{key} is no known setting of a Namespace")
            kept.append(view)
    return kept


def _tie(run: Run, obj: Obj, setting: settings.NamespaceSetting, pods: list[settings.Pod]) -> None:
    """Injected pods, and pods with a setting of their own, move with the Namespace or not at all."""
    if not setting.says:
        return
    for pod in pods:
        injection = settings.of_pod(pod, setting)
        if injection.state == settings.IN or injection.asks:
            run.units.bind([obj.uid, pod.obj.uid])
