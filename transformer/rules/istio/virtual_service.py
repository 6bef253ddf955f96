"""A VirtualService on `mesh` becomes HTTPRoutes that have its hosts' Services as parents.

The routes stand in the Service's namespace, where they apply to all clients; a VirtualService exported to its own
namespace only becomes a consumer route there. Istio's first match becomes an equivalent list for Linkerd's most specific
one, or the object is held with a request that would go elsewhere.
https://istio.io/latest/docs/reference/config/networking/virtual-service/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from transformer import service_protocol
from transformer.findings import FieldPath
from transformer.ir.routes import Forward, Parent, Route, RouteRule
from transformer.ledger import NO_OP, TRANSLATED, Fate, Mark
from transformer.objects import Obj, View
from transformer.order import compile as order
from transformer.rules import fields
from transformer.rules.istio import destinations, hosts, owners, schema, virtual_service_action, virtual_service_match
from transformer.rules.istio.virtual_service_match import Held
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api import http_route

_MESH = "mesh"


class Bound(NamedTuple):
    """A host of a VirtualService that is a Service, with the ports that take HTTP routes."""

    service: Obj
    ports: tuple[int, ...]


class Planned(NamedTuple):
    """Route objects for one Service port, with what they account for and stand on."""

    parent: Parent
    routes: tuple[Route, ...]
    marks: tuple[Mark, ...]
    owners: tuple[Obj, ...]


@rule(
    id="virtual-service",
    kinds=[(destinations.ISTIO, "VirtualService")],
    order=40,
    summary="rules for meshed clients become HTTPRoutes on the Service; order, weights, subsets, timeouts and retries kept",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate every VirtualService of the stream, or hold it with its unit."""
    claims = _claims(run)
    for obj in objs:
        metadata.account(run, obj)
        run.client_config[obj.uid] = obj
        run.drop(obj)
        _bind_unit(run, obj)
        try:
            _translate(run, obj, claims)
        except Held:
            continue


def _translate(run: Run, obj: Obj, claims: dict[tuple[str, str], list[Obj]]) -> None:
    check_fields(run, obj, "VirtualService")
    owners.refuse_owned(run, obj)
    _refuse_unready(run, obj)
    bound = [_bind_host(run, host, claims) for host in obj.spec.get("hosts").each()]
    consumer = _consumer_namespace(run, obj, bound)
    planned: list[Planned] = []
    reached: set[int] = set()
    for service in dict.fromkeys(bound):
        for port in service.ports:
            planned.append(_plan_port(run, obj, service.service, port, reached))
    _account_unreached(run, obj, reached)
    _tell_normalization(run, obj, planned)
    _emit(run, obj, planned, consumer)
    for name in ("hosts", "gateways", "exportTo"):
        if obj.spec.get(name).present:
            run.mark(obj.spec.get(name), Fate(TRANSLATED, "parentRefs"))


def check_fields(run: Run, obj: Obj, kind: str) -> None:
    """Compare the spec with the kind's definition: unknown fields are told, malformed ones hold the object."""
    malformed = False
    if not obj.spec.is_mapping:
        run.hold("MS004", obj, "has no spec")
        raise Held
    for problem in fields.check(obj.spec, schema.shape(kind)):
        if problem.pruned:
            run.say("MS005", problem.at, f"{problem.why}; the API server drops it, so it has no effect")
            run.mark(problem.at, Fate(NO_OP, "MS005"))
        else:
            malformed |= run.hold("MS004", problem.at, problem.why)
    if malformed:
        raise Held


def _refuse_unready(run: Run, obj: Obj) -> None:
    """What this version does not translate: gateways, TLS and TCP routes."""
    gateways = [name for name in obj.spec.get("gateways").each() if name.text() != _MESH]
    if gateways:
        run.hold("MS201", gateways[0], f"bound to gateway {gateways[0].text()}: routes of gateways are not translated yet")
        raise Held
    for kind in ("tls", "tcp"):
        if obj.spec.get(kind):
            run.hold("MS203", obj.spec.get(kind), f"{kind} routes are not translated yet")
            raise Held
    if not list(obj.spec.get("http").each()):
        run.hold("MS204", obj, "has no http rules: a delegate, or an object that the API server refuses")
        raise Held
    if not list(obj.spec.get("hosts").each()):
        run.hold("MS204", obj, "has no hosts: it is a delegate of another VirtualService, which this version does not merge")
        raise Held


