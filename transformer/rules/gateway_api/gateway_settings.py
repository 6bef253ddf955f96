"""What a Gateway says to Istio alone: annotations, labels, infrastructure, addresses and TLS options.

https://istio.io/latest/docs/reference/config/annotations/ ,
https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment and istio/istio
pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go (what is copied to the generated Service).
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import Obj, View
from transformer.rules.workload.pod_annotations import old_mesh_key
from transformer.run import Run
from transformer.stream.patterns import pattern

_SERVICE_TYPE = "networking.istio.io/service-type"
#: Read by Istio only, and another class needs nothing in place of it.
_NOT_NEEDED = frozenset({
    "istio.io/rev", "networking.istio.io/address-type", "gateway.istio.io/controller-version",
    "istio.io/ignore-policy-attachment", "istio.io/dataplane-mode", "istio.io/gateway-name", "istio.io/for-revision",
})  # fmt: skip
_LOST = {
    "gateway.istio.io/name-override": "what Istio makes for the Gateway had the name {}",
    "gateway.istio.io/service-account": "the gateway's pods had the ServiceAccount {}, which policies may name",
    "istio.io/waypoint-for": "names what a waypoint serves; this Gateway is none",
}
#: Annotations by which a cloud decides whether an address is public: Istio copies them to the Service that it makes.
_LOAD_BALANCER = pattern(
    r"(?i)load-?balancer|^service\.(?:alpha\.|beta\.)?kubernetes\.io/|^networking\.gke\.io/|^cloud\.google\.com/|"
    r"^metallb\.|lbipam|^lb\."
)
_PORTABLE = frozenset({"HTTP", "HTTPS", "TLS", "TCP", "UDP"})
_OPTION = "gateway.istio.io/"
_TERMINATE_MODE = "gateway.istio.io/tls-terminate-mode"
_CIPHERS = "gateway.istio.io/tls-cipher-suites"
_CERTIFICATE_MODES = {
    "MUTUAL": "client certificates are required, and another class would not ask for them",
    "OPTIONAL_MUTUAL": "client certificates are asked for, and another class would not",
    "ISTIO_SIMPLE": "the certificate is the one of Istio's workload",
    "ISTIO_MUTUAL": "only workloads of the mesh may connect",
}
_MAPS = (
    ("metadata", "labels"),
    ("metadata", "annotations"),
    ("spec", "infrastructure", "labels"),
    ("spec", "infrastructure", "annotations"),
)


def fields(obj: Obj) -> Iterator[View]:
    """Every field of a Gateway that only Istio reads, or reads in its own way."""
    for path in _MAPS:
        yield from (view for key, view in obj.view.get(*path).items() if old_mesh_key(key))
    if obj.spec.get("infrastructure", "parametersRef"):
        yield obj.spec.get("infrastructure", "parametersRef")
    yield from _hostname_addresses(obj)
    yield from listener_fields(obj)


def settle(run: Run, obj: Obj) -> None:
    """Give every such field its fate: it goes, with or without a finding, or holds the Gateway."""
    for path in _MAPS:
        gone = [
            key for key, view in obj.view.get(*path).items() if old_mesh_key(key) and _setting(run, key, view)
        ]
        run.edit(obj, path, remove=gone)
    _exposure(run, obj)
    _infrastructure(run, obj)
    _addresses(run, obj)
    settle_listeners(run, obj)


def _setting(run: Run, key: str, view: View) -> bool:
    """Settle one label or annotation; whether it goes."""
    if key == _SERVICE_TYPE:
        kind = view.text()
        if kind != "LoadBalancer":
            run.hold(
                "MS702", view, f"Istio puts a Service of type {kind} before the Gateway, not a load balancer"
            )
        else:
            run.no_op(view, "a load balancer is what classes make by themselves")
    elif key in _NOT_NEEDED:
        run.no_op(view, "read by Istio only")
    elif key in _LOST:
        run.degrade("MS703", view, f"{key}: {_LOST[key].format(view.text())}")
    else:
        run.degrade("MS703", view, f"{key} configures Istio's proxies or is no known setting of a Gateway")
    return True


def joins_networks(obj: Obj) -> View | None:
    """The listener by which Istio passes connections between networks on, if the Gateway's label makes one do so."""
    if "topology.istio.io/network" not in obj.labels:
        return None
    port = obj.labels.get("networking.istio.io/gatewayPort", "15443")
    for listener in obj.spec.get("listeners").each():
        if listener.get("tls") and listener.get("port").text() == port:
            return listener
    return None


