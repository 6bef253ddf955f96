"""Who comes in through an ingress: an IngressBackend of Open Service Mesh as callers of container ports.

OSM lets an unmeshed ingress in by the addresses of its Service, Linkerd by identity, so the ingress has to be meshed.
https://release-v1-2.docs.openservicemesh.io/docs/guides/traffic_management/ingress/ (pkg/catalog/ingress.go)
"""

from __future__ import annotations

from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir import networks
from transformer.ir.authorization import SourceSet
from transformer.objects import Obj, View
from transformer.rules import fields, reach
from transformer.rules.istio.authorization_pods import Pods
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.istio.authorization_scope import Scope
from transformer.rules.workload import injection_settings
from transformer.run import Run
from transformer.stream.patterns import pattern

_SHAPE = (
    "{backends*: [{name*: str, port*: {number*: int, protocol*: http|https}, tls: {skipClientCertValidation: bool, "
    "sniHosts: [str]}}], sources*: [{kind*: Service|AuthenticatedPrincipal|IPRange, name*: str, namespace: str}], "
    "matches: [{apiGroup*: str, kind*: str, name*: str}]}"
)
_PRINCIPAL = pattern(r"([a-z0-9][-a-z0-9]*)\.([a-z0-9][-a-z0-9]*)\.cluster\.local\Z")


class Opening(NamedTuple):
    """Callers of a container port of the pods behind a Service."""

    obj: Obj
    service: str
    port: int
    sources: SourceSet


def read(run: Run, scope: Scope, obj: Obj) -> list[Opening]:
    """What an IngressBackend opens. Raises `Unsayable`."""
    for problem in fields.check(obj.spec, fields.parse(_SHAPE)):
        raise Unsayable("MS512", problem.at, problem.why)
    if not obj.spec.is_mapping:
        raise Unsayable("MS512", obj, "has no spec")
    matches = obj.spec.get("matches")
    if list(matches.each()):
        run.say("MS539", matches, "OSM has not implemented matches of an IngressBackend")
        run.no_op(matches, "MS539")
    openings = []
    for backend in obj.spec.get("backends").each():
        if run.context.service(obj.namespace, backend.get("name").text()).obj is None:
            raise Unsayable(
                "MS541", backend, f"Service {obj.namespace}/{backend.get('name').text()} is not here",
                "Add the Service as --context.",
            )  # fmt: skip
        sources = _sources(run, scope, obj, backend)
        number = int(backend.get("port", "number").value())
        openings.append(Opening(obj, backend.get("name").text(), number, sources))
    return openings


def _sources(run: Run, scope: Scope, obj: Obj, backend: View) -> SourceSet:
    secure = backend.get("port", "protocol").text() == "https"
    tls = backend.get("tls")
    if tls.get("skipClientCertValidation").value() is True:
        raise Unsayable("MS541", tls, "any certificate is accepted, which Linkerd does not do")
    if tls:
        run.no_op(tls, "mutual TLS of Linkerd takes its place")
    places, principals = ir.NOBODY, ir.NOBODY
    kinds = set()
    for source in obj.spec.get("sources").each():
        kinds.add(source.get("kind").text())
        if source.get("kind").text() == "AuthenticatedPrincipal":
            principals = principals | _principal(source, secure)
        else:
            places = places | _place(run, scope, source)
    if secure and "AuthenticatedPrincipal" not in kinds:
        raise Unsayable("MS541", obj.spec.get("sources"), "an https backend names no principal")
    if not kinds:
        raise Unsayable("MS541", obj.spec.get("sources"), "names nobody, which opens the port to everyone")
    run.say("MS543", backend, "the ingress has to be in Linkerd, and to speak plain HTTP to the pods")
    if not secure:
        return places
    return principals & places if kinds != {"AuthenticatedPrincipal"} else principals


def _principal(source: View, secure: bool) -> SourceSet:
    match = _PRINCIPAL.match(source.get("name").text())
    if not secure or match is None or match[2] == "svc":
        raise Unsayable(
            "MS541", source, f"{source.get('name').text()} is no ServiceAccount of the mesh's own trust domain",
            "Name the principal as account.namespace.cluster.local.",
        )  # fmt: skip
    return ir.account(match[2], match[1])


def _place(run: Run, scope: Scope, source: View) -> SourceSet:
    if source.get("kind").text() == "Service":
        return _accounts(run, scope, source)
    try:
        found = networks.block(source.get("name").text())
    except ValueError as error:
        raise Unsayable("MS541", source, f"{source.get('name').text()!r} is no block of addresses") from error
    said = f"callers of the mesh with addresses of {source.get('name').text()} would be admitted too"
    if run.hold("MS542", source, said):
        raise Unsayable("MS542", source, said)
    return ir.from_networks(found)


def _accounts(run: Run, scope: Scope, source: View) -> SourceSet:
    """The ServiceAccounts of the pods behind an ingress Service; all pods with these accounts must be behind it."""
    name, space = source.get("name").text(), source.get("namespace").text()
    service = run.context.service(space, name).obj
    wanted = service.spec.get("selector").texts() if service else {}
    pods = [one for one in scope.pods(space) if wanted and wanted.items() <= one.labels.items()]
    if not pods:
        raise Unsayable(
            "MS541", source, f"the pods of the ingress, Service {space}/{name}, are not here, so their identity is unknown",
            "Add the ingress with its Namespace and Service as --context, with linkerd.io/inject on its pods.",
        )  # fmt: skip
    accounts = {reach.account(one.obj) for one in pods}
    shared = [one for one in scope.pods(space) if reach.account(one.obj) in accounts and one not in pods]
    if "default" in accounts or shared:
        who = f"{shared[0].obj.ref} has it too" if shared else "every pod without an account has it"
        raise Unsayable("MS541", source, f"the ingress pods have no account of their own: {who}")
    for one in pods:
        if not _in_linkerd(run, one):
            raise Unsayable(
                "MS541", source, f"{one.obj.ref} is not in Linkerd, so its calls carry no identity",
                "Set linkerd.io/inject: enabled (or ingress) on the pods of the ingress.",
            )  # fmt: skip
    return ir.union(ir.account(space, account) for account in sorted(accounts))


def _in_linkerd(run: Run, pods: Pods) -> bool:
    namespace = run.context.namespace(pods.obj.namespace).obj
    wide = namespace.annotations.get(injection_settings.INJECT, "") if namespace is not None else ""
    own = pods.pod.annotation(injection_settings.INJECT)
    return (own or wide) in ("enabled", "ingress")