def _claims(run: Run) -> dict[tuple[str, str], list[Obj]]:
    """Which VirtualServices of stream and context claim a Service on the mesh."""
    domain = run.options["mesh.cluster-domain"]
    found: dict[tuple[str, str], list[Obj]] = {}
    for obj in run.context.objects(destinations.ISTIO, "VirtualService"):
        names = [name.text() for name in obj.spec.get("gateways").each()]
        if names and _MESH not in names:
            continue
        for host in obj.spec.get("hosts").each():
            resolved = hosts.resolve(host.text(), obj.namespace, domain)
            claimants = found.setdefault((resolved.namespace, resolved.name or host.text()), [])
            if obj not in claimants:
                claimants.append(obj)
    return found


def _bind_host(run: Run, host: View, claims: dict[tuple[str, str], list[Obj]]) -> Bound:
    """The Service that a host means; raises `Held` where there is none to attach a route to."""
    obj = host.obj
    resolved = hosts.resolve(host.text(), obj.namespace, run.options["mesh.cluster-domain"])
    if resolved.kind != "service":
        why = {
            "half-name": "is half a name: Istio matches it literally, neither the short nor the full name of the Service",
            "wildcard": "is a wildcard; a route needs Services as parents",
            "address": "is an address; a route needs Services as parents",
            "external": "is outside the cluster; a route of the mesh needs a Service as parent",
        }[resolved.kind]
        run.hold("MS205", host, f"host `{host.text()}` {why}")
        raise Held
    where = f"{resolved.namespace}/{resolved.name}".lstrip("/")
    rivals = [other for other in claims.get((resolved.namespace, resolved.name), []) if other.uid != obj.uid]
    for other in rivals:
        run.units.bind([obj.uid, other.uid])
    if rivals and any(other.spec.value() != obj.spec.value() for other in rivals):
        run.hold("MS206", host, f"{rivals[0].ref} claims {where} too; which one is in effect depends on their age in the cluster")
        raise Held
    service = run.context.service(resolved.namespace, resolved.name).obj
    if service is None:
        run.hold("MS202", host, f"Service {where} is not in the stream or its context, so its ports are unknown",
                 remedy="Render the Service in the same stream, or name its manifest with `context`.")  # fmt: skip
        raise Held
    _refuse_parent(run, host, service, where)
    return Bound(service, tuple(number for number, _ in destinations.http_ports(service)))


def _refuse_parent(run: Run, host: View, service: Obj, where: str) -> None:
    """Services on which Linkerd would not honour a route (observed L9, L13, L14)."""
    if service.spec.get("type").text() == "ExternalName" or service.spec.get("clusterIP").text() == "None":
        kind = "headless" if service.spec.get("clusterIP").text() == "None" else "an ExternalName"
        run.hold("MS225", host, f"Service {where} is {kind}; Linkerd attaches routes to Services with a cluster IP only")
        raise Held
    ports = destinations.http_ports(service)
    if not ports:
        run.hold("MS207", host, f"no port of Service {where} speaks HTTP by its name or appProtocol, so the rules have no effect today")
        raise Held
    ranges = service_protocol.opaque_ports(service, run.options["linkerd-install.opaque-ports"])
    for number, _ in ports:
        if service_protocol.is_opaque(number, ranges):
            run.hold("MS208", host, f"port {number} of Service {where} is opaque for Linkerd, which ignores routes there",
                     remedy="Set config.linkerd.io/opaque-ports on the Service (and its pods) to a list without the port.")  # fmt: skip
            raise Held
    full = f"{service.name}.{service.namespace}.svc.{run.options['mesh.cluster-domain']}"
    for profile in run.context.objects("linkerd.io", "ServiceProfile"):
        if profile.name == full and (profile.spec.get("routes") or profile.spec.get("dstOverrides")):
            run.hold("MS209", host, f"ServiceProfile {profile.name} makes Linkerd ignore every HTTPRoute of {where}")
            raise Held
    for route in run.context.objects("gateway.networking.k8s.io", "HTTPRoute"):
        refs = [r for r in route.spec.get("parentRefs").each() if r.get("kind").text() == "Service" and r.get("name").text() == service.name]
        if refs and metadata.MARKER not in route.annotations and (refs[0].get("namespace").text() or route.namespace) == service.namespace:
            run.hold("MS215", host, f"{route.ref} already routes {where}; Istio prefers it over the VirtualService")
            raise Held


