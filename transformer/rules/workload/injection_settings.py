"""Who is in the old mesh today: what the injectors make of a Namespace's and a pod template's settings.

Istio: the webhook selectors of its charts (a Namespace label picks the webhook, the pod's label wins inside
it, `istio-injection` beats `istio.io/rev`). OSM: a label joins the Namespace, an annotation injects, the pod's wins.
https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from transformer.context.index import WORKLOAD_KINDS
from transformer.objects import Obj, View

if TYPE_CHECKING:
    from transformer.run import Run

INJECT = "linkerd.io/inject"
DEFAULT_POLICY = "config.linkerd.io/default-inbound-policy"
AUTHENTICATED = "all-authenticated"

ISTIO_INJECTION = "istio-injection"
REVISION = "istio.io/rev"
DATAPLANE = "istio.io/dataplane-mode"
SIDECAR_INJECT = "sidecar.istio.io/inject"
OSM_MONITORED = "openservicemesh.io/monitored-by"
OSM_IGNORE = "openservicemesh.io/ignore"
OSM_INJECTION = "openservicemesh.io/sidecar-injection"
POD_LABELS = (SIDECAR_INJECT, REVISION, DATAPLANE)

IN, OUT, UNSET = "in", "out", ""
#: Namespaces that Istio's injector never touches.
NEVER_INJECTED = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
#: Namespaces, and pods by label, that Linkerd's webhook leaves out (charts/linkerd-control-plane of linkerd2).
WEBHOOKS = "config.linkerd.io/admission-webhooks"
_NEVER_BY_LINKERD = frozenset({"kube-system", "cert-manager"})
_LINKERDS_OWN = ("linkerd.io/control-plane-component", "linkerd.io/cni-resource")
_OSM_VALUES = {"enabled": IN, "yes": IN, "true": IN, "disabled": OUT, "no": OUT, "false": OUT}


def osm_value(text: str) -> str | None:
    """IN or OUT for the value of OSM's injection annotation; None for a value that its webhook refuses."""
    return _OSM_VALUES.get(text.strip().lower())


class NamespaceSetting(NamedTuple):
    """What a Namespace says: `sidecar` to Istio's webhooks, ambient capture, OSM's label and annotation."""

    obj: Obj | None
    sidecar: str = UNSET
    ambient: bool = False
    monitored: bool = False
    osm: str = UNSET

    @property
    def known(self) -> bool:
        """Whether the Namespace's manifest is in stream or context."""
        return self.obj is not None

    @property
    def meshes(self) -> bool:
        """Whether pods without a setting of their own are in the old mesh."""
        return self.sidecar == IN or self.ambient or (self.monitored and self.osm == IN)

    @property
    def says(self) -> bool:
        """Whether it says anything at all about injection."""
        return bool(self.sidecar or self.ambient or self.monitored or self.osm)


def of_namespace(obj: Obj) -> NamespaceSetting:
    """The setting of a Namespace object."""
    labels, annotations = obj.labels, obj.annotations
    never = obj.name in NEVER_INJECTED
    sidecar = UNSET
    if ISTIO_INJECTION in labels:
        sidecar = IN if labels[ISTIO_INJECTION] == "enabled" and not never else OUT
    elif labels.get(REVISION):
        sidecar = OUT if never else IN
    monitored = bool(labels.get(OSM_MONITORED)) and labels.get(OSM_IGNORE) != "true"
    return NamespaceSetting(
        obj,
        sidecar,
        labels.get(DATAPLANE) == "ambient",
        monitored,
        osm_value(annotations.get(OSM_INJECTION, "")) or UNSET,
    )


def of_namespaces(run: Run) -> dict[str, NamespaceSetting]:
    """The settings of all Namespaces of stream and context by name; the stream's win."""
    found: dict[str, NamespaceSetting] = {}
    for obj in run.context.objects("", "Namespace"):
        if obj.name not in found:
            found[obj.name] = of_namespace(obj)
    return found


class Pod(NamedTuple):
    """A workload's pod template: the object, the template's metadata maps and pod spec."""

    obj: Obj
    path: tuple[str, ...]
    labels: View
    annotations: View
    spec: View

    @property
    def labels_path(self) -> tuple[str, ...]:
        """Path of the template's labels from the object's root."""
        return (*self.path, "metadata", "labels")

    @property
    def annotations_path(self) -> tuple[str, ...]:
        """Path of the template's annotations from the object's root."""
        return (*self.path, "metadata", "annotations")

    def label(self, key: str) -> str:
        """A pod label as text, empty where absent."""
        return self.labels.get(key).text()

    def annotation(self, key: str) -> str:
        """A pod annotation as text, empty where absent."""
        return self.annotations.get(key).text()

    @property
    def host_network(self) -> bool:
        """Whether the pods share the node's network, which no injector touches."""
        return self.spec.get("hostNetwork").value() is True


