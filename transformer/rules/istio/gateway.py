"""An Istio Gateway becomes a Gateway API Gateway of the class that was chosen.

Servers become listeners, `ns/host` becomes allowedRoutes, `httpsRedirect` a redirect route on its listener,
`credentialName` a certificateRef; what would open a listener wider than today is held.
https://istio.io/latest/docs/reference/config/networking/gateway/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ir.routes import Listener, Redirect, Route, RouteRule
from transformer.ledger import NO_OP, Fate
from transformer.objects import Obj
from transformer.rules import ingress, reach
from transformer.rules.istio import edges, kept_ingress
from transformer.rules.istio.check import check_fields
from transformer.rules.istio.held import Held
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api import gateway as target
from transformer.targets.gateway_api import http_route, listener_set, reference_grant

_ISTIO = "networking.istio.io"
#: Kinds that decide who may use a gateway, or what its proxy does with requests; mutual TLS is not asked for there.
_PROTECTING = [kind for kind in reach.ISTIO_KINDS if kind != ("security.istio.io", "PeerAuthentication")]


#: References of one route.
_MOST_PARENTS = 32
_NOT_SAID = "not-said"


@rule(
    id="gateway",
    kinds=[(_ISTIO, "Gateway")],
    order=35,
    summary="servers become listeners of a Gateway of the chosen class; redirects to https become routes",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate every Gateway of the stream, or hold it with the VirtualServices that are bound to it."""
    for obj in objs:
        metadata.account(run, obj)
        if kept_ingress.gateway(run, obj):
            continue
        run.drop(obj)
        try:
            _translate(run, obj)
        except Held:
            continue
    _tell_shared(run, objs)


def _translate(run: Run, obj: Obj) -> None:
    check_fields(run, obj, "Gateway")
    run.mark(obj.spec.get("selector"), Fate(NO_OP, "the class decides which proxies serve the Gateway"))
    _refuse_protected(run, obj)
    found, marks = edges.listeners(run, obj)
    run.memo.setdefault("edges", {})[obj.uid] = found
    if ingress.mapped(run, obj.namespace, obj.name) is not None:
        run.mark(obj.spec, Fate(NO_OP, "gateway-map names the Gateway that takes its place"))
        return
    class_name = run.fact("gateway-class", obj, f"{obj.ref} needs a gatewayClassName: who will serve it?")
    _tell_secrets(run, obj, found)
    meta = metadata.metadata(obj, obj.name)
    # Without the fact nothing is written; a Gateway without a class would be held as invalid, and nobody would be asked.
    run.derive(target.build(found, meta, class_name or _NOT_SAID, obj.namespace, run.target), [obj], marks)
    for name in listener_set.names(found):
        own = metadata.metadata(obj, name)
        run.derive(
            listener_set.build(listener_set.of(found, name), own, obj.name, obj.namespace, run.target), [obj]
        )
    for grant in reference_grant.for_gateway(obj, found):
        run.derive(grant, [obj])
    _redirects(run, obj, found)


def _refuse_protected(run: Run, obj: Obj) -> None:
    """Policies on the pods of the Istio ingress are enforced by nobody once another class serves the Gateway."""
    wanted = obj.spec.get("selector").texts()
    root = run.options["mesh.root-namespace"]
    pods = [
        workload.namespace
        for workload in run.context.workloads()
        if wanted and wanted.items() <= reach.pod_labels(workload).items()
    ]
    for group, kind in _PROTECTING:
        for policy in run.context.objects(group, kind):
            labels = reach.selector(policy)
            # Usually the gateway's pods are rendered elsewhere: then nobody knows which namespace they are in.
            unknown = not pods and bool(labels)
            near = policy.namespace == root or policy.namespace in pods or unknown
            # Labels of the gateway's pods beyond the selector are not known; a policy for other applications names none of it.
            meant = not labels or any(wanted.get(key) == text for key, text in labels.items())
            clash = any(wanted.get(key, text) != text for key, text in labels.items())
            if near and meant and not clash:
                run.units.link(policy.uid, obj.uid)
                if run.hold(
                    "MS286",
                    obj,
                    f"{policy.ref} protects the pods that serve this Gateway; another "
                    f"class would not enforce it",
                ):
                    raise Held


def _tell_secrets(run: Run, obj: Obj, found: Sequence[Listener]) -> None:
    names = sorted({name for listener in found for name in listener.certificates if "/" not in name})
    if names:
        where = obj.namespace or "the Gateway's namespace"
        run.say(
            "MS277",
            obj.spec.get("servers"),
            f"Secret {', '.join(names)} must be in {where}: Istio reads it beside the gateway's pods",
        )


def _redirects(run: Run, obj: Obj, found: Sequence[Listener]) -> None:
    sections = [listener for listener in found if listener.redirect]
    if not sections:
        return
    run.once(
        "MS285", obj.spec.get("servers"), "a `:80` in the Host header no longer appears in redirects to https"
    )
    parents = [listener.attachment(obj.namespace, obj.name) for listener in sections]
    for number, start in enumerate(range(0, len(parents), _MOST_PARENTS), 1):
        some = tuple(parents[start : start + _MOST_PARENTS])
        route = Route(some, (RouteRule((), Redirect(301, scheme="https")),))
        meta = metadata.metadata(obj, f"{obj.name}-https-redirect{f'-{number}' if number > 1 else ''}")
        # A route of a gateway is no business of the mesh, so nothing is hidden.
        run.derive(
            http_route.build(route, meta, run.target, hidden=False, release_namespace=obj.namespace), [obj]
        )


def _tell_shared(run: Run, objs: Sequence[Obj]) -> None:
    """Istio Gateways share the pods of one ingress; each Gateway of a class usually gets an address of its own.

    Where the pods are not in the stream, Gateways of other repositories may share them too.
    """
    by_selector: dict[str, list[Obj]] = {}
    if ingress.keeps(run):
        return
    for obj in objs:
        if ingress.mapped(run, obj.namespace, obj.name) is None:
            wanted = sorted((key, value.text()) for key, value in obj.spec.get("selector").items())
            by_selector.setdefault(", ".join(f"{key}={text}" for key, text in wanted), []).append(obj)
    for labels, shared in by_selector.items():
        keys = [f"{obj.namespace}/{obj.name}".lstrip("/") for obj in shared]
        if len(shared) > 1:
            message = f"{len(shared)} Gateways share one ingress ({', '.join(keys)}); of a class each usually gets an address"
        elif not _has_pods_here(run, shared[0]):
            message = (
                f"the pods ({labels or 'any'}) are not in this stream, and other Gateways may share them; "
                "one of a class usually gets an address of its own"
            )
        else:
            continue
        pairs = ", ".join(f"{key}=NAMESPACE/NAME" for key in keys)
        remedy = f"Say which existing Gateway takes the place: gateway-map: [{pairs}]; or let each have its address."
        for obj in shared:
            run.once("MS278", obj, message, remedy=remedy, about=" ".join(keys))


def _has_pods_here(run: Run, obj: Obj) -> bool:
    wanted = obj.spec.get("selector").texts()
    return any(
        not workload.context and wanted.items() <= reach.pod_labels(workload).items()
        for workload in run.context.workloads()
    )