def _consumer_namespace(run: Run, obj: Obj, bound: Sequence[Bound]) -> str | None:
    """The namespace whose clients alone the routes are for, or None for all clients."""
    exported = [entry.text() for entry in obj.spec.get("exportTo").each()]
    if exported in ([], ["*"]):
        return None
    if exported in (["."], [obj.namespace]) and all(b.service.namespace != obj.namespace for b in bound):
        return obj.namespace
    run.hold("MS216", obj.spec.get("exportTo"), "exported to some namespaces only; a route beside the Service applies to all clients")
    raise Held


def _account_unreached(run: Run, obj: Obj, reached: set[int]) -> None:
    """Rules that apply to no port of the mesh, or stand behind one that takes everything: Istio does not even generate them."""
    for index, http in enumerate(obj.spec.get("http").each()):
        if index not in reached:
            run.say("MS226", http, "no request of the mesh ever reaches this rule; it is left out")
            run.mark(http, Fate(NO_OP, "MS226"))


def _tell_normalization(run: Run, obj: Obj, planned: Sequence[Planned]) -> None:
    """Once per run: Istio's proxies resolve dot segments and decode unreserved characters before they match (I28)."""
    paths = any(m.path.kind != "any" for plan in planned for route in plan.routes for r in route.rules for m in r.matches)
    if paths and not run.memo.get("told-normalization"):
        run.memo["told-normalization"] = True
        run.say("MS228", obj.spec.get("http"), "paths are matched as they are sent: Istio's proxies read `/a/../b` as `/b` and `/%61` as `/a` "
                "before they match, Linkerd's do not; this holds for every route of this run")  # fmt: skip


def _plan_port(run: Run, obj: Obj, service: Obj, port: int, reached: set[int]) -> Planned:
    """Compile the list for clients that dial one port of the Service."""
    entries: list[order.Entry] = []
    marks: list[Mark] = []
    stands_on: list[Obj] = []
    per_rule = run.target.rule_timeouts and run.target.reads_gateway_api
    for index, http in enumerate(obj.spec.get("http").each()):
        taken = list(_matches(run, http, port))
        if not any(lowered.matches for lowered in taken):
            continue
        reached.add(index)
        action = virtual_service_action.lower(run, http, port)
        marks += action.marks
        stands_on += action.owners
        timeout = action.action.timeout_ms if isinstance(action.action, Forward) and not per_rule else None
        for lowered in taken:
            leaves = tuple(mark.path for mark in lowered.marks)
            marks += lowered.marks
            entries += [
                order.Entry(match, action.action, (action.retry, timeout), (index, leaves), index) for match in lowered.matches
            ]
        if any(match == order.Match() for lowered in taken for match in lowered.matches):
            break
    routes = _compile(run, obj, service, port, entries)
    _edit_protocol(run, obj, service, port)
    return Planned(Parent(service.namespace, service.name, port), routes, tuple(marks), tuple(dict.fromkeys(stands_on)))


def _matches(run: Run, http: View, port: int) -> Iterator[virtual_service_match.Lowered]:
    matches = [match for match in http.get("match").each()]
    if not matches:
        if http.get("match").present:
            run.no_op(http.get("match"), "an empty list matches everything, as no list does")
        yield virtual_service_match.Lowered((order.Match(),), ())
    for match in matches:
        gateways = [name.text() for name in match.get("gateways").each()]
        wanted = match.get("port").value()
        if gateways and _MESH not in gateways:
            run.mark(match, Fate(NO_OP, "matches on gateways that the VirtualService does not name"))
            continue
        for name in ("port", "gateways"):
            if match.get(name).present:
                run.mark(match.get(name), Fate(TRANSLATED, "parentRefs"))
        if wanted is not None and wanted != port:
            _account_elsewhere(run, match, http.obj, wanted)
            continue
        yield virtual_service_match.lower(run, match)


