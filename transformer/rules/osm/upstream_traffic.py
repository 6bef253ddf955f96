"""UpstreamTrafficSetting: a local limit of requests becomes an HTTPLocalRateLimitPolicy, limits of connections are lost.

Both meshes limit in the server's proxy, per pod. OSM fills a bucket of requests + burst once in a unit
(pkg/envoy/generator/rds/route_config.go), Linkerd counts requests in a second.
https://linkerd.io/2/reference/rate-limiting/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.ir import authorization as ir
from transformer.ledger import ACCEPTED, DEGRADED, TRANSLATED, Fate
from transformer.objects import Obj, View
from transformer.rules import inbound_objects, osm_mode, reach
from transformer.rules.istio import authorization_servers as servers
from transformer.rules.istio.authorization_plans import Rest, Wanted
from transformer.rules.istio.authorization_pods import MOVES, Pods
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.istio.authorization_scope import Scope
from transformer.rules.osm import fields_of_kinds
from transformer.rules.registry import rule
from transformer.rules.smi import protocols
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.linkerd import inbound_policy
from transformer.targets.linkerd.inbound_plan import Plan

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_SINCE = (2, 17)
_Place = tuple[str, list[Obj]]


@rule(
    id="osm-upstream-traffic",
    kinds=[("policy.openservicemesh.io", "UpstreamTrafficSetting")],
    order=36,
    summary="local limits of requests become HTTPLocalRateLimitPolicies, limits of connections are lost with a warning",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate every setting of the stream, or hold it with the workloads of its namespace."""
    scope: Scope | None = None
    for obj in objs:
        metadata.account(run, obj)
        run.drop(obj)
        for reached in reach.of(run, obj):
            run.units.bind([obj.uid, reached.uid])
        try:
            if not fields_of_kinds.check(run, obj):
                continue
            run.mark(obj.spec.get("host"), Fate(TRANSLATED, "its Service"))
            _connections(run, obj)
            limit = _limit(obj)
            if limit is not None:
                scope = scope or Scope(run)
                _derive(run, scope, obj, limit)
        except Unsayable as problem:
            if not run.hold(problem.code, problem.at, problem.message, remedy=problem.remedy):
                run.mark(obj.spec, Fate(ACCEPTED, problem.code))


def _connections(run: Run, obj: Obj) -> None:
    settings = obj.spec.get("connectionSettings")
    if settings:
        run.degrade("MS536", settings, "limits of connections and of waiting requests")


def _limit(obj: Obj) -> View | None:
    """The one limit that has a counterpart, None where there is none at all. Raises `Unsayable` for any other."""
    limits = obj.spec.get("rateLimit")
    for path, why in (
        (("global",), "a limit that a service of its own keeps count of"),
        (("local", "tcp"), "a limit of connections"),
    ):
        if limits.get(*path):
            raise Unsayable("MS534", limits.get(*path), why)
    for route in obj.spec.get("httpRoutes").each():
        raise Unsayable("MS534", route, "a limit for one path; Linkerd's are for a whole port")
    found = limits.get("local", "http")
    return found if found else None


def _per_second(run: Run, limit: View) -> int:
    requests, unit = limit.get("requests").value(), limit.get("unit").text()
    seconds = _SECONDS.get(unit, 0)
    if not isinstance(requests, int) or requests < 1 or not seconds:
        raise Unsayable("MS534", limit, "has no number of requests and unit")
    if requests % seconds:
        raise Unsayable(
            "MS534", limit.get("requests"), f"{requests} in a {unit} is no whole number in a second"
        )
    run.mark(limit, Fate(TRANSLATED, "HTTPLocalRateLimitPolicy"))
    lost = []
    if seconds > 1:
        lost.append(f"the {unit} is counted second by second")
        run.mark(limit.get("unit"), Fate(DEGRADED, "MS535"))
    for name, default in (("burst", 0), ("responseStatusCode", 429), ("responseHeadersToAdd", None)):
        if limit.get(name) and limit.get(name).value() != default:
            lost.append(f"{name} has no counterpart")
            run.mark(limit.get(name), Fate(DEGRADED, "MS535"))
    if lost:
        run.say("MS535", limit, "; ".join(lost))
    return requests // seconds


