"""What routes need to know of Services and DestinationRules: existence, ports, subsets, and which rule is in effect.

DestinationRule lookup: the client's namespace, the Service's, the root (istio-surface §4; observed I15, I16).
"""

from __future__ import annotations

from transformer import service_protocol
from transformer.ledger import Mark
from transformer.objects import Obj, View
from transformer.rules.istio import hosts
from transformer.run import Run
from transformer.targets.gateway_api import subset_service

ISTIO = "networking.istio.io"


class Destinations:
    """Services and DestinationRules of one run; subset Services are planned once, when a route first uses them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._domain: str = run.options["mesh.cluster-domain"]
        self._root: str = run.options["mesh.root-namespace"]
        self._rules: dict[tuple[str, str], list[Obj]] = {}
        self._wild: list[tuple[str, Obj]] = []
        self._planned: dict[tuple[str, str, str], str] = {}
        self.used: set[tuple[int, str]] = set()
        self.routed: set[int] = set()
        self.named: dict[tuple[str, str, str], Obj] = {}
        for rule in run.context.objects(ISTIO, "DestinationRule"):
            text = rule.spec.get("host").text()
            self._rules.setdefault(self.key(text, rule.namespace), []).append(rule)
            if "*" in text:
                self._wild.append((text, rule))
        for virtual in run.context.objects(ISTIO, "VirtualService"):
            self._read_names(virtual)

    def _read_names(self, virtual: Obj) -> None:
        """Which subsets a VirtualService names; one of the context, which stays, wins."""
        for kind in ("http", "tls", "tcp"):
            for entry in virtual.spec.get(kind).each():
                for route in entry.get("route").each():
                    destination = route.get("destination")
                    host = self.key(destination.get("host").text(), virtual.namespace)
                    key = (*host, destination.get("subset").text())
                    if key[2] and (key not in self.named or virtual.context):
                        self.named[key] = virtual

    def key(self, host: str, namespace: str) -> tuple[str, str]:
        """Namespace and name of the Service that a host means; nothing and the host itself where it is no Service."""
        found = hosts.resolve(host, namespace, self._domain)
        return (found.namespace, found.name) if found.kind == "service" else ("", host.lower().rstrip("."))

    def rules(self, namespace: str, name: str) -> list[Obj]:
        """Every DestinationRule that names the Service (or, without a namespace, the host) exactly."""
        return self._rules.get((namespace, name), [])

    def wildcards(self, namespace: str, name: str) -> list[Obj]:
        """DestinationRules whose wildcard host covers the Service."""
        return [rule for host, rule in self._wild if hosts.covers(host, namespace, name, self._domain)]

    def service(self, namespace: str, name: str) -> Obj | None:
        """The Service, if stream or context have it."""
        return self._run.context.service(namespace, name).obj

    def subset(self, at: View, service: Obj, subset: str) -> tuple[str, tuple[Mark, ...], list[Obj]] | None:
        """The name of the Service that stands for a subset, what its definition accounts for, and the rules that define it.

        Plans the Service on first use. None (with the finding made at `at`) where the subset cannot be expressed.
        """
        where = f"{service.namespace}/{service.name}".lstrip("/")
        rules = self.rules(service.namespace, service.name)
        elsewhere = [r for r in rules if r.namespace not in (service.namespace, self._root)]
        local = [r for r in rules if r.namespace == service.namespace] or [
            r for r in rules if r.namespace == self._root
        ]
        if elsewhere:
            self._run.hold(
                "MS220",
                at,
                f"subset {subset} of {where}: {elsewhere[0].ref} applies to clients of its own namespace only",
            )
            return None
        private = [r for r in local if [e.text() for e in r.spec.get("exportTo").each()] not in ([], ["*"])]
        if private or any(r.spec.get("workloadSelector") for r in local):
            rule = (private or local)[0]
            self._run.hold(
                "MS220", at, f"subset {subset} of {where}: {rule.ref} applies to some clients only"
            )
            return None
        found = [
            entry
            for rule in sorted(local, key=lambda one: one.name)
            for entry in rule.spec.get("subsets").each()
            if entry.get("name").text() == subset
        ]
        if not found:
            missing = (
                "no DestinationRule in stream or context defines it"
                if not rules
                else "its DestinationRule does not define it"
            )
            self._run.hold("MS221", at, f"subset {subset} of {where}: {missing}; Istio answers 503")
            return None
        if len({str(sorted(dict(e.get("labels").value() or {}).items())) for e in found}) > 1:
            self._run.hold("MS220", at, f"subset {subset} of {where} is defined twice with different labels")
            return None
        self.used.update((entry.obj.uid, subset) for entry in found)
        name = self._plan(at, service, found[0])
        marks = self._run.translated(*(entry.get(key) for entry in found for key in ("name", "labels")))
        return (name, marks, local) if name else None

    def _plan(self, at: View, service: Obj, definition: View) -> str:
        """Plan the subset's Service once; its name, or an empty string where there can be none."""
        rule, subset = definition.obj, definition.get("name").text()
        key = (service.namespace, service.name, subset)
        if key in self._planned:
            return self._planned[key]
        selector = service.spec.get("selector").value() or {}
        labels = {str(k): str(v) for k, v in (definition.get("labels").value() or {}).items()}
        clash = [label for label, text in labels.items() if str(selector.get(label, text)) != text]
        where = f"{service.namespace}/{service.name}".lstrip("/")
        if not selector:
            self._run.hold(
                "MS222",
                at,
                f"Service {where} has no selector, so no Service can stand for its subset {subset}",
            )
        elif clash:
            self._run.hold(
                "MS222",
                at,
                f"subset {subset} wants {clash[0]}={labels[clash[0]]}, Service {where} selects another value",
            )
        else:
            owner = rule if not rule.context else at.obj
            value = subset_service.build(service, owner, subset, labels, self._run.target)
            marks = self._run.translated(definition.get("name"), definition.get("labels"))
            index = definition.path[-1]
            self._run.derive(
                value, [owner], marks, order=index if owner is rule and isinstance(index, int) else 0
            )
            self._planned[key] = value["metadata"]["name"]
            return self._planned[key]
        return ""


def of(run: Run) -> Destinations:
    """The run's destinations, built on first use."""
    found: Destinations | None = run.memo.get("destinations")
    if found is None:
        found = run.memo["destinations"] = Destinations(run)
    return found


def http_ports(service: Obj) -> list[tuple[int, View]]:
    """Ports of a Service to which Istio applies HTTP rules: number and field."""
    found = []
    for port in service.spec.get("ports").each():
        number = port.get("port").value()
        if isinstance(number, int) and service_protocol.takes_http_routes(
            service_protocol.istio_protocol(port)
        ):
            found.append((number, port))
    return found


def port_numbers(service: Obj) -> set[int]:
    """All TCP port numbers of a Service."""
    return {
        port.get("port").value()
        for port in service.spec.get("ports").each()
        if service_protocol.istio_protocol(port) != "udp"
    }