def _account_elsewhere(run: Run, match: View, obj: Obj, wanted: Any) -> None:
    """A match for another port: decided on that port, or never where no host has it."""
    if all(wanted not in destinations.port_numbers(service) for service in _services(run, obj)):
        run.mark(match, Fate(NO_OP, "no Service of its hosts has this port"))
        run.say("MS217", match.get("port"), f"no Service of the hosts has port {wanted}, so the match never fires")


def _services(run: Run, obj: Obj) -> Iterator[Obj]:
    for host in obj.spec.get("hosts").each():
        resolved = hosts.resolve(host.text(), obj.namespace, run.options["mesh.cluster-domain"])
        found = run.context.service(resolved.namespace, resolved.name).obj
        if found is not None:
            yield found


def _compile(run: Run, obj: Obj, service: Obj, port: int, entries: list[order.Entry]) -> tuple[Route, ...]:
    """Route objects that give every request Istio's outcome; raises `Held` with a witness where there are none."""
    where = f"{service.namespace}/{service.name}".lstrip("/")
    if not entries:
        run.hold("MS218", obj, f"no rule applies to port {port} of {where}: every request gets 404, which no route can say")
        raise Held
    limits = order.Limits(matches_per_rule=64 if run.target.reads_gateway_api else 8)
    result = order.compile(entries, order.LINKERD, limits)
    if isinstance(result, order.Refusal):
        at = obj.spec.get("http")
        witness = f": {_request(result.witness)}" if result.witness is not None else ""
        run.hold("MS219", at, f"the order of the rules cannot be kept on port {port} of {where}: {result.reason}{witness}")
        raise Held
    for index, leaves in (source for source in result.shadowed):
        _account_shadowed(run, obj, index, leaves)
    return tuple(_objects(run, result, Parent(service.namespace, service.name, port)))


def _objects(run: Run, compiled: order.Compiled, parent: Parent) -> Iterator[Route]:
    by_object: dict[int, list[order.Rule]] = {}
    for found in compiled.rules:
        by_object.setdefault(found.object, []).append(found)
    for _, rules in sorted(by_object.items()):
        retry, timeout = rules[0].group  # type: ignore[misc]
        yield Route((parent,), tuple(RouteRule(r.matches, r.action) for r in rules), retry, timeout)  # type: ignore[arg-type]


def _account_shadowed(run: Run, obj: Obj, index: int, leaves: Sequence[FieldPath]) -> None:
    for leaf in leaves:
        run.ledger.enter(Mark(obj.uid, leaf, Fate(NO_OP, "never reached: an earlier rule takes these requests")))
    field = obj.spec.get("http")
    run.say("MS226", field, f"rule {index} has a match that is never reached, because an earlier rule takes its requests; it is left out")


def _request(witness: Any) -> str:
    parts = [witness.method, witness.path]
    if witness.query:
        parts[1] += "?" + "&".join(f"{name}={value}" for name, value in witness.query)
    return " ".join(parts) + "".join(f", {name}: {value}" for name, value in witness.headers)


def _edit_protocol(run: Run, obj: Obj, service: Obj, port: int) -> None:
    """Linkerd ignores routes on a port whose appProtocol it does not know: write the one that it does (observed L9)."""
    for index, field in enumerate(service.spec.get("ports").each()):
        declared = field.get("appProtocol").text()
        wanted = service_protocol.APP_PROTOCOLS.get(declared.lower())
        if field.get("port").value() != port or not run.target.reads_app_protocol or not declared:
            continue
        if wanted is None and declared.lower() not in service_protocol.KNOWN_TO_LINKERD:
            run.hold("MS227", obj, f"Linkerd takes appProtocol {declared} of port {port} of {service.ref} for opaque TCP and ignores routes there")
            raise Held
        if wanted is not None and service.context:
            run.hold("MS227", obj, f"{service.ref} must say appProtocol {wanted} on port {port}, but it is only in the context")
            raise Held
        if wanted is not None:
            run.edit(service, ("spec", "ports", index), write={"appProtocol": wanted}, owners=[obj])