def _derive(run: Run, scope: Scope, obj: Obj, limit: View) -> None:
    if run.target.linkerd < _SINCE:
        raise Unsayable("MS534", limit, "Linkerd has rate limits from 2.17")
    service = _service(run, obj)
    rate = _per_second(run, limit)
    for split in run.context.objects("split.smi-spec.io", "TrafficSplit"):
        named = [entry.get("service").text().partition(".")[0] for entry in split.spec.get("backends").each()]
        if split.namespace == obj.namespace and service.name in named:
            raise Unsayable(
                "MS534", limit, f"{split.ref} brings requests under another name, which are not limited"
            )
    places = list(_places(run, scope, obj, service))
    if not places:
        run.say("MS539", limit, f"nobody may call {service.ref}, so there is nothing to limit")
    for name, owners in places:
        spec = {
            "targetRef": {"group": "policy.linkerd.io", "kind": "Server", "name": name},
            "total": {"requestsPerSecond": rate},
        }
        value = {
            "apiVersion": "policy.linkerd.io/v1alpha1", "kind": "HTTPLocalRateLimitPolicy",
            "metadata": metadata.metadata(obj, name, namespace=obj.namespace), "spec": spec,
        }  # fmt: skip
        run.derive(value, [obj, *owners])


def _service(run: Run, obj: Obj) -> Obj:
    """The Service that the host names; OSM compares the whole name."""
    host = obj.spec.get("host")
    name, _, rest = host.text().partition(".")
    if rest != f"{obj.namespace}.svc.{run.options['mesh.cluster-domain']}":
        raise Unsayable(
            "MS534", host, f"is not <service>.{obj.namespace}.svc.{run.options['mesh.cluster-domain']}"
        )
    found = run.context.service(obj.namespace, name).obj
    if found is None:
        raise Unsayable("MS534", host, f"Service {obj.namespace}/{name} is not here", "Add it as --context.")
    return found


def _places(run: Run, scope: Scope, obj: Obj, service: Obj) -> Iterator[_Place]:
    """Servers of the Service's HTTP ports, each with its owners; in permissive mode they are made for the limit."""
    mode = osm_mode.mode(run)
    served: dict[tuple[int, int], _Place] = run.memo.get("inbound-servers", {})
    seen: set[str] = set()
    wanted: list[Wanted] = []
    for pods in scope.pods(obj.namespace):
        others = [other.name for other in protocols.services(run, pods)]
        if service.name not in others or pods.way != MOVES:
            continue
        if len(others) > 1:
            raise Unsayable(
                "MS534", obj, f"{pods.obj.ref} has other Services too, which the limit would count"
            )
        ports = [port for port, kinds in protocols.of_ports(run, pods).items() if kinds == {protocols.HTTP}]
        for port in ports:
            place = served.get((pods.obj.uid, port))
            if any(probe.port == port for probe in pods.probes) and (place is not None or mode.permissive):
                run.say("MS535", obj, f"the kubelet's probes of port {port} of {pods.obj.ref} count too")
            if place is not None and place[0] not in seen:
                seen.add(place[0])
                yield place
        if mode.permissive:
            missing = {
                port: Plan(ir.ANY_IDENTITY, False) for port in ports if (pods.obj.uid, port) not in served
            }
            wanted.append(Wanted(pods, Rest("", False), missing, {}))
    others_there = [
        o for o in run.context.objects("policy.linkerd.io", "Server") if metadata.MARKER not in o.annotations
    ]
    strange = next((other for other in others_there if other.namespace == obj.namespace), None)
    if wanted and strange is not None:
        raise Unsayable("MS534", obj, f"{strange.ref} of Linkerd is in the same namespace already")
    if not seen and not wanted and not mode.permissive and run.options["authorization"] != "translate":
        raise Unsayable("MS534", obj, "policies are held in this run", "Leave out authorization: hold.")
    for server in servers.servers(wanted, scope.pods(obj.namespace), [], obj, only_choices=False):
        yield from _made(run, obj, server, [one.pods for one in wanted])


def _made(run: Run, obj: Obj, server: servers.Server, pods: Sequence[Pods]) -> Iterator[_Place]:
    """A Server that refuses nobody who is let in now, for the limit to stand on."""
    for made in inbound_policy.objects(server.plan, server.name, dict(server.selector), server.port):
        value = inbound_objects.as_object(run, made, obj, obj.namespace)
        run.derive(value, [obj, *(one.obj for one in pods)])
    yield server.name, [one.obj for one in pods]
