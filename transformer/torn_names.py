"""Names that a tool gave to objects after meshshift had written references to them, as kustomize's `namePrefix` does.

kustomize renames every object of a layer and follows only the references that it knows of; those inside of routes and
policies of Linkerd and Gateway API it knows only where it is told (kustomize-plugin/component/names.yaml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer.objects import MARKER, Obj, View
from transformer.run import Run
from transformer.stream.patterns import pattern

_GATEWAY_API = "gateway.networking.k8s.io"
#: Fields that name other objects, with the group and kind that they mean where they do not say it.
_REFERENCES: dict[str, tuple[str, str]] = {
    "backendRef": ("", "Service"),
    "backendRefs": ("", "Service"),
    "caCertificateRefs": ("", "ConfigMap"),
    "certificateRefs": ("", "Secret"),
    "identityRefs": ("", "ServiceAccount"),
    "parentRef": (_GATEWAY_API, "Gateway"),  # of a ListenerSet
    "parentRefs": (_GATEWAY_API, "Gateway"),
    "requiredAuthenticationRefs": ("", ""),
    "targetRef": ("", ""),
    "to": ("", ""),  # of a ReferenceGrant
}
_IDENTITY = pattern(r"(?P<name>[^.*]+)\.(?P<namespace>[^.]+)\.serviceaccount\.identity\.", re.ASCII)
#: What kustomize's generators put behind the names of the kinds that they make: its own encoding of ten hex digits.
_HASH = pattern(r"-[2456789bcdfghkmt]{10}\Z", re.ASCII)
_GENERATED = frozenset({"ConfigMap", "Secret"})
#: What has no namespace, or is never renamed.
_NOT_ASKED = frozenset({"Namespace", "GatewayClass"})


class Reference(NamedTuple):
    """A field that names an object, and what it names."""

    at: View
    group: str
    kind: str
    namespace: str
    name: str


class _Origin(NamedTuple):
    """Namespace and name of the object that a derived one was made from, as its marker tells."""

    namespace: str
    name: str


def note(run: Run, objects: Sequence[Obj]) -> None:
    """Tell of every derived object with a reference to a name that its object no longer has (MS025)."""
    for obj in objects:
        marker = obj.annotations.get(MARKER, "")
        if not marker:
            continue
        _, *place = marker.split("/")
        origin = _Origin(place[0] if len(place) > 1 else "", place[-1] if place else "")
        for reference in references(obj):
            found = _now(run, obj, origin, reference)
            if found is not None:
                was = f"{reference.namespace}/{reference.name}" if reference.namespace else reference.name
                run.tell(
                    "MS025", reference.at, f"names {reference.kind} {was}, which is called {found.ref} here"
                )
                break


def unknown_service(run: Run, obj: Obj, namespace: str, name: str) -> str:
    """The remedy where an object names a Service that is not known: it may have been renamed together with the object."""
    for other in run.context.objects("", "Service"):
        if other.namespace != namespace or other.name == name:
            continue
        if any(_renamed(obj.name, "", *around) for around in _around(name, other.name)):
            return (
                f"{other.ref} is there: kustomize puts namePrefix and nameSuffix on names and not on hosts, so run "
                "meshshift in the layer below them (kustomize-plugin/component)."
            )
    return "Render the Service in the same stream, or name its manifest with `context`."


def references(obj: Obj) -> Iterator[Reference]:
    """Every reference by name that the spec of an object of Linkerd or Gateway API holds."""
    for field in _below(obj.spec):
        key = str(field.path[-1])
        if key == "identities":
            for identity in field.each():
                match = _IDENTITY.match(identity.text())
                if match is not None:
                    yield Reference(identity, "", "ServiceAccount", match["namespace"], match["name"])
        elif key in _REFERENCES:
            for reference in [field] if field.is_mapping else field.each():
                found = _reference(obj, reference, *_REFERENCES[key])
                if found.name and found.kind and found.kind not in _NOT_ASKED:
                    yield found


def _reference(obj: Obj, field: View, group: str, kind: str) -> Reference:
    if field.get("kind").present:
        group, kind = field.get("group").text(), field.get("kind").text()
    space = field.get("namespace").text() or obj.namespace
    return Reference(field.get("name"), group, kind, space, field.get("name").text())


def _below(view: View) -> Iterator[View]:
    """All fields of mappings below a view, depth first."""
    for _, field in view.items():
        yield field
        yield from _below(field)
    for item in view.each():
        yield from _below(item)


def _now(run: Run, obj: Obj, origin: _Origin, reference: Reference) -> Obj | None:
    """The object that the reference meant before both were renamed in the same way; None where nothing shows that."""
    if run.context.find(reference.group, reference.kind, reference.namespace, reference.name).obj is not None:
        return None
    moved = origin.namespace not in ("", obj.namespace) and reference.namespace == origin.namespace
    # Most objects are called like their source, and were not renamed since: only a generator's hash can tear them.
    kept = obj.name == origin.name and not moved
    for other in run.context.objects(reference.group, reference.kind):
        if other.context or other.namespace not in (reference.namespace, obj.namespace):
            continue
        if other.namespace != reference.namespace and not moved:
            continue
        name = _HASH.sub("", other.name) if reference.kind in _GENERATED else other.name
        if name == reference.name and name != other.name:
            return other
        if kept or (other.name == reference.name and other.namespace == reference.namespace):
            continue
        # What ends like a hash may be a name that somebody chose.
        names = dict.fromkeys((other.name, name))
        if any(
            _renamed(obj.name, origin.name, *pair) for one in names for pair in _around(reference.name, one)
        ):
            return other
    return None


def _around(name: str, whole: str) -> Iterator[tuple[str, str]]:
    """What stands before and after a name in a longer one, for every place where it occurs (`app` in `myapp-app`)."""
    at = whole.find(name)
    while at >= 0:
        yield whole[:at], whole[at + len(name) :]
        at = whole.find(name, at + 1)


def _renamed(name: str, source: str, before: str, after: str) -> bool:
    """Whether a derived object of this name, made from `source`, can have got this prefix and suffix since."""
    grown = len(name) > len(before) + len(after) and name.startswith(before) and name.endswith(after)
    # An object that was made with them has them from its source.
    return grown and not (before and source.startswith(before)) and not (after and source.endswith(after))
