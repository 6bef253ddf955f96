"""A TrafficTarget read into callers, requests and ports, as the chosen implementation reads it.

OSM: pkg/smi/smi.go `IsValidTrafficTarget`, pkg/catalog/inbound_traffic_policies.go `routesFromRules`,
pkg/catalog/traffictarget.go. Specification: https://github.com/servicemeshinterface/smi-spec/tree/main/apis/traffic-access
"""

from __future__ import annotations

from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir.authorization import SourceSet
from transformer.objects import Obj, View
from transformer.order.predicates import Match
from transformer.rules import fields
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.smi import route_group
from transformer.run import Run
from transformer.stream.patterns import pattern

SPECS = "specs.smi-spec.io"
OSM, LINKERD_SMI, TRAEFIK, SPEC = "osm", "linkerd-smi", "traefik-mesh", "spec"
_NAME = pattern(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")
_SUBJECT = "{kind*: str, name*: str, namespace: str}"
_ON = "{kind*: str, name*: str, namespace: str, port: any}"
_RULES = "[{kind*: HTTPRouteGroup|TCPRoute|UDPRoute, name*: str, matches: [str]}]"
_SPEC_SHAPE = f"{{destination*: {_ON}, rules: {_RULES}, sources: [{_SUBJECT}]}}"
_TOP_SHAPE = f"{{destination*: {_ON}, specs: {_RULES}, sources: [{_SUBJECT}]}}"
_OUTER = ("apiVersion", "kind", "metadata", "status")


class Key(NamedTuple):
    """A match as it is written, which is how OSM finds out that two targets mean the same route, and what it matches."""

    written: tuple[object, ...]
    matches: tuple[Match, ...]


class Target(NamedTuple):
    """One TrafficTarget: who may call the pods of `account`, on which container ports (None: all), with which requests.

    `http` and `tcp` tell which kinds of rules it has.
    """

    obj: Obj
    account: str
    sources: SourceSet
    ports: frozenset[int] | None
    keys: tuple[Key, ...]
    http: bool
    tcp: bool
    specs: tuple[Obj, ...]

    def opens(self, port: int) -> bool:
        """Whether the target speaks of a container port."""
        return self.ports is None or port in self.ports


def body(obj: Obj) -> View:
    """Where the fields stand: at the top in v1alpha1, under spec since; shape decides."""
    return obj.spec if obj.view.get("spec").present else obj.view


def rules(obj: Obj) -> View:
    """The list of rules, which v1alpha1 calls `specs`."""
    return body(obj).get("rules") or body(obj).get("specs")


def read(run: Run, obj: Obj) -> Target | None:
    """A target, or None where the implementation ignores it (with a finding). Raises `Unsayable`."""
    reading = run.options["smi-implementation"]
    _check(obj)
    at = body(obj)
    destination = at.get("destination")
    _subject(destination)
    ignored = _ignored(obj, reading)
    if ignored:
        run.say("MS511", ignored[0], ignored[1])
        return None
    sources = ir.union(_source(run, view, reading) for view in at.get("sources").each())
    keys: list[Key] = []
    listed: list[frozenset[int] | None] = []
    specs: list[Obj] = []
    kinds = set()
    for rule in rules(obj).each():
        kinds.add(rule.get("kind").text())
        spec = _spec(run, rule)
        specs.append(spec)
        if rule.get("kind").text() == "HTTPRouteGroup":
            keys += _keys(run, rule, spec, reading)
        else:
            listed.append(_ports(rule, spec))
    return Target(
        obj, destination.get("name").text(), sources, _all_ports(listed, destination.get("port"), reading),
        tuple(keys), "HTTPRouteGroup" in kinds, "TCPRoute" in kinds, tuple(specs),
    )  # fmt: skip


def _check(obj: Obj) -> None:
    """Refuse what is not a target of its own version: such a field is dropped by the API server, or means another one."""
    version, top = obj.ref.version, not obj.view.get("spec").present
    if version not in ("v1alpha1", "v1alpha2", "v1alpha3"):
        raise Unsayable("MS512", obj, f"{obj.ref.api_version} is a draft that no mesh reads")
    if top != (version == "v1alpha1"):
        where = "at the top" if top else "under spec"
        raise Unsayable("MS512", obj, f"{version} does not have its fields {where}")
    shape = fields.parse(_TOP_SHAPE if top else _SPEC_SHAPE)
    at = obj.view if top else obj.spec
    for problem in fields.check(at, shape):
        if not (top and len(problem.at.path) == 1 and problem.at.path[0] in _OUTER):
            raise Unsayable("MS512", problem.at, problem.why)
    for key, field in () if top else obj.view.items():
        if key not in (*_OUTER, "spec"):
            raise Unsayable("MS512", field, "is not a field of this kind")
    for path in at.nulls():
        raise Unsayable("MS512", obj.view.get(*path), "is null, which the API server drops")
    port = at.get("destination", "port")
    if port.present and version == "v1alpha3":
        raise Unsayable(
            "MS512", port, "v1alpha3 has no such field: the API server drops it, and the target opens every port",
            "Name the port in a TCPRoute, or delete the field.",
        )  # fmt: skip


def _subject(view: View) -> tuple[str, str]:
    """Name and namespace of a ServiceAccount."""
    if view.get("kind").text() != "ServiceAccount":
        raise Unsayable(
            "MS512", view.get("kind"), f"{view.get('kind').text()}: only ServiceAccounts are implemented"
        )
    for name in ("name", "namespace"):
        field = view.get(name)
        if field.present and not _NAME.match(field.text()):
            raise Unsayable("MS512", field, f"{field.text()!r} is not a name")
    return view.get("name").text(), view.get("namespace").text()


def _ignored(obj: Obj, reading: str) -> tuple[View, str] | None:
    """What makes OSM ignore the whole target, with a sentence on it; other readings hold such a target."""
    destination = body(obj).get("destination")
    space = destination.get("namespace")
    found: tuple[View, str] | None = None
    if space.text() != obj.namespace and (space.present or reading == OSM):
        said = f"is {space.text()}" if space.present else "is not written"
        found = (space if space.present else destination,
                 f"the destination's namespace {said}, and the target lies in {obj.namespace}")  # fmt: skip
    elif not list(rules(obj).each()):
        found = rules(obj) if rules(obj).present else body(obj), "has no rules"
    for rule in rules(obj).each():
        if rule.get("kind").text() == "UDPRoute":
            found = found or (rule.get("kind"), "UDP is not proxied")
    if found and reading != OSM:
        raise Unsayable("MS513", *found)
    return (found[0], f"{found[1]}: OSM ignores the target, so it admits nobody today") if found else None


def _source(run: Run, view: View, reading: str) -> SourceSet:
    name, namespace = _subject(view)
    if namespace:
        return ir.account(namespace, name)
    if reading != OSM:
        raise Unsayable("MS513", view, f"the namespace of {name} is not written")
    run.say("MS514", view, f"{name} has no namespace, so OSM lets nobody in by it")
    return ir.NOBODY


def _spec(run: Run, rule: View) -> Obj:
    kind, name = rule.get("kind").text(), rule.get("name").text()
    found = run.context.find(SPECS, kind, rule.obj.namespace, name).obj
    if found is None:
        raise Unsayable(
            "MS505", rule, f"{kind} {rule.obj.namespace}/{name} is not in the stream or its context",
            "Render it in the same stream, or add it as --context.",
        )  # fmt: skip
    return found


def _keys(run: Run, rule: View, group: Obj, reading: str) -> list[Key]:
    """Matches that a rule names; without any OSM takes none, and the specification all of the group."""
    entries = {entry.get("name").text(): entry for entry in route_group.entries(group)}
    names = [name.text() for name in rule.get("matches").each()]
    if not names and reading == OSM:
        run.say("MS516", rule, f"names no matches of {group.name}, so OSM lets no request in by it")
        return []
    for name in names:
        if name not in entries:
            raise Unsayable("MS505", rule.get("matches"), f"{group.ref} has no match called {name}")
    try:
        return [_key(entries[name], reading) for name in names or entries]
    except route_group.Unsupported as problem:
        raise Unsayable("MS503", rule, str(problem)) from problem


def _key(entry: View, reading: str) -> Key:
    written = (
        entry.get("pathRegex").text() or ".*", str(entry.get("methods").value() or ["*"]), str(entry.get("headers").value()),
    )  # fmt: skip
    return Key(written, route_group.lower(entry, reading))


def _ports(rule: View, route: Obj) -> frozenset[int] | None:
    """Ports of a TCPRoute, None for all; versions before v1alpha4 have none."""
    matches = route.spec.get("matches")
    for path in route.spec.nulls():
        raise Unsayable("MS512", rule, f"{route.ref} has a null field at {path[-1]}")
    unknown = [name for name, _ in route.spec.items() if name != "matches"]
    unknown += [name for name, _ in matches.items() if name not in ("name", "ports")]
    if unknown or (matches.present and not matches.is_mapping) or matches.present != (
        route.ref.version == "v1alpha4"
    ):  # fmt: skip
        raise Unsayable("MS512", rule, f"{route.ref} does not have the fields of {route.ref.version}")
    return frozenset(_port(port) for port in matches.get("ports").each()) or None


def _port(view: View) -> int:
    text = view.text()
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise Unsayable("MS512", view, f"{text!r} is no port number")
    return int(text)


def _all_ports(listed: list[frozenset[int] | None], port: View, reading: str) -> frozenset[int] | None:
    """Ports of all TCPRoutes together; OSM takes one without ports for nothing as long as another has some."""
    named = frozenset().union(*(ports for ports in listed if ports is not None))
    found: frozenset[int] | None = named or None
    if reading != OSM and None in listed:
        found = None
    if not port.present:
        return found
    own = frozenset({_port(port)})
    return own if found is None else own & found
