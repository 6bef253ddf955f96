"""An AuthorizationPolicy read into sources and operations, or the reason why Linkerd cannot say it.

https://istio.io/latest/docs/reference/config/security/authorization-policy/ ; the patterns of its values as Istio's
generator reads them (pilot/pkg/security/authz).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir import networks
from transformer.ir.authorization import SourceSet
from transformer.ir.path_conditions import ANYTHING, SEGMENT, SEGMENTS, TEXT, Condition, Glob
from transformer.ir.request_classes import ROOT, Path
from transformer.objects import Obj, View
from transformer.rules import fields
from transformer.rules.istio import authorization_callers as callers
from transformer.rules.istio import schema
from transformer.rules.istio.authorization_callers import Known, Sources
from transformer.stream.patterns import pattern
from transformer.targets.linkerd.request_paths import is_canonical

ALLOW, DENY, AUDIT, CUSTOM = "ALLOW", "DENY", "AUDIT", "CUSTOM"
DRY_RUN = "istio.io/dry-run"
#: What Istio reads as true there (Go's ParseBool); anything else leaves the policy in force.
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


class Unsayable(Exception):
    """Something that Linkerd cannot say, or that must not be guessed: finding code, place, words, remedy."""

    def __init__(self, code: str, at: View | Obj, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code, self.at, self.message, self.remedy = code, at, message, remedy


class Operation(NamedTuple):
    """One entry of `to`: what it wants and what it excludes; None where it says nothing about it."""

    paths: tuple[Condition, ...] | None
    not_paths: tuple[Condition, ...]
    methods: tuple[str, ...] | None
    not_methods: tuple[str, ...]
    hosts: tuple[str, ...] | None
    not_hosts: tuple[str, ...]
    ports: tuple[int, ...] | None
    not_ports: tuple[int, ...]

    @property
    def http_only(self) -> bool:
        """Whether it looks at requests."""
        positive = self.paths is not None or self.methods is not None or self.hosts is not None
        return positive or bool(self.not_paths or self.not_methods or self.not_hosts)

    def at_port(self, port: int) -> bool:
        """Whether it applies to a container port; 0 is any port that nobody names."""
        return (self.ports is None or port in self.ports) and port not in self.not_ports


EVERY_REQUEST = Operation(None, (), None, (), None, (), None, ())


class Rule(NamedTuple):
    """One rule: any of the operations, by these sources, where all port conditions hold."""

    callers: Sources
    operations: tuple[Operation, ...]
    conditions: tuple[Operation, ...]

    @property
    def sources(self) -> SourceSet:
        """Callers as far as their names are known."""
        return self.callers.likely

    def at_port(self, port: int) -> tuple[Operation, ...]:
        """Operations that apply to the port."""
        if not all(condition.at_port(port) for condition in self.conditions):
            return ()
        return tuple(operation for operation in self.operations if operation.at_port(port))

    @property
    def http_only(self) -> bool:
        """Whether any of its operations looks at requests."""
        return any(operation.http_only for operation in self.operations)


class Policy(NamedTuple):
    """A policy that decides: ALLOW or DENY."""

    obj: Obj
    action: str
    selector: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    complete: bool = False

    @property
    def patterns(self) -> bool:
        """Whether patterns of callers stand for what is known of them."""
        return not all(rule.callers.exact for rule in self.rules)


def check(obj: Obj) -> None:
    """Refuse a spec that is not what the definition says: null, unknown and malformed fields."""
    for problem in fields.check(obj.spec, schema.shape(obj.ref.kind)):
        raise Unsayable("MS409", problem.at, problem.why)
    for key, view in obj.view.items():
        if key not in ("apiVersion", "kind", "metadata", "spec", "status"):
            raise Unsayable("MS409", view, "is not a field of this kind")
    for path in obj.spec.nulls():
        raise Unsayable("MS409", obj.view.get(*path), "is null, which the API server drops")
    if obj.view.get("spec").present and not obj.spec.is_mapping:
        raise Unsayable("MS409", obj.view.get("spec"), "must be a mapping")


def action(obj: Obj) -> str:
    """What the policy does: its action, or AUDIT where it only pretends to (dry run)."""
    written = obj.spec.get("action").text() or ALLOW
    return AUDIT if is_dry_run(obj) and written in (ALLOW, DENY) else written


def is_dry_run(obj: Obj) -> bool:
    """Whether the policy only logs what it would do."""
    return obj.annotations.get(DRY_RUN, "") in _TRUE


def read(obj: Obj, known: Known) -> Policy:
    """A policy of the actions ALLOW and DENY; patterns of callers stand for `known` ones. Raises `Unsayable`."""
    for name in ("targetRef", "targetRefs"):
        if obj.spec.get(name).present:
            raise Unsayable(
                "MS403", obj.spec.get(name), "is for a waypoint or a gateway, which Linkerd does not have"
            )
    if action(obj) == CUSTOM:
        raise Unsayable(
            "MS403", obj.spec.get("action"), "asks an external authorizer, which Linkerd does not do"
        )
    rules = tuple(_rule(view, known) for view in obj.spec.get("rules").each())
    if action(obj) == DENY and not rules:
        raise Unsayable("MS409", obj, "denies nothing: Istio refuses a DENY policy without rules")
    return Policy(obj, action(obj), selector(obj), rules, known.complete)


def selector(obj: Obj) -> tuple[tuple[str, str], ...]:
    """Pod labels that the policy wants; empty for all pods."""
    return tuple((key, value.text()) for key, value in obj.spec.get("selector", "matchLabels").items())


def named(objs: Iterable[Obj]) -> Iterator[tuple[str, str]]:
    """Namespaces and accounts that policies write out in full; an empty account for a whole namespace."""
    for obj in objs:
        for rule in obj.spec.get("rules").each():
            sources = [view for entry in rule.get("from").each() for view in entry.get("source").items()]
            for entry in rule.get("when").each():
                key = _FIELDS.get(entry.get("key").text(), "")
                sources += [(key, entry.get("values")), (key, entry.get("notValues"))]
            for name, view in sources:
                reader = _SOURCES.get(_positive(name))
                if reader is not None and reader is not _block:
                    yield from _names(view, reader)


def _names(view: View, reader: _SourceReader) -> Iterator[tuple[str, str]]:
    for item in view.each():
        try:
            found = reader(item)
        except Unsayable:
            continue
        for space in found.namespaces:
            yield space.name, ""
            yield from ((space.name, account) for account, _ in space.accounts)


def _rule(view: View, known: Known) -> Rule:
    sources = callers.ANYONE
    if _filled(view.get("from")):
        sources = callers.union(_source(entry, known) for entry in view.get("from").each())
    operations: tuple[Operation, ...] = (EVERY_REQUEST,)
    if _filled(view.get("to")):
        operations = tuple(_operation(entry) for entry in view.get("to").each())
    conditions = []
    _filled(view.get("when"))
    for entry in view.get("when").each():
        key = entry.get("key").text()
        if not entry.get("values") and not entry.get("notValues"):
            raise Unsayable("MS409", entry, "has neither values nor notValues")
        if key == "destination.port":
            values, others = _ports(entry.get("values")), _ports(entry.get("notValues"))
            conditions.append(EVERY_REQUEST._replace(ports=values, not_ports=others or ()))
            continue
        if key not in _FIELDS:
            raise Unsayable("MS403", entry.get("key"), f"{key}: Linkerd cannot look at it", _remedy(key))
        sources = sources & _both(entry.get("values"), entry.get("notValues"), _FIELDS[key], known)
    return Rule(sources, operations, tuple(conditions))


def _remedy(key: str) -> str:
    return (
        "Verify tokens at the ingress or in the application."
        if "auth" in key or "request" in key.lower()
        else ""
    )


def _filled(view: View) -> bool:
    """Whether a list is written; an empty one is refused, as by Istio."""
    if view.present and not list(view.each()):
        raise Unsayable("MS409", view, "is empty, which Istio refuses")
    return view.present


_SourceReader = Callable[[View], SourceSet]


def _positive(name: str) -> str:
    """The field that a negative one negates."""
    return name[3].lower() + name[4:] if name.startswith("not") else name


def _source(entry: View, known: Known) -> Sources:
    source = entry.get("source")
    if not list(source.items()):
        raise Unsayable("MS409", entry, "has no source, which Istio refuses")
    found = callers.ANYONE
    for name, view in source.items():
        if _positive(name) not in _SOURCES:
            raise Unsayable("MS403", view, f"{name}: Linkerd cannot look at it", _remedy(name))
        _filled(view)
        one = _any(view, _positive(name), known)
        found = found - one if name.startswith("not") else found & one
    return found


def _any(view: View, field: str, known: Known) -> Sources:
    return callers.union(_one(item, field, known) for item in view.each())


def _one(item: View, field: str, known: Known) -> Sources:
    """One value: a set that Linkerd can name, or else a pattern."""
    pattern = item.text()
    try:
        named = _SOURCES[field](item)
        anywhere = field in ("namespaces", "serviceAccounts") or pattern.startswith("*")
        return callers.in_every_domain(named) if anywhere and pattern != "*" else callers.exactly(named)
    except Unsayable:
        found = None
        if "*" in pattern and field == "namespaces":
            found = known.namespaces(pattern)
        elif field == "principals" and (pattern.startswith("*") or pattern.endswith("*")):
            found = known.principals(pattern)
        if found is None:
            raise
        return found


def _both(values: View, others: View, field: str, known: Known) -> Sources:
    found = _any(values, field, known) if _filled(values) else callers.ANYONE
    return found - _any(others, field, known) if _filled(others) else found


_ACCOUNT = pattern(r"(?:cluster\.local|\*)/ns/([^/*]+)/sa/([^/*]+)\Z")
_OF_NAMESPACE = pattern(r"cluster\.local/ns/([^/*]+)/(?:sa/)?\*\Z")
_NAME = pattern(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")


def _principal(view: View) -> SourceSet:
    text = view.text()
    if text == "*":
        return ir.ANY_IDENTITY
    if text in ("cluster.local/*", "cluster.local/ns/*"):
        return ir.OWN_IDENTITY
    exact, space = _ACCOUNT.match(text), _OF_NAMESPACE.match(text)
    if exact and _NAME.match(exact[1]) and _NAME.match(exact[2]):
        return ir.account(exact[1], exact[2])
    if space and _NAME.match(space[1]):
        return ir.whole_namespace(space[1])
    raise Unsayable(
        "MS404", view, f"{text!r} is no ServiceAccount, namespace or * of the mesh's own trust domain"
    )


def _namespace(view: View) -> SourceSet:
    text = view.text()
    if text == "*":
        return ir.ANY_IDENTITY
    if not _NAME.match(text):
        raise Unsayable("MS404", view, f"{text!r} is no namespace's whole name")
    return ir.whole_namespace(text)


def _service_account(view: View) -> SourceSet:
    space, slash, name = view.text().rpartition("/")
    if not _NAME.match(name) or (slash and not _NAME.match(space)):
        raise Unsayable("MS404", view, f"{view.text()!r} is no ServiceAccount")
    return ir.account(space or view.obj.namespace, name)


def _block(view: View) -> SourceSet:
    try:
        return ir.from_networks(networks.block(view.text()))
    except ValueError as error:
        raise Unsayable("MS409", view, f"{view.text()!r} is no address or block of addresses") from error


_SOURCES: dict[str, _SourceReader] = {
    "principals": _principal, "namespaces": _namespace, "serviceAccounts": _service_account, "ipBlocks": _block,
}  # fmt: skip
#: Keys of `when` that say what a field of `source` says.
_FIELDS = {
    "source.principal": "principals", "source.namespace": "namespaces", "source.serviceAccount": "serviceAccounts",
    "source.ip": "ipBlocks",
}  # fmt: skip


def _operation(entry: View) -> Operation:
    operation = entry.get("operation")
    if not list(operation.items()):
        raise Unsayable("MS409", entry, "has no operation, which Istio refuses")
    for _, view in operation.items():
        _filled(view)
    return Operation(
        _paths(operation.get("paths")), _paths(operation.get("notPaths")) or (),
        _methods(operation.get("methods")), _methods(operation.get("notMethods")) or (),
        _hosts(operation.get("hosts")), _hosts(operation.get("notHosts")) or (),
        _ports(operation.get("ports")), _ports(operation.get("notPorts")) or (),
    )  # fmt: skip


def _paths(view: View) -> tuple[Condition, ...] | None:
    return tuple(_path(item) for item in view.each()) if view.present else None


_OPERATOR = pattern(r"(\{\*\*?\})")


def _path(view: View) -> Condition:
    """Exact, prefix, suffix or template; a star elsewhere than at an end is a character like any other."""
    text = view.text()
    if text in ("*", "/*"):
        return ROOT
    if _OPERATOR.search(text):
        pieces = [piece for piece in _OPERATOR.split(text) if piece]
        kinds = {"{*}": SEGMENT, "{**}": SEGMENTS}
        found = Glob(tuple((kinds[p], "") if p in kinds else (TEXT, p) for p in pieces))
    elif text.startswith("*"):
        found = Glob(((ANYTHING, ""), (TEXT, text[1:])))
    else:
        prefix = text.endswith("*")
        bare = text[:-1] if prefix else text
        if not is_canonical(bare):
            raise Unsayable("MS405", view, f"{text} is not written as Istio normalises paths")
        return Path(bare, prefix)
    _refuse_odd_texts(view, found)
    return found


def _refuse_odd_texts(view: View, found: Glob) -> None:
    """Texts behind an operator must not begin in the middle of an escape, nor make a path that is not plain."""
    for at, (kind, text) in enumerate(found.parts):
        if kind != TEXT:
            continue
        whole = text if at == 0 else f"/x{text}"
        if not is_canonical(whole) or (at and text[0] in "0123456789abcdefABCDEF"):
            raise Unsayable(
                "MS405",
                view,
                f"{view.text()} also stands for paths that Istio rewrites, or for parts of an escape",
            )


def _methods(view: View) -> tuple[str, ...] | None:
    return tuple(item.text() for item in view.each()) if view.present else None


def _hosts(view: View) -> tuple[str, ...] | None:
    """Hosts as they are compared: in lower case, with a port where one is written."""
    return tuple(item.text().lower() for item in view.each()) if view.present else None


def _ports(view: View) -> tuple[int, ...] | None:
    if not view.present:
        return None
    for item in view.each():
        if not item.text().isdigit() or not 1 <= int(item.text()) <= 65535:
            raise Unsayable("MS409", item, f"{item.text()!r} is no port number")
    return tuple(int(item.text()) for item in view.each())
