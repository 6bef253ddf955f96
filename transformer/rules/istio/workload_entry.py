"""WorkloadEntries and WorkloadGroups are machines outside the cluster; in Linkerd they need an identity of their own.

An ExternalWorkload names the machine's SPIFFE identity and the server name that its certificate answers to. Istio's
identity of the machine (trust domain, namespace, ServiceAccount) is issued by Istio and ends with it, and no field of
the entry holds a server name. And it serves only while its status says Ready, which a manifest cannot: status is a
subresource (linkerd2 `controller/api/destination/external-workload/controller_util.go`, IsEwReady). So requests would
find no endpoint after an apply; nothing is derived, and the finding says which objects to write.
https://istio.io/latest/docs/reference/config/networking/workload-entry/
https://linkerd.io/2/features/non-kubernetes-workloads/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformer.ledger import ACCEPTED, Fate
from transformer.objects import Obj, View
from transformer.rules.istio import hosts
from transformer.rules.istio.destinations import ISTIO
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="workload-entry",
    kinds=[(ISTIO, "WorkloadEntry"), (ISTIO, "WorkloadGroup")],
    order=30,
    summary="machines outside the cluster are held: their identity in Linkerd cannot be told from manifests",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Hold every WorkloadEntry and WorkloadGroup of the stream, and tell what to write in its place."""
    for obj in objs:
        run.account(obj, [obj.view])
        run.drop(obj)
        entry = obj.ref.kind == "WorkloadEntry"
        what = "a machine" if entry else "machines that join the mesh by themselves"
        template = obj.spec if entry else obj.spec.get("template")
        for selecting in _selecting(run, obj, _labels(obj, template)):
            # Without the one the other has no endpoints, or nobody who calls them.
            run.units.bind([obj.uid, selecting.uid])
        remedy = _remedy(run, obj, template)
        if not run.hold("MS328", obj, f"stands for {what}, whose proxy is Istio's", remedy=remedy):
            run.mark(obj.view, Fate(ACCEPTED, "MS328"))


def _remedy(run: Run, obj: Obj, template: View) -> str:
    """Which ExternalWorkload and which Service take the place of the entry, with all that the entry tells."""
    address = template.get("address").text()
    if "/" in address:
        return "Give the server an address: an ExternalWorkload takes IP addresses, no socket; then accept the finding."
    labels = _labels(obj, template)
    named = template.get("ports").texts()
    where = (
        f"workloadIPs [{{ip: {address}}}]"
        if _is_address(address)
        else "workloadIPs with the machine's IP address"
    )
    count = (
        f"ExternalWorkload {obj.name}"
        if obj.ref.kind == "WorkloadEntry"
        else "one ExternalWorkload per machine"
    )
    services, served = _services(run, obj, labels)
    ports = ", ".join(
        f"{{name: {name}, port: {number}}}" for name, number in sorted((served | named).items())
    )
    text = ", ".join(f"{key}: {value}" for key, value in sorted(labels.items()))
    kept = f"labels {{{text or 'of your choice'}}}, {where}, ports [{ports or 'those that it serves'}]"
    return (
        f"Run Linkerd's proxy on the machine with an identity from SPIRE; write {count} (workload.linkerd.io/v1beta1) in "
        f"{obj.namespace or 'its namespace'} with {kept} and meshTLS (identity: its SPIFFE id, serverName: the name in its "
        f"certificate), set the condition Ready in its status, and write {services}; then accept the finding."
    )


def _labels(obj: Obj, template: View) -> dict[str, str]:
    """Labels of the machine: those of its template, on top of those that a group gives to its entries."""
    given = (
        obj.spec.get("metadata", "labels")
        if obj.ref.kind == "WorkloadGroup"
        else obj.view.get("metadata", "labels")
    )
    return {key: value.text() for fields in (given, template.get("labels")) for key, value in fields.items()}


def _selecting(run: Run, obj: Obj, labels: dict[str, str]) -> Iterator[Obj]:
    """ServiceEntries of the namespace whose selector takes the machine."""
    for entry in run.context.objects(ISTIO, "ServiceEntry"):
        wanted = entry.spec.get("workloadSelector", "labels").texts()
        if (
            entry.namespace == obj.namespace
            and wanted
            and all(labels.get(key) == value for key, value in wanted.items())
        ):
            yield entry


def _services(run: Run, obj: Obj, labels: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The Services that ServiceEntries of the namespace stand for, by their selectors, and the ports of the machine."""
    found: list[str] = []
    ports: dict[str, str] = {}
    for entry in _selecting(run, obj, labels):
        found += [_service(run, entry, host.text()) for host in entry.spec.get("hosts").each()]
        for port in entry.spec.get("ports").each():
            ports[port.get("name").text()] = (port.get("targetPort") or port.get("number")).text()
    named = f": {', '.join(found)}" if found else ""
    return f"a Service that selects these labels{named}", ports


def _service(run: Run, entry: Obj, host: str) -> str:
    named = hosts.resolve(host, entry.namespace, run.options["mesh.cluster-domain"])
    if named.kind in ("service", "half-name") and named.namespace == entry.namespace:
        return named.name
    return f"one that clients call instead of {host}, which no Service can be called"


def _is_address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