def _emit(run: Run, obj: Obj, planned: Sequence[Planned], consumer: str | None) -> None:
    merged = _merge_parents(planned)
    several = len(merged) > 1
    for routes, parents, marks, stands_on in merged:
        for number, route in enumerate(routes):
            parts = [obj.name]
            if several:
                parts += [parents[0].name] if len({p.parent.name for p in planned}) > 1 else []
                parts += [str(parents[0].port)] if len({p.parent.port for p in planned}) > 1 else []
            if len(routes) > 1:
                parts.append(str(number + 1))
            name = "-".join(dict.fromkeys(parts))
            meta = metadata.metadata(obj, name, namespace=consumer if consumer is not None else parents[0].namespace)
            _plan_route(run, obj, route._replace(parents=tuple(parents)), meta, marks, stands_on)
    run.units.bind([obj.uid, *(owner.uid for plan in planned for owner in plan.owners)])


def _merge_parents(
    planned: Sequence[Planned],
) -> list[tuple[tuple[Route, ...], list[Parent], tuple[Mark, ...], tuple[Obj, ...]]]:
    """Services whose routes are alike share route objects, as long as they lie in one namespace.

    Two ports of one Service do not: the standard channel refuses parentRefs that differ in nothing but the port.
    """
    merged: dict[Any, tuple[tuple[Route, ...], list[Parent], tuple[Mark, ...], tuple[Obj, ...]]] = {}
    for plan in planned:
        bare = tuple(route._replace(parents=()) for route in plan.routes)
        key: Any = (bare, plan.parent.namespace)
        if key in merged and any(parent.name == plan.parent.name for parent in merged[key][1]):
            key = plan.parent
        if key in merged:
            routes, parents, marks, stands_on = merged[key]
            merged[key] = (routes, [*parents, plan.parent], marks + plan.marks, tuple(dict.fromkeys(stands_on + plan.owners)))
        else:
            merged[key] = (plan.routes, [plan.parent], plan.marks, plan.owners)
    return list(merged.values())


def _plan_route(
    run: Run, obj: Obj, route: Route, meta: dict[str, Any], marks: tuple[Mark, ...], stands_on: tuple[Obj, ...]
) -> None:
    reason = http_route.needs_gateway_group(route)
    if reason and not run.target.reads_gateway_api:
        run.hold("MS260", obj, f"needs {reason}, which policy.linkerd.io routes cannot say (Linkerd before 2.18 reads no other)")
        raise Held
    if reason:
        run.gateway_only.append((obj.view, f"needs {reason}; while clients stay in Istio the route must be a policy.linkerd.io one, "
                                 "which cannot say that"))  # fmt: skip

    def value(hidden: bool) -> dict[str, Any]:
        return http_route.build(route, meta, run.target, hidden=hidden, release_namespace=obj.namespace)

    run.derive(value, [obj, *stands_on], marks)


def _bind_unit(run: Run, obj: Obj) -> None:
    """VirtualService, DestinationRules and Gateways of its hosts move together or not at all."""
    domain = run.options["mesh.cluster-domain"]
    known = destinations.of(run)
    named = [host.text() for host in obj.spec.get("hosts").each()]
    for kind in ("http", "tls", "tcp"):
        for http in obj.spec.get(kind).each():
            named += [entry.get("destination", "host").text() for entry in http.get("route").each()]
    for name in dict.fromkeys(named):
        resolved = hosts.resolve(name, obj.namespace, domain)
        for other in known.rules(resolved.namespace, resolved.name):
            run.units.bind([obj.uid, other.uid])
            known.routed.add(other.uid)
    for gateway in obj.spec.get("gateways").each():
        space, _, short = gateway.text().rpartition("/")
        found = run.context.find(destinations.ISTIO, "Gateway", space if space not in ("", ".") else obj.namespace, short).obj
        if found is not None:
            run.units.bind([obj.uid, found.uid])
