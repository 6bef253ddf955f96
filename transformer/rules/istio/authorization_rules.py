"""An AuthorizationPolicy read into sources and operations, or the reason why Linkerd cannot say it.

https://istio.io/latest/docs/reference/config/security/authorization-policy/ ; the patterns of its values as Istio's
generator reads them (pilot/pkg/security/authz).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from transformer.ir import authorization as ir
from transformer.ir import networks
from transformer.ir.authorization import SourceSet
from transformer.ir.request_classes import METHODS, ROOT, Path
from transformer.objects import Obj, View
from transformer.rules import fields
from transformer.rules.istio import schema
from transformer.stream.patterns import pattern
from transformer.targets.linkerd.request_paths import is_canonical

ALLOW, DENY, AUDIT, CUSTOM = "ALLOW", "DENY", "AUDIT", "CUSTOM"
DRY_RUN = "istio.io/dry-run"


class Unsayable(Exception):
    """Something that Linkerd cannot say, or that must not be guessed: finding code, place, words, remedy."""

    def __init__(self, code: str, at: View | Obj, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code, self.at, self.message, self.remedy = code, at, message, remedy


class Operation(NamedTuple):
    """One entry of `to`: what it wants and what it excludes; None where it says nothing about it."""

    paths: tuple[Path, ...] | None
    not_paths: tuple[Path, ...]
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

    sources: SourceSet
    operations: tuple[Operation, ...]
    conditions: tuple[Operation, ...]

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
    dry = obj.annotations.get(DRY_RUN, "")
    return AUDIT if dry == "true" and written in (ALLOW, DENY) else written


def read(obj: Obj) -> Policy:
    """A policy of the actions ALLOW and DENY. Raises `Unsayable`."""
    for name in ("targetRef", "targetRefs"):
        if obj.spec.get(name).present:
            raise Unsayable(
                "MS403", obj.spec.get(name), "is for a waypoint or a gateway, which Linkerd does not have"
            )
    if action(obj) == CUSTOM:
        raise Unsayable(
            "MS403", obj.spec.get("action"), "asks an external authorizer, which Linkerd does not do"
        )
    rules = tuple(_rule(view) for view in obj.spec.get("rules").each())
    if action(obj) == DENY and not rules:
        raise Unsayable("MS409", obj, "denies nothing: Istio refuses a DENY policy without rules")
    return Policy(obj, action(obj), selector(obj), rules)


def selector(obj: Obj) -> tuple[tuple[str, str], ...]:
    """Pod labels that the policy wants; empty for all pods."""
    return tuple((key, value.text()) for key, value in obj.spec.get("selector", "matchLabels").items())


def _rule(view: View) -> Rule:
    sources = ir.ANYONE
    if _filled(view.get("from")):
        sources = ir.union(_source(entry) for entry in view.get("from").each())
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
        reader = _CONDITIONS.get(key)
        if reader is None:
            raise Unsayable("MS403", entry.get("key"), f"{key}: Linkerd cannot look at it", _remedy(key))
        sources = sources & _both(entry.get("values"), entry.get("notValues"), reader)
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


def _source(entry: View) -> SourceSet:
    source = entry.get("source")
    if not list(source.items()):
        raise Unsayable("MS409", entry, "has no source, which Istio refuses")
    found = ir.ANYONE
    for name, view in source.items():
        key = name[3].lower() + name[4:] if name.startswith("not") else name
        reader = _SOURCES.get(key)
        if reader is None:
            raise Unsayable("MS403", view, f"{name}: Linkerd cannot look at it", _remedy(name))
        _filled(view)
        one = _any(view, reader)
        found = found - one if name.startswith("not") else found & one
    return found


def _any(view: View, reader: _SourceReader) -> SourceSet:
    return ir.union(reader(item) for item in view.each())


def _both(values: View, others: View, reader: _SourceReader) -> SourceSet:
    found = _any(values, reader) if _filled(values) else ir.ANYONE
    return found - _any(others, reader) if _filled(others) else found


_ACCOUNT = pattern(r"(?:cluster\.local|\*)/ns/([^/*]+)/sa/([^/*]+)\Z")
_OF_NAMESPACE = pattern(r"cluster\.local/ns/([^/*]+)/(?:sa/)?\*\Z")
_NAME = pattern(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")


def _principal(view: View) -> SourceSet:
    text = view.text()
    if text in ("*", "cluster.local/*", "cluster.local/ns/*"):
        return ir.ANY_IDENTITY
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
_CONDITIONS: dict[str, _SourceReader] = {
    "source.principal": _principal, "source.namespace": _namespace, "source.serviceAccount": _service_account,
    "source.ip": _block,
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


def _paths(view: View) -> tuple[Path, ...] | None:
    return tuple(_path(item) for item in view.each()) if view.present else None


def _path(view: View) -> Path:
    text = view.text()
    if text in ("*", "/*"):
        return ROOT
    prefix = text.endswith("*")
    bare = text[:-1] if prefix else text
    if text.startswith("*") or "{" in text:
        raise Unsayable("MS405", view, f"{text}: Linkerd has no path match for a suffix or a template")
    if not is_canonical(bare):
        raise Unsayable("MS405", view, f"{text} is not written as Istio normalises paths")
    return Path(bare, prefix)


def _methods(view: View) -> tuple[str, ...] | None:
    if not view.present:
        return None
    for item in view.each():
        if item.text() not in (*METHODS, "*"):
            raise Unsayable("MS405", item, f"{item.text()!r} is no method that a Linkerd route can name")
    return tuple(item.text() for item in view.each())


def _hosts(view: View) -> tuple[str, ...] | None:
    """Names that stand there with and without a port; Linkerd ignores the port of a host."""
    if not view.present:
        return None
    texts = [item.text().lower() for item in view.each()]
    if "*" in texts:
        return ("*",)
    plain = {text for text in texts if not text.endswith(":*")}
    ported = {text[:-2] for text in texts if text.endswith(":*")}
    for item, text in zip(view.each(), texts, strict=True):
        name = text.removesuffix(":*")
        if "*" in name or not _NAME.match(name):
            raise Unsayable("MS405", item, f"{text}: only whole host names can be told apart")
        if (name in plain) != (name in ported):
            raise Unsayable(
                "MS405",
                item,
                f"{text}: Linkerd ignores a host's port, so {name} and {name}:* must stand together",
            )
    return tuple(sorted(plain))


def _ports(view: View) -> tuple[int, ...] | None:
    if not view.present:
        return None
    for item in view.each():
        if not item.text().isdigit() or not 1 <= int(item.text()) <= 65535:
            raise Unsayable("MS409", item, f"{item.text()!r} is no port number")
    return tuple(int(item.text()) for item in view.each())
