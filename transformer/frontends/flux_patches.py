"""What a transform did, as patches of kustomize for every object that was changed or removed, and new objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from transformer import needles
from transformer.documents import Input
from transformer.errors import InputError, UsageError
from transformer.findings import ObjectRef
from transformer.frontends import flux_operations
from transformer.stream import emit, nodes
from transformer.stream.patterns import pattern

MARK = "# meshshift"
STYLE = emit.Style(indent_sequences=False, newline="\n")
_HOOK = "helm.sh/hook"
_DATE = pattern(r"\d{4}-\d\d-\d\d\Z")
_SPECIAL = pattern(r"[\\.+*?()|\[\]{}^$]")
_NONE = "^$"  # as an expression: only the empty text
_UNWRITTEN = "default"  # how kustomize calls the namespace of a namespaced object that names none
#: Kinds that kustomize knows to be in no namespace, in most of its versions; it takes every kind it does not know for
#: one with a namespace.
_CLUSTER_WIDE = frozenset(
    {
        ("", "Namespace"), ("", "Node"), ("", "PersistentVolume"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService"),
        ("certificates.k8s.io", "CertificateSigningRequest"), ("certificates.k8s.io", "ClusterTrustBundle"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("networking.k8s.io", "IngressClass"), ("networking.k8s.io", "IPAddress"),
        ("networking.k8s.io", "ServiceCIDR"), ("node.k8s.io", "RuntimeClass"),
        ("rbac.authorization.k8s.io", "ClusterRole"), ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("resource.k8s.io", "DeviceClass"), ("resource.k8s.io", "ResourceSlice"),
        ("scheduling.k8s.io", "PriorityClass"), ("storage.k8s.io", "CSIDriver"), ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "StorageClass"), ("storage.k8s.io", "VolumeAttachment"),
        ("storage.k8s.io", "VolumeAttributesClass"),
    }
)  # fmt: skip


class Changes(NamedTuple):
    """Patches in the order of the render (each with `target` and `patch`), new objects, and remarks."""

    patches: list[dict[str, Any]]
    new: list[dict[str, Any]]
    notes: list[str]


class _Object(NamedTuple):
    """An object of a stream: its identity as written, the namespace that it is in, its bytes and its value."""

    ref: ObjectRef
    namespace: str
    raw: bytes
    value: dict[str, Any]
    root: nodes.Node

    @property
    def key(self) -> tuple[str, ...]:
        return (self.ref.group, self.ref.kind, self.namespace, self.ref.name)


def changes(before: bytes, after: bytes, namespace: str) -> Changes:
    """Patches that make `after` of what a chart renders, except for new objects, which are returned apart.

    `namespace` is that of the release. Raises UsageError where a new object would need it and it is unknown, InputError
    where no patch can say what was done.
    """
    old, new = _objects(before, namespace), _objects(after, namespace)
    same = {found.raw for found in old} & {found.raw for found in new}
    changed: dict[tuple[str, ...], _Object] = {}
    for found in new:
        if found.raw not in same and changed.setdefault(found.key, found) is not found:
            raise InputError(f"{found.ref} would be there twice: kustomize, and so Flux, refuses that")
    patches: list[dict[str, Any]] = []
    notes: list[str] = []
    for found in old:
        if found.raw in same:
            continue
        target = _target(found, old)
        becomes = changed.pop(found.key, None)
        if becomes is not None and becomes.value == found.value:
            continue
        for body in _bodies(found, becomes):
            patches.append({"target": target, "patch": f"{MARK}: {found.ref}\n" + emit.render(body, STYLE)})
        if _annotations(found).get(_HOOK):
            notes.append(
                f"{found.ref} is a hook: Flux patches it unless the HelmRelease says postRenderStrategy: nohooks, "
                "which is how helm-controller before 1.6 works"
            )
    return Changes(patches, [_placed(found, namespace) for found in changed.values()], notes)


def _objects(data: bytes, namespace: str) -> list[_Object]:
    """Objects of a stream, items of lists too: kustomize takes lists apart as well."""
    counter = iter(range(data.count(b"\n") + 2))
    found = []
    for part in Input(data, needles.NEEDLES).parts():
        obj = part.obj(counter, "")
        if obj is not None:
            ref = obj.ref
            # A Namespace is in none; for other cluster-wide kinds it makes no difference which one is assumed.
            own = ref.namespace or ("" if (ref.group, ref.kind) == ("", "Namespace") else namespace)
            found.append(_Object(ref, own, part.raw.strip(), nodes.to_value(obj.root), obj.root))
    return found


# -- targets -------------------------------------------------------------------------------------------------


def _target(wanted: _Object, objects: Sequence[_Object]) -> dict[str, str]:
    """A selector that kustomize matches with this object of the render alone. Raises InputError where there is none."""
    ref = wanted.ref
    if not ref.name or "generateName" in wanted.value.get("metadata", {}):
        raise InputError(f"{ref.kind} has no metadata.name, so no patch can name it")
    namespace = "" if (ref.group, ref.kind) in _CLUSTER_WIDE else ref.namespace or _UNWRITTEN
    rivals = [
        other.ref for other in objects
        if other.ref._replace(namespace="") == ref._replace(namespace="")
        and (not namespace or (other.ref.namespace or _UNWRITTEN) == namespace)
    ]  # fmt: skip
    # Group and namespace are always said: what else a newer chart holds must not be met. An empty group is any group.
    target = {
        "group": escaped(ref.group) if ref.group else _NONE,
        "version": ref.version,
        "kind": ref.kind,
        "name": escaped(ref.name),
        "namespace": escaped(namespace),
    }
    if len(rivals) > 1:
        raise InputError(f"{ref} is in the render {len(rivals)} times: kustomize, and so Flux, refuses that")
    return {key: text for key, text in target.items() if text}


def escaped(text: str) -> str:
    """A text as an expression that matches it alone: kustomize reads the fields of a target as expressions."""
    return _SPECIAL.sub(lambda match: "\\" + match.group(), text)


# -- patches -------------------------------------------------------------------------------------------------


def _identity(ref: ObjectRef) -> dict[str, Any]:
    metadata = {"name": ref.name} | ({"namespace": ref.namespace} if ref.namespace else {})
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}


def _bodies(found: _Object, becomes: _Object | None) -> Iterator[Any]:
    """The patches of an object that is changed, or removed where nothing comes of it."""
    identity, seen = _identity(found.ref), _as_compared(found.root)
    if becomes is None:
        return flux_operations.deletion(identity, seen)
    return flux_operations.between(identity, found.value, becomes.value, seen)


def _as_compared(node: nodes.Node) -> Any:
    """The value as kustomize compares it, which takes `yes` and `on` for text, and a bare date for a point in time."""
    node = nodes.resolve(node)
    if node.kind == nodes.MAPPING:
        return {key: _as_compared(value) for key, _, value in nodes.pairs(node)}
    if node.kind == nodes.SEQUENCE:
        return [_as_compared(item) for item in node.value]
    value = nodes.to_value(node)
    if node.style != nodes.PLAIN or node.tag is not None:
        return value
    if isinstance(value, bool) and node.value.lower() not in ("true", "false"):
        return node.value
    return f"{value}T00:00:00Z" if isinstance(value, str) and _DATE.match(value) else value


# -- new objects ---------------------------------------------------------------------------------------------


def _placed(found: _Object, namespace: str) -> dict[str, Any]:
    """A new object as Flux applies it: with its namespace written, because no release gives it one."""
    if _HOOK in _annotations(found):
        raise UsageError(
            f"{found.ref} comes of an object that is a Helm hook; Flux applies new objects without Helm, so it would "
            "stay for good: take the hook's annotation off the chart's object, or keep it out with `only`"
        )
    metadata = found.value["metadata"]
    if metadata.get("namespace"):
        return found.value
    if not namespace:
        raise UsageError(f"{found.ref} is new and names no namespace: say the release's with --namespace")
    rest = {key: value for key, value in metadata.items() if key not in ("name", "namespace")}
    return found.value | {"metadata": {"name": metadata["name"], "namespace": namespace} | rest}


def _annotations(found: _Object) -> dict[str, Any]:
    """metadata.annotations. Raises InputError where that is no mapping."""
    annotations = found.value["metadata"].get("annotations")
    if annotations is not None and not isinstance(annotations, dict):
        raise InputError(f"{found.ref}: metadata.annotations is no mapping")
    return annotations or {}