def _exposure(run: Run, obj: Obj) -> None:
    """Annotations of clouds that Istio copies from the Gateway's metadata, where infrastructure has none."""
    if obj.spec.get("infrastructure", "annotations").present:
        return
    for key, view in obj.view.get("metadata", "annotations").items():
        if _LOAD_BALANCER.search(key) and not old_mesh_key(key):
            run.hold("MS702", view, f"Istio copies {key} to the gateway's Service; other classes read spec.infrastructure",
                     remedy="Move the annotation to spec.infrastructure.annotations (Istio reads it there too), or accept "
                     "the finding.")  # fmt: skip


def _infrastructure(run: Run, obj: Obj) -> None:
    block = obj.spec.get("infrastructure")
    kept = [
        key
        for name in ("labels", "annotations")
        for key, _ in block.get(name).items()
        if not old_mesh_key(key)
    ]
    if kept:
        run.say(
            "MS707",
            block,
            f"{', '.join(kept)}: the new class has to pass {'them' if len(kept) > 1 else 'it'} on",
        )
    parameters = block.get("parametersRef")
    if parameters and not run.hold(
        "MS704",
        parameters,
        f"{parameters.get('kind').text()} {parameters.get('name').text()} has overlays for what Istio makes",
    ):
        run.edit(obj, ("spec", "infrastructure"), remove=["parametersRef"])


def _hostname_addresses(obj: Obj) -> Iterator[View]:
    """Addresses that name a Service which is there already; written without a type an address is an IP address."""
    for address in obj.spec.get("addresses").each():
        if address.get("type").text() == "Hostname":
            yield address


def _addresses(run: Run, obj: Obj) -> None:
    found = list(_hostname_addresses(obj))
    held = [
        run.hold(
            "MS704",
            address,
            f"Istio attaches the Gateway to the existing Service {address.get('value').text()}",
        )
        for address in found
    ]
    if found and not any(held) and len(found) == len(list(obj.spec.get("addresses").each())):
        run.edit(obj, ("spec",), remove=["addresses"])


def listener_fields(obj: Obj) -> Iterator[View]:
    """Protocols and TLS options of listeners that only Istio knows."""
    for listener in obj.spec.get("listeners").each():
        if listener.get("protocol").text() not in _PORTABLE:
            yield listener.get("protocol")
        yield from (view for key, view in listener.get("tls", "options").items() if key.startswith(_OPTION))


def settle_listeners(run: Run, obj: Obj) -> None:
    """Hold the object for listeners that only Istio can serve; options that it alone reads go."""
    refuse_listeners(run, obj)
    for listener in obj.spec.get("listeners").each():
        options = listener.get("tls", "options")
        gone = [key for key, view in options.items() if key.startswith(_OPTION) and _goes(run, key, view)]
        run.edit(obj, options.path, remove=gone)


def refuse_listeners(run: Run, obj: Obj) -> None:
    """Hold the object for listeners whose protocol or TLS option only Istio serves."""
    for view in listener_fields(obj):
        key, text = str(view.path[-1]), view.text()
        if key == "protocol":
            run.hold("MS705", view, f"no other class knows the protocol {text}")
        elif key == _TERMINATE_MODE and text in _CERTIFICATE_MODES:
            run.hold("MS705", view, f"{text}: {_CERTIFICATE_MODES[text]}")
        elif key not in (_TERMINATE_MODE, _CIPHERS):
            run.hold("MS705", view, f"{key} is an option of Istio's listeners")


def _goes(run: Run, key: str, view: View) -> bool:
    """Settle one TLS option of Istio that holds nothing; whether it goes."""
    if key == _CIPHERS:
        run.degrade("MS703", view, "cipher suites are the new class's")
        return True
    if key == _TERMINATE_MODE and view.text() not in _CERTIFICATE_MODES:
        run.no_op(view, "what listeners that terminate TLS do by themselves")
        return True
    return False