def pod_of(obj: Obj) -> Pod:
    """The pod template of an object of one of the workload kinds."""
    path = WORKLOAD_KINDS[obj.ref.group, obj.ref.kind]
    template = obj.view.get(*path)
    metadata = template.get("metadata")
    return Pod(obj, path, metadata.get("labels"), metadata.get("annotations"), template.get("spec"))


def by_namespace(objs: Iterable[Obj]) -> dict[str, list[Pod]]:
    """Pod templates of workloads by namespace, in order."""
    found: dict[str, list[Pod]] = {}
    for obj in objs:
        found.setdefault(obj.namespace, []).append(pod_of(obj))
    return found


def unreachable_namespace(name: str, namespace: Obj | None) -> str:
    """Why Linkerd's injector never touches pods of a Namespace, whatever they ask; empty where it does."""
    if name in _NEVER_BY_LINKERD:
        return f"Linkerd's injector never touches the Namespace {name}"
    if namespace is not None and namespace.labels.get(WEBHOOKS) == "disabled":
        return f"{WEBHOOKS}: disabled keeps Linkerd's injector out of the Namespace {name}"
    return ""


def unreachable(pod: Pod, namespace: Obj | None) -> str:
    """Why Linkerd's injector never touches these pods, whatever they ask; empty where it does."""
    own = next((key for key in _LINKERDS_OWN if pod.labels.get(key).present), "")
    if own:
        return f"Linkerd's injector never touches pods with the label {own}"
    return unreachable_namespace(pod.obj.namespace, namespace)


class Injection(NamedTuple):
    """Where a workload's pods are today.

    `state` is IN, OUT or UNSET (the Namespace is not known); `asks` is what the template itself says; `own` whether
    the template's setting and not the Namespace's puts them in the mesh; `doubtful` whether only the deprecated
    annotation in an unlabelled Namespace speaks for it.
    """

    state: str
    asks: str
    own: bool
    doubtful: bool = False


def of_pod(pod: Pod, namespace: NamespaceSetting) -> Injection:
    """Whether the pods of a template are in the old mesh, given their Namespace's setting."""
    asks = _asks(pod)
    if pod.host_network or pod.obj.namespace in NEVER_INJECTED:
        return Injection(OUT, asks, False)
    sidecar, doubtful = _sidecar(pod, namespace)
    ambient = _ambient(pod, namespace)
    osm = _osm(pod, namespace)
    states = (sidecar, ambient, osm)
    state = IN if IN in states else OUT if OUT in states or namespace.known else UNSET
    return Injection(state, asks, state == IN and asks == IN, doubtful and ambient != IN and osm != IN)


def _asks(pod: Pod) -> str:
    """What the template says by itself; a wish to be in wins over a wish to be out of another mesh."""
    wishes = set()
    inject = _inject_setting(pod)
    if inject:
        wishes.add(inject)
    elif pod.label(REVISION):
        wishes.add(IN)
    mode = pod.label(DATAPLANE)
    if mode in ("ambient", "none"):
        wishes.add(IN if mode == "ambient" else OUT)
    if pod.annotations.get(OSM_INJECTION):
        wishes.add(osm_value(pod.annotation(OSM_INJECTION)) or UNSET)
    return IN if IN in wishes else OUT if OUT in wishes else UNSET


def _inject_setting(pod: Pod) -> str:
    """Istio's order: the label if present, else the annotation; values besides true and false count as none."""
    text = (
        pod.label(SIDECAR_INJECT)
        if pod.labels.get(SIDECAR_INJECT).present
        else pod.annotation(SIDECAR_INJECT)
    )
    return {"true": IN, "false": OUT}.get(text, UNSET)


def _sidecar(pod: Pod, namespace: NamespaceSetting) -> tuple[str, bool]:
    setting = _inject_setting(pod)
    by_label = bool(pod.label(SIDECAR_INJECT) == "true" or pod.label(REVISION))
    if namespace.sidecar == OUT or setting == OUT:
        return OUT, False
    if namespace.sidecar == IN:
        return IN, False
    if by_label:
        return IN, False
    if setting == IN:
        return IN, namespace.known
    return UNSET, False


def _ambient(pod: Pod, namespace: NamespaceSetting) -> str:
    mode = pod.label(DATAPLANE)
    if mode == "ambient" or (namespace.ambient and mode != "none"):
        return IN
    return OUT if mode == "none" else UNSET


def _osm(pod: Pod, namespace: NamespaceSetting) -> str:
    own = osm_value(pod.annotation(OSM_INJECTION)) if pod.annotations.get(OSM_INJECTION) else None
    if namespace.known and not namespace.monitored:
        return OUT if own else UNSET
    if own:
        return own
    return IN if namespace.monitored and namespace.osm == IN else UNSET
